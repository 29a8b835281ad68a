//! TCP sockets: between processes of the VM over its loopback interface, and to the outside through the egress.

use super::tcp_connect::{Attempt, Outward, Target};
use super::{Common, Message, Protocol, Rights, Socket};
use crate::Address;
use crate::address::{canonical, shown, specified};
use crate::buffer::InFlight;
use crate::link::End;
use crate::listener::Listener;
use crate::table::{BindFlags, PortLease};
use agentos_abi::socket::{Family, Shutdown, SockAddr};
use agentos_abi::{Errno, Events, Result};
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// The address of the VM towards the outside, as its programs see it. Nobody outside ever does.
pub(crate) const OUTWARD_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// The same for IPv6.
pub(crate) const OUTWARD_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 2, 0, 0, 0, 15);

/// A TCP socket. Lock order: `state`, then tables and the listener of the other side; never two sockets.
pub(crate) struct Tcp {
    pub(super) common: Arc<Common>,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) lease: Option<PortLease<Arc<Listener>>>,
    pub(super) phase: Phase,
}

/// Where in its life a socket is.
pub(super) enum Phase {
    Idle,
    Listening(Arc<Listener>),
    /// connect(2) has not ended.
    Connecting(Attempt),
    /// connect(2) failed. The error is there until somebody has been told.
    Failed(Option<Errno>),
    Open(Connection),
    Closed,
}

/// An established connection.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) stream: Stream,
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    /// connect(2) has not told of the success yet.
    pub(super) untold: bool,
}

/// What carries the bytes.
#[derive(Clone)]
pub(super) enum Stream {
    Inside(End),
    Outside(Arc<Outward>),
}

impl Stream {
    /// Whether nothing more goes in either direction, as far as is known.
    fn is_over(&self) -> bool {
        match self {
            Stream::Inside(end) => end.is_over(),
            Stream::Outside(_) => false,
        }
    }
}

impl Tcp {
    pub(crate) fn new(common: Arc<Common>) -> Tcp {
        Tcp { common, state: Mutex::new(State { lease: None, phase: Phase::Idle }) }
    }

    /// An established one, inside the VM.
    pub(crate) fn connected(common: Arc<Common>, end: End, local: SocketAddr, peer: SocketAddr) -> Tcp {
        let connection = Connection { stream: Stream::Inside(end), local, peer, untold: false };
        Tcp { common, state: Mutex::new(State { lease: None, phase: Phase::Open(connection) }) }
    }

    pub(super) fn is_v6(&self) -> bool {
        self.common.family == Family::Inet6
    }

    /// An Internet address of the socket's family, IPv4 written as such.
    pub(super) fn own_family(common: &Common, addr: &Address) -> Result<SocketAddr> {
        let Address::Inet(addr) = addr else { return Err(Errno::EAFNOSUPPORT) };
        if addr.is_ipv6() != (common.family == Family::Inet6) {
            return Err(Errno::EAFNOSUPPORT);
        }
        Ok(canonical(*addr))
    }

    /// The connection, after a look at how an attempt stands.
    fn connection(&self) -> Result<Connection> {
        self.advance();
        match &mut self.state.lock().phase {
            Phase::Open(connection) => Ok(connection.clone()),
            Phase::Connecting(_) => Err(Errno::EWAIT),
            Phase::Failed(errno) => Err(errno.take().unwrap_or(Errno::ENOTCONN)),
            Phase::Idle | Phase::Listening(_) | Phase::Closed => Err(Errno::ENOTCONN),
        }
    }

    /// Moves an attempt to connect forward.
    fn advance(&self) {
        let mut state = self.state.lock();
        let Phase::Connecting(attempt) = &mut state.phase else { return };
        match attempt.advance(&self.common) {
            Ok(connection) => {
                let listener = attempt.listener();
                state.phase = Phase::Open(connection);
                drop(state);
                if let Some(listener) = listener {
                    listener.announce();
                }
            }
            Err(Errno::EWAIT) => {}
            Err(errno) => state.phase = Phase::Failed(Some(errno)),
        }
    }

    /// Starts an attempt.
    fn begin(&self, state: &mut State, addr: &Address) -> Result<()> {
        let to = specified(Tcp::own_family(&self.common, addr)?);
        let target = Target::find(&self.common, to)?;
        let source = outgoing(to.ip());
        let bound = match &state.lease {
            Some(lease) => lease.local(),
            None => {
                let any = SocketAddr::new(source, 0);
                let lease = self.common.stack.tcp.bind(self.common.id, any, BindFlags::default()).map_err(|_| Errno::EADDRNOTAVAIL)?;
                state.lease.insert(lease).local()
            }
        };
        let ip = if bound.ip().is_unspecified() { source } else { bound.ip() };
        state.phase = Phase::Connecting(Attempt::begin(&self.common, target, SocketAddr::new(ip, bound.port()), to)?);
        Ok(())
    }
}

