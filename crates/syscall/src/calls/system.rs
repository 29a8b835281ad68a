//! Clocks, identity and resources of the system.

use agentos_abi::{ClockId, Timespec};
use std::time::Instant;

/// uname(2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utsname {
    /// `"Linux"`
    pub sysname: String,
    /// Host name of the VM.
    pub nodename: String,
    /// Kernel release.
    pub release: String,
    /// Kernel version.
    pub version: String,
    /// Machine.
    pub machine: String,
    /// NIS domain.
    pub domainname: String,
}

/// sysinfo(2). Memory in bytes; it is the VM's limit, not the host's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sysinfo {
    /// Seconds since boot.
    pub uptime_s: u64,
    /// Load averages times 65536.
    pub loads: [u64; 3],
    /// All memory.
    pub total_bytes: u64,
    /// Unused memory.
    pub free_bytes: u64,
    /// Processes.
    pub processes: u16,
    /// CPUs shown to programs.
    pub cpus: u32,
}

/// System calls about the system.
pub trait SystemCalls {
    /// clock_gettime(2).
    fn clock_gettime(&self, clock: ClockId) -> Timespec;
    /// The host instant at which a clock shows `at`, for absolute sleeps; a past time answers now.
    fn clock_instant(&self, clock: ClockId, at: Timespec) -> Instant;
    /// uname(2).
    fn uname(&self) -> Utsname;
    /// sethostname(2) is EPERM but for the super-user.
    fn sethostname(&self, name: &[u8]) -> agentos_abi::Result<()>;
    /// sysinfo(2).
    fn sysinfo(&self) -> Sysinfo;
    /// getrandom(2): fills all of `buf`.
    fn getrandom(&self, buf: &mut [u8]);
}
