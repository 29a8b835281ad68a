//! The threads that run programs, and the clock that interrupts them.
//!
//! Programs are futures on a scheduler of our own ([`scheduler`], [`group`]): a few threads share the CPUs out between VMs by the time
//! that each has used, so that a VM with a hundred busy programs gets no more than one with a single shell. Within a VM a woken program
//! runs next on the thread that woke it ([`local`]), so a shell and its command hand over without a switch of threads.
//! A ticker ([`ticker`]) advances wasmtime's epoch while anything runs; a program that meets a tick yields when it has had a
//! slice, or when another VM has been waiting.

mod group;
mod local;
mod scheduler;
mod task;
mod ticker;

pub(crate) use local::{flush_stale, slice_used, take_slice, wants_to_yield};
pub(crate) use ticker::TICK;

use agentos_syscall::CpuAccount;
use scheduler::Scheduler;
use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use task::Task;
use wasmtime::Engine;

type Work = Box<dyn FnOnce() + Send>;

/// Threads and ticker.
pub(crate) struct Executor {
    scheduler: Arc<Scheduler>,
    compiler: Sender<Work>,
}

impl Executor {
    /// Starts the threads; `threads` 0 means one per CPU, at least 2.
    pub fn new(engine: Engine, threads: usize) -> std::io::Result<Executor> {
        let cpus = std::thread::available_parallelism().map_or(2, |n| n.get());
        let threads = if threads == 0 { cpus.max(2) } else { threads };
        let scheduler = Scheduler::start(engine, threads)?;
        let (compiler, work) = channel::<Work>();
        // One is enough: compiling one module uses all CPUs.
        std::thread::Builder::new().name("agentos-compile".into()).spawn(move || work.into_iter().for_each(|work| work()))?;
        Ok(Executor { scheduler, compiler })
    }

    /// Runs a future in the share of the VM that `account` belongs to, telling `charge` the time of every poll. A panic ends it.
    pub fn spawn(&self, account: &Arc<CpuAccount>, future: impl Future<Output = ()> + Send + 'static, charge: impl Fn(Duration) + Send + Sync + 'static) {
        let group = self.scheduler.join(account);
        let task = Task::new(self.scheduler.clone(), group, Box::pin(future), Box::new(charge));
        task.schedule();
    }

    /// Runs a long computation beside the threads of programs. An error when the computation panicked.
    pub async fn beside<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> Option<R> {
        let (tell, told) = tokio::sync::oneshot::channel();
        self.compiler
            .send(Box::new(move || {
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
                if let Ok(value) = outcome {
                    let _ = tell.send(value);
                }
            }))
            .ok()?;
        told.await.ok()
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.scheduler.stop();
    }
}
