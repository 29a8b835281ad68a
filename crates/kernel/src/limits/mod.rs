//! Bounds of a VM and of its processes: every one is enforced where the resource is taken.

mod memory;
mod rlimit;

pub(crate) use memory::Memory;
pub(crate) use rlimit::Rlimits;

/// Most bytes of one argument or environment string, NUL included (Linux' MAX_ARG_STRLEN).
pub(crate) const MAX_ARG_STRLEN: usize = 128 * 1024;
/// Highest process id plus one (/proc/sys/kernel/pid_max).
pub const PID_MAX: i32 = 32768;

/// Bounds of the whole VM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of program memory that all processes may hold together. Default 512 MiB. Excess: ENOMEM.
    pub max_memory_bytes: u64,
    /// CPU time over wall time of the whole VM, in percent of one CPU. Default none. Excess: programs pause.
    pub max_cpu_percent: Option<u32>,
    /// Processes, zombies included, without pid 1. Default 512. Excess: EAGAIN from fork(2).
    pub max_processes: usize,
    /// Open file descriptions. Default 16384. Excess: ENFILE.
    pub max_open_files: usize,
    /// Initial RLIMIT_NOFILE (soft, hard) of pid 1. Default (1024, 4096). Excess: EMFILE.
    pub max_process_files: (u64, u64),
    /// Bytes that all pipes may buffer together. Default 64 MiB. Excess: pipes of one page, then ENFILE from pipe(2), EPERM from F_SETPIPE_SZ.
    pub max_pipe_bytes: usize,
    /// Bytes of arguments and environment, pointers included (ARG_MAX). Default 2 MiB. Excess: E2BIG; so is a string over 128 KiB.
    pub max_arg_bytes: usize,
    /// Pseudo-terminals. Default 256. Excess: ENOSPC from opening /dev/ptmx.
    pub max_terminals: usize,
    /// CPUs that programs see. Default 1.
    pub cpus: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_memory_bytes: 512 << 20,
            max_cpu_percent: None,
            max_processes: 512,
            max_open_files: 16384,
            max_process_files: (1024, 4096),
            max_pipe_bytes: 64 << 20,
            max_arg_bytes: 2 << 20,
            max_terminals: 256,
            cpus: 1,
        }
    }
}
