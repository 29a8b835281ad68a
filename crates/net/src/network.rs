//! What the kernel of a VM holds: a [`Network`].

use crate::Socket;
use crate::policy::{Mode, Policy};
use agentos_abi::socket::{Family, SocketType};
use agentos_abi::{Pid, Result};
use agentos_waiter::WaitQueue;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A TCP socket on which a process of the VM listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerInfo {
    /// Address and port it is bound to.
    pub local: SocketAddr,
    /// The process that made the socket.
    pub owner: Pid,
}

/// What the policy says of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The strictest answer.
    pub mode: Mode,
    /// That of the VM's own policy, which sockets keep by themselves.
    pub own: Mode,
    /// The looked-up name that spoke for or against it.
    pub name: Option<String>,
}

/// The network of one VM. No method ever waits.
pub trait Network: Send + Sync {
    /// A new socket for the process `owner`; socket(2). `protocol` 0 is the usual one.
    ///
    /// # Errors
    /// EAFNOSUPPORT, ESOCKTNOSUPPORT (type), EPROTONOSUPPORT (protocol), ENFILE (the limit of sockets).
    fn socket(&self, family: Family, kind: SocketType, protocol: i32, owner: Pid) -> Result<Arc<Socket>>;

    /// Two connected Unix sockets; socketpair(2).
    ///
    /// # Errors
    /// ENFILE (the limit of sockets).
    fn socketpair(&self, kind: SocketType, owner: Pid) -> Result<(Arc<Socket>, Arc<Socket>)>;

    /// The addresses of a host name: the configured hosts, then the policy, then the outside resolver. Addresses that the policy
    /// would refuse anyway are left out.
    ///
    /// # Errors
    /// EWAIT until the answer is there (ask again after [`Network::resolve_queue`] was notified); ENOENT (no such name, or no
    /// name at all); EACCES (policy); EIO (the resolver failed or there is none); EAGAIN ([`crate::Limits::lookups`]).
    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>>;

    /// Notified with [`agentos_abi::Events::IN`] whenever a look-up has ended.
    fn resolve_queue(&self) -> &WaitQueue;

    /// A TCP connection from outside to a listener of the VM on its loopback interface, whatever the policy says.
    ///
    /// # Errors
    /// ECONNREFUSED (nobody listens), EAGAIN (the backlog is full), ENFILE.
    fn connect_from_host(&self, port: u16) -> Result<Arc<Socket>>;

    /// What the policy says of connecting or sending to `to`: the VM's and those of `narrower` together, the strictest. `None`: it
    /// is inside the VM, where no policy is. Whoever asks acts on "ask" before the socket connects; sockets do not.
    fn judge_connect(&self, narrower: &[Arc<Policy>], to: SocketAddr) -> Option<Judgement>;

    /// What the policy says of looking `name` up. `None`: nobody outside is asked.
    fn judge_resolve(&self, narrower: &[Arc<Policy>], name: &str) -> Option<Judgement>;

    /// Who listens on TCP, by port.
    fn listeners(&self) -> Vec<ListenerInfo>;

    /// Notified with [`agentos_abi::Events::IN`] whenever the answer of [`Network::listeners`] has changed.
    fn listeners_queue(&self) -> &WaitQueue;

    /// Ends every connection and look-up and drops what is in flight, descriptors that travel in a circle included. New
    /// sockets are refused with ENETDOWN from then on. For the end of the VM.
    fn shut_down(&self);
}
