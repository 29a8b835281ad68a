//! What a file system driver implements.

use crate::File;
use agentos_abi::time::SetTime;
use agentos_abi::{Dirent, Errno, FileType, Mode, OpenFlags, Result, Stat, Statfs};
use std::any::Any;
use std::sync::Arc;

/// A shared inode.
pub type InodeRef = Arc<dyn Inode>;

/// A mounted file system.
pub trait FileSystem: Send + Sync {
    /// The name that /proc/mounts shows, `"tmpfs"` for example.
    fn name(&self) -> &'static str;

    /// The root directory.
    fn root(&self) -> InodeRef;

    /// Sizes and limits. Never fails for a mounted file system.
    fn statfs(&self) -> Statfs;

    /// Whether names may change behind the kernel's back (a host directory), so that no lookup may be cached.
    fn is_volatile(&self) -> bool {
        false
    }
}

/// The kind of file that [`Inode::create`] makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateKind<'a> {
    /// An empty regular file.
    Regular,
    /// An empty directory.
    Directory,
    /// A symbolic link with this target.
    Symlink(&'a [u8]),
    /// A FIFO, which pipe semantics of the kernel give life to on open.
    Fifo,
    /// A Unix socket's name.
    Socket,
    /// A device with this number. Drivers that hold no devices answer EPERM.
    CharDevice(u64),
    /// As `CharDevice`. The kernel has no block devices; only the number can be shown.
    BlockDevice(u64),
}

impl CreateKind<'_> {
    /// The type of the file.
    pub fn file_type(&self) -> FileType {
        match self {
            CreateKind::Regular => FileType::Regular,
            CreateKind::Directory => FileType::Directory,
            CreateKind::Symlink(_) => FileType::Symlink,
            CreateKind::Fifo => FileType::Fifo,
            CreateKind::Socket => FileType::Socket,
            CreateKind::CharDevice(_) => FileType::CharDevice,
            CreateKind::BlockDevice(_) => FileType::BlockDevice,
        }
    }
}

/// A file to make. The caller has applied the umask and the rules of set-group-id directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Create<'a> {
    /// What it is.
    pub kind: CreateKind<'a>,
    /// Its permission bits, exactly.
    pub mode: Mode,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// New attributes; what is `None` or `Omit` stays. The caller has been checked for permission already.
///
/// Every call sets the change time to now, even one that changes nothing else (chown(2) with both ids omitted).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetAttr {
    /// Permission bits.
    pub mode: Option<Mode>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Length in bytes: truncate or extend with zeros. Sets the modification time, too.
    pub size: Option<u64>,
    /// Access time.
    pub atime: SetTime,
    /// Modification time.
    pub mtime: SetTime,
}

/// One file, whatever its type. Methods that do not fit the type keep their default answer.
///
/// Permission, name length, `.` and `..`, read-only mounts and type checks of the path are the caller's
/// (`Namespace`); a driver only has to keep its own tree consistent under concurrent calls.
pub trait Inode: Send + Sync + Any {
    /// Attributes. Infallible for most drivers; a host file may have gone (ESTALE, EIO).
    ///
    /// `st_dev` is left 0: the mount fills it in.
    fn stat(&self) -> Result<Stat>;

    /// Type, without the cost of a full stat.
    fn file_type(&self) -> FileType;

    /// Changes attributes.
    ///
    /// # Errors
    /// EROFS; EFBIG, ENOSPC and EINVAL (not a regular file) for `size`.
    fn set_attr(&self, attr: &SetAttr) -> Result<()>;

    /// The child called `name`.
    ///
    /// # Errors
    /// ENOENT; ENOTDIR when this is no directory.
    fn lookup(&self, name: &[u8]) -> Result<InodeRef> {
        let _ = name;
        Err(Errno::ENOTDIR)
    }

