//! What a file system driver implements.

use crate::{Cred, File};
use agentos_abi::{Dirent, Errno, FileType, Mode, OpenFlags, Result, Stat, Statfs, Timespec};
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

/// What [`Inode::create`] makes.
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
}

/// New attributes; `None` leaves one as it is. The caller has been checked for permission already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetAttr {
    /// Permission bits.
    pub mode: Option<Mode>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Length in bytes: truncate or extend with zeros.
    pub size: Option<u64>,
    /// Access time.
    pub atime: Option<Timespec>,
    /// Modification time.
    pub mtime: Option<Timespec>,
    /// Change time, set with every other change.
    pub ctime: Option<Timespec>,
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

    /// Makes a child with the owner of `cred` (the group of a set-group-id directory wins) and exactly `mode`.
    ///
    /// # Errors
    /// EEXIST, ENOSPC, EROFS, ENOTDIR, EPERM (kind not supported).
    fn create(&self, name: &[u8], kind: CreateKind<'_>, mode: Mode, cred: &Cred) -> Result<InodeRef> {
        let _ = (name, kind, mode, cred);
        Err(Errno::ENOTDIR)
    }

    /// Gives `inode`, of the same file system, another name here.
    ///
    /// # Errors
    /// EEXIST, EMLINK, ENOSPC, EROFS, EXDEV (foreign inode), EPERM (not supported, or a directory).
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
    /// Positions are the driver's own: 0 starts, `Dirent::next` continues. An entry present throughout is seen exactly once.
    ///
    /// # Errors
    /// ENOTDIR.
    fn read_dir(&self, from: u64, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()> {
        let _ = (from, emit);
        Err(Errno::ENOTDIR)
    }

    /// Opens for reading and writing. TRUNC, CREAT and EXCL are the caller's. For a FIFO, a socket and a device number the
    /// kernel does not come here. A directory answers a [`File`] whose reads are EISDIR (`DirectoryFile`).
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
