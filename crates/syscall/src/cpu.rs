//! The CPU account of a VM: what its programs have used, and when they must pause.
//!
//! The kernel makes one per VM and charges it; engines ask it before they let a program go on. A bucket of CPU time fills with
//! `max_percent` of the wall time and is emptied by charges. Below zero everything of the VM pauses until it is full enough again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How much unused time a VM may save up, as wall time: a burst after a pause.
const BURST: Duration = Duration::from_millis(50);

/// CPU time of one VM. Shared by its kernel and the engines.
#[derive(Debug)]
pub struct CpuAccount {
    /// Percent of one CPU; `None` without a bound.
    max_percent: Option<u32>,
    used_ns: AtomicU64,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// CPU time that may still be used, in nanoseconds; negative when more was used.
    left_ns: i64,
    filled_at: Instant,
}

impl CpuAccount {
    /// An account with at most `max_percent` of one CPU (200 is two CPUs); `None` or 0 means no bound.
    pub fn new(max_percent: Option<u32>) -> CpuAccount {
        CpuAccount {
            max_percent: max_percent.filter(|p| *p > 0),
            used_ns: AtomicU64::new(0),
            bucket: Mutex::new(Bucket { left_ns: 0, filled_at: Instant::now() }),
        }
    }

    /// The bound in percent of one CPU.
    pub fn max_percent(&self) -> Option<u32> {
        self.max_percent
    }

    /// All CPU time ever charged.
    pub fn used(&self) -> Duration {
        Duration::from_nanos(self.used_ns.load(Ordering::Relaxed))
    }

    /// Adds CPU time that a program of the VM has used.
    pub fn charge(&self, time: Duration) {
        let ns = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        self.used_ns.fetch_add(ns as u64, Ordering::Relaxed);
        if let Some(percent) = self.max_percent {
            let mut bucket = self.bucket.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            bucket.fill(percent, Instant::now());
            bucket.left_ns = bucket.left_ns.saturating_sub(ns);
        }
    }

    /// How long programs of the VM have to pause before they go on; `None` nearly always.
    pub fn pause(&self) -> Option<Duration> {
        self.pause_at(Instant::now())
    }

    fn pause_at(&self, now: Instant) -> Option<Duration> {
        let percent = self.max_percent?;
        let mut bucket = self.bucket.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        bucket.fill(percent, now);
        let owed = u64::try_from(bucket.left_ns.checked_neg()?).ok().filter(|owed| *owed > 0)?;
        Some(Duration::from_nanos(owed.saturating_mul(100) / u64::from(percent)))
    }
}

impl Bucket {
    fn fill(&mut self, percent: u32, now: Instant) {
        let share = |time: Duration| i64::try_from(time.as_nanos().saturating_mul(percent.into()) / 100).unwrap_or(i64::MAX);
        let more = share(now.saturating_duration_since(self.filled_at));
        if more > 0 {
            self.left_ns = self.left_ns.saturating_add(more).min(share(BURST));
            self.filled_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_used_more_than_the_share_pauses_for_as_long_as_it_takes_to_earn_it() {
        let account = CpuAccount::new(Some(50));
        let start = account.bucket.lock().unwrap().filled_at;
        account.bucket.lock().unwrap().left_ns = -10_000_000;
        assert_eq!(account.pause_at(start), Some(Duration::from_millis(20)));
        assert_eq!(account.pause_at(start + Duration::from_millis(15)), Some(Duration::from_millis(5)));
        assert_eq!(account.pause_at(start + Duration::from_millis(20)), None);
    }

    #[test]
    fn what_is_saved_up_is_bounded() {
        let account = CpuAccount::new(Some(100));
        let start = account.bucket.lock().unwrap().filled_at;
        assert_eq!(account.pause_at(start + Duration::from_secs(3600)), None);
        assert_eq!(account.bucket.lock().unwrap().left_ns, 50_000_000);
    }

    #[test]
    fn without_a_bound_nobody_pauses() {
        for account in [CpuAccount::new(None), CpuAccount::new(Some(0))] {
            account.charge(Duration::from_secs(1000));
            assert_eq!((account.pause(), account.used()), (None, Duration::from_secs(1000)));
        }
    }
}
