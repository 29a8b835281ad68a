//! The threads that run programs, and the clock that interrupts them.
//!
//! Programs are futures on a tokio scheduler of our own: a woken program runs next on the thread that woke it, so a shell and
//! its command hand over without a switch of threads. A ticker advances wasmtime's epoch every [`TICK`] while anything
//! runs; a program that meets a tick yields when it has had a slice.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use wasmtime::Engine;

/// Time between two epochs.
pub(crate) const TICK: Duration = Duration::from_millis(5);
/// Ticks without a running program after which the ticker sleeps until one starts.
const IDLE_TICKS: u32 = 20;

/// Threads and ticker.
pub(crate) struct Executor {
    runtime: Option<tokio::runtime::Runtime>,
    ticker: Arc<Ticker>,
}

struct Ticker {
    /// Programs being polled right now.
    running: AtomicUsize,
    /// The thread is parked and must be woken by whoever starts to run.
    parked: AtomicBool,
    stop: AtomicBool,
    thread: std::sync::OnceLock<std::thread::Thread>,
}

thread_local! {
    /// When the program that this thread runs began its slice.
    static SLICE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// How long the current program has run since it was last polled or accounted for.
pub(crate) fn slice_used() -> Duration {
    SLICE.get().map_or(Duration::ZERO, |since| since.elapsed())
}

/// The same, and a new slice begins: for whoever charges the time at once, as exit(2) must before the parent can look.
pub(crate) fn take_slice() -> Duration {
    let now = Instant::now();
    SLICE.replace(Some(now)).map_or(Duration::ZERO, |since| now - since)
}

impl Executor {
    /// Starts the threads; `threads` 0 means one per CPU, at least 2.
    pub fn new(engine: Engine, threads: usize) -> std::io::Result<Executor> {
        let cpus = std::thread::available_parallelism().map_or(2, |n| n.get());
        let threads = if threads == 0 { cpus.max(2) } else { threads };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .max_blocking_threads(2)
            .thread_name("agentos-wasm")
            // The scheduler's look at its global queue costs more than a short program's slice.
            .global_queue_interval(31)
            .build()?;
        let ticker =
            Arc::new(Ticker { running: AtomicUsize::new(0), parked: AtomicBool::new(false), stop: AtomicBool::new(false), thread: std::sync::OnceLock::new() });
        let clock = ticker.clone();
        std::thread::Builder::new().name("agentos-tick".into()).spawn(move || clock.run(&engine))?;
        Ok(Executor { runtime: Some(runtime), ticker })
    }

    /// Runs a program's future, telling `charge` the time of every poll.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static, charge: impl Fn(Duration) + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(Timed { inner: Box::pin(future), charge, ticker: self.ticker.clone() });
        }
    }

    /// Runs a long computation beside the executor threads.
    pub fn spawn_blocking<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> Option<tokio::task::JoinHandle<R>> {
        Some(self.runtime.as_ref()?.spawn_blocking(work))
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.ticker.stop.store(true, Ordering::SeqCst);
        self.ticker.wake();
        // Waiting for the threads is not possible here: one of them may drop the last handle on the engine.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Ticker {
    fn run(&self, engine: &Engine) {
        let _ = self.thread.set(std::thread::current());
        let mut idle = 0;
        while !self.stop.load(Ordering::SeqCst) {
            std::thread::sleep(TICK);
            engine.increment_epoch();
            idle = if self.running.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
            if idle >= IDLE_TICKS {
                // Announce first, look again, then park: a program that starts in between sees the flag.
                self.parked.store(true, Ordering::SeqCst);
                while self.running.load(Ordering::SeqCst) == 0 && self.parked.load(Ordering::SeqCst) && !self.stop.load(Ordering::SeqCst) {
                    std::thread::park();
                }
                self.parked.store(false, Ordering::SeqCst);
                idle = 0;
            }
        }
    }

    fn wake(&self) {
        self.parked.store(false, Ordering::SeqCst);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn enter(&self) {
        self.running.fetch_add(1, Ordering::SeqCst);
        if self.parked.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    fn leave(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Measures the polls of a program.
struct Timed<C> {
    inner: Pin<Box<dyn Future<Output = ()> + Send>>,
    charge: C,
    ticker: Arc<Ticker>,
}

// The inner future is boxed, so moving this is fine.
impl<C> Unpin for Timed<C> {}

impl<C: Fn(Duration)> Future for Timed<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        SLICE.set(Some(Instant::now()));
        self.ticker.enter();
        let result = self.inner.as_mut().poll(cx);
        self.ticker.leave();
        (self.charge)(take_slice());
        result
    }
}
