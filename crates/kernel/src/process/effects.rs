//! What a change of the process table causes outside it, done after its lock is released.

use super::Process;
use crate::tty::Tty;
use agentos_abi::{Events, WaitStatus};
use agentos_syscall::{Attention, Interrupt};
use agentos_waiter::WaitQueue;
use std::sync::Arc;

/// Wake-ups, interrupts, endings and hang-ups, collected under the table lock. Empty for most calls, so nothing is allocated.
#[derive(Default)]
pub(crate) struct Effects {
    pub(super) wakes: Vec<(WaitQueue, Events)>,
    pub(super) interrupts: Vec<(Interrupt, Attention)>,
    pub(super) ended: Vec<(Arc<Process>, WaitStatus)>,
    pub(super) hangups: Vec<Arc<Tty>>,
    /// Entries that left the table; their last fields are dropped outside the lock.
    pub(super) reaped: Vec<Arc<Process>>,
}

impl Effects {
    pub(crate) fn wake(&mut self, queue: &WaitQueue, events: Events) {
        // Pairs with the registration of a waiter: either it is seen here, or it sees the change when it tries again.
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
        if !queue.is_empty() {
            self.wakes.push((queue.clone(), events));
        }
    }

    /// Has `interrupt`, if the engine gave one, called with `attention`.
    pub(crate) fn interrupt(&mut self, interrupt: Option<Interrupt>, attention: Attention) {
        self.interrupts.extend(interrupt.map(|call| (call, attention)));
    }

    /// Takes one process that ended: its files are to be closed and it is to be buried.
    pub(crate) fn next_ended(&mut self) -> Option<(Arc<Process>, WaitStatus)> {
        self.ended.pop()
    }

    pub(crate) fn take_hangups(&mut self) -> Vec<Arc<Tty>> {
        std::mem::take(&mut self.hangups)
    }

    /// Calls and wakes; what ended is left for [`Kernel::with_table`](crate::Kernel::with_table).
    pub(crate) fn announce(&mut self) {
        for (interrupt, attention) in self.interrupts.drain(..) {
            interrupt(attention);
        }
        for (queue, events) in self.wakes.drain(..) {
            queue.notify(events);
        }
        self.reaped.clear();
    }
}