    /// Makes a child.
    ///
    /// # Errors
    /// EEXIST, ENOENT (this directory was removed), ENOSPC, EROFS, ENOTDIR, EPERM (kind not supported).
    fn create(&self, name: &[u8], new: &Create<'_>) -> Result<InodeRef> {
        let _ = (name, new);
        Err(Errno::ENOTDIR)
    }

    /// Makes a file without a name on this directory's file system, as open(2) with O_TMPFILE does; [`Inode::link`] may name it.
    /// A stacked file system keeps its changed files in such inodes.
    ///
    /// # Errors
    /// EOPNOTSUPP, ENOSPC, EROFS, ENOTDIR.
    fn create_unnamed(&self, new: &Create<'_>) -> Result<InodeRef> {
        let _ = new;
        Err(Errno::EOPNOTSUPP)
    }

    /// Gives `inode`, of the same file system, another name here.
    ///
    /// # Errors
    /// EEXIST, EMLINK, ENOENT (this directory, or the last name of `inode`, was removed), ENOSPC, EROFS, EXDEV (foreign inode),
    /// EPERM (not supported, or a directory).
    fn link(&self, name: &[u8], inode: &InodeRef) -> Result<()> {
        let _ = (name, inode);
        Err(Errno::ENOTDIR)
    }

    /// Takes the name of something that is no directory away; the file lives on while it is open.
    ///
    /// # Errors
    /// ENOENT, EISDIR, EROFS, EBUSY.
    fn unlink(&self, name: &[u8]) -> Result<()> {
        let _ = name;
        Err(Errno::ENOTDIR)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, ENOTEMPTY, EROFS, EBUSY.
    fn rmdir(&self, name: &[u8]) -> Result<()> {
        let _ = name;
        Err(Errno::ENOTDIR)
    }

    /// Moves `name` to `new_name` in `new_parent` (same file system), replacing what rename(2) may replace there, atomically.
    /// With `exchange` the two swap. Moving a directory below itself has been refused already.
    ///
    /// # Errors
    /// ENOENT, EXDEV, ENOTDIR, EISDIR, ENOTEMPTY, ENOSPC, EROFS.
    fn rename(&self, name: &[u8], new_parent: &InodeRef, new_name: &[u8], exchange: bool) -> Result<()> {
        let _ = (name, new_parent, new_name, exchange);
        Err(Errno::ENOTDIR)
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// EINVAL when this is none.
    fn readlink(&self) -> Result<Vec<u8>> {
        Err(Errno::EINVAL)
    }

    /// The file that a magic link leads to without a path walk (/proc/self/fd/N, /proc/self/exe); `None` for ordinary links.
    fn magic_link(&self) -> Option<Result<crate::Path>> {
        None
    }

    /// Calls `emit` for each entry from position `from` on, without `.` and `..`, until it answers false.
    /// Positions are the driver's own, below 2^62: 0 starts, `Dirent::next` continues. An entry present throughout is seen exactly
    /// once. The driver may hold a lock meanwhile: `emit` must not call into the file system.
    ///
    /// # Errors
    /// ENOTDIR.
    fn read_dir(&self, from: u64, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()> {
        let _ = (from, emit);
        Err(Errno::ENOTDIR)
    }

    /// Opens a regular file for reading and writing. TRUNC, CREAT and EXCL are the caller's. Nobody comes here for a directory
    /// ([`crate::DirectoryFile`] serves them all), nor for a FIFO, a socket or a device number, which are the kernel's.
    ///
    /// # Errors
    /// ENXIO, EROFS, EIO.
    fn open(self: Arc<Self>, flags: OpenFlags) -> Result<Arc<dyn File>>;

    /// A stable, immutable content identity (sha256), when the driver knows it: engines key compiled code by it.
    fn content_hash(&self) -> Option<[u8; 32]> {
        None
    }

    /// The whole content as one borrowed slice, when it is in memory and immutable (a mapped file of a base image).
    fn static_content(&self) -> Option<&'static [u8]> {
        None
    }

    /// For downcasting inside a driver (`rename`, `link`).
    fn as_any(&self) -> &dyn Any;
}
