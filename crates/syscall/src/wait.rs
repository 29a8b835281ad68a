//! Waiting, written once: try, register, try again, wait.

use crate::Syscalls;
use crate::calls::Attention;
use agentos_abi::poll::PollFd;
use agentos_abi::wait::WaitTarget;
use agentos_abi::{Errno, Events, Fd, Result, SigSet};
use agentos_waiter::Registration;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

/// What a task waits for.
#[derive(Clone, Copy, Debug)]
pub enum WaitOn<'a> {
    /// Only a signal or the deadline: nanosleep(2), pause(2), sigsuspend(2).
    Signal,
    /// One descriptor.
    Fd(Fd, Events),
    /// Any of these descriptors: poll(2), select(2).
    Poll(&'a [PollFd]),
    /// A child: wait4(2).
    Child(WaitTarget),
    /// A signal of a set: sigtimedwait(2).
    SignalIn(SigSet),
    /// The other end of a FIFO that is being opened, or a lock: the kernel keeps what the last EWAIT of this task was about.
    LastCall,
    /// The answer for a host name.
    Resolve(&'a str),
    /// SIGCONT, for a stopped process.
    Continue,
}

/// Whatever a wait holds on to; dropping it ends the interest.
#[derive(Default)]
pub struct WaitGuard {
    /// Queue registrations.
    pub registrations: Vec<Registration>,
    /// A timer or other resource.
    pub extra: Option<Box<dyn std::any::Any + Send>>,
}

/// A source of timers, given to the kernel by whoever assembles the VM.
pub trait Timers: Send + Sync {
    /// Calls `waker` once at `at`, unless the guard is dropped first.
    fn wake_at(&self, at: Instant, waker: Waker) -> Box<dyn std::any::Any + Send>;
}

/// Runs `call` until it answers something else than EWAIT, parking in between.
///
/// # Errors
/// What `call` answers; ERESTARTSYS when a signal with a handler became deliverable; EINTR when the process has ended;
/// ETIMEDOUT when `deadline` has passed.
pub async fn blocking<T>(task: &dyn Syscalls, on: WaitOn<'_>, deadline: Option<Instant>, mut call: impl FnMut() -> Result<T>) -> Result<T> {
    match call() {
        Err(Errno::EWAIT) => {}
        done => return done,
    }
    let mut guard: Option<WaitGuard> = None;
    poll_fn(move |cx: &mut Context<'_>| {
        // Registration first: what happens from here on calls the waker, so trying again cannot miss it.
        match task.wait_register(&on, deadline, cx.waker()) {
            Ok(new) => drop(guard.replace(new)),
            Err(errno) => return Poll::Ready(Err(errno)),
        }
        match call() {
            Err(Errno::EWAIT) => {}
            done => return Poll::Ready(done),
        }
        let attention = task.attention();
        if attention.has(Attention::EXITED) {
            return Poll::Ready(Err(Errno::EINTR));
        }
        if attention.has(Attention::SIGNAL) {
            return Poll::Ready(Err(Errno::ERESTARTSYS));
        }
        if deadline.is_some_and(|at| Instant::now() >= at) {
            return Poll::Ready(Err(Errno::ETIMEDOUT));
        }
        Poll::Pending
    })
    .await
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, parking it in between. For engines that own their thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        std::thread::park();
    }
}
