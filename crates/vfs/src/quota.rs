//! A budget of bytes and inodes, shared by all in-memory file systems of a VM.

use agentos_abi::{Errno, Result};
use std::sync::atomic::{AtomicU64, Ordering};

/// How much in-memory files may hold together. File systems charge before they allocate and give back when they free.
///
/// As in Linux' tmpfs, each name beyond a file's first counts as one more inode, because it takes memory, too.
#[derive(Debug)]
pub struct Quota {
    bytes: Budget,
    inodes: Budget,
}

#[derive(Debug)]
struct Budget {
    max: u64,
    used: AtomicU64,
}

impl Budget {
    fn charge(&self, amount: u64) -> Result<()> {
        let fits = |used: u64| used.checked_add(amount).filter(|&sum| sum <= self.max);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map(drop).map_err(|_| Errno::ENOSPC)
    }

    fn release(&self, amount: u64) {
        let before = self.used.fetch_sub(amount, Ordering::Relaxed);
        debug_assert!(before >= amount, "gave back more than was charged");
    }

    fn free(&self) -> u64 {
        self.max.saturating_sub(self.used.load(Ordering::Relaxed))
    }
}

impl Quota {
    /// A budget of `max_bytes` bytes of content and `max_inodes` files.
    pub fn new(max_bytes: u64, max_inodes: u64) -> Quota {
        let budget = |max| Budget { max, used: AtomicU64::new(0) };
        Quota { bytes: budget(max_bytes), inodes: budget(max_inodes) }
    }

    /// Takes `amount` bytes. Errors: ENOSPC, and then nothing is taken.
    pub fn charge_bytes(&self, amount: u64) -> Result<()> {
        self.bytes.charge(amount)
    }

    /// Gives bytes back.
    pub fn release_bytes(&self, amount: u64) {
        self.bytes.release(amount);
    }

    /// Takes `amount` inodes. Errors: ENOSPC, and then nothing is taken.
    pub fn charge_inodes(&self, amount: u64) -> Result<()> {
        self.inodes.charge(amount)
    }

    /// Gives inodes back.
    pub fn release_inodes(&self, amount: u64) {
        self.inodes.release(amount);
    }

    /// All bytes, for statfs(2).
    pub fn max_bytes(&self) -> u64 {
        self.bytes.max
    }

    /// Bytes nobody has taken.
    pub fn free_bytes(&self) -> u64 {
        self.bytes.free()
    }

    /// All inodes.
    pub fn max_inodes(&self) -> u64 {
        self.inodes.max
    }

    /// Inodes nobody has taken.
    pub fn free_inodes(&self) -> u64 {
        self.inodes.free()
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
}
