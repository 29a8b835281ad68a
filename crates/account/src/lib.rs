//! What one VM consumes, against its bounds: one [`Account`], charged by whoever takes a resource, wherever that is.
//!
//! File systems, the kernel, the network and both engines hold it. Charging is a few atomic operations and never waits. CPU time
//! is not here but in `agentos_syscall::CpuAccount`: it is charged after it was used.
//!
//! [`Limit`] is the list of all bounds of a VM; docs/limits.md is written from it.

mod gauge;
mod limit;

pub use gauge::{Gauge, WARNING_PERCENT};
pub use limit::{Excess, Limit, Unit};

use agentos_abi::Result;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A resource of a VM is nearly used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Which.
    pub limit: Limit,
    /// Units in use.
    pub used: u64,
    /// Units there are.
    pub max: u64,
}

/// Hears of warnings. Called from any thread, possibly under locks of the caller: it must not wait and not charge.
pub type Listener = Arc<dyn Fn(Warning) + Send + Sync>;

/// The bounds of a VM: one number per [`Limit`], in its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds([u64; Limit::COUNT]);

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds(Limit::ALL.map(Limit::default_value))
    }
}

impl Bounds {
    /// The bound of `limit`; `u64::MAX` is none.
    pub fn get(&self, limit: Limit) -> u64 {
        self.0[limit as usize]
    }

    /// Sets one.
    pub fn set(&mut self, limit: Limit, value: u64) {
        self.0[limit as usize] = value;
    }

    /// The same bounds but for one.
    #[must_use]
    pub fn with(mut self, limit: Limit, value: u64) -> Bounds {
        self.set(limit, value);
        self
    }
}

/// The account of one VM.
pub struct Account {
    id: u64,
    bounds: Bounds,
    gauges: [Gauge; Limit::COUNT],
    listener: OnceLock<Listener>,
}

impl Default for Account {
    fn default() -> Account {
        Account::with_bounds(Bounds::default())
    }
}

impl Account {
    /// An account on which nothing is charged.
    pub fn new(bounds: Bounds) -> Arc<Account> {
        Arc::new(Account::with_bounds(bounds))
    }

    fn with_bounds(bounds: Bounds) -> Account {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        Account {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            bounds,
            gauges: Limit::ALL.map(|limit| Gauge::new(bounds.get(limit))),
            listener: OnceLock::new(),
        }
    }

    /// A number that no other VM of this host process has or had.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The bounds.
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Takes `amount` units or none.
    ///
    /// # Errors
    /// The errno of the limit ([`Limit::errno`]).
    pub fn charge(&self, limit: Limit, amount: u64) -> Result<()> {
        let gauge = self.gauge(limit);
        if !gauge.take(amount) {
            self.warn(limit);
            return Err(limit.errno());
        }
        if gauge.nears_bound() {
            self.warn(limit);
        }
        Ok(())
    }

    /// Gives units back. Giving back more than was charged leaves nothing charged, so that a mistake cannot make room beyond
    /// the bound.
    pub fn release(&self, limit: Limit, amount: u64) {
        self.gauge(limit).give(amount);
    }

    /// Units in use.
    pub fn used(&self, limit: Limit) -> u64 {
        self.gauge(limit).used()
    }

    /// The most that were ever in use.
    pub fn peak(&self, limit: Limit) -> u64 {
        self.gauge(limit).peak()
    }

    /// Units that can still be taken.
    pub fn free(&self, limit: Limit) -> u64 {
        self.bounds.get(limit).saturating_sub(self.used(limit))
    }

    /// Whom to tell of warnings; only the first call counts.
    pub fn set_listener(&self, listener: Listener) {
        let _ = self.listener.set(listener);
    }

    /// Takes one unit and gives it back when dropped. Errors: the limit's.
    pub fn permit(self: &Arc<Self>, limit: Limit) -> Result<Permit> {
        self.charge(limit, 1)?;
        Ok(Permit { account: self.clone(), limit })
    }

    fn gauge(&self, limit: Limit) -> &Gauge {
        &self.gauges[limit as usize]
    }

    #[cold]
    fn warn(&self, limit: Limit) {
        if self.gauge(limit).first_warning()
            && let Some(tell) = self.listener.get()
        {
            tell(Warning { limit, used: self.used(limit), max: self.bounds.get(limit) });
        }
    }
}

/// One unit of a limit, given back when dropped.
pub struct Permit {
    account: Arc<Account>,
    limit: Limit,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.account.release(self.limit, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agentos_abi::Errno;
    use parking_lot::Mutex;

    fn account(limit: Limit, max: u64) -> (Arc<Account>, Arc<Mutex<Vec<Warning>>>) {
        let account = Account::new(Bounds::default().with(limit, max));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = heard.clone();
        account.set_listener(Arc::new(move |warning| log.lock().push(warning)));
        (account, heard)
    }

    #[test]
    fn a_charge_over_the_bound_takes_nothing_and_has_the_limits_errno() {
        let (account, _) = account(Limit::Memory, 100);
        account.charge(Limit::Memory, 60).unwrap();
        assert_eq!(account.charge(Limit::Memory, 41), Err(Errno::ENOMEM));
        assert_eq!(account.charge(Limit::Memory, u64::MAX), Err(Errno::ENOMEM));
        account.charge(Limit::Memory, 40).unwrap();
        account.release(Limit::Memory, 1000);
        assert_eq!((account.used(Limit::Memory), account.peak(Limit::Memory), account.free(Limit::Memory)), (0, 100, 100));
    }

    #[test]
    fn one_warning_comes_at_80_percent_and_another_after_the_use_has_fallen() {
        let (account, heard) = account(Limit::Sockets, 10);
        account.charge(Limit::Sockets, 7).unwrap();
        assert_eq!(heard.lock().len(), 0);
        account.charge(Limit::Sockets, 1).unwrap();
        account.charge(Limit::Sockets, 1).unwrap();
        account.charge(Limit::Sockets, 2).unwrap_err();
        assert_eq!(*heard.lock(), [Warning { limit: Limit::Sockets, used: 8, max: 10 }]);
        account.release(Limit::Sockets, 9);
        account.charge(Limit::Sockets, 9).unwrap();
        assert_eq!(heard.lock().len(), 2);
    }

    #[test]
    fn a_charge_that_jumps_over_the_threshold_and_fails_warns_too() {
        let (account, heard) = account(Limit::FsBytes, 1000);
        account.charge(Limit::FsBytes, 5000).unwrap_err();
        assert_eq!(*heard.lock(), [Warning { limit: Limit::FsBytes, used: 0, max: 1000 }]);
    }

    #[test]
    fn a_permit_gives_its_unit_back() {
        let (account, _) = account(Limit::Ptys, 1);
        let permit = account.permit(Limit::Ptys).unwrap();
        assert_eq!(account.permit(Limit::Ptys).err(), Some(Errno::ENOSPC));
        drop(permit);
        account.permit(Limit::Ptys).unwrap();
    }
}
