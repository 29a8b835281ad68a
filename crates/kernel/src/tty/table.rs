//! The pseudo-terminals of a VM.

use super::{PtyMaster, PtyReplica, Tty};
use crate::kernel::Kernel;
use agentos_abi::{Errno, Result};
use agentos_account::{Account, Limit};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// Pairs whose master is open, by number. Cloning gives another handle. Its lock is a leaf.
#[derive(Clone)]
pub(crate) struct TtyTable {
    kernel: Weak<Kernel>,
    account: Arc<Account>,
    open: Arc<Mutex<BTreeMap<u32, Arc<Tty>>>>,
}

impl TtyTable {
    pub(crate) fn new(kernel: Weak<Kernel>, account: Arc<Account>) -> TtyTable {
        TtyTable { kernel, account, open: Arc::default() }
    }

    pub(crate) fn kernel(&self) -> Weak<Kernel> {
        self.kernel.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.open.lock().len()
    }

    /// Numbers in use, ascending.
    pub(crate) fn indices(&self) -> Vec<u32> {
        self.open.lock().keys().copied().collect()
    }

    pub(crate) fn get(&self, index: u32) -> Option<Arc<Tty>> {
        self.open.lock().get(&index).cloned()
    }

    /// A new pair with the lowest free number, whose replica belongs to `uid`. `locked`: until unlockpt(3). Errors: ENOSPC.
    pub(crate) fn open_master(&self, locked: bool, uid: u32, mode: u32) -> Result<Arc<PtyMaster>> {
        let mut open = self.open.lock();
        let index = (0..).find(|index| !open.contains_key(index)).ok_or(Errno::ENOSPC)?;
        self.account.charge(Limit::Ptys, 1)?;
        let tty = Tty::new(index, self.kernel.clone(), locked, (uid, super::TTY_GID, mode));
        open.insert(index, tty.clone());
        drop(open);
        Ok(Arc::new(PtyMaster::new(tty, self.clone())))
    }

    /// Errors: ENXIO for a number not in use; EIO while it is locked.
    pub(crate) fn open_replica(&self, index: u32) -> Result<PtyReplica> {
        PtyReplica::open(self.get(index).ok_or(Errno::ENXIO)?)
    }

    pub(super) fn remove(&self, index: u32) {
        let removed = self.open.lock().remove(&index);
        if removed.is_some() {
            self.account.release(Limit::Ptys, 1);
        }
    }

    /// Hangs every terminal up, for the end of the VM.
    pub(crate) fn hang_up_all(&self) {
        let all: Vec<Arc<Tty>> = self.open.lock().values().cloned().collect();
        for tty in all {
            tty.hang_up();
        }
    }
}
