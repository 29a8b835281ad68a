//! Timers: one thread that sleeps until the next is due.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Condvar, LazyLock, Mutex};
use std::task::Waker;
use std::time::Instant;

type Key = (Instant, u64);

static QUEUE: LazyLock<(Mutex<(BTreeMap<Key, Waker>, u64)>, Condvar)> = LazyLock::new(|| {
    std::thread::spawn(run);
    Default::default()
});

struct Guard(Key);

impl Drop for Guard {
    fn drop(&mut self) {
        QUEUE.0.lock().expect("not poisoned").0.remove(&self.0);
    }
}

pub fn wake_at(at: Instant, waker: Waker) -> Box<dyn Any + Send> {
    let mut queue = QUEUE.0.lock().expect("not poisoned");
    queue.1 += 1;
    let key = (at, queue.1);
    queue.0.insert(key, waker);
    QUEUE.1.notify_one();
    Box::new(Guard(key))
}

fn run() {
    let mut queue = QUEUE.0.lock().expect("not poisoned");
    loop {
        let now = Instant::now();
        match queue.0.first_key_value().map(|(key, _)| *key) {
            Some(key) if key.0 <= now => {
                let waker = queue.0.remove(&key);
                drop(queue);
                waker.into_iter().for_each(Waker::wake);
                queue = QUEUE.0.lock().expect("not poisoned");
            }
            Some(key) => queue = QUEUE.1.wait_timeout(queue, key.0 - now).expect("not poisoned").0,
            None => queue = QUEUE.1.wait(queue).expect("not poisoned"),
        }
    }
}
