//! The VM's account of program memory.

use agentos_abi::{Errno, Result};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes in use against a bound.
pub(crate) struct Memory {
    limit: u64,
    used: AtomicU64,
}

impl Memory {
    pub(crate) fn new(limit: u64) -> Memory {
        Memory { limit, used: AtomicU64::new(0) }
    }

    /// Takes `bytes`. Errors: ENOMEM.
    pub(crate) fn charge(&self, bytes: u64) -> Result<()> {
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map(drop).map_err(|_| Errno::ENOMEM)
    }

    /// Gives `bytes` back. An engine that gives back too much cannot make room beyond the limit.
    pub(crate) fn uncharge(&self, bytes: u64) {
        let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| Some(used.saturating_sub(bytes)));
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_over_the_limit_is_enomem_and_takes_nothing() {
        let memory = Memory::new(100);
        memory.charge(60).unwrap();
        assert_eq!(memory.charge(41), Err(Errno::ENOMEM));
        assert_eq!(memory.charge(u64::MAX), Err(Errno::ENOMEM));
        memory.charge(40).unwrap();
        memory.uncharge(1000);
        assert_eq!(memory.used(), 0);
    }
}
