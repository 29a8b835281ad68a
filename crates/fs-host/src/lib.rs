//! A directory of the host as a file system of a VM.
//!
//! Everything happens relative to open directories and one component at a time, and symbolic links are never followed by the
//! host: they go back to the VM's own path walk, which resolves them inside the VM. So no name, link or rename leads out of the
//! granted directory. Owners are not the host's: every file shows as the VM's user, on whose behalf the host process acts.

mod file;
mod listing;
mod node;

use agentos_abi::{Errno, Result, Statfs};
use agentos_vfs::{FileSystem, InodeRef};
use node::HostNode;
use rustix::fs::{Mode, OFlags};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

/// A granted host directory.
pub struct HostFs {
    root: Arc<HostNode>,
}

/// What the nodes of one grant share.
pub(crate) struct Grant {
    pub read_only: bool,
    pub uid: u32,
    pub gid: u32,
}

impl HostFs {
    /// Opens `directory`; files in it belong to `uid` and `gid` as the VM sees it.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EACCES of the host.
    pub fn open(directory: &Path, read_only: bool, uid: u32, gid: u32) -> Result<Arc<HostFs>> {
        let fd = rustix::fs::open(directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(errno)?;
        Ok(Arc::new(HostFs { root: HostNode::new(Arc::new(Grant { read_only, uid, gid }), fd)? }))
    }
}

impl FileSystem for HostFs {
    fn name(&self) -> &'static str {
        "host"
    }

    fn root(&self) -> InodeRef {
        self.root.clone()
    }

    fn statfs(&self) -> Statfs {
        let Ok(host) = rustix::fs::fstatfs(self.root.fd()) else { return Statfs::default() };
        Statfs {
            // V9FS_MAGIC: what Linux shows for a directory shared by a host.
            fs_type: 0x0102_1997,
            bsize: 4096,
            blocks: scaled(host.f_blocks, host.f_bsize as u64),
            bfree: scaled(host.f_bavail, host.f_bsize as u64),
            files: host.f_files,
            ffree: host.f_ffree,
            namelen: 255,
            flags: 0,
        }
    }

    fn is_volatile(&self) -> bool {
        true
    }
}

fn scaled(blocks: u64, size: u64) -> u64 {
    blocks.saturating_mul(size) / 4096
}

/// The VM's number of a host error.
pub(crate) fn errno(error: rustix::io::Errno) -> Errno {
    u16::try_from(error.raw_os_error()).map_or(Errno::EIO, Errno::from_raw)
}

/// Opens the file that an O_PATH descriptor stands for. The path names our own descriptor, never anything of the guest's.
pub(crate) fn reopen(fd: &OwnedFd, flags: OFlags) -> Result<OwnedFd> {
    rustix::fs::open(own_path(fd), flags | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK, Mode::empty()).map_err(errno)
}

/// The host's name of one of our descriptors.
pub(crate) fn own_path(fd: &OwnedFd) -> String {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}
