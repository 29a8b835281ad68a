//! One system call in progress: its arguments, the guest's memory, and what must survive between two attempts.

use crate::memory::Guest;
use crate::process::{Process, StartImage};
use agentos_abi::poll::PollFd;
use agentos_abi::wait::WaitTarget;
use agentos_abi::{AtFlags, Errno, Events, Fd, OpenFlags, Result, SigSet, Timespec, WaitStatus};
use agentos_syscall::{Syscalls, WaitOn};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The registers of a Linux call.
pub(crate) type Args = [u32; 6];

/// What a handler gets. `A` is the ABI's form of arguments.
pub(crate) struct Call<'a, A = Args> {
    /// The arguments.
    pub args: A,
    /// The guest's memory.
    pub mem: Guest<'a>,
    /// The kernel, as the calling process.
    pub task: &'a Arc<dyn Syscalls>,
    /// The parent, when the caller is a vfork child in its parent's instance.
    pub in_vfork: bool,
    /// What survives between attempts.
    pub state: &'a mut CallState,
    /// Arguments and environment of the program.
    pub image: &'a mut StartImage,
}

/// What a call waits for, owned.
#[derive(Default)]
pub(crate) enum Wait {
    /// A signal or the deadline.
    #[default]
    Signal,
    /// One descriptor.
    Fd(Fd, Events),
    /// Any of these.
    Poll(Vec<PollFd>),
    /// A child.
    Child(WaitTarget),
    /// A signal of a set.
    SignalIn(SigSet),
    /// What the kernel noted at the last EWAIT.
    LastCall,
}

impl Wait {
    /// As the kernel takes it.
    pub fn as_wait_on(&self) -> WaitOn<'_> {
        match self {
            Wait::Signal => WaitOn::Signal,
            Wait::Fd(fd, events) => WaitOn::Fd(*fd, *events),
            Wait::Poll(fds) => WaitOn::Poll(fds),
            Wait::Child(target) => WaitOn::Child(*target),
            Wait::SignalIn(set) => WaitOn::SignalIn(*set),
            Wait::LastCall => WaitOn::LastCall,
        }
    }
}

/// What the driver does after the handler.
pub(crate) enum Action {
    /// exit: ends the process with this status and leaves the program.
    Exit(WaitStatus),
    /// exec: another program has started in the process; leaves this one.
    Replaced,
    /// vfork: calls are the child's from now on.
    EnterChild(Arc<dyn Syscalls>),
    /// The child has its own program or has ended: calls are the parent's again.
    LeaveChild,
}

/// State of the call in progress, and the few facts about the guest that calls set.
#[derive(Default)]
pub(crate) struct CallState {
    /// No attempt has been made yet.
    pub first: bool,
    /// Bytes moved by earlier attempts.
    pub progress: usize,
    /// What to wait for on EWAIT.
    pub wait: Wait,
    /// Until when.
    pub deadline: Option<Instant>,
    /// The handler wants to be called once more when the wait ends without success, with the reason in `end`.
    pub sees_end: bool,
    /// Why the wait ended: ETIMEDOUT, ERESTARTSYS or EINTR.
    pub end: Option<Errno>,
    /// What the driver is to do.
    pub action: Option<Action>,
    /// Where the guest's stub looks for signals; 0 before it told.
    pub pending_word: u32,
    /// Asyncify's buffer of the last fork.
    pub fork_buffer: u32,
    /// WASI: the program has closed the preopened directory.
    pub closed_preopen: bool,
    /// Scratch for gathered writes.
    pub scratch: Vec<u8>,
}

/// Scratch that is kept between calls, in bytes.
const KEPT_SCRATCH: usize = 64 << 10;

impl CallState {
    /// A new call begins.
    pub fn begin(&mut self) {
        self.first = true;
        self.progress = 0;
        self.deadline = None;
        self.sees_end = false;
        self.end = None;
        // Any call may have to wait for somebody who is asked for permission.
        self.wait = Wait::default();
        if self.scratch.capacity() > KEPT_SCRATCH {
            self.scratch = Vec::new();
        }
    }

    /// What a forked copy of the program starts with.
    pub fn for_child(&self) -> CallState {
        CallState { pending_word: self.pending_word, fork_buffer: self.fork_buffer, ..CallState::default() }
    }
}

