//! What a process consumed.

use agentos_abi::wait::Rusage;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counters of one process. Times in nanoseconds, memory in bytes.
#[derive(Default)]
pub(crate) struct Usage {
    user: AtomicU64,
    memory: AtomicU64,
    peak_memory: AtomicU64,
}

impl Usage {
    /// Adds CPU time, answers the total.
    pub(crate) fn add_cpu(&self, user: Duration) -> Duration {
        let nanos = u64::try_from(user.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.user.fetch_add(nanos, Ordering::Relaxed).saturating_add(nanos))
    }

    pub(crate) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.user.load(Ordering::Relaxed))
    }

    pub(crate) fn add_memory(&self, bytes: u64) {
        let now = self.memory.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        self.peak_memory.fetch_max(now, Ordering::Relaxed);
    }

    /// Takes at most what was added; answers how much that is.
    pub(crate) fn remove_memory(&self, bytes: u64) -> u64 {
        let before = self.memory.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_sub(bytes)));
        before.map_or(0, |now| now.min(bytes))
    }

    pub(crate) fn memory(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
    }

    pub(crate) fn rusage(&self) -> Rusage {
        Rusage { utime: self.cpu(), stime: Duration::ZERO, maxrss_kib: self.peak_memory.load(Ordering::Relaxed) / 1024 }
    }
}

/// Sums times, keeps the larger peak, as RUSAGE_CHILDREN does.
pub(super) fn accumulate(sum: &mut Rusage, one: &Rusage) {
    sum.utime = sum.utime.saturating_add(one.utime);
    sum.stime = sum.stime.saturating_add(one.stime);
    sum.maxrss_kib = sum.maxrss_kib.max(one.maxrss_kib);
}
