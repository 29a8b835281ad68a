//! Paths, descriptors and their data.

use agentos_abi::fcntl::{Fcntl, FoundLock, LockKind, LockOwner};
use agentos_abi::ioctl::{Ioctl, IoctlReply};
use agentos_abi::poll::PollFd;
use agentos_abi::time::{Itimer, SetTime};
use agentos_abi::{AtFlags, ClockId, Dirent, Events, Fd, OpenFlags, RenameFlags, Result, Stat, Statfs};

/// `op` of epoll_ctl(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpollOp {
    /// EPOLL_CTL_ADD; the upper bits of the raw event mask (EPOLLET, EPOLLONESHOT) are in `flags`.
    Add {
        /// What to look for.
        events: Events,
        /// EPOLLET (1 << 31), EPOLLONESHOT (1 << 30), EPOLLEXCLUSIVE (1 << 28).
        flags: u32,
        /// Handed back with each event.
        data: u64,
    },
    /// EPOLL_CTL_MOD
    Modify {
        /// What to look for.
        events: Events,
        /// As in `Add`.
        flags: u32,
        /// Handed back with each event.
        data: u64,
    },
    /// EPOLL_CTL_DEL
    Delete,
}

/// File calls. Paths are bytes without a NUL; relative ones start at `dirfd`, or at the working directory for `AT_FDCWD`.
/// Every path call can answer ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG and EBADF (`dirfd`) beside what is listed.
pub trait FileCalls {
    /// openat(2). `mode` is cut by the umask. Errors: EEXIST, EISDIR, ENXIO, EROFS, ETXTBSY, EMFILE, ENFILE, ENOSPC, EINVAL;
    /// EWAIT for a FIFO without a peer.
    fn openat(&self, dirfd: Fd, path: &[u8], flags: OpenFlags, mode: u32) -> Result<Fd>;
    /// close(2). Errors: EBADF.
    fn close(&self, fd: Fd) -> Result<()>;
    /// close_range(2), or set CLOEXEC on the range.
    fn close_range(&self, first: Fd, last: Fd, cloexec: bool) -> Result<()>;

    /// read(2). 0 is end of file. Errors: EWAIT, EAGAIN, EBADF, EISDIR, EINVAL, EIO.
    fn read(&self, fd: Fd, buf: &mut [u8]) -> Result<usize>;
    /// write(2). May take less than all of a large buffer, in blocking mode too: the engine goes on with the rest.
    /// Errors: EWAIT, EAGAIN, EBADF, EPIPE (SIGPIPE is raised), ENOSPC, EFBIG, EINVAL, EIO.
    fn write(&self, fd: Fd, buf: &[u8]) -> Result<usize>;
    /// pread(2); ESPIPE on a stream.
    fn pread(&self, fd: Fd, buf: &mut [u8], offset: u64) -> Result<usize>;
    /// pwrite(2); ESPIPE on a stream.
    fn pwrite(&self, fd: Fd, buf: &[u8], offset: u64) -> Result<usize>;
    /// lseek(2) with SEEK_SET 0, SEEK_CUR 1, SEEK_END 2, SEEK_DATA 3, SEEK_HOLE 4. Errors: ESPIPE, EINVAL, ENXIO, EOVERFLOW.
    fn lseek(&self, fd: Fd, offset: i64, whence: u32) -> Result<u64>;
    /// sendfile(2) and copy_file_range(2): at most `count` bytes from `from` to `to` without leaving the kernel. Offsets, when
    /// given, are used instead of and do not move the descriptors'. May answer fewer bytes. EWAIT when nothing moved.
    fn copy_range(&self, from: Fd, from_offset: Option<&mut u64>, to: Fd, to_offset: Option<&mut u64>, count: usize) -> Result<usize>;

