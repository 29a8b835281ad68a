//! A counter with a ceiling.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Percentage of a bound at which its owner is warned.
pub const WARNING_PERCENT: u64 = 80;
/// Percentage below which the use must fall before the next warning, so that a program at the threshold does not warn without end.
const CALM_PERCENT: u64 = 70;

/// Units in use against a bound.
pub struct Gauge {
    max: u64,
    warn_at: u64,
    calm_below: u64,
    used: AtomicU64,
    peak: AtomicU64,
    warned: AtomicBool,
}

impl Gauge {
    /// A gauge of `max` units; `u64::MAX` bounds nothing.
    pub fn new(max: u64) -> Gauge {
        let part = |percent: u64| (u128::from(max) * u128::from(percent)).div_ceil(100) as u64;
        let warn_at = if max == u64::MAX { u64::MAX } else { part(WARNING_PERCENT) };
        Gauge { max, warn_at, calm_below: part(CALM_PERCENT), used: AtomicU64::new(0), peak: AtomicU64::new(0), warned: AtomicBool::new(false) }
    }

    /// Takes `amount` units, or none and answers false.
    pub fn take(&self, amount: u64) -> bool {
        let fits = |used: u64| used.checked_add(amount).filter(|sum| *sum <= self.max);
        match self.used.fetch_update(Relaxed, Relaxed, fits) {
            Ok(before) => {
                self.peak.fetch_max(before + amount, Relaxed);
                true
            }
            Err(_) => false,
        }
    }

    /// Gives units back, at most those in use.
    pub fn give(&self, amount: u64) {
        let after = match self.used.fetch_update(Relaxed, Relaxed, |used| Some(used.saturating_sub(amount))) {
            Ok(before) | Err(before) => before.saturating_sub(amount),
        };
        if after < self.calm_below && self.warned.load(Relaxed) {
            self.warned.store(false, Relaxed);
        }
    }

    /// Units in use.
    pub fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }

    /// The most that were ever in use.
    pub fn peak(&self) -> u64 {
        self.peak.load(Relaxed)
    }

    /// Whether the use has reached [`WARNING_PERCENT`].
    pub fn nears_bound(&self) -> bool {
        self.used() >= self.warn_at
    }

    /// Whether nobody was warned since the use was low.
    pub(crate) fn first_warning(&self) -> bool {
        !self.warned.load(Relaxed) && !self.warned.swap(true, Relaxed)
    }
}