/// The address that connections to `to` come from.
pub(super) fn outgoing(to: IpAddr) -> IpAddr {
    match to {
        IpAddr::V4(ip) if ip.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V4(_) => OUTWARD_V4.into(),
        IpAddr::V6(ip) if ip.is_loopback() => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V6(_) => OUTWARD_V6.into(),
    }
}

/// Checks an address for bind(2) and answers it. Errors: EADDRNOTAVAIL, EACCES.
pub(super) fn bindable(addr: SocketAddr, privileged: bool) -> Result<SocketAddr> {
    let ip = addr.ip();
    if !(ip.is_unspecified() || ip.is_loopback() || ip == OUTWARD_V4 || ip == OUTWARD_V6) {
        return Err(Errno::EADDRNOTAVAIL);
    }
    if (1..1024).contains(&addr.port()) && !privileged {
        return Err(Errno::EACCES);
    }
    Ok(addr)
}

/// What the options of a socket say about sharing its port.
pub(super) fn bind_flags(common: &Common) -> BindFlags {
    let options = &common.options;
    BindFlags { reuse_addr: options.reuse_addr.load(Relaxed), reuse_port: options.reuse_port.load(Relaxed), v6_only: options.v6_only.load(Relaxed) }
}

impl Protocol for Tcp {
    fn bind(&self, addr: &Address, privileged: bool) -> Result<()> {
        let addr = bindable(Tcp::own_family(&self.common, addr)?, privileged)?;
        let mut state = self.state.lock();
        if state.lease.is_some() || !matches!(state.phase, Phase::Idle) {
            return Err(Errno::EINVAL);
        }
        state.lease = Some(self.common.stack.tcp.bind(self.common.id, addr, bind_flags(&self.common))?);
        Ok(())
    }

    fn listen(&self, backlog: usize) -> Result<()> {
        let mut state = self.state.lock();
        match &state.phase {
            Phase::Listening(listener) => {
                listener.set_backlog(backlog);
                return Ok(());
            }
            Phase::Idle | Phase::Failed(_) => {}
            Phase::Connecting(_) | Phase::Open(_) | Phase::Closed => return Err(Errno::EINVAL),
        }
        let lease = match state.lease.take() {
            Some(lease) => lease,
            None => {
                let any = if self.is_v6() { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { Ipv4Addr::UNSPECIFIED.into() };
                self.common.stack.tcp.bind(self.common.id, SocketAddr::new(any, 0), bind_flags(&self.common))?
            }
        };
        let lease = state.lease.insert(lease);
        let common = &self.common;
        let listener = Listener::new(SockAddr::Inet(lease.local()), common.owner, common.options.receive_buffer(), common.queue.clone(), backlog);
        lease.offer(listener.clone())?;
        state.phase = Phase::Listening(listener);
        Ok(())
    }

    fn accept(&self) -> Result<Arc<Socket>> {
        let Phase::Listening(listener) = &self.state.lock().phase else { return Err(Errno::EINVAL) };
        listener.accept()
    }

    fn connect(&self, addr: &Address) -> Result<()> {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Idle | Phase::Failed(None)) {
            self.begin(&mut state, addr)?;
        }
        drop(state);
        self.advance();
        let mut state = self.state.lock();
        match &mut state.phase {
            Phase::Connecting(_) => Err(Errno::EWAIT),
            Phase::Open(connection) if connection.untold => {
                connection.untold = false;
                Ok(())
            }
            Phase::Open(_) | Phase::Listening(_) => Err(Errno::EISCONN),
            // Without an error, another thread took it, or closed the socket.
            Phase::Failed(errno) => Err(errno.take().unwrap_or(Errno::ECONNABORTED)),
            Phase::Idle | Phase::Closed => Err(Errno::ECONNABORTED),
        }
    }

    fn local(&self) -> SockAddr {
        let state = self.state.lock();
        let bound = state.lease.as_ref().map(PortLease::local);
        let addr = if let Phase::Open(connection) = &state.phase { Some(connection.local) } else { bound };
        addr.map_or(SockAddr::unspecified(self.common.family), |addr| SockAddr::Inet(shown(addr, self.is_v6())))
    }

