//! Signals: what each process does on one, what is pending, and how one gets there.
//!
//! [`state`] is one process' record; [`send`] posts a signal and carries out default actions; [`permission`] is kill(2)'s check.

mod permission;
mod send;
mod state;

pub(crate) use permission::may_signal;
pub(crate) use state::{SignalState, Verdict};

use agentos_abi::signal::SigInfo;

/// Most queued real-time signals of one process (RLIMIT_SIGPENDING).
pub(crate) const MAX_QUEUED: usize = 1024;

/// `si_code` of a signal from the kernel (SI_KERNEL).
const SI_KERNEL: i32 = 0x80;
/// `si_code` of SIGCHLD (CLD_*).
pub(crate) mod cld {
    pub(crate) const EXITED: i32 = 1;
    pub(crate) const KILLED: i32 = 2;
    pub(crate) const DUMPED: i32 = 3;
    pub(crate) const STOPPED: i32 = 5;
    pub(crate) const CONTINUED: i32 = 6;
}

/// A signal that the kernel itself raises.
pub(crate) const FROM_KERNEL: SigInfo = SigInfo { code: SI_KERNEL, pid: 0, uid: 0, status: 0 };
