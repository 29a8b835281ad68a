//! /dev/pts: the replica sides of the pseudo-terminals that exist (pts(4)).

use agentos_abi::{Dirent, Errno, FileType, Mode, OpenFlags, Result, Stat, Timespec};
use agentos_kernel::Kernel;
use agentos_vfs::{Create, File, Inode, InodeRef, SetAttr};
use std::any::Any;
use std::sync::{Arc, Weak};

/// Terminals are numbered from here among the inodes of /dev.
const FIRST_INO: u64 = 1000;

/// The directory. It holds what the kernel has at the moment.
pub(crate) struct Terminals {
    ino: u64,
    kernel: Weak<Kernel>,
    time: Timespec,
}

impl Terminals {
    pub(crate) fn new(ino: u64, kernel: Weak<Kernel>, time: Timespec) -> Terminals {
        Terminals { ino, kernel, time }
    }
}

fn attributes(ino: u64, file_type: FileType, mode: u32, owner: (u32, u32), rdev: u64, time: Timespec) -> Stat {
    Stat {
        dev: 0,
        ino,
        file_type,
        mode: Mode::from_bits_truncate(mode),
        nlink: if file_type == FileType::Directory { 2 } else { 1 },
        uid: owner.0,
        gid: owner.1,
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

impl Inode for Terminals {
    fn stat(&self) -> Result<Stat> {
        Ok(attributes(self.ino, FileType::Directory, 0o755, (0, 0), 0, self.time))
    }

    fn file_type(&self) -> FileType {
        FileType::Directory
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        if attr.mode.is_some() || attr.uid.is_some() || attr.gid.is_some() { Err(Errno::EPERM) } else { Ok(()) }
    }

    fn lookup(&self, name: &[u8]) -> Result<InodeRef> {
        let kernel = self.kernel.upgrade().ok_or(Errno::ENODEV)?;
        let text = std::str::from_utf8(name).map_err(|_| Errno::ENOENT)?;
        let index: u32 = text.parse().map_err(|_| Errno::ENOENT)?;
        // `+1` and `01` parse as well, but are no names.
        if index.to_string() != text {
            return Err(Errno::ENOENT);
        }
        kernel.terminal(index)?;
        Ok(Arc::new(Terminal { index, kernel: self.kernel.clone(), time: self.time }))
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
        let kernel = self.kernel.upgrade().ok_or(Errno::ENODEV)?;
        for index in kernel.terminals() {
            // A terminal's position is its number plus one, so that one that comes or goes moves no other.
            let next = u64::from(index) + 1;
            let name = index.to_string();
            if next > from && !emit(Dirent { ino: FIRST_INO + u64::from(index), next, file_type: FileType::CharDevice, name: name.as_bytes() }) {
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

/// One terminal's device file. Owner and mode are the kernel's, so that every look-up finds them.
struct Terminal {
    index: u32,
    kernel: Weak<Kernel>,
    time: Timespec,
}

impl Inode for Terminal {
    fn stat(&self) -> Result<Stat> {
        let terminal = self.kernel.upgrade().ok_or(Errno::ENODEV)?.terminal(self.index)?;
        let ino = FIRST_INO + u64::from(self.index);
        Ok(attributes(ino, FileType::CharDevice, terminal.mode, (terminal.uid, terminal.gid), terminal.rdev, self.time))
    }

    fn file_type(&self) -> FileType {
        FileType::CharDevice
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        let kernel = self.kernel.upgrade().ok_or(Errno::ENODEV)?;
        kernel.set_terminal_attributes(self.index, attr.uid, attr.gid, attr.mode.map(|mode| mode.bits()))
    }

    fn open(self: Arc<Self>, _flags: OpenFlags) -> Result<Arc<dyn File>> {
        Err(Errno::ENXIO)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