    fn peer(&self) -> Result<SockAddr> {
        self.advance();
        let state = self.state.lock();
        match &state.phase {
            Phase::Open(connection) if !connection.stream.is_over() => Ok(SockAddr::Inet(shown(connection.peer, self.is_v6()))),
            _ => Err(Errno::ENOTCONN),
        }
    }

    fn send(&self, buf: &[u8], _to: Option<&Address>, rights: Rights) -> Result<usize> {
        // Linux ignores the address of a connected stream, and control messages that TCP does not know.
        drop(rights);
        match self.connection().map_err(|errno| if errno == Errno::ENOTCONN { Errno::EPIPE } else { errno })?.stream {
            Stream::Inside(end) => end.send(buf, InFlight::default(), 0),
            Stream::Outside(stream) => stream.egress.send(buf),
        }
    }

    fn receive(&self, buf: &mut [u8], peek: bool) -> Result<Message> {
        let stream = match self.connection() {
            Ok(connection) => connection.stream,
            Err(Errno::ENOTCONN) if matches!(self.state.lock().phase, Phase::Failed(_)) => return Ok(Message::default()),
            Err(errno) => return Err(errno),
        };
        match stream {
            Stream::Inside(end) => end.receive(buf, peek),
            Stream::Outside(stream) => stream.egress.receive(buf, peek).map(|len| Message { len, ..Message::default() }),
        }
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        self.advance();
        let mut state = self.state.lock();
        let stream = match &state.phase {
            Phase::Open(connection) => connection.stream.clone(),
            // As on Linux, shutting a listener down for reading is the way to stop it.
            Phase::Listening(listener) if how != Shutdown::Write => {
                let listener = listener.clone();
                (state.phase, state.lease) = (Phase::Idle, None);
                drop(state);
                listener.close();
                self.common.queue.notify(Events::READ | Events::ALWAYS);
                return Ok(());
            }
            _ => return Err(Errno::ENOTCONN),
        };
        drop(state);
        match stream {
            Stream::Inside(end) => end.shutdown(how),
            Stream::Outside(stream) => stream.egress.shutdown(how),
        }
    }

    fn poll(&self) -> Events {
        self.advance();
        let stream = match &self.state.lock().phase {
            Phase::Idle | Phase::Closed => return Events::WRITE | Events::HUP,
            Phase::Listening(listener) => return listener.poll(),
            Phase::Connecting(_) => return Events::empty(),
            Phase::Failed(errno) => return Events::READ | Events::WRITE | Events::RDHUP | Events::HUP | errno.map_or(Events::empty(), |_| Events::ERR),
            Phase::Open(connection) => connection.stream.clone(),
        };
        // Without the lock: an egress may notify the queue while it arranges to be woken.
        match stream {
            Stream::Inside(end) => end.poll(),
            Stream::Outside(stream) => stream.egress.poll(),
        }
    }

    fn take_error(&self) -> Option<Errno> {
        match self.connection() {
            Ok(connection) => match connection.stream {
                Stream::Inside(end) => end.take_error(),
                Stream::Outside(stream) => stream.egress.take_error(),
            },
            Err(Errno::EWAIT | Errno::ENOTCONN) => None,
            Err(errno) => Some(errno),
        }
    }

    fn listening(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Listening(_))
    }

    fn connecting(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Connecting(_))
    }

    fn queued(&self) -> Result<usize> {
        match &self.state.lock().phase {
            Phase::Open(Connection { stream: Stream::Inside(end), .. }) => Ok(end.queued()),
            Phase::Open(Connection { stream: Stream::Outside(stream), .. }) => Ok(stream.egress.queued()),
            Phase::Listening(_) => Err(Errno::EINVAL),
            _ => Ok(0),
        }
    }

    fn unsent(&self) -> usize {
        match &self.state.lock().phase {
            Phase::Open(Connection { stream: Stream::Inside(end), .. }) => end.unsent(),
            _ => 0,
        }
    }

    fn option_changed(&self) {
        if let Phase::Open(Connection { stream: Stream::Outside(stream), .. }) = &self.state.lock().phase {
            stream.egress.set_no_delay(self.common.options.no_delay.load(Relaxed));
        }
    }

    fn close(&self) {
        let mut state = self.state.lock();
        let phase = std::mem::replace(&mut state.phase, Phase::Closed);
        let lease = state.lease.take();
        drop(state);
        match phase {
            Phase::Listening(listener) => listener.close(),
            Phase::Open(Connection { stream: Stream::Inside(end), .. }) => end.close(),
            _ => {}
        }
        drop(lease);
        self.common.queue.notify(Events::READ | Events::WRITE | Events::RDHUP | Events::ALWAYS);
    }
}
