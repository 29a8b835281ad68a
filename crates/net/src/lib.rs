//! The network of a VM: sockets as files, a loopback interface, Unix sockets, and a way out behind a policy.
//!
//! The kernel holds a [`Network`] and calls [`Socket`]s, which are [`agentos_vfs::File`]s as well. [`VirtualNetwork`] keeps
//! everything inside the VM in memory. What leaves the VM goes through its [`policy`] to an [`egress::Egress`], which
//! `agentos-net-host` implements with real sockets; nothing here touches the host. No call waits: one that would answers
//! EWAIT, and the socket's wait queue is notified.
//!
//! Lock order, outer first; no wait queue is notified and no message dropped under any of them:
//!
//! ```text
//! state of one socket (tcp, udp, unix_stream, unix_datagram)
//!   listener
//!   port and name tables
//!     list of living sockets
//!   mailbox
//!   link
//! resolver
//!   grants of the policy
//! ```

mod address;
mod budget;
mod buffer;
mod config;
pub mod egress;
mod link;
mod listener;
mod names;
mod network;
pub mod policy;
mod socket;
mod stack;
mod table;
mod virtual_network;
mod waiting;

pub use address::{Address, InodeKey};
pub use config::{Limits, NetworkConfig, OnDecision, RIGHTS_PER_MESSAGE_MAX};
pub use names::{NAME_SERVER, asked_name};
pub use network::{Judgement, ListenerInfo, Network};
pub use socket::{Message, Rights, Socket};
pub use virtual_network::VirtualNetwork;
