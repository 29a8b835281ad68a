//! The device numbers of terminals: /dev/ptmx, /dev/pts/N, /dev/tty (devices.txt).

use super::PtyReplica;
use crate::kernel::Kernel;
use crate::process::State as ProcessState;
use agentos_abi::stat::makedev;
use agentos_abi::{Errno, FileType, Mode, OpenFlags, Pid, Result, Stat, Timespec};
use agentos_vfs::{File, FileContext};
use std::sync::Arc;

/// /dev/tty
const TTY_RDEV: u64 = makedev(5, 0);
/// /dev/ptmx
pub(super) const PTMX_RDEV: u64 = makedev(5, 2);
/// Major number of /dev/pts.
const PTS_MAJOR: u32 = 136;
/// Device number of devpts.
const DEVPTS_DEV: u64 = makedev(0, 23);

/// Device number of /dev/pts/N.
pub(super) fn pts_rdev(index: u32) -> u64 {
    makedev(PTS_MAJOR + index / 256, index % 256)
}

impl Kernel {
    /// Opens the terminal behind a device number. `None`: it is not a terminal's.
    pub(crate) fn open_terminal(self: &Arc<Self>, rdev: u64, pid: Pid, flags: OpenFlags) -> Option<Result<Arc<dyn File>>> {
        if rdev == PTMX_RDEV {
            return Some(self.open_ptmx(pid));
        }
        if rdev == TTY_RDEV {
            return Some(self.open_controlling(pid));
        }
        let index = self.ttys.indices().into_iter().find(|index| pts_rdev(*index) == rdev)?;
        Some(self.open_replica(index, pid, flags))
    }

    /// /dev/ptmx: the replica belongs to the opener (what grantpt(3) sees to elsewhere) and is locked until unlockpt(3).
    fn open_ptmx(&self, pid: Pid) -> Result<Arc<dyn File>> {
        let (uid, _) = self.process_owner(pid)?;
        Ok(self.ttys.open_master(true, uid, 0o620)?)
    }

    /// /dev/tty. Errors: ENXIO without a controlling terminal.
    fn open_controlling(&self, pid: Pid) -> Result<Arc<dyn File>> {
        let tty = {
            let table = self.lock_table();
            let session = table.get(pid)?.session;
            table.terminal(session).cloned().ok_or(Errno::ENXIO)?
        };
        Ok(Arc::new(PtyReplica::open(tty)?))
    }

    /// Opens /dev/pts/N for a process: it becomes the controlling terminal of a session leader that has none, unless O_NOCTTY says
    /// otherwise.
    ///
    /// # Errors
    /// ENXIO (no such terminal), EIO (locked, or its master is closed).
    pub fn open_replica(&self, index: u32, pid: Pid, flags: OpenFlags) -> Result<Arc<dyn File>> {
        let replica = self.ttys.open_replica(index)?;
        if !flags.contains(OpenFlags::NOCTTY) {
            if let Some(context) = self.leader_context(pid) {
                replica.tty().control_on_open(&context);
            }
        }
        Ok(Arc::new(replica))
    }

    fn leader_context(&self, pid: Pid) -> Option<FileContext> {
        let table = self.lock_table();
        let entry = table.get(pid).ok()?;
        let leads = entry.session == pid && entry.state == ProcessState::Running;
        leads.then_some(FileContext { pid, pgid: entry.group, sid: entry.session, privileged: false })
    }
}

/// Attributes of a device that is open without a file.
pub(super) fn stat(rdev: u64, mode: u32) -> Stat {
    let time = Timespec::default();
    Stat {
        dev: DEVPTS_DEV,
        ino: 2,
        file_type: FileType::CharDevice,
        mode: Mode::from_bits_retain(mode),
        nlink: 1,
        uid: 0,
        gid: super::TTY_GID,
        rdev,
        size: 0,
        blksize: 1024,
        blocks: 0,
        atime: time,
        mtime: time,
        ctime: time,
        btime: time,
    }
}
