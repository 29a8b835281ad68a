//! Unix datagram sockets. Unlike UDP they are reliable: a full receiver makes the sender wait.

use super::mailbox::{Mailbox, Sender};
use super::{Common, Message, Protocol, Rights};
use crate::Address;
use crate::buffer::{InFlight, Record};
use crate::table::{NameKey, NameLease, UnixTarget};
use agentos_abi::socket::{Shutdown, SockAddr};
use agentos_abi::{Errno, Events, Result};
use parking_lot::Mutex;
use std::sync::Arc;

/// A Unix datagram socket. Lock order: `state`, then the name table and mailboxes; never two sockets.
pub(crate) struct UnixDatagram {
    common: Arc<Common>,
    mailbox: Arc<Mailbox>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lease: Option<NameLease>,
    peer: Option<Peer>,
    write_shut: bool,
}

#[derive(Clone)]
struct Peer {
    mailbox: Arc<Mailbox>,
    name: SockAddr,
}

impl UnixDatagram {
    pub(crate) fn new(common: Arc<Common>) -> UnixDatagram {
        let mailbox = Mailbox::new(&common);
        UnixDatagram { common, mailbox, state: Mutex::default() }
    }

    /// Two connected ones: socketpair(2).
    pub(crate) fn pair(first: Arc<Common>, second: Arc<Common>) -> (UnixDatagram, UnixDatagram) {
        let (first, second) = (UnixDatagram::new(first), UnixDatagram::new(second));
        for (own, other) in [(&first, &second), (&second, &first)] {
            own.state.lock().peer = Some(Peer { mailbox: other.mailbox.clone(), name: SockAddr::Unix(Vec::new()) });
            own.mailbox.only_from(Some(Sender::Socket(other.common.id)));
        }
        (first, second)
    }

    /// The mailbox that has a name. Errors: ECONNREFUSED, EPROTOTYPE, EINVAL.
    fn find(&self, addr: &Address) -> Result<Peer> {
        match self.common.stack.names.find(&NameKey::of(addr)?).ok_or(Errno::ECONNREFUSED)? {
            UnixTarget::Mailbox(mailbox) => Ok(Peer { mailbox, name: addr.to_sock_addr() }),
            UnixTarget::Silent(_) | UnixTarget::Listener(..) => Err(Errno::EPROTOTYPE),
        }
    }
}

impl Protocol for UnixDatagram {
    fn bind(&self, addr: &Address, _privileged: bool) -> Result<()> {
        let mut state = self.state.lock();
        if state.lease.is_some() {
            return Err(Errno::EINVAL);
        }
        state.lease = Some(self.common.stack.names.bind(self.common.id, addr, UnixTarget::Mailbox(self.mailbox.clone()))?);
        Ok(())
    }

    fn connect(&self, addr: &Address) -> Result<()> {
        let peer = self.find(addr)?;
        if !peer.mailbox.takes_from(self.common.id) {
            return Err(Errno::EPERM);
        }
        self.mailbox.only_from(Some(Sender::Socket(peer.mailbox.owner)));
        self.state.lock().peer = Some(peer);
        Ok(())
    }

    fn local(&self) -> SockAddr {
        self.state.lock().lease.as_ref().map_or(SockAddr::Unix(Vec::new()), |lease| lease.name().to_sock_addr())
    }

    fn peer(&self) -> Result<SockAddr> {
        self.state.lock().peer.as_ref().map(|peer| peer.name.clone()).ok_or(Errno::ENOTCONN)
    }

    fn send(&self, buf: &[u8], to: Option<&Address>, rights: Rights) -> Result<usize> {
        let rights = InFlight::new(rights, &self.common.stack.rights)?;
        let (peer, from) = {
            let state = self.state.lock();
            if state.write_shut {
                return Err(Errno::EPIPE);
            }
            let peer = match to {
                Some(addr) => self.find(addr)?,
                None => state.peer.clone().ok_or(Errno::ENOTCONN)?,
            };
            (peer, state.lease.as_ref().map(|lease| lease.name().to_sock_addr()))
        };
        if buf.len() > self.common.options.send_buffer() {
            return Err(Errno::EMSGSIZE);
        }
        let record = Record { data: buf.into(), from, rights };
        let sent = peer.mailbox.deliver(&Sender::Socket(self.common.id), record, Some(&self.common));
        if sent == Err(Errno::ECONNREFUSED) && to.is_none() {
            // A peer that is gone is told of once; then the socket is not connected any more.
            self.state.lock().peer = None;
        }
        sent.map(|()| buf.len())
    }

    fn receive(&self, buf: &mut [u8], peek: bool) -> Result<Message> {
        self.mailbox.receive(buf, peek)
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        self.state.lock().write_shut |= how != Shutdown::Read;
        if how != Shutdown::Write {
            self.mailbox.shut();
        }
        Ok(())
    }

    fn poll(&self) -> Events {
        let (peer, write_shut) = {
            let state = self.state.lock();
            (state.peer.clone(), state.write_shut)
        };
        let mut events = self.mailbox.poll();
        if peer.is_none_or(|peer| peer.mailbox.writable(self.common.id, &self.common.queue)) {
            events |= Events::WRITE;
        }
        if write_shut && events.contains(Events::RDHUP) {
            events |= Events::HUP;
        }
        events
    }

    fn take_error(&self) -> Option<Errno> {
        self.mailbox.take_error()
    }

    fn queued(&self) -> Result<usize> {
        Ok(self.mailbox.queued())
    }

    fn close(&self) {
        let (lease, peer) = {
            let mut state = self.state.lock();
            (state.lease.take(), state.peer.take())
        };
        drop((lease, peer));
        self.mailbox.close();
    }
}
