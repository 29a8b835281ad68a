//! Connection-oriented Unix sockets: SOCK_STREAM and SOCK_SEQPACKET.

use super::{Common, Message, Protocol, Rights, Socket};
use crate::Address;
use crate::buffer::InFlight;
use crate::link::{self, End, EndConfig, Style};
use crate::listener::{Listener, Pending};
use crate::table::{NameKey, NameLease, UnixTarget};
use agentos_abi::socket::{Family, Shutdown, SockAddr, SocketType};
use agentos_abi::{Errno, Events, Result};
use parking_lot::Mutex;
use std::sync::Arc;

/// A Unix stream or packet socket. Lock order: `state`, then the name table; never two sockets.
pub(crate) struct UnixStream {
    common: Arc<Common>,
    state: Mutex<State>,
}

struct State {
    lease: Option<NameLease>,
    /// The own name where there is no lease: an accepted socket has its listener's.
    name: SockAddr,
    phase: Phase,
}

enum Phase {
    Idle,
    Listening(Arc<Listener>),
    Open { end: End, peer: SockAddr },
    Closed,
}

impl UnixStream {
    pub(crate) fn new(common: Arc<Common>) -> UnixStream {
        UnixStream { common, state: Mutex::new(State { lease: None, name: SockAddr::Unix(Vec::new()), phase: Phase::Idle }) }
    }

    fn connected(common: Arc<Common>, end: End, name: SockAddr, peer: SockAddr) -> UnixStream {
        UnixStream { common, state: Mutex::new(State { lease: None, name, phase: Phase::Open { end, peer } }) }
    }

    /// Two connected ones: socketpair(2).
    pub(crate) fn pair(first: Arc<Common>, second: Arc<Common>) -> (UnixStream, UnixStream) {
        let (one, two) = join(&first, first.options.receive_buffer(), &second, second.options.receive_buffer());
        let unnamed = || SockAddr::Unix(Vec::new());
        (UnixStream::connected(first, one, unnamed(), unnamed()), UnixStream::connected(second, two, unnamed(), unnamed()))
    }

    fn end(&self, otherwise: Errno) -> Result<End> {
        match &self.state.lock().phase {
            Phase::Open { end, .. } => Ok(end.clone()),
            _ => Err(otherwise),
        }
    }

    /// The listener that has a name. Errors: ECONNREFUSED, EPROTOTYPE.
    fn find(&self, addr: &Address) -> Result<Arc<Listener>> {
        if matches!(addr, Address::Inet(_)) {
            return Err(Errno::EINVAL);
        }
        match self.common.stack.names.find(&NameKey::of(addr)?).ok_or(Errno::ECONNREFUSED)? {
            target if target.kind() != self.common.kind => Err(Errno::EPROTOTYPE),
            UnixTarget::Listener(_, listener) => Ok(listener),
            UnixTarget::Silent(_) | UnixTarget::Mailbox(_) => Err(Errno::ECONNREFUSED),
        }
    }

    /// Both ends of a connection to a listener: the own one, and the socket that accept(2) will answer. Errors: ENFILE.
    fn accepted(&self, listener: &Listener, own_name: SockAddr) -> Result<(End, Pending)> {
        let common = &self.common;
        let server = common.stack.new_socket(Family::Unix, common.kind, listener.owner)?;
        let (own, end) = join(common, common.options.receive_buffer(), &server, listener.receive_buffer);
        let protocol = UnixStream::connected(server.clone(), end.clone(), listener.name.clone(), own_name);
        Ok((own, Pending { socket: Socket::new(server, Box::new(protocol)), end }))
    }
}

fn join(first: &Common, first_capacity: usize, second: &Common, second_capacity: usize) -> (End, End) {
    let style = if first.kind == SocketType::SeqPacket { Style::UnixPacket } else { Style::UnixStream };
    let ends = [(first, first_capacity), (second, second_capacity)].map(|(common, capacity)| EndConfig { queue: &common.queue, capacity });
    let [one, two] = ends;
    link::connect(style, one, two, &first.stack.buffers)
}

impl State {
    fn name(&self) -> SockAddr {
        self.lease.as_ref().map_or_else(|| self.name.clone(), |lease| lease.name().to_sock_addr())
    }
}

