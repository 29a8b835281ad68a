//! A connection between two sockets of the VM: TCP over loopback, and Unix streams and sequenced packets.
//!
//! Both directions share one lock, so that shutting down and resetting are one step for both sides. It is a leaf: wait queues
//! are notified, and messages with descriptors dropped, after it is released.

use crate::budget::Budget;
use crate::buffer::{ByteQueue, InFlight, Record, RecordQueue};
use crate::socket::Message;
use agentos_abi::socket::Shutdown;
use agentos_abi::{Errno, Events, Result};
use agentos_waiter::WaitQueue;
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;

/// Whose rules hold at shutdown and close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// tcp(7): a closed peer is noticed by the write after the next.
    Tcp,
    /// unix(7), SOCK_STREAM.
    UnixStream,
    /// unix(7), SOCK_SEQPACKET.
    UnixPacket,
}

/// One end of a connection.
#[derive(Clone)]
pub(crate) struct End {
    link: Arc<Link>,
    side: usize,
}

struct Link {
    style: Style,
    queues: [WaitQueue; 2],
    state: Mutex<[Side; 2]>,
}

enum Incoming {
    Bytes(ByteQueue),
    Records(RecordQueue),
}

struct Side {
    incoming: Incoming,
    /// Nothing more will arrive: the peer shut down writing, or closed.
    finished: bool,
    /// This side did shutdown(SHUT_RD).
    read_shut: bool,
    /// This side did shutdown(SHUT_WR).
    write_shut: bool,
    /// TCP: the connection is no more, in either direction.
    reset: bool,
    closed: bool,
    /// SO_ERROR.
    error: Option<Errno>,
}

/// What one end brings: where its tasks wait, and how many bytes it takes in.
pub(crate) struct EndConfig<'a> {
    pub(crate) queue: &'a WaitQueue,
    pub(crate) capacity: usize,
}

/// Connects two ends.
pub(crate) fn connect(style: Style, first: EndConfig<'_>, second: EndConfig<'_>, budget: &Arc<Budget>) -> (End, End) {
    let side = |capacity| Side {
        incoming: match style {
            Style::UnixPacket => Incoming::Records(RecordQueue::new(capacity, budget.clone())),
            Style::Tcp | Style::UnixStream => Incoming::Bytes(ByteQueue::new(capacity, budget.clone())),
        },
        finished: false,
        read_shut: false,
        write_shut: false,
        reset: false,
        closed: false,
        error: None,
    };
    let queues = [first.queue.clone(), second.queue.clone()];
    let link = Arc::new(Link { style, queues, state: Mutex::new([side(first.capacity), side(second.capacity)]) });
    (End { link: link.clone(), side: 0 }, End { link, side: 1 })
}

/// Events that a waiting task may wait for when anything at all may have changed.
const EVERYTHING: Events = Events::READ.union(Events::WRITE).union(Events::RDHUP).union(Events::ALWAYS);

impl End {
    /// Sends bytes, or one record, to the other end.
    ///
    /// # Errors
    /// EWAIT; EPIPE; ECONNRESET; EMSGSIZE (a record over `record_max` bytes); ENOBUFS.
    pub(crate) fn send(&self, buf: &[u8], rights: InFlight, record_max: usize) -> Result<usize> {
        if buf.is_empty() && self.link.style != Style::UnixPacket {
            return Ok(0);
        }
        let mut state = self.link.state.lock();
        let (own, peer) = self.sides(&mut state);
        if let Some(errno) = own.error.take_if(|_| self.link.style == Style::Tcp) {
            return Err(errno);
        }
        if own.write_shut || own.reset {
            return Err(Errno::EPIPE);
        }
        match self.link.style {
            Style::Tcp if peer.closed => {
                // The first write after the peer has closed is answered by a reset, which the next one sees.
                (own.reset, own.error) = (true, Some(Errno::EPIPE));
                self.notify(state, self.side, EVERYTHING);
                return Ok(buf.len());
            }
            Style::UnixStream | Style::UnixPacket if peer.closed || peer.read_shut => return Err(Errno::EPIPE),
            _ => {}
        }
        match peer.incoming.push(buf, rights, record_max) {
            Ok(count) => {
                self.notify(state, 1 - self.side, Events::READ);
                Ok(count)
            }
            Err((errno, rights)) => {
                drop(state);
                drop(rights);
                Err(errno)
            }
        }
    }

    /// Receives bytes, or one record. 0 bytes are the end.
    ///
    /// # Errors
    /// EWAIT; the pending error, once.
    pub(crate) fn receive(&self, buf: &mut [u8], peek: bool) -> Result<Message> {
        let mut state = self.link.state.lock();
        let (own, _) = self.sides(&mut state);
        // A packet socket tells of its error before it hands out what is left, a stream after.
        if let Some(errno) = own.error.take_if(|_| self.link.style == Style::UnixPacket) {
            return Err(errno);
        }
        let was_writable = own.incoming.writable();
        if let Some(message) = own.incoming.pop(buf, peek) {
            // A record may have had to wait although the queue was less than half full.
            let records = self.link.style == Style::UnixPacket;
            if !peek && (records || (!was_writable && own.incoming.writable())) {
                self.notify(state, 1 - self.side, Events::WRITE);
            }
            return Ok(message);
        }
        match own.error.take() {
            Some(errno) => Err(errno),
            None if own.finished || own.read_shut || own.reset => Ok(Message::default()),
            None => Err(Errno::EWAIT),
        }
    }

