//! Threads with an isolate ready to be given a program.
//!
//! Creating an isolate takes about 12 ms, booting a created one about 5. The pool keeps a few created; each is used once,
//! because an isolate cannot be made clean again and V8's and Node's state is per thread.

use crate::isolate::Isolate;
use crate::modules::CodeCache;
use crate::snapshot::Snapshot;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

/// What a thread does with its isolate.
pub type Job = Box<dyn FnOnce(Isolate, &tokio::runtime::Runtime) + Send>;

/// Stack of an isolate's thread, in bytes. V8 limits JavaScript to about 1 MB of it; parsers and the resolver use the rest.
const STACK_BYTES: usize = 8 << 20;

/// A number of waiting threads.
pub struct Pool {
    snapshot: Snapshot,
    heap_max_bytes: usize,
    target: usize,
    code_cache: Arc<CodeCache>,
    idle: Mutex<Vec<Sender<Job>>>,
}

impl Pool {
    /// A pool that keeps `target` isolates ready, each with a heap of at most `heap_max_bytes`.
    pub fn new(snapshot: Snapshot, heap_max_bytes: usize, target: usize) -> Arc<Pool> {
        let pool = Arc::new(Pool { snapshot, heap_max_bytes, target, code_cache: Arc::default(), idle: Mutex::default() });
        pool.refill();
        pool
    }

    /// Hands `job` to a waiting thread, or to a new one.
    ///
    /// # Errors
    /// ENOMEM when no thread can be made.
    pub fn run(self: &Arc<Pool>, mut job: Job) -> agentos_abi::Result<()> {
        loop {
            let Some(waiting) = self.idle.lock().pop() else { break };
            match waiting.send(job) {
                Ok(()) => {
                    self.refill();
                    return Ok(());
                }
                // The thread could not make its isolate.
                Err(returned) => job = returned.0,
            }
        }
        let sender = self.spawn()?;
        self.refill();
        sender.send(job).map_err(|_| agentos_abi::Errno::ENOMEM)
    }

    /// Ends all waiting threads, giving their memory back.
    pub fn drain(&self) {
        self.idle.lock().clear();
    }

    fn refill(&self) {
        while self.idle.lock().len() < self.target {
            let Ok(sender) = self.spawn() else { return };
            self.idle.lock().push(sender);
        }
    }

    /// Starts a thread that makes an isolate and waits for a job; it ends when the sender is dropped.
    fn spawn(&self) -> agentos_abi::Result<Sender<Job>> {
        let (sender, receiver) = channel::<Job>();
        let (snapshot, heap_max_bytes, code_cache) = (self.snapshot, self.heap_max_bytes, self.code_cache.clone());
        let body = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build();
            let Ok(runtime) = runtime else { return };
            let _context = runtime.enter();
            match Isolate::new(snapshot, heap_max_bytes, code_cache) {
                Ok(isolate) => {
                    if let Ok(job) = receiver.recv() {
                        be_nice();
                        job(isolate, &runtime);
                    }
                }
                Err(error) => tracing::error!("no isolate: {error}"),
            }
        };
        let thread = std::thread::Builder::new().name("agentos-node".into()).stack_size(STACK_BYTES).spawn(body);
        thread.map(|_| sender).map_err(|_| agentos_abi::Errno::ENOMEM)
    }
}

/// Ranks this thread below the event loop of the host and what was just woken of WebAssembly programs (the same niceness as the
/// threads there that run what computes): an endless loop of a guest must not make others wait.
#[allow(unsafe_code, reason = "setpriority has no safe form here")]
fn be_nice() {
    const NICENESS: i32 = 5;
    // SAFETY: no memory is involved; 0 is the calling thread on Linux.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
}
