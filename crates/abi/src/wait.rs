//! Exit statuses and options of wait4(2).

use crate::signal::Signal;
use bitflags::bitflags;

bitflags! {
    /// Options of wait4(2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct WaitOptions: u32 {
        /// Do not wait.
        const NOHANG = 1;
        /// Report stopped children too.
        const UNTRACED = 2;
        /// waitid: report exited children.
        const EXITED = 4;
        /// Report continued children too.
        const CONTINUED = 8;
        /// waitid: leave the child waitable.
        const NOWAIT = 0x0100_0000;
    }
}

/// Which children wait4(2) looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitTarget {
    /// Any child.
    Any,
    /// The child with this pid.
    Pid(i32),
    /// Any child of this process group.
    Group(i32),
}

/// How a process ended or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitStatus {
    /// exit_group(2) with this status (8 bits).
    Exited(u8),
    /// Killed by a signal; `core` says the default action was to dump core.
    Signaled {
        /// The signal.
        signal: Signal,
        /// WCOREDUMP.
        core: bool,
    },
    /// Stopped by a signal.
    Stopped(Signal),
    /// Continued by SIGCONT.
    Continued,
}

impl WaitStatus {
    /// The `int` that wait(2) stores. The core bit is never set: no core file is written.
    pub fn raw(self) -> i32 {
        match self {
            WaitStatus::Exited(code) => (code as i32) << 8,
            WaitStatus::Signaled { signal, .. } => signal.number(),
            WaitStatus::Stopped(signal) => signal.number() << 8 | 0x7f,
            WaitStatus::Continued => 0xffff,
        }
    }

    /// The exit status that a shell shows: the code, or 128 plus the signal.
    pub fn shell_code(self) -> i32 {
        match self {
            WaitStatus::Exited(code) => code as i32,
            WaitStatus::Signaled { signal, .. } | WaitStatus::Stopped(signal) => 128 + signal.number(),
            WaitStatus::Continued => 0,
        }
    }
}

/// What getrusage(2) and wait4(2) tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rusage {
    /// User CPU time.
    pub utime: std::time::Duration,
    /// System CPU time.
    pub stime: std::time::Duration,
    /// Largest memory in KiB.
    pub maxrss_kib: u64,
}
