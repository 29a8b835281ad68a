//! One thread that wakes tasks at their deadlines, for all VMs of the process.

use agentos_syscall::Timers;
use parking_lot::{Condvar, Mutex};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::task::Waker;
use std::time::Instant;

/// The timers of the process.
#[derive(Clone)]
pub struct HostTimers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    next_id: u64,
    /// By time, then by order of arrival.
    due: BTreeMap<(Instant, u64), Waker>,
}

impl HostTimers {
    /// The shared instance; its thread starts with the first call.
    pub fn shared() -> HostTimers {
        static SHARED: LazyLock<HostTimers> = LazyLock::new(|| {
            let timers = HostTimers(Arc::default());
            let shared = timers.0.clone();
            if let Err(error) = std::thread::Builder::new().name("agentos-timers".into()).spawn(move || run(&shared)) {
                panic!("cannot start the timer thread: {error}");
            }
            timers
        });
        SHARED.clone()
    }
}

fn run(shared: &Shared) {
    let mut queue = shared.queue.lock();
    loop {
        let now = Instant::now();
        let mut fired = Vec::new();
        while let Some(entry) = queue.due.first_entry() {
            if entry.key().0 > now {
                break;
            }
            fired.push(entry.remove());
        }
        if !fired.is_empty() {
            // A waker may arm a new timer: never call it under the lock.
            parking_lot::MutexGuard::unlocked(&mut queue, || fired.into_iter().for_each(Waker::wake));
            continue;
        }
        match queue.due.first_key_value().map(|(key, _)| key.0) {
            Some(at) => drop(shared.changed.wait_until(&mut queue, at)),
            None => shared.changed.wait(&mut queue),
        }
    }
}

impl Timers for HostTimers {
    fn wake_at(&self, at: Instant, waker: Waker) -> Box<dyn Any + Send> {
        let mut queue = self.0.queue.lock();
        let id = queue.next_id;
        queue.next_id += 1;
        queue.due.insert((at, id), waker);
        let earliest = queue.due.first_key_value().is_some_and(|(key, _)| *key == (at, id));
        drop(queue);
        if earliest {
            self.0.changed.notify_one();
        }
        Box::new(Armed { shared: self.0.clone(), key: (at, id) })
    }
}

/// An armed timer; dropping it disarms.
struct Armed {
    shared: Arc<Shared>,
    key: (Instant, u64),
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.shared.queue.lock().due.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::task::Wake;
    use std::time::Duration;

    struct Tell(Mutex<mpsc::Sender<u8>>, u8);
    impl Wake for Tell {
        fn wake(self: Arc<Self>) {
            let _ = self.0.lock().send(self.1);
        }
    }

    #[test]
    fn timers_fire_in_order_and_dropped_ones_never() {
        let (tell, told) = mpsc::channel();
        let timers = HostTimers::shared();
        let now = Instant::now();
        let arm = |ms, n| timers.wake_at(now + Duration::from_millis(ms), Arc::new(Tell(Mutex::new(tell.clone()), n)).into());
        let _late = arm(20, 3);
        drop(arm(5, 2));
        let _early = arm(1, 1);
        assert_eq!((told.recv(), told.recv()), (Ok(1), Ok(3)));
    }
}
