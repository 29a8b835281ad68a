//! The network of a VM: sockets as files, a loopback interface, Unix sockets, and a way out behind a policy.
//!
//! The kernel holds a [`Network`] and calls [`Socket`]s, which are [`agentos_vfs::File`]s as well. [`VirtualNetwork`] keeps
//! everything inside the VM in memory. What leaves the VM goes through its [`policy`] to an [`egress::Egress`], which
//! `agentos-net-host` implements with real sockets; nothing here touches the host. No call waits: one that would answers
//! EWAIT, and the socket's wait queue is notified.

mod address;
mod budget;
mod config;
pub mod egress;
mod network;
pub mod policy;
mod socket;
mod stack;
mod virtual_network;

pub use address::{Address, InodeKey};
pub use config::{Limits, NetworkConfig, OnDecision, RIGHTS_PER_MESSAGE_MAX};
pub use network::{ListenerInfo, Network};
pub use socket::{Message, Rights, Socket};
pub use virtual_network::VirtualNetwork;
