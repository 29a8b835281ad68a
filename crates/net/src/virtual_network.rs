//! The one implementation of [`Network`]: everything inside the VM in memory, the rest through the policy and an egress.

use crate::config::NetworkConfig;
use crate::network::{ListenerInfo, Network};
use crate::socket::Socket;
use crate::stack::Stack;
use agentos_abi::socket::{Family, SocketType};
use agentos_abi::{Errno, Pid, Result};
use agentos_waiter::WaitQueue;
use std::net::IpAddr;
use std::sync::Arc;

/// A virtual network.
pub struct VirtualNetwork {
    stack: Arc<Stack>,
    resolve_queue: WaitQueue,
    listeners_queue: WaitQueue,
}

impl VirtualNetwork {
    /// A network with nothing in it.
    pub fn new(config: NetworkConfig) -> Arc<VirtualNetwork> {
        Arc::new(VirtualNetwork { stack: Arc::new(Stack::new(&config)), resolve_queue: WaitQueue::new(), listeners_queue: WaitQueue::new() })
    }
}

impl Network for VirtualNetwork {
    fn socket(&self, family: Family, kind: SocketType, _protocol: i32, owner: Pid) -> Result<Arc<Socket>> {
        self.stack.new_socket(family, kind, owner)?;
        Err(Errno::EAFNOSUPPORT)
    }

    fn socketpair(&self, _kind: SocketType, _owner: Pid) -> Result<(Arc<Socket>, Arc<Socket>)> {
        Err(Errno::EAFNOSUPPORT)
    }

    fn resolve(&self, _name: &str) -> Result<Vec<IpAddr>> {
        Err(Errno::EACCES)
    }

    fn resolve_queue(&self) -> &WaitQueue {
        &self.resolve_queue
    }

    fn connect_from_host(&self, _port: u16) -> Result<Arc<Socket>> {
        Err(Errno::ECONNREFUSED)
    }

    fn listeners(&self) -> Vec<ListenerInfo> {
        Vec::new()
    }

    fn listeners_queue(&self) -> &WaitQueue {
        &self.listeners_queue
    }

    fn shut_down(&self) {
        self.stack.shut_down();
    }
}