impl Protocol for UnixStream {
    fn bind(&self, addr: &Address, _privileged: bool) -> Result<()> {
        let mut state = self.state.lock();
        if state.lease.is_some() || matches!(state.phase, Phase::Listening(_) | Phase::Closed) {
            return Err(Errno::EINVAL);
        }
        state.lease = Some(self.common.stack.names.bind(self.common.id, addr, UnixTarget::Silent(self.common.kind))?);
        Ok(())
    }

    fn listen(&self, backlog: usize) -> Result<()> {
        let mut state = self.state.lock();
        let State { lease, phase, .. } = &mut *state;
        match (&phase, lease) {
            (Phase::Listening(listener), _) => {
                let listener = listener.clone();
                drop(state);
                listener.set_backlog(backlog);
            }
            (Phase::Idle, Some(lease)) => {
                let common = &self.common;
                let listener = Listener::new(lease.name().to_sock_addr(), common.owner, common.options.receive_buffer(), common.queue.clone(), backlog);
                lease.offer(UnixTarget::Listener(common.kind, listener.clone()));
                *phase = Phase::Listening(listener);
            }
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    fn accept(&self) -> Result<Arc<Socket>> {
        let Phase::Listening(listener) = &self.state.lock().phase else { return Err(Errno::EINVAL) };
        let listener = listener.clone();
        listener.accept()
    }

    fn connect(&self, addr: &Address) -> Result<()> {
        let mut state = self.state.lock();
        match state.phase {
            Phase::Idle => {}
            Phase::Open { .. } => return Err(Errno::EISCONN),
            Phase::Listening(_) | Phase::Closed => return Err(Errno::EINVAL),
        }
        let listener = self.find(addr)?;
        let name = state.name();
        let end = listener.enqueue(&self.common, || self.accepted(&listener, name))?;
        state.phase = Phase::Open { end, peer: listener.name.clone() };
        drop(state);
        listener.announce();
        Ok(())
    }

    fn local(&self) -> SockAddr {
        self.state.lock().name()
    }

    fn peer(&self) -> Result<SockAddr> {
        match &self.state.lock().phase {
            Phase::Open { peer, .. } => Ok(peer.clone()),
            _ => Err(Errno::ENOTCONN),
        }
    }

    fn send(&self, buf: &[u8], to: Option<&Address>, rights: Rights) -> Result<usize> {
        let rights = InFlight::new(rights, &self.common.stack.rights)?;
        let end = self.end(if to.is_some() { Errno::EOPNOTSUPP } else { Errno::ENOTCONN })?;
        if to.is_some() && self.common.kind == SocketType::Stream {
            return Err(Errno::EISCONN);
        }
        end.send(buf, rights, self.common.options.send_buffer())
    }

    fn receive(&self, buf: &mut [u8], peek: bool) -> Result<Message> {
        let unconnected = if self.common.kind == SocketType::Stream { Errno::EINVAL } else { Errno::ENOTCONN };
        self.end(unconnected)?.receive(buf, peek)
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        // Shutting down a socket that is not connected succeeds, unlike with TCP.
        self.end(Errno::ENOTCONN).map_or(Ok(()), |end| end.shutdown(how))
    }

    fn poll(&self) -> Events {
        match &self.state.lock().phase {
            Phase::Idle | Phase::Closed => Events::WRITE | Events::HUP,
            Phase::Listening(listener) => listener.poll(),
            Phase::Open { end, .. } => end.poll(),
        }
    }

    fn take_error(&self) -> Option<Errno> {
        self.end(Errno::ENOTCONN).ok()?.take_error()
    }

    fn listening(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Listening(_))
    }

    fn queued(&self) -> Result<usize> {
        match &self.state.lock().phase {
            Phase::Open { end, .. } => Ok(end.queued()),
            Phase::Listening(_) => Err(Errno::EINVAL),
            Phase::Idle | Phase::Closed => Ok(0),
        }
    }

    fn unsent(&self) -> usize {
        self.end(Errno::ENOTCONN).map_or(0, |end| end.unsent())
    }

    fn close(&self) {
        let mut state = self.state.lock();
        let phase = std::mem::replace(&mut state.phase, Phase::Closed);
        let lease = state.lease.take();
        drop(state);
        match phase {
            Phase::Listening(listener) => listener.close(),
            Phase::Open { end, .. } => end.close(),
            Phase::Idle | Phase::Closed => {}
        }
        drop(lease);
        self.common.queue.notify(Events::READ | Events::WRITE | Events::RDHUP | Events::ALWAYS);
    }
}