    /// dup(2).
    fn dup(&self, fd: Fd) -> Result<Fd>;
    /// dup3(2); unlike it, equal numbers are fine (dup2(2)).
    fn dup3(&self, fd: Fd, to: Fd, cloexec: bool) -> Result<Fd>;
    /// fcntl(2), but for locks. The answer is the call's value.
    fn fcntl(&self, fd: Fd, command: Fcntl) -> Result<i32>;
    /// Record locks of fcntl(2) over `start..start+len` (`len` 0: to the end). EWAIT when `wait`, else EAGAIN.
    fn record_lock(&self, fd: Fd, owner: LockOwner, kind: LockKind, range: (u64, u64), wait: bool) -> Result<()>;
    /// F_GETLK and F_OFD_GETLK: a lock that stands in the way of one of `kind`.
    fn find_lock(&self, fd: Fd, owner: LockOwner, kind: LockKind, range: (u64, u64)) -> Result<Option<FoundLock>>;
    /// splice(2): at most `count` bytes from one to the other, one of which is a pipe. Offsets as in [`copy_range`](FileCalls::copy_range).
    /// EWAIT when nothing moved; EAGAIN instead with `dont_wait`. Errors: EINVAL (no pipe, or the same one), ESPIPE, EBADF.
    fn splice(&self, from: Fd, from_offset: Option<&mut u64>, to: Fd, to_offset: Option<&mut u64>, count: usize, dont_wait: bool) -> Result<usize>;
    /// tee(2): copies what one pipe holds into another, leaving it there.
    fn tee(&self, from: Fd, to: Fd, count: usize, dont_wait: bool) -> Result<usize>;
    /// timerfd_create(2). Flags: CLOEXEC, NONBLOCK.
    fn timerfd_create(&self, clock: ClockId, flags: OpenFlags) -> Result<Fd>;
    /// timerfd_settime(2), `new` from now on, and timerfd_gettime(2) without it: answers the old value. Errors: EBADF, EINVAL.
    fn timerfd_settime(&self, fd: Fd, new: Option<Itimer>) -> Result<Itimer>;
    /// Clock of a timerfd. Errors: EBADF, EINVAL.
    fn timerfd_clock(&self, fd: Fd) -> Result<ClockId>;
    /// flock(2) (owned by the open file description). EWAIT when `wait`, else EAGAIN.
    fn flock(&self, fd: Fd, kind: LockKind, wait: bool) -> Result<()>;
    /// pipe2(2): read end, write end. Flags: CLOEXEC, NONBLOCK, DIRECT. Errors: EINVAL, EMFILE.
    fn pipe2(&self, flags: OpenFlags) -> Result<(Fd, Fd)>;
    /// eventfd2(2).
    fn eventfd(&self, initial: u64, semaphore: bool, flags: OpenFlags) -> Result<Fd>;
    /// ioctl(2). Errors: ENOTTY, EINVAL, EPERM, EIO; EWAIT when SIGTTOU stopped a background process that changes its terminal
    /// (wait with [`crate::WaitOn::Continue`], then try again).
    fn ioctl(&self, fd: Fd, request: Ioctl) -> Result<IoctlReply>;
    /// fsync(2), fdatasync(2).
    fn fsync(&self, fd: Fd) -> Result<()>;

    /// poll(2) without waiting: fills `revents`, answers the number of entries with any.
    fn poll(&self, fds: &mut [PollFd]) -> Result<usize>;
    /// epoll_create1(2).
    fn epoll_create(&self, cloexec: bool) -> Result<Fd>;
    /// epoll_ctl(2). Errors: EEXIST, ENOENT, EPERM (not pollable), EINVAL, ELOOP.
    fn epoll_ctl(&self, epfd: Fd, op: EpollOp, fd: Fd) -> Result<()>;
    /// epoll_wait(2) without waiting: ready masks and data. EWAIT when there are none.
    fn epoll_wait(&self, epfd: Fd, out: &mut [(Events, u64)]) -> Result<usize>;

