//! A file of the host, held by an O_PATH descriptor.

use crate::file::HostFile;
use crate::listing::{Entry, Listing};
use crate::{Grant, errno, own_path, reopen};
use agentos_abi::time::SetTime;
use agentos_abi::{Dirent, Errno, FileType, Mode, OpenFlags, Result, Stat, Timespec};
use agentos_vfs::{Create, CreateKind, File, Inode, InodeRef, SetAttr};
use parking_lot::Mutex;
use rustix::fs::{AtFlags, OFlags, RenameFlags, ResolveFlags, Timestamps};
use std::any::Any;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Names read from one directory at most; a host directory larger than this is EOVERFLOW.
const MAX_ENTRIES: usize = 1 << 20;
/// Longest target of a symbolic link.
const MAX_TARGET_BYTES: usize = 4096;
const GETDENTS_BYTES: usize = 32 << 10;

/// A file in a granted directory.
pub struct HostNode {
    grant: Arc<Grant>,
    fd: OwnedFd,
    file_type: FileType,
    listing: Mutex<Listing>,
}

impl HostNode {
    pub(crate) fn new(grant: Arc<Grant>, fd: OwnedFd) -> Result<Arc<HostNode>> {
        let stat = rustix::fs::fstat(&fd).map_err(errno)?;
        let file_type = FileType::from_bits(stat.st_mode).ok_or(Errno::EIO)?;
        Ok(Arc::new(HostNode { grant, fd, file_type, listing: Mutex::default() }))
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Errors: EROFS.
    fn want_write(&self) -> Result<()> {
        if self.grant.read_only { Err(Errno::EROFS) } else { Ok(()) }
    }

    fn child(&self, name: &[u8]) -> Result<Arc<HostNode>> {
        if self.file_type != FileType::Directory {
            return Err(Errno::ENOTDIR);
        }
        let name = component(name)?;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat2(&self.fd, name, flags, rustix::fs::Mode::empty(), resolve) {
            // Linux before 5.6, or a sandbox that does not know the call. A single component without following cannot escape either.
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => rustix::fs::openat(&self.fd, name, flags, rustix::fs::Mode::empty()),
            // The host refused to leave the directory.
            Err(rustix::io::Errno::XDEV) => return Err(Errno::EACCES),
            opened => opened,
        };
        HostNode::new(self.grant.clone(), fd.map_err(errno)?)
    }

    fn entries(&self) -> Result<Vec<Entry>> {
        let directory = rustix::fs::openat(&self.fd, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, rustix::fs::Mode::empty()).map_err(errno)?;
        let mut buf = vec![MaybeUninit::uninit(); GETDENTS_BYTES];
        let mut stream = rustix::fs::RawDir::new(&directory, &mut buf);
        let mut entries = Vec::new();
        while let Some(entry) = stream.next() {
            let entry = entry.map_err(errno)?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if entries.len() == MAX_ENTRIES {
                return Err(Errno::EOVERFLOW);
            }
            entries.push(Entry { name: name.to_vec(), ino: entry.ino(), file_type: entry_type(entry.file_type()) });
        }
        Ok(entries)
    }

    fn truncate(&self, size: u64) -> Result<()> {
        if self.file_type != FileType::Regular {
            return Err(Errno::EINVAL);
        }
        rustix::fs::ftruncate(reopen(&self.fd, OFlags::WRONLY)?, size).map_err(errno)
    }
}

/// The vfs passes single components; nothing else must ever reach the host.
fn component(name: &[u8]) -> Result<&[u8]> {
    match name {
        b"" | b"." | b".." => Err(Errno::EINVAL),
        _ if name.contains(&b'/') || name.contains(&0) => Err(Errno::EINVAL),
        _ => Ok(name),
    }
}

fn entry_type(host: rustix::fs::FileType) -> FileType {
    match host {
        rustix::fs::FileType::Directory => FileType::Directory,
        rustix::fs::FileType::Symlink => FileType::Symlink,
        rustix::fs::FileType::Fifo => FileType::Fifo,
        rustix::fs::FileType::Socket => FileType::Socket,
        rustix::fs::FileType::CharacterDevice => FileType::CharDevice,
        rustix::fs::FileType::BlockDevice => FileType::BlockDevice,
        _ => FileType::Regular,
    }
}

fn same_grant<'a>(inode: &'a InodeRef, grant: &Arc<Grant>) -> Result<&'a HostNode> {
    let node = inode.as_any().downcast_ref::<HostNode>().ok_or(Errno::EXDEV)?;
    if Arc::ptr_eq(&node.grant, grant) { Ok(node) } else { Err(Errno::EXDEV) }
}

fn host_time(time: SetTime) -> rustix::fs::Timespec {
    let (tv_sec, tv_nsec) = match time {
        SetTime::Now => (0, rustix::fs::UTIME_NOW),
        SetTime::Omit => (0, rustix::fs::UTIME_OMIT),
        SetTime::At(at) => (at.sec, at.nsec.into()),
    };
    rustix::fs::Timespec { tv_sec, tv_nsec }
}

fn host_mode(mode: Mode) -> rustix::fs::Mode {
    // Set-id bits of a guest mean nothing on the host, and must never be planted there.
    rustix::fs::Mode::from_raw_mode(mode.bits() & 0o777)
}

