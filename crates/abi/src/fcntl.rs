//! Flags of open(2), the `*at` calls, rename(2) and fcntl(2).

use bitflags::bitflags;

bitflags! {
    /// Flags of open(2). The access mode is the two low bits: see [`OpenFlags::readable`] and [`OpenFlags::writable`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct OpenFlags: u32 {
        /// Write only.
        const WRONLY = 0o1;
        /// Read and write.
        const RDWR = 0o2;
        /// Create a missing file.
        const CREAT = 0o100;
        /// With CREAT: fail with EEXIST when the name exists.
        const EXCL = 0o200;
        /// Never make the terminal the controlling one.
        const NOCTTY = 0o400;
        /// Cut a regular file to length 0.
        const TRUNC = 0o1000;
        /// Each write goes to the end.
        const APPEND = 0o2000;
        /// Do not wait: EAGAIN instead.
        const NONBLOCK = 0o4000;
        /// Data integrity on every write.
        const DSYNC = 0o10000;
        /// Signal-driven I/O; accepted, never acted upon.
        const ASYNC = 0o20000;
        /// Unbuffered I/O; accepted as a hint.
        const DIRECT = 0o40000;
        /// 64-bit offsets; always on.
        const LARGEFILE = 0o100000;
        /// ENOTDIR unless a directory.
        const DIRECTORY = 0o200000;
        /// ELOOP when the last component is a symbolic link.
        const NOFOLLOW = 0o400000;
        /// Do not update the access time.
        const NOATIME = 0o1000000;
        /// The descriptor closes on execve(2).
        const CLOEXEC = 0o2000000;
        /// File integrity on every write (includes DSYNC).
        const SYNC = 0o4010000;
        /// Only a location: no reading or writing.
        const PATH = 0o10000000;
        /// An unnamed file in the directory.
        const TMPFILE = 0o20200000;
    }
}

impl OpenFlags {
    /// The flags that F_SETFL may change.
    pub const SETTABLE: OpenFlags = OpenFlags::APPEND.union(OpenFlags::NONBLOCK).union(OpenFlags::ASYNC).union(OpenFlags::DIRECT).union(OpenFlags::NOATIME);

    /// The access mode permits reading.
    pub fn readable(self) -> bool {
        !self.contains(OpenFlags::PATH) && self.bits() & 3 != 1
    }

    /// The access mode permits writing.
    pub fn writable(self) -> bool {
        !self.contains(OpenFlags::PATH) && matches!(self.bits() & 3, 1 | 2)
    }
}

bitflags! {
    /// Flags of the `*at` family.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct AtFlags: u32 {
        /// Act on a symbolic link itself.
        const SYMLINK_NOFOLLOW = 0x100;
        /// unlinkat: remove a directory; faccessat: use the effective ids (same number).
        const REMOVEDIR = 0x200;
        /// linkat: follow a symbolic link.
        const SYMLINK_FOLLOW = 0x400;
        /// Do not trigger an automount; no effect here.
        const NO_AUTOMOUNT = 0x800;
        /// An empty path means the descriptor itself.
        const EMPTY_PATH = 0x1000;
    }
}

impl AtFlags {
    /// faccessat: check with the effective ids. Shares its number with REMOVEDIR.
    pub const EACCESS: AtFlags = AtFlags::REMOVEDIR;
}

bitflags! {
    /// Flags of renameat2(2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct RenameFlags: u32 {
        /// EEXIST instead of replacing.
        const NOREPLACE = 1;
        /// Swap the two names.
        const EXCHANGE = 2;
    }
}

bitflags! {
    /// Flags of a descriptor (not of its open file description).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct FdFlags: u32 {
        /// Closes on execve(2).
        const CLOEXEC = 1;
    }
}

/// The directory descriptor that stands for the current working directory.
pub const AT_FDCWD: i32 = -100;
/// Longest path in bytes, with the terminating NUL (limits.h).
pub const PATH_MAX: usize = 4096;
/// Longest component in bytes (limits.h).
pub const NAME_MAX: usize = 255;
/// Symbolic links followed in one path walk before ELOOP (Linux' MAXSYMLINKS).
pub const SYMLOOP_MAX: usize = 40;

/// access(2): exists.
pub const F_OK: u32 = 0;
/// access(2): execute or search.
pub const X_OK: u32 = 1;
/// access(2): write.
pub const W_OK: u32 = 2;
/// access(2): read.
pub const R_OK: u32 = 4;

/// One command of fcntl(2), decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fcntl {
    /// F_DUPFD, F_DUPFD_CLOEXEC: lowest free descriptor not below `min`.
    Dup {
        /// Lowest acceptable number.
        min: i32,
        /// Set FD_CLOEXEC on the copy.
        cloexec: bool,
    },
    /// F_GETFD
    GetFd,
    /// F_SETFD
    SetFd(FdFlags),
    /// F_GETFL
    GetFl,
    /// F_SETFL
    SetFl(OpenFlags),
    /// F_GETPIPE_SZ
    GetPipeSize,
    /// F_SETPIPE_SZ, in bytes.
    SetPipeSize(u32),
}

/// flock(2) and fcntl(2) record locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// LOCK_SH, F_RDLCK
    Shared,
    /// LOCK_EX, F_WRLCK
    Exclusive,
    /// LOCK_UN, F_UNLCK
    Unlock,
}

/// Whose a record lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockOwner {
    /// F_SETLK: the process; it goes when the process closes any descriptor of the file.
    Process,
    /// F_OFD_SETLK: the open file description; it goes with the last descriptor of that.
    Description,
}

/// A lock that F_GETLK found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundLock {
    /// Shared or exclusive.
    pub kind: LockKind,
    /// First byte.
    pub start: u64,
    /// Bytes; 0 means to the end.
    pub len: u64,
    /// The process that has it; -1 for one of an open file description.
    pub pid: i32,
}
