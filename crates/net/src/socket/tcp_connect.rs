//! How a TCP connection comes about.

use super::tcp::{Connection, Stream, Tcp};
use super::{Common, Socket};
use crate::address::{shown, specified};
use crate::budget::Permit;
use crate::egress::EgressStream;
use crate::link::{self, EndConfig, Style};
use crate::listener::{Listener, Pending};
use crate::stack::Stack;
use agentos_abi::socket::{Family, SockAddr, SocketType};
use agentos_abi::{Errno, Result};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Where a destination is.
pub(super) enum Target {
    /// A process of this VM listens there.
    Inside(Arc<Listener>),
    /// Outside, and the policy allows it.
    Outside,
}

impl Target {
    /// Looks for `to`: loopback addresses are the VM's own, and the host's only where a rule names them and nobody in the VM
    /// listens.
    ///
    /// # Errors
    /// ECONNREFUSED, EACCES, ENETUNREACH.
    pub(super) fn find(common: &Common, to: SocketAddr) -> Result<Target> {
        if common.options.v6_only.load(Relaxed) && to.is_ipv4() {
            return Err(Errno::ENETUNREACH);
        }
        if let Some(listener) = is_own(to.ip()).then(|| common.stack.tcp.find(to)).flatten() {
            return Ok(Target::Inside(listener));
        }
        if to.port() == 0 || is_outward(to.ip()) {
            return Err(Errno::ECONNREFUSED);
        }
        common.stack.gate.connect(to)?;
        match common.stack.egress {
            Some(_) => Ok(Target::Outside),
            None => Err(Errno::ENETUNREACH),
        }
    }
}

impl Tcp {
    /// Whether a destination is the VM's own: one of its interfaces, unless that is a loopback address on which nobody listens and
    /// which a rule gives to the host.
    pub(crate) fn is_inside(stack: &Stack, to: SocketAddr) -> bool {
        let to = specified(to);
        is_own(to.ip()) && (stack.tcp.find(to).is_some() || is_outward(to.ip()) || to.port() == 0 || !stack.gate.names_loopback(to))
    }
}

/// Whether an address is one of the VM's interfaces.
pub(super) fn is_own(ip: IpAddr) -> bool {
    ip.is_loopback() || is_outward(ip)
}

fn is_outward(ip: IpAddr) -> bool {
    ip == super::tcp::OUTWARD_V4 || ip == super::tcp::OUTWARD_V6
}

/// A connection to the outside, with its share of the VM's limits.
pub(super) struct Outward {
    pub(super) egress: Box<dyn EgressStream>,
    _connection: Permit,
}

/// A connect(2) that goes on.
pub(super) struct Attempt {
    local: SocketAddr,
    peer: SocketAddr,
    way: Way,
}

enum Way {
    /// Waits for room in a backlog.
    Inside(Arc<Listener>),
    /// Waits for the host.
    Outside(Arc<Outward>, #[allow(dead_code, reason = "held for its Drop")] Permit),
}

impl Attempt {
    /// Starts connecting. Errors: EAGAIN, ENOBUFS, and what the egress answers.
    pub(super) fn begin(common: &Common, target: Target, local: SocketAddr, peer: SocketAddr) -> Result<Attempt> {
        let way = match target {
            Target::Inside(listener) => Way::Inside(listener),
            Target::Outside => {
                let stack = &common.stack;
                let pending = Permit::take(&stack.pending_connects)?;
                let connection = Permit::take(&stack.egress_connections)?;
                let egress = stack.egress.as_ref().ok_or(Errno::ENETUNREACH)?.connect(peer, &common.queue)?;
                egress.set_no_delay(common.options.no_delay.load(Relaxed));
                Way::Outside(Arc::new(Outward { egress, _connection: connection }), pending)
            }
        };
        Ok(Attempt { local, peer, way })
    }

    /// The connection, once it is there.
    ///
    /// # Errors
    /// EWAIT; what connecting failed with.
    pub(super) fn advance(&self, common: &Common) -> Result<Connection> {
        let stream = match &self.way {
            Way::Inside(listener) => Stream::Inside(listener.enqueue(common, || accepted(common, listener, self.local, self.peer))?),
            Way::Outside(outward, _) => outward.egress.connected().map(|()| Stream::Outside(outward.clone()))?,
        };
        Ok(Connection { stream, local: self.local, peer: self.peer, untold: true })
    }

    /// The listener to announce the new connection to.
    pub(super) fn listener(&self) -> Option<Arc<Listener>> {
        match &self.way {
            Way::Inside(listener) => Some(listener.clone()),
            Way::Outside(..) => None,
        }
    }
}

/// Both ends of a connection to a listener: the caller's, and the socket that accept(2) will answer. Errors: ENOBUFS.
fn accepted(common: &Common, listener: &Listener, local: SocketAddr, peer: SocketAddr) -> Result<(link::End, Pending)> {
    let v6 = matches!(&listener.name, SockAddr::Inet(name) if name.is_ipv6());
    let family = if v6 { Family::Inet6 } else { Family::Inet };
    let server = common.stack.new_socket(family, SocketType::Stream, listener.owner).map_err(|_| Errno::ENOBUFS)?;
    let ours = EndConfig { queue: &common.queue, capacity: common.options.receive_buffer() };
    let theirs = EndConfig { queue: &server.queue, capacity: listener.receive_buffer };
    let (own, end) = link::connect(Style::Tcp, ours, theirs, &common.stack.buffers);
    let protocol = Tcp::connected(server.clone(), end.clone(), shown(specified(peer), v6), shown(local, v6));
    Ok((own, Pending { socket: Socket::new(server, Box::new(protocol)), end }))
}