impl Inode for HostNode {
    fn stat(&self) -> Result<Stat> {
        let stat = rustix::fs::fstat(&self.fd).map_err(errno)?;
        let time = |sec: i64, nsec| Timespec { sec, nsec: u32::try_from(nsec).unwrap_or(0) };
        Ok(Stat {
            dev: 0,
            ino: stat.st_ino,
            file_type: self.file_type,
            mode: Mode::from_bits_truncate(stat.st_mode & 0o1777),
            nlink: u32::try_from(stat.st_nlink).unwrap_or(u32::MAX),
            uid: self.grant.uid,
            gid: self.grant.gid,
            rdev: 0,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            blksize: 4096,
            blocks: u64::try_from(stat.st_blocks).unwrap_or(0),
            atime: time(stat.st_atime, stat.st_atime_nsec),
            mtime: time(stat.st_mtime, stat.st_mtime_nsec),
            ctime: time(stat.st_ctime, stat.st_ctime_nsec),
            btime: time(stat.st_ctime, stat.st_ctime_nsec),
        })
    }

    fn file_type(&self) -> FileType {
        self.file_type
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        self.want_write()?;
        if attr.uid.is_some_and(|uid| uid != self.grant.uid) || attr.gid.is_some_and(|gid| gid != self.grant.gid) {
            return Err(Errno::EPERM);
        }
        if let Some(size) = attr.size {
            self.truncate(size)?;
        }
        if self.file_type == FileType::Symlink {
            return Ok(());
        }
        if let Some(mode) = attr.mode {
            rustix::fs::chmod(own_path(&self.fd), host_mode(mode)).map_err(errno)?;
        }
        if (attr.atime, attr.mtime) != (SetTime::Omit, SetTime::Omit) {
            let times = Timestamps { last_access: host_time(attr.atime), last_modification: host_time(attr.mtime) };
            rustix::fs::utimensat(rustix::fs::CWD, own_path(&self.fd), &times, AtFlags::empty()).map_err(errno)?;
        }
        Ok(())
    }

    fn lookup(&self, name: &[u8]) -> Result<InodeRef> {
        Ok(self.child(name)?)
    }

    fn create(&self, name: &[u8], new: &Create<'_>) -> Result<InodeRef> {
        self.want_write()?;
        let (at, mode) = (component(name)?, host_mode(new.mode));
        match new.kind {
            CreateKind::Regular => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let made = rustix::fs::openat(&self.fd, at, flags, mode).map_err(errno)?;
                // The host's umask has cut the mode; the guest's has been applied already.
                rustix::fs::fchmod(&made, mode).map_err(errno)?;
            }
            CreateKind::Directory => {
                rustix::fs::mkdirat(&self.fd, at, mode).map_err(errno)?;
                let made = self.child(name)?;
                rustix::fs::chmod(own_path(&made.fd), mode).map_err(errno)?;
            }
            CreateKind::Symlink(target) => rustix::fs::symlinkat(target, &self.fd, at).map_err(errno)?,
            CreateKind::Fifo | CreateKind::Socket | CreateKind::CharDevice(_) | CreateKind::BlockDevice(_) => return Err(Errno::EPERM),
        }
        Ok(self.child(name)?)
    }

    fn link(&self, name: &[u8], inode: &InodeRef) -> Result<()> {
        self.want_write()?;
        let from = same_grant(inode, &self.grant)?;
        rustix::fs::linkat(rustix::fs::CWD, own_path(&from.fd), &self.fd, component(name)?, AtFlags::SYMLINK_FOLLOW).map_err(errno)
    }

    fn unlink(&self, name: &[u8]) -> Result<()> {
        self.want_write()?;
        rustix::fs::unlinkat(&self.fd, component(name)?, AtFlags::empty()).map_err(errno)
    }

    fn rmdir(&self, name: &[u8]) -> Result<()> {
        self.want_write()?;
        rustix::fs::unlinkat(&self.fd, component(name)?, AtFlags::REMOVEDIR).map_err(errno)
    }

    fn rename(&self, name: &[u8], new_parent: &InodeRef, new_name: &[u8], exchange: bool) -> Result<()> {
        self.want_write()?;
        let to = same_grant(new_parent, &self.grant)?;
        let flags = if exchange { RenameFlags::EXCHANGE } else { RenameFlags::empty() };
        rustix::fs::renameat_with(&self.fd, component(name)?, &to.fd, component(new_name)?, flags).map_err(errno)
    }

    fn readlink(&self) -> Result<Vec<u8>> {
        if self.file_type != FileType::Symlink {
            return Err(Errno::EINVAL);
        }
        let target = rustix::fs::readlinkat(&self.fd, "", Vec::with_capacity(MAX_TARGET_BYTES)).map_err(errno)?;
        Ok(target.into_bytes())
    }

    fn read_dir(&self, from: u64, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()> {
        if self.file_type != FileType::Directory {
            return Err(Errno::ENOTDIR);
        }
        let mut listing = self.listing.lock();
        if from == 0 {
            listing.refresh(self.entries()?);
        }
        for (position, entry) in listing.after(from) {
            if !emit(Dirent { ino: entry.ino, next: position, file_type: entry.file_type, name: &entry.name }) {
                break;
            }
        }
        Ok(())
    }

    fn open(self: Arc<Self>, flags: OpenFlags) -> Result<Arc<dyn File>> {
        if self.file_type != FileType::Regular {
            return Err(Errno::ENXIO);
        }
        if flags.writable() {
            self.want_write()?;
        }
        let access = match (flags.readable(), flags.writable()) {
            (true, true) => OFlags::RDWR,
            (false, true) => OFlags::WRONLY,
            _ => OFlags::RDONLY,
        };
        Ok(Arc::new(HostFile { fd: reopen(&self.fd, access)? }))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
