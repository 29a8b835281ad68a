//! Character devices by number: what opening a device file leads to.
//!
//! The device files themselves belong to a file system (fs-dev); only their numbers mean something here, as in Linux.

use crate::kernel::Kernel;
use agentos_abi::{Errno, OpenFlags, Pid, Result};
use agentos_vfs::File;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;

/// What stands behind a device number.
pub trait Device: Send + Sync {
    /// Opens it for process `pid`. Errors: ENXIO, EIO, ENOSPC.
    fn open(&self, kernel: &Arc<Kernel>, pid: Pid, flags: OpenFlags) -> Result<Arc<dyn File>>;
}

/// The devices of a VM.
#[derive(Default)]
pub(crate) struct DeviceTable(RwLock<HashMap<u64, Arc<dyn Device>>>);

impl DeviceTable {
    pub(crate) fn register(&self, rdev: u64, device: Arc<dyn Device>) {
        self.0.write().insert(rdev, device);
    }

    /// Errors: ENXIO for a number that nobody registered.
    pub(crate) fn get(&self, rdev: u64) -> Result<Arc<dyn Device>> {
        self.0.read().get(&rdev).cloned().ok_or(Errno::ENXIO)
    }
}

impl Kernel {
    /// Puts a device behind a number (`st_rdev`); an earlier one is replaced.
    pub fn register_device(&self, rdev: u64, device: Arc<dyn Device>) {
        self.devices.register(rdev, device);
    }
}
