//! Bounds of a VM and of its processes: every one is enforced where the resource is taken.

mod rlimit;

pub(crate) use rlimit::Rlimits;

use agentos_account::{Account, Bounds, Limit};
use std::sync::Arc;

/// Most bytes of one argument or environment string, NUL included (Linux' MAX_ARG_STRLEN).
pub(crate) const MAX_ARG_STRLEN: usize = 128 * 1024;
/// Highest process id plus one (/proc/sys/kernel/pid_max).
pub const PID_MAX: i32 = 32768;

/// Bounds of the whole VM.
#[derive(Clone)]
pub struct Limits {
    /// What the VM uses and may use. The default is [`Bounds::default`].
    pub account: Arc<Account>,
    /// Initial RLIMIT_NOFILE (soft, hard) of pid 1. Default (1024, 4096). Excess: EMFILE.
    pub max_process_files: (u64, u64),
    /// Bytes that all pipes may buffer together. Default 64 MiB. Excess: pipes of one page, then ENFILE from pipe(2), EPERM from F_SETPIPE_SZ.
    pub max_pipe_bytes: usize,
    /// CPUs that programs see. Default 1.
    pub cpus: u32,
}

impl Limits {
    /// The defaults but for one bound.
    pub fn bounded(limit: Limit, value: u64) -> Limits {
        Limits { account: Account::new(Bounds::default().with(limit, value)), ..Limits::default() }
    }

    /// The share of one CPU that all programs together have, in percent.
    pub(crate) fn max_cpu_percent(&self) -> Option<u32> {
        u32::try_from(self.account.bounds().get(Limit::CpuPercent)).ok()
    }

    /// A bound, as a count of things in memory.
    pub(crate) fn count(&self, limit: Limit) -> usize {
        usize::try_from(self.account.bounds().get(limit)).unwrap_or(usize::MAX)
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { account: Account::new(Bounds::default()), max_process_files: (1024, 4096), max_pipe_bytes: 64 << 20, cpus: 1 }
    }
}
