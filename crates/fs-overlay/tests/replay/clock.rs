//! A clock that only the test moves.
#![allow(dead_code, reason = "each test file uses its part")]

use agentos_abi::Timespec;
use agentos_vfs::Clock;
use std::sync::atomic::{AtomicI64, Ordering};

/// A second in the life of the suite's recording.
const START_S: i64 = 1_700_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// Every look at the clock takes a microsecond; a pause is added, not waited for.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn new() -> ManualClock {
        ManualClock(AtomicI64::new(START_S * SECOND_NS))
    }

    pub fn sleep(&self, seconds: f64) {
        self.0.fetch_add((seconds * SECOND_NS as f64) as i64, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timespec {
        Timespec::from_nanos(i128::from(self.0.fetch_add(1000, Ordering::Relaxed)))
    }
}
