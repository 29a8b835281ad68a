//! The clock that interrupts programs.

use super::scheduler::Scheduler;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{OnceLock, Weak};
use std::thread::Thread;
use std::time::Duration;
use wasmtime::Engine;

/// Time between two epochs, and the slice that a program may have before others go first.
pub(crate) const TICK: Duration = Duration::from_millis(5);
/// Ticks without anything to do after which the ticker sleeps until a program starts to run.
const IDLE_TICKS: u32 = 20;

/// What threads and ticker tell each other.
#[derive(Default)]
pub(super) struct Ticker {
    /// Threads that run programs right now.
    running: AtomicUsize,
    /// The ticker is parked and must be woken by whoever starts to run.
    parked: AtomicBool,
    stop: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Ticker {
    /// Ticks until the scheduler stops or is gone.
    pub fn run(engine: &Engine, scheduler: &Weak<Scheduler>) {
        if let Some(scheduler) = scheduler.upgrade() {
            let _ = scheduler.ticker.thread.set(std::thread::current());
        }
        let mut idle = 0;
        loop {
            std::thread::sleep(TICK);
            engine.increment_epoch();
            let Some(scheduler) = scheduler.upgrade() else { return };
            let ticker = &scheduler.ticker;
            if ticker.stop.load(Ordering::SeqCst) {
                return;
            }
            let paused = scheduler.resume_due();
            idle = if paused || ticker.running.load(Ordering::SeqCst) > 0 { 0 } else { idle + 1 };
            if idle >= IDLE_TICKS {
                ticker.park();
                idle = 0;
            }
        }
    }

    fn park(&self) {
        // Announce first, look again, then park: a program that starts in between sees the flag.
        self.parked.store(true, Ordering::SeqCst);
        while self.running.load(Ordering::SeqCst) == 0 && self.parked.load(Ordering::SeqCst) && !self.stop.load(Ordering::SeqCst) {
            std::thread::park();
        }
        self.parked.store(false, Ordering::SeqCst);
    }

    fn wake(&self) {
        self.parked.store(false, Ordering::SeqCst);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// A thread begins to run programs.
    pub fn enter(&self) {
        self.running.fetch_add(1, Ordering::SeqCst);
        if self.parked.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    /// It has nothing more to run.
    pub fn leave(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    /// Ends the ticker's thread.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.wake();
    }
}
