//! Who is bound to what: ports of TCP and UDP, and names of Unix sockets.

mod names;
mod ports;

pub(crate) use names::{NameKey, NameLease, NameTable, UnixTarget};
pub(crate) use ports::{BindFlags, PortLease, PortTable};
