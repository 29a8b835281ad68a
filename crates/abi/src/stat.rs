//! File types, mode bits and the records of stat(2), statfs(2) and getdents(2).

use crate::time::Timespec;
use bitflags::bitflags;

/// The type of a file (the S_IFMT bits of `st_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileType {
    /// S_IFIFO
    Fifo,
    /// S_IFCHR
    CharDevice,
    /// S_IFDIR
    Directory,
    /// S_IFBLK
    BlockDevice,
    /// S_IFREG
    Regular,
    /// S_IFLNK
    Symlink,
    /// S_IFSOCK
    Socket,
}

impl FileType {
    /// The S_IFMT bits.
    pub const fn bits(self) -> u32 {
        match self {
            FileType::Fifo => 0o010000,
            FileType::CharDevice => 0o020000,
            FileType::Directory => 0o040000,
            FileType::BlockDevice => 0o060000,
            FileType::Regular => 0o100000,
            FileType::Symlink => 0o120000,
            FileType::Socket => 0o140000,
        }
    }

    /// The type in the S_IFMT bits of `mode`; 0 means regular, as in mknod(2). `None` for an undefined value.
    pub const fn from_bits(mode: u32) -> Option<FileType> {
        Some(match mode & 0o170000 {
            0o010000 => FileType::Fifo,
            0o020000 => FileType::CharDevice,
            0o040000 => FileType::Directory,
            0o060000 => FileType::BlockDevice,
            0o100000 | 0 => FileType::Regular,
            0o120000 => FileType::Symlink,
            0o140000 => FileType::Socket,
            _ => return None,
        })
    }

    /// The DT_* number of getdents(2).
    pub const fn dirent(self) -> u8 {
        (self.bits() >> 12) as u8
    }
}

bitflags! {
    /// Permission and special bits of a mode, without the type.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct Mode: u32 {
        /// Set user id on execution.
        const SUID = 0o4000;
        /// Set group id on execution; on a directory: children take its group.
        const SGID = 0o2000;
        /// On a directory: only owners may unlink.
        const STICKY = 0o1000;
        /// Owner: read, write, execute.
        const RWXU = 0o700;
        /// Group: read, write, execute.
        const RWXG = 0o070;
        /// Others: read, write, execute.
        const RWXO = 0o007;
    }
}

/// What stat(2) tells about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Device that holds the file (`st_dev`).
    pub dev: u64,
    /// Inode number, unique on its device (`st_ino`).
    pub ino: u64,
    /// Type of the file.
    pub file_type: FileType,
    /// Permission bits.
    pub mode: Mode,
    /// Number of hard links.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Device number, when the file is a device.
    pub rdev: u64,
    /// Size in bytes.
    pub size: u64,
    /// Preferred I/O size in bytes.
    pub blksize: u32,
    /// Storage in units of 512 bytes.
    pub blocks: u64,
    /// Last access.
    pub atime: Timespec,
    /// Last change of the content.
    pub mtime: Timespec,
    /// Last change of the inode.
    pub ctime: Timespec,
    /// Creation.
    pub btime: Timespec,
}

impl Stat {
    /// `st_mode`: type and permission bits.
    pub fn st_mode(&self) -> u32 {
        self.file_type.bits() | self.mode.bits()
    }
}

/// What statfs(2) tells about a file system. Sizes in blocks of `bsize` bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statfs {
    /// Magic number, TMPFS_MAGIC for example.
    pub fs_type: u32,
    /// Block size in bytes.
    pub bsize: u32,
    /// All blocks.
    pub blocks: u64,
    /// Free blocks.
    pub bfree: u64,
    /// All inodes.
    pub files: u64,
    /// Free inodes.
    pub ffree: u64,
    /// Longest component.
    pub namelen: u32,
    /// ST_* mount flags.
    pub flags: u32,
}

/// One entry of a directory, borrowed from the driver for the time of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dirent<'a> {
    /// Inode number.
    pub ino: u64,
    /// Position to continue after this entry (`d_off`).
    pub next: u64,
    /// Type of the file.
    pub file_type: FileType,
    /// Name without a slash or NUL.
    pub name: &'a [u8],
}

/// Makes a device number, as makedev(3).
pub const fn makedev(major: u32, minor: u32) -> u64 {
    ((major as u64 & 0xffff_f000) << 32) | ((major as u64 & 0xfff) << 8) | ((minor as u64 & 0xffff_ff00) << 12) | (minor as u64 & 0xff)
}
