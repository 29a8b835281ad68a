//! Signals, and how an engine hears about them.

use crate::wait::{WaitGuard, WaitOn};
use agentos_abi::signal::{SigAction, SigHow, SigInfo};
use agentos_abi::time::{Itimer, ItimerKind};
use agentos_abi::{ClockId, Fd, OpenFlags, Pid, Result, SigSet, Signal};
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

/// What an engine has to look at, as bits. 0 nearly always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Attention(pub u32);

impl Attention {
    /// A signal with a handler is deliverable: take it with [`SignalCalls::take_signal`].
    pub const SIGNAL: Attention = Attention(1);
    /// The process is stopped: wait with [`WaitOn::Continue`].
    pub const STOPPED: Attention = Attention(2);
    /// The process has ended: drop the program.
    pub const EXITED: Attention = Attention(4);

    /// Whether any bit of `other` is set.
    pub fn has(self, other: Attention) -> bool {
        self.0 & other.0 != 0
    }
}

/// A signal to run a handler for. The kernel has already blocked `action.mask` and the signal; the engine restores `old_mask`
/// with rt_sigprocmask when the handler returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The signal.
    pub signal: Signal,
    /// Its action, always with a handler.
    pub action: SigAction,
    /// Mask to restore.
    pub old_mask: SigSet,
    /// Where it came from.
    pub info: SigInfo,
}

/// Called from any thread when [`Attention`] bits appear, so that a computing program notices. Must not block or call back.
pub type Interrupt = Arc<dyn Fn(Attention) + Send + Sync>;

/// Signal calls.
pub trait SignalCalls {
    /// kill(2): `pid` > 0 a process, 0 the own group, -1 all, < -1 a group. `None` only checks. Errors: ESRCH, EPERM.
    fn kill(&self, pid: Pid, signal: Option<Signal>) -> Result<()>;
    /// rt_sigaction(2): sets `new` when given, answers the old one. Errors: EINVAL (KILL, STOP).
    fn sigaction(&self, signal: Signal, new: Option<SigAction>) -> Result<SigAction>;
    /// rt_sigprocmask(2): applies `new` when given, answers the old mask.
    fn sigprocmask(&self, new: Option<(SigHow, SigSet)>) -> SigSet;
    /// rt_sigpending(2).
    fn sigpending(&self) -> SigSet;
    /// First half of rt_sigsuspend(2), ppoll(2), pselect(2): puts `mask` in force until a signal is taken (whose `old_mask` is
    /// then the mask before) or [`restore_mask`](SignalCalls::restore_mask).
    fn set_temporary_mask(&self, mask: SigSet);
    /// Ends a temporary mask that no signal ended.
    fn restore_mask(&self);
    /// rt_sigtimedwait(2) without waiting: takes a pending signal of `set`, handler or not. EWAIT when there is none.
    fn sigtimedwait(&self, set: SigSet) -> Result<(Signal, SigInfo)>;
    /// rt_sigqueueinfo(2): kill(2) of one process, with a code (negative, as for sigqueue(3)) and a value. Errors: EPERM (a code that only
    /// the kernel may use, for another process), EAGAIN (too many are pending).
    fn sigqueue(&self, pid: Pid, signal: Option<Signal>, code: i32, value: i32) -> Result<()>;
    /// signalfd(2): a file that reads pending signals of `mask`; with `fd` not -1 changes the mask of one. Flags: CLOEXEC, NONBLOCK.
    /// Errors: EINVAL (not a signalfd), EBADF, EMFILE.
    fn signalfd(&self, fd: Fd, mask: SigSet, flags: OpenFlags) -> Result<Fd>;
    /// timer_create(2): raises `notify` (signal and value) at expiry, or nothing. Errors: EAGAIN (too many).
    fn timer_create(&self, clock: ClockId, notify: Option<(Signal, i32)>) -> Result<i32>;
    /// timer_settime(2), `new` from now on, and timer_gettime(2) without it: answers the old value. Errors: EINVAL.
    fn timer_settime(&self, id: i32, new: Option<Itimer>) -> Result<Itimer>;
    /// Clock of a timer. Errors: EINVAL.
    fn timer_clock(&self, id: i32) -> Result<ClockId>;
    /// timer_getoverrun(2). Errors: EINVAL.
    fn timer_getoverrun(&self, id: i32) -> Result<i32>;
    /// timer_delete(2). Errors: EINVAL.
    fn timer_delete(&self, id: i32) -> Result<()>;
    /// setitimer(2): answers the old value.
    fn setitimer(&self, kind: ItimerKind, new: Option<Itimer>) -> Result<Itimer>;

    /// What to look at; one atomic load. Checked after every call and at interrupts.
    fn attention(&self) -> Attention;
    /// Sets what is called when attention is wanted; replaces an earlier one.
    fn set_interrupt(&self, interrupt: Option<Interrupt>);
    /// The next signal to run a handler for. Default actions, ignoring and stopping have been done by the kernel.
    fn take_signal(&self) -> Option<Delivered>;
}

/// The kernel half of waiting; engines use [`crate::wait::blocking`].
pub trait WaitCalls {
    /// Arranges for `waker` to be called when what `on` names may have changed, when a signal becomes deliverable, when the
    /// process ends, and at `deadline`. Dropping the guard undoes it. Errors: EBADF.
    fn wait_register(&self, on: &WaitOn<'_>, deadline: Option<Instant>, waker: &Waker) -> Result<WaitGuard>;
}
