//! A handle of one process: what engines and hosts make system calls through.

use crate::fd::{Description, TextUse};
use crate::kernel::Kernel;
use crate::process::{FsContext, INIT_PID, Process};
use agentos_abi::{Errno, Fd, OpenFlags, Pid, Resource, Result, Signal, WaitStatus};
use agentos_vfs::{File, FileContext, Path};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A process and its kernel. When the last handle of a process goes and it has not ended, nobody can run it any more: it is
/// killed. Pid 1 is spared.
pub(crate) struct Task {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) process: Arc<Process>,
}

impl Task {
    pub(crate) fn new(kernel: Arc<Kernel>, process: Arc<Process>) -> Task {
        process.handles.fetch_add(1, Ordering::Relaxed);
        Task { kernel, process }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.process.pid
    }

    /// The open file description of a descriptor. Errors: EBADF, ESRCH.
    pub(crate) fn description(&self, fd: Fd) -> Result<Arc<Description>> {
        self.process.files.read().get(fd).cloned()
    }

    /// The same, for anything but naming a place. Errors: EBADF for an O_PATH descriptor.
    pub(crate) fn usable(&self, fd: Fd) -> Result<Arc<Description>> {
        let description = self.description(fd)?;
        if description.flags().contains(OpenFlags::PATH) { Err(Errno::EBADF) } else { Ok(description) }
    }

    /// RLIMIT_NOFILE in force.
    pub(crate) fn file_limit(&self) -> u64 {
        self.process.rlimits.read().get(Resource::Nofile).soft
    }

    /// Opens a descriptor for `file` at the lowest free number; CLOEXEC of `flags` is the descriptor's, the rest the
    /// description's. Errors: EMFILE, ENFILE, ESRCH.
    pub(crate) fn install(&self, file: Arc<dyn File>, path: Option<Path>, flags: OpenFlags) -> Result<Fd> {
        self.install_opened(file, path, flags, None)
    }

    /// The same for a file of a tree, which may be a program's.
    pub(crate) fn install_opened(&self, file: Arc<dyn File>, path: Option<Path>, flags: OpenFlags, text: Option<TextUse>) -> Result<Fd> {
        let description = self.kernel.open_files.describe(file, path, flags, text)?;
        self.install_description(description, flags.contains(OpenFlags::CLOEXEC), 0)
    }

    pub(crate) fn install_description(&self, description: Arc<Description>, cloexec: bool, min: usize) -> Result<Fd> {
        let limit = self.file_limit();
        // A clone is kept so that, on failure, the file is closed without the table's lock.
        let kept = description.clone();
        let result = self.process.files.write().install(description, cloexec, min, limit);
        drop(kept);
        result
    }

    /// Two descriptors at once, or none.
    pub(crate) fn install_pair(&self, first: (Arc<dyn File>, OpenFlags), second: (Arc<dyn File>, OpenFlags)) -> Result<(Fd, Fd)> {
        let one = self.install(first.0, None, first.1)?;
        match self.install(second.0, None, second.1) {
            Ok(two) => Ok((one, two)),
            Err(errno) => {
                let removed = self.process.files.write().remove(one);
                drop(removed);
                Err(errno)
            }
        }
    }

    /// Who asks, for terminals.
    pub(crate) fn file_context(&self) -> Result<FileContext> {
        let table = self.kernel.lock_table();
        let entry = table.get(self.pid())?;
        let privileged = self.process.credentials.read().privileged();
        Ok(FileContext { pid: self.pid(), pgid: entry.group, sid: entry.session, privileged })
    }

    /// Working directory, root and umask. Errors: ESRCH.
    pub(crate) fn fs(&self) -> Result<FsContext> {
        self.process.fs.read().clone().ok_or(Errno::ESRCH)
    }

    /// Raises a signal in this process.
    pub(crate) fn raise(&self, signal: Signal) {
        self.kernel.raise(self.pid(), signal);
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.process.handles.fetch_sub(1, Ordering::AcqRel) == 1 && self.pid() != INIT_PID && !self.process.has_ended() {
            self.kernel.end(self.pid(), WaitStatus::Signaled { signal: Signal::SIGKILL, core: false });
        }
    }
}
