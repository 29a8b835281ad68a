//! Host names: look-ups under the policy, and a name server inside the VM that answers by them.

mod message;
mod resolver;
mod server;

pub use message::asked_name;
pub(crate) use resolver::Resolver;
pub use server::NAME_SERVER;
pub(crate) use server::NameServer;
