//! Counters with a ceiling.

use agentos_abi::{Errno, Result};
use agentos_account::{Account, Limit};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Something a VM may use a limited amount of.
pub(crate) struct Budget {
    used: AtomicUsize,
    most: usize,
    beyond: Errno,
    /// What is taken here is memory of this VM, too.
    memory: Option<Arc<Account>>,
}

impl Budget {
    /// `most` units; asking for more is answered `beyond`.
    pub(crate) fn new(most: usize, beyond: Errno) -> Budget {
        Budget { used: AtomicUsize::new(0), most, beyond, memory: None }
    }

    /// The same budget, in bytes of memory of a VM.
    pub(crate) fn of_memory(self, account: Arc<Account>) -> Budget {
        Budget { memory: Some(account), ..self }
    }

    /// Takes `amount` units or none.
    pub(crate) fn take(&self, amount: usize) -> Result<()> {
        let more = |used: usize| used.checked_add(amount).filter(|&used| used <= self.most);
        self.used.fetch_update(Relaxed, Relaxed, more).map_err(|_| self.beyond)?;
        self.charge(amount)
    }

    /// Takes up to `amount` units: at least one, or an error.
    pub(crate) fn take_some(&self, amount: usize) -> Result<usize> {
        let granted = |used: usize| amount.min(self.most.saturating_sub(used));
        match self.used.fetch_update(Relaxed, Relaxed, |used| (granted(used) > 0).then(|| used + granted(used))) {
            Ok(before) => self.charge(granted(before)).map(|()| granted(before)),
            Err(_) => Err(self.beyond),
        }
    }

    /// Gives back what was taken.
    pub(crate) fn give(&self, amount: usize) {
        self.used.fetch_sub(amount, Relaxed);
        if let Some(account) = &self.memory {
            account.release(Limit::Memory, amount as u64);
        }
    }

    /// Charges what was just taken to the VM's memory, or gives it back.
    fn charge(&self, amount: usize) -> Result<()> {
        match &self.memory {
            Some(account) if account.charge(Limit::Memory, amount as u64).is_err() => {
                self.used.fetch_sub(amount, Relaxed);
                Err(self.beyond)
            }
            _ => Ok(()),
        }
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
