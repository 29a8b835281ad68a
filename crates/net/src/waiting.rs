//! Sockets that wait for room in somebody else's queue.

use agentos_abi::Events;
use agentos_waiter::WaitQueue;
use std::collections::BTreeMap;

/// Entries beyond which those nobody waits on any more are swept out.
const SWEEP_LEN: usize = 64;

/// Wait queues of other sockets, by socket id.
#[derive(Default)]
pub(crate) struct Waiting(BTreeMap<u64, WaitQueue>);

impl Waiting {
    /// The socket `id` is told on `queue` the next time there is room.
    pub(crate) fn add(&mut self, id: u64, queue: &WaitQueue) {
        // Sweeping loses nobody: a task registers in its queue first and then tries again, which brings it back here.
        if self.0.len() >= SWEEP_LEN {
            self.0.retain(|_, queue| !queue.is_empty());
        }
        self.0.insert(id, queue.clone());
    }

    /// Empties the list, to be notified without a lock.
    pub(crate) fn take(&mut self) -> Waiting {
        std::mem::take(self)
    }

    /// Tells everybody that there is room.
    pub(crate) fn notify(self) {
        self.0.values().for_each(|queue| queue.notify(Events::WRITE | Events::ALWAYS));
    }
}