impl<'a, A: Copy> Call<'a, A> {
    /// The call of `process` whose memory is `bytes`.
    pub fn new(bytes: &'a mut [u8], process: &'a mut Process, args: &A) -> Call<'a, A> {
        Call { args: *args, mem: Guest(bytes), in_vfork: process.parent.is_some(), task: &process.task, state: &mut process.call, image: &mut process.image }
    }

    /// Names what to wait for should this attempt answer EWAIT.
    pub fn waits_for(&mut self, wait: Wait) {
        self.state.wait = wait;
    }

    /// Sets the deadline `after` from now, at the first attempt; a time beyond reckoning is no deadline.
    pub fn deadline_after(&mut self, after: Duration) {
        if self.state.first {
            self.state.deadline = Instant::now().checked_add(after);
        }
    }
}

impl Call<'_> {
    /// Argument `n` as a descriptor or other `int`.
    pub fn int(&self, n: usize) -> i32 {
        self.args[n] as i32
    }

    /// Arguments `n` (low) and `n + 1` (high) as a 64-bit number.
    pub fn long(&self, n: usize) -> i64 {
        (u64::from(self.args[n]) | u64::from(self.args[n + 1]) << 32) as i64
    }

    /// The same, which must not be negative (EINVAL).
    pub fn offset(&self, n: usize) -> Result<u64> {
        u64::try_from(self.long(n)).map_err(|_| Errno::EINVAL)
    }

    /// Argument `n` as a length.
    pub fn len(&self, n: usize) -> usize {
        self.args[n] as usize
    }

    /// The path that argument `n` points to.
    pub fn path(&self, n: usize) -> Result<&[u8]> {
        self.mem.path(self.args[n])
    }

    /// Argument `n` as flags of an `*at` call, of which only those in `allowed` may be set.
    pub fn at_flags(&self, n: usize, allowed: AtFlags) -> Result<AtFlags> {
        AtFlags::from_bits(self.args[n]).filter(|flags| allowed.contains(*flags)).ok_or(Errno::EINVAL)
    }

    /// Argument `n` as open flags, of which only those in `allowed` may be set.
    pub fn open_flags(&self, n: usize, allowed: OpenFlags) -> Result<OpenFlags> {
        OpenFlags::from_bits(self.args[n]).filter(|flags| allowed.contains(*flags)).ok_or(Errno::EINVAL)
    }

    /// A 64-bit timespec at `at`; EINVAL unless it is a valid point or length of time.
    pub fn timespec64(&self, at: u32) -> Result<Timespec> {
        checked(self.mem.i64(at)?, self.mem.i32(at.checked_add(8).ok_or(Errno::EFAULT)?)?)
    }

    /// A 32-bit timespec at `at`.
    pub fn timespec32(&self, at: u32) -> Result<Timespec> {
        checked(self.mem.i32(at)?.into(), self.mem.i32(at.checked_add(4).ok_or(Errno::EFAULT)?)?)
    }

    /// A timespec of either width.
    pub fn timespec(&self, at: u32, wide: bool) -> Result<Timespec> {
        if wide { self.timespec64(at) } else { self.timespec32(at) }
    }

    /// Stores a timespec of either width.
    pub fn put_timespec(&mut self, at: u32, time: Timespec, wide: bool) -> Result<()> {
        if wide {
            self.mem.put(at, &crate::memory::Record::default().u64(time.sec as u64).u32(time.nsec).u32(0).0)
        } else {
            self.mem.put(at, &crate::memory::Record::default().u32(time.sec as u32).u32(time.nsec).0)
        }
    }

    /// A signal set of 8 bytes at `at`.
    pub fn sigset(&self, at: u32, size: u32) -> Result<SigSet> {
        if size != 8 { Err(Errno::EINVAL) } else { self.mem.u64(at).map(SigSet) }
    }
}

fn checked(sec: i64, nsec: i32) -> Result<Timespec> {
    match u32::try_from(nsec) {
        Ok(nsec) if sec >= 0 && nsec < 1_000_000_000 => Ok(Timespec { sec, nsec }),
        _ => Err(Errno::EINVAL),
    }
}

/// Turns a count into a call's answer.
pub(crate) fn count(n: usize) -> Result<i32> {
    i32::try_from(n).map_err(|_| Errno::EOVERFLOW)
}
