//! Clocks, identity and resources of the system.

use crate::task::Task;
use agentos_abi::{ClockId, Errno, Result, Timespec};
use agentos_syscall::{Sysinfo, SystemCalls, Utsname};
use std::time::{Duration, Instant};

/// Longest host name in bytes (sethostname(2)).
pub(crate) const HOST_NAME_MAX: usize = 64;
/// The release whose behaviour this kernel has, as uname(2) shows it.
pub const RELEASE: &str = "6.1.0-agentos";
/// The version string of uname(2).
pub const VERSION: &str = "#1 SMP agentOS";

impl SystemCalls for Task {
    fn clock_gettime(&self, clock: ClockId) -> Timespec {
        match clock {
            ClockId::Realtime => self.kernel.clock.realtime(),
            ClockId::Monotonic | ClockId::Boottime => self.kernel.uptime().into(),
            ClockId::ProcessCpu | ClockId::ThreadCpu => self.process.usage.cpu().into(),
        }
    }

    fn clock_instant(&self, clock: ClockId, at: Timespec) -> Instant {
        let now = self.kernel.clock.monotonic();
        let ahead = at.as_nanos() - self.clock_gettime(clock).as_nanos();
        match u64::try_from(ahead) {
            Ok(nanos) => now.checked_add(Duration::from_nanos(nanos)).unwrap_or(now),
            // In the past; or beyond what fits 64 bits of nanoseconds, which is 584 years.
            Err(_) if ahead < 0 => now,
            Err(_) => now + Duration::from_secs(u64::from(u32::MAX)),
        }
    }

    fn uname(&self) -> Utsname {
        Utsname {
            sysname: "Linux".into(),
            nodename: self.kernel.hostname.read().clone(),
            release: RELEASE.into(),
            version: VERSION.into(),
            machine: "x86_64".into(),
            domainname: "(none)".into(),
        }
    }

    fn sethostname(&self, name: &[u8]) -> Result<()> {
        self.process.alive()?;
        if !self.process.credentials.read().privileged() {
            return Err(Errno::EPERM);
        }
        if name.len() > HOST_NAME_MAX {
            return Err(Errno::EINVAL);
        }
        *self.kernel.hostname.write() = String::from_utf8(name.to_vec()).map_err(|_| Errno::EINVAL)?;
        Ok(())
    }

    fn sysinfo(&self) -> Sysinfo {
        let stats = self.kernel.stats();
        Sysinfo {
            uptime_s: stats.uptime.as_secs(),
            loads: [0; 3],
            total_bytes: stats.memory_limit_bytes,
            free_bytes: stats.memory_limit_bytes.saturating_sub(stats.memory_bytes),
            processes: u16::try_from(stats.processes + 1).unwrap_or(u16::MAX),
            cpus: self.kernel.limits.cpus,
        }
    }

    fn getrandom(&self, buf: &mut [u8]) {
        self.kernel.random.fill(buf);
    }
}
