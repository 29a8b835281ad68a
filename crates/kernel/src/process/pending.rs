//! Calls that answered EWAIT and left something behind to resume with (opening a FIFO, waiting for a lock).

use crate::fd::FileId;
use crate::pipe::PipeEnd;
use agentos_waiter::WaitQueue;
use std::sync::Arc;

/// Most such calls of one process at a time; an engine with several threads may have more than one.
const MAX_PENDING: usize = 16;

/// What a call left behind.
pub(crate) enum PendingCall {
    /// An open(2) of a FIFO that waits for the other side.
    Fifo {
        /// Our end, counted already so that the peer sees us (as in Linux).
        end: Arc<PipeEnd>,
        /// Openings of the other side that had happened when the wait began.
        seen: u64,
        /// Where the peer's arrival is announced.
        queue: WaitQueue,
    },
    /// A lock that somebody else holds.
    Lock {
        /// What is locked.
        file: FileId,
        /// Where a release is announced.
        queue: WaitQueue,
    },
}

impl PendingCall {
    pub(crate) fn queue(&self) -> &WaitQueue {
        match self {
            PendingCall::Fifo { queue, .. } | PendingCall::Lock { queue, .. } => queue,
        }
    }
}

/// The pending calls of one process, newest last.
#[derive(Default)]
pub(crate) struct PendingCalls(Vec<PendingCall>);

impl PendingCalls {
    /// Remembers one; the oldest is forgotten when there are too many, and is answered to be dropped outside the lock.
    #[must_use]
    pub(crate) fn push(&mut self, call: PendingCall) -> Option<PendingCall> {
        let evicted = (self.0.len() >= MAX_PENDING).then(|| self.0.remove(0));
        self.0.push(call);
        evicted
    }

    /// Takes the one that `test` accepts.
    pub(crate) fn take(&mut self, test: impl Fn(&PendingCall) -> bool) -> Option<PendingCall> {
        let at = self.0.iter().position(test)?;
        Some(self.0.remove(at))
    }

    /// Takes all: a signal handler is about to run, so the calls are over.
    #[must_use]
    pub(crate) fn take_all(&mut self) -> Vec<PendingCall> {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn queues(&self) -> impl Iterator<Item = &WaitQueue> {
        self.0.iter().map(PendingCall::queue)
    }
}
