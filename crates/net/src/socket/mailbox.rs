//! Where the datagrams for one socket wait, UDP and Unix alike.

use super::{Common, Message};
use crate::buffer::{Record, RecordQueue};
use crate::waiting::Waiting;
use agentos_abi::{Errno, Events, Result};
use agentos_waiter::WaitQueue;
use parking_lot::Mutex;
use std::sync::Arc;

/// A mailbox. Its lock is a leaf; queues are notified and records dropped after it is released.
pub(crate) struct Mailbox {
    /// The socket that reads it.
    pub(crate) owner: u64,
    /// Where the owner's tasks wait.
    queue: WaitQueue,
    state: Mutex<State>,
}

struct State {
    records: RecordQueue,
    /// Whose datagrams are taken; the rest never arrives. `None`: everybody's.
    only_from: Option<Sender>,
    read_shut: bool,
    closed: bool,
    error: Option<Errno>,
    /// Sockets that found the mailbox full.
    waiting: Waiting,
}

/// Who may send to a connected socket.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A UDP address.
    Inet(std::net::SocketAddr),
    /// A Unix socket, by id.
    Socket(u64),
}

impl Mailbox {
    /// The mailbox of a socket, as large as its SO_RCVBUF.
    pub(crate) fn new(common: &Common) -> Arc<Mailbox> {
        let records = RecordQueue::new(common.options.receive_buffer(), common.stack.buffers.clone());
        let state = State { records, only_from: None, read_shut: false, closed: false, error: None, waiting: Waiting::default() };
        Arc::new(Mailbox { owner: common.id, queue: common.queue.clone(), state: Mutex::new(state) })
    }

    /// Takes datagrams of one sender only, from now on.
    pub(crate) fn only_from(&self, sender: Option<Sender>) {
        self.state.lock().only_from = sender;
    }

    /// Whether the socket `id` may send here.
    pub(crate) fn takes_from(&self, id: u64) -> bool {
        self.state.lock().only_from.as_ref().is_none_or(|only| *only == Sender::Socket(id))
    }

    /// Puts a datagram in. When it is full, `waiter` is told when to try again.
    ///
    /// # Errors
    /// ECONNREFUSED (closed), EPERM (another peer's), EPIPE (shut for reading), EWAIT (full), ENOBUFS.
    pub(crate) fn deliver(&self, sender: &Sender, record: Record, waiter: Option<&Common>) -> Result<()> {
        let mut state = self.state.lock();
        let refusal = match () {
            () if state.closed => Errno::ECONNREFUSED,
            () if state.only_from.as_ref().is_some_and(|only| only != sender) => Errno::EPERM,
            () if state.read_shut => Errno::EPIPE,
            () if !state.records.has_room(record.data.len()) => {
                if let Some(common) = waiter {
                    state.waiting.add(common.id, &common.queue);
                }
                Errno::EWAIT
            }
            () => match state.records.push(record) {
                Ok(()) => {
                    drop(state);
                    self.queue.notify(Events::READ);
                    return Ok(());
                }
                Err((errno, record)) => {
                    drop(state);
                    drop(record);
                    return Err(errno);
                }
            },
        };
        Err(refusal)
    }

    /// Takes the next datagram. Errors: EWAIT; the pending error, once, before any datagram.
    pub(crate) fn receive(&self, buf: &mut [u8], peek: bool) -> Result<Message> {
        let mut state = self.state.lock();
        if let Some(errno) = state.error.take() {
            return Err(errno);
        }
        match state.records.pop(buf, peek) {
            Some(message) => {
                let waiting = if peek { Waiting::default() } else { state.waiting.take() };
                drop(state);
                waiting.notify();
                Ok(message)
            }
            None if state.read_shut || state.closed => Ok(Message::default()),
            None => Err(Errno::EWAIT),
        }
    }

    /// Whether the socket `id` could send a small datagram; if not, it is told on `queue` when to look again.
    pub(crate) fn writable(&self, id: u64, queue: &WaitQueue) -> bool {
        let mut state = self.state.lock();
        let writable = state.closed || state.read_shut || state.records.writable();
        if !writable {
            state.waiting.add(id, queue);
        }
        writable
    }

    /// IN, ERR and what belongs to them.
    pub(crate) fn poll(&self) -> Events {
        let state = self.state.lock();
        let mut events = Events::empty();
        if !state.records.is_empty() {
            events |= Events::READ;
        }
        if state.read_shut {
            events |= Events::READ | Events::RDHUP;
        }
        if state.error.is_some() {
            events |= Events::ERR;
        }
        events
    }

    /// Leaves an error for the owner's next call.
    pub(crate) fn fail(&self, errno: Errno) {
        self.state.lock().error = Some(errno);
        self.queue.notify(Events::ALWAYS);
    }

    pub(crate) fn take_error(&self) -> Option<Errno> {
        self.state.lock().error.take()
    }

    /// Length of the next datagram: FIONREAD.
    pub(crate) fn queued(&self) -> usize {
        self.state.lock().records.next_len()
    }

    /// shutdown(SHUT_RD).
    pub(crate) fn shut(&self) {
        let waiting = {
            let mut state = self.state.lock();
            state.read_shut = true;
            state.waiting.take()
        };
        waiting.notify();
        self.queue.notify(Events::READ | Events::RDHUP);
    }

    /// The owner is gone; what it has not read is dropped.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let empty = state.records.emptied();
        let unread = std::mem::replace(&mut state.records, empty);
        let waiting = state.waiting.take();
        drop(state);
        drop(unread);
        waiting.notify();
        self.queue.notify(Events::READ | Events::WRITE | Events::RDHUP | Events::ALWAYS);
    }
}
