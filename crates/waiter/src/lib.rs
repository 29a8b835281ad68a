//! Readiness: wait queues on which a task parks until a file, a child or a signal is ready.
//!
//! The pattern is try, register, try again, wait (`agentos_syscall::wait` has it once). A [`WaitQueue`] only remembers
//! [`Waker`]s, so it knows no executor: a fiber, a parked thread and a JavaScript promise wait in the same way.
//!
//! Lock order: a queue's lock is a leaf. Wakers are called after it is released.

use agentos_abi::Events;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

/// Tasks that wait for one object. Cloning gives another handle on the same queue.
#[derive(Clone, Default)]
pub struct WaitQueue(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Number of entries, read without the lock so that notifying nobody costs one load.
    waiting: AtomicUsize,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    next_key: u64,
    list: Vec<Entry>,
}

struct Entry {
    key: u64,
    events: Events,
    waker: Waker,
}

impl WaitQueue {
    /// An empty queue.
    pub fn new() -> WaitQueue {
        WaitQueue::default()
    }

    /// Calls `waker` once for every [`notify`](WaitQueue::notify) that shares a bit with `events` (ERR and HUP always count),
    /// until the registration is dropped. Test the condition again after registering: it may have come true in between.
    #[must_use = "dropping the registration removes the waker"]
    pub fn register(&self, events: Events, waker: &Waker) -> Registration {
        let mut entries = self.0.entries.lock();
        let key = entries.next_key;
        entries.next_key += 1;
        entries.list.push(Entry { key, events: events | Events::ALWAYS, waker: waker.clone() });
        self.0.waiting.store(entries.list.len(), Ordering::SeqCst);
        Registration { queue: self.0.clone(), key }
    }

    /// Wakes every task that waits for one of `events`. Call it after the object's state has changed and its lock is released.
    pub fn notify(&self, events: Events) {
        // SeqCst pairs with `register`: either we see the entry, or the registering task sees the new state when it tries again.
        std::sync::atomic::fence(Ordering::SeqCst);
        if self.0.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let due: Vec<Waker> = self.0.entries.lock().list.iter().filter(|e| e.events.intersects(events)).map(|e| e.waker.clone()).collect();
        for waker in due {
            waker.wake();
        }
    }

    /// Whether anybody waits.
    pub fn is_empty(&self) -> bool {
        self.0.waiting.load(Ordering::SeqCst) == 0
    }
}

impl std::fmt::Debug for WaitQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WaitQueue({} waiting)", self.0.waiting.load(Ordering::Relaxed))
    }
}

/// Keeps a waker in a queue; dropping it takes the waker out.
#[must_use = "dropping the registration removes the waker"]
pub struct Registration {
    queue: Arc<Inner>,
    key: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut entries = self.queue.entries.lock();
        if let Some(at) = entries.list.iter().position(|e| e.key == self.key) {
            entries.list.swap_remove(at);
        }
        self.queue.waiting.store(entries.list.len(), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;
    use std::task::Wake;

    struct Count(AtomicU32);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn wakes_only_those_who_asked_for_the_event() {
        let (reader, writer) = (Arc::new(Count(AtomicU32::new(0))), Arc::new(Count(AtomicU32::new(0))));
        let queue = WaitQueue::new();
        let _r = queue.register(Events::IN, &reader.clone().into());
        let _w = queue.register(Events::OUT, &writer.clone().into());
        queue.notify(Events::IN);
        assert_eq!((reader.0.load(Ordering::SeqCst), writer.0.load(Ordering::SeqCst)), (1, 0));
        queue.notify(Events::HUP);
        assert_eq!((reader.0.load(Ordering::SeqCst), writer.0.load(Ordering::SeqCst)), (2, 1));
    }

    #[test]
    fn a_dropped_registration_is_not_woken() {
        let count = Arc::new(Count(AtomicU32::new(0)));
        let queue = WaitQueue::new();
        drop(queue.register(Events::IN, &count.clone().into()));
        queue.notify(Events::IN);
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
        assert!(queue.is_empty());
    }
}
