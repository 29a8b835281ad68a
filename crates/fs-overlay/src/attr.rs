//! Attributes of directories, which the overlay keeps itself.

use agentos_abi::time::SetTime;
use agentos_abi::{FileType, Mode, Stat, Timespec};
use agentos_vfs::{Create, SetAttr};

/// Size that a directory shows, as on most file systems.
const DIRECTORY_BYTES: u64 = 4096;

/// What a directory's inode says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DirAttr {
    pub mode: Mode,
    pub uid: u32,
    pub gid: u32,
    pub atime: Timespec,
    pub mtime: Timespec,
    pub ctime: Timespec,
    pub btime: Timespec,
}

impl DirAttr {
    /// Of a directory of a lower layer.
    pub fn of(stat: &Stat) -> DirAttr {
        DirAttr { mode: stat.mode, uid: stat.uid, gid: stat.gid, atime: stat.atime, mtime: stat.mtime, ctime: stat.ctime, btime: stat.btime }
    }

    /// Of a new directory.
    pub fn new(create: &Create<'_>, now: Timespec) -> DirAttr {
        DirAttr { mode: create.mode, uid: create.uid, gid: create.gid, atime: now, mtime: now, ctime: now, btime: now }
    }

    /// stat(2), with 2 links and one more for each subdirectory.
    pub fn stat(&self, ino: u64, subdirectories: u32) -> Stat {
        Stat {
            dev: 0,
            ino,
            file_type: FileType::Directory,
            mode: self.mode,
            nlink: subdirectories.saturating_add(2),
            uid: self.uid,
            gid: self.gid,
            rdev: 0,
            size: DIRECTORY_BYTES,
            blksize: 4096,
            blocks: DIRECTORY_BYTES / 512,
            atime: self.atime,
            mtime: self.mtime,
            ctime: self.ctime,
            btime: self.btime,
        }
    }

    /// Applies a change; `size` has been refused already.
    pub fn apply(&mut self, attr: &SetAttr, now: Timespec) {
        let set = |time: &mut Timespec, new: SetTime| match new {
            SetTime::Now => *time = now,
            SetTime::Omit => {}
            SetTime::At(at) => *time = at,
        };
        self.mode = attr.mode.unwrap_or(self.mode);
        self.uid = attr.uid.unwrap_or(self.uid);
        self.gid = attr.gid.unwrap_or(self.gid);
        set(&mut self.atime, attr.atime);
        set(&mut self.mtime, attr.mtime);
        self.ctime = now;
    }

    /// An entry came or went.
    pub fn touch(&mut self, now: Timespec) {
        self.mtime = now;
        self.ctime = now;
    }
}