    /// shutdown(2). Errors: ENOTCONN when TCP has nothing left to end.
    pub(crate) fn shutdown(&self, how: Shutdown) -> Result<()> {
        let mut state = self.link.state.lock();
        let (own, peer) = self.sides(&mut state);
        if self.link.style == Style::Tcp && own.is_over() {
            return Err(Errno::ENOTCONN);
        }
        if how != Shutdown::Write {
            own.read_shut = true;
        }
        if how != Shutdown::Read {
            own.write_shut = true;
            peer.finished = true;
        }
        drop(state);
        self.notify_both();
        Ok(())
    }

    /// The socket is gone. What it has not read tells the peer that its data is lost.
    pub(crate) fn close(&self) {
        self.end(false);
    }

    /// Closes with a reset for the peer: a connection that nobody accepted.
    pub(crate) fn abort(&self) {
        self.end(true);
    }

    fn end(&self, abort: bool) {
        let mut state = self.link.state.lock();
        let (own, peer) = self.sides(&mut state);
        if std::mem::replace(&mut own.closed, true) {
            return;
        }
        let lost = abort || !own.incoming.is_empty();
        peer.finished = true;
        if lost && !peer.closed {
            // As Linux' tcp_reset: EPIPE when the peer had seen our end of stream before.
            let after_fin = self.link.style == Style::Tcp && own.write_shut;
            peer.error = Some(if after_fin { Errno::EPIPE } else { Errno::ECONNRESET });
            peer.reset |= self.link.style == Style::Tcp;
        }
        let unread = own.incoming.take();
        drop(state);
        drop(unread);
        self.notify_both();
    }

    /// What this end is ready for, as tcp_poll and unix_poll have it.
    pub(crate) fn poll(&self) -> Events {
        let mut state = self.link.state.lock();
        let (own, peer) = self.sides(&mut state);
        let tcp = self.link.style == Style::Tcp;
        let read_shut = own.finished || own.read_shut || own.reset;
        let write_shut = own.write_shut || own.reset || (!tcp && (peer.closed || peer.read_shut));
        let mut events = Events::empty();
        if own.error.is_some() {
            events |= Events::ERR;
        }
        if read_shut && write_shut {
            events |= Events::HUP;
        }
        if read_shut {
            events |= Events::READ | Events::RDHUP;
        }
        if !own.incoming.is_empty() {
            events |= Events::READ;
        }
        if peer.incoming.writable() || write_shut || peer.closed {
            events |= Events::WRITE;
        }
        events
    }

    /// Whether nothing more goes in either direction.
    pub(crate) fn is_over(&self) -> bool {
        self.link.state.lock()[self.side].is_over()
    }

    /// SO_ERROR.
    pub(crate) fn take_error(&self) -> Option<Errno> {
        self.link.state.lock()[self.side].error.take()
    }

    /// Bytes that can be read: FIONREAD.
    pub(crate) fn queued(&self) -> usize {
        self.link.state.lock()[self.side].incoming.bytes()
    }

    /// Bytes that the peer has not read: TIOCOUTQ.
    pub(crate) fn unsent(&self) -> usize {
        self.link.state.lock()[1 - self.side].incoming.bytes()
    }

    fn sides<'a>(&self, state: &'a mut [Side; 2]) -> (&'a mut Side, &'a mut Side) {
        let [first, second] = state;
        if self.side == 0 { (first, second) } else { (second, first) }
    }

    fn notify(&self, state: MutexGuard<'_, [Side; 2]>, side: usize, events: Events) {
        drop(state);
        self.link.queues[side].notify(events);
    }

    fn notify_both(&self) {
        self.link.queues.iter().for_each(|queue| queue.notify(EVERYTHING));
    }
}

impl Side {
    fn is_over(&self) -> bool {
        self.reset || (self.finished && self.write_shut)
    }
}

impl Incoming {
    fn is_empty(&self) -> bool {
        match self {
            Incoming::Bytes(queue) => queue.len() == 0,
            Incoming::Records(queue) => queue.is_empty(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Incoming::Bytes(queue) => queue.len(),
            Incoming::Records(queue) => queue.bytes(),
        }
    }

    /// Half empty: waking a writer for every byte read would make two tasks take turns byte by byte.
    fn writable(&self) -> bool {
        match self {
            Incoming::Bytes(queue) => queue.writable(),
            Incoming::Records(queue) => queue.writable(),
        }
    }

    fn push(&mut self, buf: &[u8], rights: InFlight, record_max: usize) -> Result<usize, (Errno, InFlight)> {
        match self {
            Incoming::Bytes(queue) if queue.room() == 0 => Err((Errno::EWAIT, rights)),
            Incoming::Bytes(queue) => queue.push(buf, rights),
            Incoming::Records(_) if buf.len() > record_max => Err((Errno::EMSGSIZE, rights)),
            Incoming::Records(queue) if !queue.has_room(buf.len()) => Err((Errno::EWAIT, rights)),
            Incoming::Records(queue) => match queue.push(Record { data: buf.into(), from: None, rights }) {
                Ok(()) => Ok(buf.len()),
                Err((errno, record)) => Err((errno, record.rights)),
            },
        }
    }

    fn pop(&mut self, buf: &mut [u8], peek: bool) -> Option<Message> {
        match self {
            Incoming::Bytes(queue) if queue.len() == 0 => None,
            Incoming::Bytes(queue) => {
                let (len, rights) = queue.pop(buf, peek);
                Some(Message { len, rights, ..Message::default() })
            }
            Incoming::Records(queue) => queue.pop(buf, peek),
        }
    }

    /// Takes everything out.
    fn take(&mut self) -> Incoming {
        let empty = match self {
            Incoming::Bytes(queue) => Incoming::Bytes(queue.emptied()),
            Incoming::Records(queue) => Incoming::Records(queue.emptied()),
        };
        std::mem::replace(self, empty)
    }
}
