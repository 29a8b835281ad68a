//! What the kernel shows of its processes and terminals, for /proc, /dev/pts and the host. Looks only, changes nothing but the
//! attributes of terminals.

use crate::fd::Description;
use crate::kernel::Kernel;
use crate::location::AnonymousInode;
use crate::pipe::PipeEnd;
use crate::poll::{Epoll, EventFd};
use crate::process::{Process, ProcessInfo, current};
use agentos_abi::{Errno, Fd, FileType, OpenFlags, Pid, Resource, Result, Rlimit, SigSet};
use agentos_net::Network;
use agentos_vfs::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// What /proc/PID/status tells beyond [`ProcessInfo`].
#[derive(Clone, Debug)]
pub struct ProcessDetails {
    /// Real, effective, saved and file system user id.
    pub uids: [u32; 4],
    /// The same of groups.
    pub gids: [u32; 4],
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// File mode creation mask.
    pub umask: u32,
    /// Size of the descriptor table.
    pub descriptors: usize,
    /// Pending signals.
    pub pending: SigSet,
    /// Blocked signals.
    pub blocked: SigSet,
    /// Ignored signals.
    pub ignored: SigSet,
    /// Signals with a handler.
    pub caught: SigSet,
    /// Largest program memory so far, in bytes.
    pub peak_memory: u64,
}

/// A place that a process refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessLink {
    /// Working directory.
    Cwd,
    /// Root directory.
    Root,
    /// Program file.
    Exe,
}

/// A descriptor of a process.
pub struct DescriptorInfo {
    /// Where opening it again leads.
    pub place: Result<Path>,
    /// What readlink(2) of /proc/PID/fd/N shows.
    pub link: Vec<u8>,
    /// Access mode and status flags.
    pub flags: OpenFlags,
    /// Offset in bytes.
    pub offset: u64,
}

/// Attributes of /dev/pts/N.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalAttributes {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
    /// Device number.
    pub rdev: u64,
}

impl Kernel {
    /// A reference for file systems that show this kernel, which keeps them.
    pub fn downgrade(&self) -> Weak<Kernel> {
        self.ttys.kernel()
    }

    /// The process for which this thread is walking a path; `None` when the host is.
    pub fn current(&self) -> Option<Pid> {
        Some(current::pid()).filter(|pid| *pid > 0)
    }

    /// All process ids, ascending.
    pub fn pids(&self) -> Vec<Pid> {
        self.lock_table().iter().map(|(pid, _)| pid).collect()
    }

    /// One process.
    pub fn process(&self, pid: Pid) -> Option<ProcessInfo> {
        self.lock_table().info(pid)
    }

    /// Children of a process, ascending.
    pub fn children(&self, pid: Pid) -> Vec<Pid> {
        self.lock_table().get(pid).map(|entry| entry.children.clone()).unwrap_or_default()
    }

    fn find(&self, pid: Pid) -> Result<Arc<Process>> {
        self.lock_table().get(pid).map(|entry| entry.process.clone())
    }

    /// Effective user and group, which own /proc/PID. Errors: ESRCH.
    pub fn process_owner(&self, pid: Pid) -> Result<(u32, u32)> {
        let process = self.find(pid)?;
        let cred = process.credentials.read();
        Ok((cred.euid, cred.egid))
    }

    /// Whether the current process may look into `pid` (ptrace(2), "Ptrace access mode checking"): itself, the super-user's or the
    /// same user's. The host may.
    pub fn may_inspect(&self, pid: Pid) -> bool {
        let Some(caller) = self.current() else { return true };
        if caller == pid {
            return true;
        }
        let (Ok(caller), Ok(target)) = (self.find(caller), self.find(pid)) else { return false };
        let caller = caller.credentials.read().clone();
        let target = target.credentials.read().clone();
        caller.privileged() || [target.ruid, target.euid, target.suid].iter().all(|uid| *uid == caller.euid)
    }

    /// Ids, signals and sizes. Errors: ESRCH.
    pub fn process_details(&self, pid: Pid) -> Result<ProcessDetails> {
        let process = self.find(pid)?;
        let cred = process.credentials.read().clone();
        let [pending, blocked, ignored, caught] = process.signals.lock().sets();
        Ok(ProcessDetails {
            uids: [cred.ruid, cred.euid, cred.suid, cred.euid],
            gids: [cred.rgid, cred.egid, cred.sgid, cred.egid],
            groups: cred.groups.to_vec(),
            umask: process.fs.read().as_ref().map_or(0o022, |fs| fs.umask),
            descriptors: process.files.read().iter().count(),
            pending,
            blocked,
            ignored,
            caught,
            peak_memory: process.usage.rusage().maxrss_kib * 1024,
        })
    }

