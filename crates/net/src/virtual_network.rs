//! The one implementation of [`Network`]: everything inside the VM in memory, the rest through the policy and an egress.

use crate::Address;
use crate::config::NetworkConfig;
use crate::network::{Judgement, ListenerInfo, Network};
use crate::policy::Policy;
use crate::socket::{Common, Protocol, Socket, Tcp, Udp, UnixDatagram, UnixStream};
use crate::stack::Stack;
use agentos_abi::socket::{Family, SocketType};
use agentos_abi::{Errno, Pid, Result};
use agentos_waiter::WaitQueue;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// IPPROTO_TCP
const TCP: i32 = 6;
/// IPPROTO_UDP
const UDP: i32 = 17;
/// PF_UNIX, which Linux takes as a protocol of that family.
const UNIX: i32 = 1;

/// A virtual network.
pub struct VirtualNetwork {
    stack: Arc<Stack>,
}

impl VirtualNetwork {
    /// A network with nothing in it.
    pub fn new(config: NetworkConfig) -> Arc<VirtualNetwork> {
        Arc::new(VirtualNetwork { stack: Arc::new(Stack::new(config)) })
    }
}

/// Whether socket(2) makes sockets of this kind.
fn check_kind(family: Family, kind: SocketType, protocol: i32) -> Result<()> {
    let usual = match (family, kind) {
        (Family::Unix, _) => UNIX,
        (_, SocketType::Stream) => TCP,
        (_, SocketType::Dgram) => UDP,
        (_, SocketType::SeqPacket) => return Err(Errno::ESOCKTNOSUPPORT),
    };
    if protocol == 0 || protocol == usual { Ok(()) } else { Err(Errno::EPROTONOSUPPORT) }
}

impl Network for VirtualNetwork {
    fn socket(&self, family: Family, kind: SocketType, protocol: i32, owner: Pid) -> Result<Arc<Socket>> {
        check_kind(family, kind, protocol)?;
        let common = self.stack.new_socket(family, kind, owner)?;
        let protocol: Box<dyn Protocol> = match (family, kind) {
            (Family::Unix, SocketType::Dgram) => Box::new(UnixDatagram::new(common.clone())),
            (Family::Unix, _) => Box::new(UnixStream::new(common.clone())),
            (_, SocketType::Dgram) => Box::new(Udp::new(common.clone())),
            (_, _) => Box::new(Tcp::new(common.clone())),
        };
        Ok(Socket::new(common, protocol))
    }

    fn socketpair(&self, kind: SocketType, owner: Pid) -> Result<(Arc<Socket>, Arc<Socket>)> {
        let common = || -> Result<Arc<Common>> { self.stack.new_socket(Family::Unix, kind, owner) };
        let (first, second) = (common()?, common()?);
        let (one, two): (Box<dyn Protocol>, Box<dyn Protocol>) = if kind == SocketType::Dgram {
            let (one, two) = UnixDatagram::pair(first.clone(), second.clone());
            (Box::new(one), Box::new(two))
        } else {
            let (one, two) = UnixStream::pair(first.clone(), second.clone());
            (Box::new(one), Box::new(two))
        };
        Ok((Socket::new(first, one), Socket::new(second, two)))
    }

    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>> {
        self.stack.name_server.resolver.resolve(name)
    }

    fn resolve_queue(&self) -> &WaitQueue {
        self.stack.name_server.resolver.queue()
    }

    fn connect_from_host(&self, port: u16) -> Result<Arc<Socket>> {
        let loopbacks = [(Family::Inet, IpAddr::from(Ipv4Addr::LOCALHOST)), (Family::Inet6, Ipv6Addr::LOCALHOST.into())];
        for (family, ip) in loopbacks {
            let to = SocketAddr::new(ip, port);
            if self.stack.tcp.find(to).is_some() {
                let socket = self.socket(family, SocketType::Stream, 0, 0)?;
                return match socket.connect(&Address::Inet(to)) {
                    Err(Errno::EWAIT) => Err(Errno::EAGAIN),
                    answer => answer.map(|()| socket),
                };
            }
        }
        Err(Errno::ECONNREFUSED)
    }

    fn judge_connect(&self, narrower: &[Arc<Policy>], to: SocketAddr) -> Option<Judgement> {
        let to = SocketAddr::new(to.ip().to_canonical(), to.port());
        if Tcp::is_inside(&self.stack, to) {
            return None;
        }
        Some(self.stack.gate.judge_connect(narrower, to))
    }

    fn judge_resolve(&self, narrower: &[Arc<Policy>], name: &str) -> Option<Judgement> {
        self.stack.name_server.resolver.judge(narrower, name)
    }

    fn listeners(&self) -> Vec<ListenerInfo> {
        let offers = self.stack.tcp.offers().into_iter();
        let mut listeners: Vec<ListenerInfo> = offers.map(|(local, listener)| ListenerInfo { local, owner: listener.owner }).collect();
        listeners.sort_by_key(|listener| listener.local.port());
        listeners
    }

    fn listeners_queue(&self) -> &WaitQueue {
        self.stack.tcp.changed()
    }

    fn shut_down(&self) {
        self.stack.shut_down();
    }
}
