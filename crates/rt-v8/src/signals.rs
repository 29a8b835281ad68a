//! Signals on their way from the kernel to JavaScript.
//!
//! A handler of Node runs in the event loop, like libuv's: the engine takes each deliverable signal from the kernel at once,
//! restores the mask, and queues the number. One poll operation per listened signal waits on the queue.

use agentos_abi::Signal;
use agentos_abi::signal::SigHow;
use agentos_syscall::Syscalls;
use parking_lot::Mutex;
use std::task::{Context, Poll, Waker};

/// Undelivered signals and who waits for them. At most one of a number is pending, as with standard signals in Linux.
#[derive(Default)]
pub struct SignalQueue(Mutex<State>);

#[derive(Default)]
struct State {
    pending: u64,
    wakers: Vec<(Signal, Waker)>,
}

impl SignalQueue {
    /// Takes everything deliverable from the kernel.
    pub fn collect(&self, task: &dyn Syscalls) {
        while let Some(delivered) = task.take_signal() {
            task.sigprocmask(Some((SigHow::SetMask, delivered.old_mask)));
            let mut state = self.0.lock();
            state.pending |= bit(delivered.signal);
            let due: Vec<Waker> = state.wakers.iter().filter(|(signal, _)| *signal == delivered.signal).map(|(_, waker)| waker.clone()).collect();
            drop(state);
            due.into_iter().for_each(Waker::wake);
        }
    }

    /// Ready when `signal` has come since the last time.
    pub fn poll_take(&self, signal: Signal, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.pending & bit(signal) != 0 {
            state.pending &= !bit(signal);
            return Poll::Ready(());
        }
        state.wakers.retain(|(waiting, _)| *waiting != signal);
        state.wakers.push((signal, cx.waker().clone()));
        Poll::Pending
    }

    /// Wakes whoever waits for `signal`, to look at its cancellation.
    pub fn wake(&self, signal: Signal) {
        let due: Vec<Waker> = self.0.lock().wakers.iter().filter(|(waiting, _)| *waiting == signal).map(|(_, waker)| waker.clone()).collect();
        due.into_iter().for_each(Waker::wake);
    }
}

fn bit(signal: Signal) -> u64 {
    1 << (signal.number() - 1)
}
