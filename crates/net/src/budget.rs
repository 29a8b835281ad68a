//! Counters with a ceiling.

use agentos_abi::{Errno, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Something a VM may use a limited amount of.
pub(crate) struct Budget {
    used: AtomicUsize,
    most: usize,
    beyond: Errno,
}

impl Budget {
    /// `most` units; asking for more is answered `beyond`.
    pub(crate) fn new(most: usize, beyond: Errno) -> Budget {
        Budget { used: AtomicUsize::new(0), most, beyond }
    }

    /// Takes `amount` units or none.
    pub(crate) fn take(&self, amount: usize) -> Result<()> {
        let more = |used: usize| used.checked_add(amount).filter(|&used| used <= self.most);
        self.used.fetch_update(Relaxed, Relaxed, more).map(drop).map_err(|_| self.beyond)
    }

    /// Takes up to `amount` units: at least one, or an error.
    pub(crate) fn take_some(&self, amount: usize) -> Result<usize> {
        let granted = |used: usize| amount.min(self.most.saturating_sub(used));
        match self.used.fetch_update(Relaxed, Relaxed, |used| (granted(used) > 0).then(|| used + granted(used))) {
            Ok(before) => Ok(granted(before)),
            Err(_) => Err(self.beyond),
        }
    }

    /// Gives back what was taken.
    pub(crate) fn give(&self, amount: usize) {
        self.used.fetch_sub(amount, Relaxed);
    }
}

/// One unit of a budget, given back when dropped.
pub(crate) struct Permit(Arc<Budget>);

impl Permit {
    /// Takes one unit. Errors: the budget's.
    pub(crate) fn take(budget: &Arc<Budget>) -> Result<Permit> {
        budget.take(1)?;
        Ok(Permit(budget.clone()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.give(1);
    }
}