    /// The environment that the program was started with, each entry ended by a NUL. Errors: ESRCH.
    pub fn process_environ(&self, pid: Pid) -> Result<Arc<[u8]>> {
        Ok(self.find(pid)?.exec_info.lock().environ.clone())
    }

    /// A place of a process. Errors: ESRCH; ENOENT when there is none (a zombie, or a process that runs no program file).
    pub fn process_link(&self, pid: Pid, link: ProcessLink) -> Result<Path> {
        let process = self.find(pid)?;
        let fs = process.fs.read().clone().ok_or(Errno::ENOENT)?;
        match link {
            ProcessLink::Cwd => Ok(fs.cwd),
            ProcessLink::Root => Ok(fs.root),
            ProcessLink::Exe => process.exec_info.lock().exe.clone().ok_or(Errno::ENOENT),
        }
    }

    /// Open descriptors, ascending. Errors: ESRCH.
    pub fn descriptors(&self, pid: Pid) -> Result<Vec<Fd>> {
        Ok(self.find(pid)?.files.read().iter().map(|(fd, _)| fd).collect())
    }

    /// Whether a descriptor is open. Errors: ESRCH.
    pub fn has_descriptor(&self, pid: Pid, fd: Fd) -> Result<bool> {
        Ok(self.find(pid)?.files.read().get(fd).is_ok())
    }

    /// One descriptor. Errors: ESRCH, ENOENT.
    pub fn descriptor(&self, pid: Pid, fd: Fd) -> Result<DescriptorInfo> {
        let description = self.find(pid)?.files.read().get(fd).cloned().map_err(|_| Errno::ENOENT)?;
        let place = match &description.path {
            Some(path) => Ok(path.clone()),
            None => AnonymousInode::place(&description),
        };
        let link = self.link_text(&description);
        Ok(DescriptorInfo { place, link, flags: description.flags(), offset: *description.offset() })
    }

    fn link_text(&self, description: &Description) -> Vec<u8> {
        if let Some(path) = &description.path {
            return path.display(&self.namespace.root());
        }
        let file = description.file.as_any();
        if let Some(end) = file.downcast_ref::<PipeEnd>() {
            return format!("pipe:[{}]", end.pipe().ino()).into_bytes();
        }
        if file.is::<Epoll>() {
            return b"anon_inode:[eventpoll]".to_vec();
        }
        if file.is::<EventFd>() {
            return b"anon_inode:[eventfd]".to_vec();
        }
        let (kind, ino) = match description.stat() {
            Ok(stat) if stat.file_type == FileType::Socket => ("socket", stat.ino),
            Ok(stat) => ("pipe", stat.ino),
            Err(_) => ("pipe", 0),
        };
        format!("{kind}:[{ino}]").into_bytes()
    }

    /// All resource limits of a process. Errors: ESRCH.
    pub fn process_limits(&self, pid: Pid) -> Result<Vec<(Resource, Rlimit)>> {
        let process = self.find(pid)?;
        let limits = process.rlimits.read();
        Ok(Resource::ALL.into_iter().map(|resource| (resource, limits.get(resource))).collect())
    }

    /// How long after boot `at` was.
    pub fn since_boot(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.boot)
    }

    /// The network that sockets use.
    pub fn network(&self) -> &Arc<dyn Network> {
        &self.network
    }

    /// The host name.
    pub fn hostname(&self) -> String {
        self.hostname.read().clone()
    }

    /// Random bytes.
    pub fn random(&self, buf: &mut [u8]) {
        self.random.fill(buf);
    }

    /// The last process id given out.
    pub fn last_pid(&self) -> Pid {
        self.lock_table().last_pid()
    }

    /// Numbers of the pseudo-terminals, ascending.
    pub fn terminals(&self) -> Vec<u32> {
        self.ttys.indices()
    }

    /// Attributes of /dev/pts/N. Errors: ENOENT.
    pub fn terminal(&self, index: u32) -> Result<TerminalAttributes> {
        let tty = self.ttys.get(index).ok_or(Errno::ENOENT)?;
        let (uid, gid, mode) = tty.owner();
        Ok(TerminalAttributes { uid, gid, mode, rdev: tty.rdev() })
    }

    /// Changes owner, group or mode of /dev/pts/N. Errors: ENOENT.
    pub fn set_terminal_attributes(&self, index: u32, uid: Option<u32>, gid: Option<u32>, mode: Option<u32>) -> Result<()> {
        self.ttys.get(index).ok_or(Errno::ENOENT)?.set_owner(uid, gid, mode);
        Ok(())
    }
}
