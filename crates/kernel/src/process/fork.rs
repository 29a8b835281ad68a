//! fork(2): a child that shares nothing but open file descriptions.

use super::{Parts, Process};
use crate::kernel::Kernel;
use crate::task::Task;
use agentos_abi::{Errno, Resource, Result, Rlimit};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Kernel {
    /// Makes a child of `parent` that runs nothing yet.
    ///
    /// # Errors
    /// EAGAIN: the VM's process limit, or RLIMIT_NPROC of an unprivileged user. ESRCH: the parent has ended.
    pub(crate) fn fork(self: &Arc<Self>, parent: &Arc<Process>) -> Result<Task> {
        parent.alive()?;
        if self.lock_table().closed {
            return Err(Errno::EAGAIN);
        }
        let files = parent.files.read().clone();
        let fs = parent.fs.read().clone().ok_or(Errno::ESRCH)?;
        let credentials = parent.credentials.read().clone();
        let rlimits = parent.rlimits.read().clone();
        let (user, privileged, nproc) = (credentials.ruid, credentials.privileged(), rlimits.get(Resource::Nproc).soft);
        let parts = Parts {
            files,
            fs,
            credentials,
            signals: parent.signals.lock().forked(),
            rlimits,
            exec_info: parent.exec_info.lock().clone(),
            nice: parent.nice.load(Ordering::Relaxed),
            // Process 1 alone is free; its children are the VM's.
            scope: Some(parent.scope.read().clone().unwrap_or_else(|| self.policy.scope.clone())),
        };
        let start = self.clock.monotonic();
        let process = self.with_table(|table, _| {
            parent.alive()?;
            let of_user = || table.iter().filter(|(_, entry)| entry.process.credentials.read().ruid == user).count() as u64;
            if !privileged && nproc != Rlimit::INFINITY && of_user() >= nproc {
                return Err(Errno::EAGAIN);
            }
            let process = Arc::new(Process::new(table.allocate_pid()?, start, parts));
            table.insert_child(parent.pid, process.clone())?;
            Ok(process)
        })?;
        Ok(Task::new(self.clone(), process))
    }
}
