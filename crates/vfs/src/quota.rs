//! A budget of bytes and inodes, shared by all in-memory file systems of a VM.

use agentos_abi::{Errno, Result};
use agentos_account::{Account, Bounds, Limit};
use std::sync::Arc;

/// How much in-memory files may hold together. File systems charge before they allocate and give back when they free.
///
/// Bytes count towards the VM's memory, too. As in Linux' tmpfs, each name beyond a file's first counts as one more inode,
/// because it takes memory.
pub struct Quota(Arc<Account>);

impl Quota {
    /// A budget of `max_bytes` bytes of content and `max_inodes` files, of a VM that uses memory for nothing else.
    pub fn new(max_bytes: u64, max_inodes: u64) -> Quota {
        let bounds = Bounds::default().with(Limit::FsBytes, max_bytes).with(Limit::Inodes, max_inodes);
        Quota(Account::new(bounds.with(Limit::Memory, u64::MAX)))
    }

    /// The budget that a VM's account has.
    pub fn of(account: Arc<Account>) -> Quota {
        Quota(account)
    }

    /// Takes `amount` bytes. Errors: ENOSPC, also when the VM is out of memory, and then nothing is taken.
    pub fn charge_bytes(&self, amount: u64) -> Result<()> {
        self.0.charge(Limit::FsBytes, amount)?;
        self.0.charge(Limit::Memory, amount).map_err(|_| {
            self.0.release(Limit::FsBytes, amount);
            Errno::ENOSPC
        })
    }

    /// Gives bytes back.
    pub fn release_bytes(&self, amount: u64) {
        self.0.release(Limit::FsBytes, amount);
        self.0.release(Limit::Memory, amount);
    }

    /// Takes `amount` inodes. Errors: ENOSPC, and then nothing is taken.
    pub fn charge_inodes(&self, amount: u64) -> Result<()> {
        self.0.charge(Limit::Inodes, amount)
    }

    /// Gives inodes back.
    pub fn release_inodes(&self, amount: u64) {
        self.0.release(Limit::Inodes, amount);
    }

    /// All bytes, for statfs(2).
    pub fn max_bytes(&self) -> u64 {
        self.0.bounds().get(Limit::FsBytes)
    }

    /// Bytes nobody has taken.
    pub fn free_bytes(&self) -> u64 {
        self.0.free(Limit::FsBytes).min(self.0.free(Limit::Memory))
    }

    /// All inodes.
    pub fn max_inodes(&self) -> u64 {
        self.0.bounds().get(Limit::Inodes)
    }

    /// Inodes nobody has taken.
    pub fn free_inodes(&self) -> u64 {
        self.0.free(Limit::Inodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_over_the_budget_is_enospc_and_takes_nothing() {
        let quota = Quota::new(100, 1);
        assert_eq!(quota.charge_bytes(60), Ok(()));
        assert_eq!(quota.charge_bytes(41), Err(Errno::ENOSPC));
        assert_eq!(quota.charge_bytes(u64::MAX), Err(Errno::ENOSPC));
        assert_eq!(quota.free_bytes(), 40);
        quota.release_bytes(60);
        assert_eq!(quota.free_bytes(), 100);
        assert_eq!(quota.charge_inodes(1), Ok(()));
        assert_eq!(quota.charge_inodes(1), Err(Errno::ENOSPC));
    }

    #[test]
    fn content_is_memory_and_without_memory_there_is_no_space() {
        let account = Account::new(Bounds::default().with(Limit::FsBytes, 100).with(Limit::Memory, 50));
        let quota = Quota::of(account.clone());
        quota.charge_bytes(30).unwrap();
        assert_eq!(quota.charge_bytes(30), Err(Errno::ENOSPC));
        assert_eq!((account.used(Limit::Memory), account.used(Limit::FsBytes), quota.free_bytes()), (30, 30, 20));
        account.charge(Limit::Memory, 20).unwrap();
        assert_eq!(quota.charge_bytes(1), Err(Errno::ENOSPC));
    }
}
