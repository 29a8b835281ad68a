//! Connections that wait for accept(2), of TCP and of Unix sockets alike.

use crate::link::End;
use crate::socket::{Common, Socket};
use crate::waiting::Waiting;
use agentos_abi::socket::SockAddr;
use agentos_abi::{Errno, Events, Pid, Result};
use agentos_waiter::WaitQueue;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// A listening socket, as those who connect see it.
pub(crate) struct Listener {
    /// The listening socket's name, which is that of every accepted one.
    pub(crate) name: SockAddr,
    /// The process that made the socket.
    pub(crate) owner: Pid,
    /// SO_RCVBUF, which accepted sockets inherit, in bytes.
    pub(crate) receive_buffer: usize,
    /// Where the listening socket's tasks wait.
    queue: WaitQueue,
    state: Mutex<State>,
}

struct State {
    backlog: VecDeque<Pending>,
    /// Most entries; one more than listen(2) asked for, as on Linux.
    most: usize,
    closed: bool,
    /// Sockets that found the backlog full.
    waiting: Waiting,
}

/// A connection that is made and not accepted.
pub(crate) struct Pending {
    /// What accept(2) will answer.
    pub(crate) socket: Arc<Socket>,
    /// Its end of the connection.
    pub(crate) end: End,
}

impl Listener {
    pub(crate) fn new(name: SockAddr, owner: Pid, receive_buffer: usize, queue: WaitQueue, backlog: usize) -> Arc<Listener> {
        let state = State { backlog: VecDeque::new(), most: backlog.saturating_add(1), closed: false, waiting: Waiting::default() };
        Arc::new(Listener { name, owner, receive_buffer, queue, state: Mutex::new(state) })
    }

    /// listen(2) again.
    pub(crate) fn set_backlog(&self, backlog: usize) {
        self.state.lock().most = backlog.saturating_add(1);
        self.wake_waiting();
    }

    /// Queues the connection that `make` makes, or tells the connecting socket, when it finds room, to try again.
    /// [`Listener::announce`] comes after, when the caller has released its own lock.
    ///
    /// # Errors
    /// EWAIT (full), ECONNREFUSED (closed), what `make` answers.
    pub(crate) fn enqueue<T>(&self, from: &Common, make: impl FnOnce() -> Result<(T, Pending)>) -> Result<T> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Errno::ECONNREFUSED);
        }
        if state.backlog.len() >= state.most {
            state.waiting.add(from.id, &from.queue);
            return Err(Errno::EWAIT);
        }
        let (own, pending) = make()?;
        state.backlog.push_back(pending);
        Ok(own)
    }

    /// Wakes those who wait to accept.
    pub(crate) fn announce(&self) {
        self.queue.notify(Events::READ);
    }

    /// accept(2). Errors: EWAIT.
    pub(crate) fn accept(&self) -> Result<Arc<Socket>> {
        let accepted = self.state.lock().backlog.pop_front().ok_or(Errno::EWAIT)?;
        self.wake_waiting();
        Ok(accepted.socket)
    }

    pub(crate) fn poll(&self) -> Events {
        if self.state.lock().backlog.is_empty() { Events::empty() } else { Events::READ }
    }

    /// Resets the connections that nobody will accept.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let orphans = std::mem::take(&mut state.backlog);
        drop(state);
        orphans.iter().for_each(|pending| pending.end.abort());
        self.wake_waiting();
    }

    fn wake_waiting(&self) {
        let waiting = self.state.lock().waiting.take();
        waiting.notify();
    }
}