    /// fstatat(2); with EMPTY_PATH and an empty path, fstat(2).
    fn fstatat(&self, dirfd: Fd, path: &[u8], flags: AtFlags) -> Result<Stat>;
    /// fstat(2).
    fn fstat(&self, fd: Fd) -> Result<Stat>;
    /// faccessat2(2) with R_OK, W_OK, X_OK bits. Errors: EACCES, EROFS.
    fn faccessat(&self, dirfd: Fd, path: &[u8], mode: u32, flags: AtFlags) -> Result<()>;
    /// statfs(2).
    fn statfs(&self, path: &[u8]) -> Result<Statfs>;
    /// fstatfs(2).
    fn fstatfs(&self, fd: Fd) -> Result<Statfs>;
    /// getdents64(2) with `.` and `..`: calls `emit` until it answers false; that entry comes again next time. Errors: ENOTDIR, ENOENT (removed).
    fn getdents(&self, fd: Fd, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()>;
    /// readlinkat(2), whole. Errors: EINVAL.
    fn readlinkat(&self, dirfd: Fd, path: &[u8]) -> Result<Vec<u8>>;

    /// mkdirat(2).
    fn mkdirat(&self, dirfd: Fd, path: &[u8], mode: u32) -> Result<()>;
    /// mknodat(2): regular files, FIFOs and sockets; devices are EPERM.
    fn mknodat(&self, dirfd: Fd, path: &[u8], mode: u32, dev: u64) -> Result<()>;
    /// unlinkat(2); REMOVEDIR for rmdir(2).
    fn unlinkat(&self, dirfd: Fd, path: &[u8], flags: AtFlags) -> Result<()>;
    /// symlinkat(2).
    fn symlinkat(&self, target: &[u8], dirfd: Fd, path: &[u8]) -> Result<()>;
    /// linkat(2); SYMLINK_FOLLOW, EMPTY_PATH.
    fn linkat(&self, old_dirfd: Fd, old: &[u8], new_dirfd: Fd, new: &[u8], flags: AtFlags) -> Result<()>;
    /// renameat2(2).
    fn renameat(&self, old_dirfd: Fd, old: &[u8], new_dirfd: Fd, new: &[u8], flags: RenameFlags) -> Result<()>;
    /// truncate(2).
    fn truncate(&self, path: &[u8], size: u64) -> Result<()>;
    /// ftruncate(2).
    fn ftruncate(&self, fd: Fd, size: u64) -> Result<()>;
    /// fallocate(2) with mode 0 or KEEP_SIZE; others EOPNOTSUPP.
    fn fallocate(&self, fd: Fd, mode: u32, offset: u64, len: u64) -> Result<()>;
    /// fchmodat(2).
    fn fchmodat(&self, dirfd: Fd, path: &[u8], mode: u32, flags: AtFlags) -> Result<()>;
    /// fchmod(2).
    fn fchmod(&self, fd: Fd, mode: u32) -> Result<()>;
    /// fchownat(2); `None` leaves an id.
    fn fchownat(&self, dirfd: Fd, path: &[u8], uid: Option<u32>, gid: Option<u32>, flags: AtFlags) -> Result<()>;
    /// fchown(2).
    fn fchown(&self, fd: Fd, uid: Option<u32>, gid: Option<u32>) -> Result<()>;
    /// utimensat(2); `path` `None` means `dirfd` itself.
    fn utimensat(&self, dirfd: Fd, path: Option<&[u8]>, atime: SetTime, mtime: SetTime, flags: AtFlags) -> Result<()>;

    /// chdir(2).
    fn chdir(&self, path: &[u8]) -> Result<()>;
    /// fchdir(2).
    fn fchdir(&self, fd: Fd) -> Result<()>;
    /// getcwd(2) without the NUL. ENOENT when the directory was removed.
    fn getcwd(&self) -> Result<Vec<u8>>;
    /// umask(2): sets, answers the old one.
    fn umask(&self, mask: u32) -> u32;
}
