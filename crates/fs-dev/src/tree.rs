//! The fixed tree of device files.

use agentos_abi::{Dirent, Errno, FileType, Mode, OpenFlags, Result, Stat, Timespec};
use agentos_vfs::{Create, File, Inode, InodeRef, SetAttr};
use std::any::Any;
use std::sync::Arc;

/// A device file or a symbolic link.
pub(crate) struct DevNode {
    ino: u64,
    file_type: FileType,
    mode: u32,
    rdev: u64,
    target: &'static str,
    time: Timespec,
}

impl DevNode {
    pub fn new(ino: u64, file_type: FileType, mode: u32, rdev: u64, target: &'static str, time: Timespec) -> InodeRef {
        Arc::new(DevNode { ino, file_type, mode, rdev, target, time })
    }
}

fn stat(ino: u64, file_type: FileType, mode: u32, rdev: u64, size: u64, nlink: u32, time: Timespec) -> Stat {
    let mode = Mode::from_bits_truncate(mode);
    Stat { dev: 0, ino, file_type, mode, nlink, uid: 0, gid: 0, rdev, size, blksize: 4096, blocks: 0, atime: time, mtime: time, ctime: time, btime: time }
}

impl Inode for DevNode {
    fn stat(&self) -> Result<Stat> {
        Ok(stat(self.ino, self.file_type, self.mode, self.rdev, self.target.len() as u64, 1, self.time))
    }

    fn file_type(&self) -> FileType {
        self.file_type
    }

    /// Devices of a VM keep their attributes; times are accepted, because tools like tar set them.
    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        if attr.mode.is_some() || attr.uid.is_some() || attr.gid.is_some() { Err(Errno::EPERM) } else { Ok(()) }
    }

    fn readlink(&self) -> Result<Vec<u8>> {
        if self.file_type == FileType::Symlink { Ok(self.target.as_bytes().to_vec()) } else { Err(Errno::EINVAL) }
    }

    fn open(self: Arc<Self>, _flags: OpenFlags) -> Result<Arc<dyn File>> {
        Err(Errno::ENXIO)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A directory whose entries never change.
pub(crate) struct DevDirectory {
    ino: u64,
    mode: u32,
    time: Timespec,
    entries: Vec<(&'static str, InodeRef)>,
}

impl DevDirectory {
    pub fn new(ino: u64, mode: u32, time: Timespec) -> DevDirectory {
        DevDirectory { ino, mode, time, entries: Vec::new() }
    }

    pub fn add(&mut self, name: &'static str, make: impl FnOnce(u64) -> InodeRef) {
        let ino = self.ino + 1 + self.entries.len() as u64;
        self.entries.push((name, make(ino)));
    }
}

impl Inode for DevDirectory {
    fn stat(&self) -> Result<Stat> {
        let subdirectories = self.entries.iter().filter(|(_, inode)| inode.file_type() == FileType::Directory).count() as u32;
        Ok(stat(self.ino, FileType::Directory, self.mode, 0, 0, 2 + subdirectories, self.time))
    }

    fn file_type(&self) -> FileType {
        FileType::Directory
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        if attr.mode.is_some() || attr.uid.is_some() || attr.gid.is_some() { Err(Errno::EPERM) } else { Ok(()) }
    }

    fn lookup(&self, name: &[u8]) -> Result<InodeRef> {
        self.entries.iter().find(|(n, _)| n.as_bytes() == name).map(|(_, inode)| inode.clone()).ok_or(Errno::ENOENT)
    }

    fn create(&self, _name: &[u8], _new: &Create<'_>) -> Result<InodeRef> {
        Err(Errno::EPERM)
    }

    fn link(&self, _name: &[u8], _inode: &InodeRef) -> Result<()> {
        Err(Errno::EPERM)
    }

    fn unlink(&self, _name: &[u8]) -> Result<()> {
        Err(Errno::EPERM)
    }

    fn rmdir(&self, _name: &[u8]) -> Result<()> {
        Err(Errno::EPERM)
    }

    fn rename(&self, _name: &[u8], _new_parent: &InodeRef, _new_name: &[u8], _exchange: bool) -> Result<()> {
        Err(Errno::EPERM)
    }

    fn read_dir(&self, from: u64, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()> {
        for (next, (name, inode)) in (1..).zip(&self.entries).skip(usize::try_from(from).unwrap_or(usize::MAX)) {
            if !emit(Dirent { ino: inode.stat()?.ino, next, file_type: inode.file_type(), name: name.as_bytes() }) {
                break;
            }
        }
        Ok(())
    }

    fn open(self: Arc<Self>, _flags: OpenFlags) -> Result<Arc<dyn File>> {
        Err(Errno::EISDIR)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
