//! One future on the scheduler.

use super::local;
use super::scheduler::Scheduler;
use parking_lot::Mutex;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// Waits for a waker.
const IDLE: u8 = 0;
/// In a queue or slot.
const READY: u8 = 1;
/// Being polled.
const RUNNING: u8 = 2;
/// Being polled, and woken meanwhile.
const WOKEN: u8 = 3;
/// Finished.
const DONE: u8 = 4;

/// A future, and where it stands.
pub(super) struct Task {
    scheduler: Arc<Scheduler>,
    group: usize,
    state: AtomicU8,
    /// `None` once finished. Only whoever moved the state to RUNNING locks it.
    future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    charge: Box<dyn Fn(Duration) + Send + Sync>,
}

/// What is to be done with a task that was polled.
pub(super) enum Outcome {
    /// It waits, or has finished.
    Off,
    /// It goes to the end of its group's queue.
    Again,
    /// It has finished just now: its group has one fewer.
    Finished,
}

impl Task {
    pub fn new(
        scheduler: Arc<Scheduler>,
        group: usize,
        future: Pin<Box<dyn Future<Output = ()> + Send>>,
        charge: Box<dyn Fn(Duration) + Send + Sync>,
    ) -> Arc<Task> {
        Arc::new(Task { scheduler, group, state: AtomicU8::new(IDLE), future: Mutex::new(Some(future)), charge })
    }

    pub fn group(&self) -> usize {
        self.group
    }

    pub fn scheduler_id(&self) -> usize {
        Arc::as_ptr(&self.scheduler) as usize
    }

    /// Makes it run, on this thread next if that is possible.
    pub fn schedule(self: Arc<Self>) {
        let woken = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| match state {
            IDLE => Some(READY),
            RUNNING => Some(WOKEN),
            _ => None,
        });
        if woken == Ok(IDLE)
            && let Some(task) = local::put(self)
        {
            task.hand_over();
        }
    }

    /// Puts it, being ready, where every thread finds it.
    pub fn hand_over(self: Arc<Self>) {
        let scheduler = self.scheduler.clone();
        scheduler.enqueue(self, false);
    }

    /// Polls it once. Answers the time that took too.
    pub fn run(self: &Arc<Self>) -> (Outcome, Duration) {
        self.state.store(RUNNING, Ordering::Release);
        let began = Instant::now();
        local::begin_slice(began);
        let finished = self.poll();
        (self.charge)(local::take_slice());
        let used = began.elapsed();
        if finished {
            self.state.store(DONE, Ordering::Release);
            return (Outcome::Finished, used);
        }
        match self.state.compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => (Outcome::Off, used),
            Err(_) => {
                self.state.store(READY, Ordering::Release);
                (Outcome::Again, used)
            }
        }
    }

    /// Whether it has finished. A panic finishes it: what it was to end is ended by its destructors.
    fn poll(self: &Arc<Self>) -> bool {
        let waker = Waker::from(self.clone());
        let mut slot = self.future.lock();
        let Some(future) = slot.as_mut() else { return true };
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut Context::from_waker(&waker))));
        if matches!(polled, Ok(Poll::Pending)) {
            return false;
        }
        let future = slot.take();
        drop(slot);
        if catch_unwind(AssertUnwindSafe(|| drop(future))).is_err() || polled.is_err() {
            tracing::error!("a program's task panicked");
        }
        true
    }

    /// Gives it up unfinished.
    pub fn cancel(&self) {
        self.state.store(DONE, Ordering::Release);
        // Locked: it is being polled, and that thread will find the scheduler stopped.
        let future = self.future.try_lock().and_then(|mut slot| slot.take());
        drop(future);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.schedule();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.clone().schedule();
    }
}
