//! What of networking needs the file tree: names of Unix sockets, and /etc/hosts. The rest is `agentos_net`'s.

mod address;
pub(crate) mod hosts;
