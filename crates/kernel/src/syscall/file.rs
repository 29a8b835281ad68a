//! Paths, descriptors and their data.

use crate::location::anonymous_statfs;
use crate::pipe::{Pipe, PipeEnd};
use crate::poll::{Epoll, EventFd, TimerFd};
use crate::task::Task;
use agentos_abi::fcntl::{AT_FDCWD, Fcntl, FoundLock, LockKind, LockOwner};
use agentos_abi::ioctl::{Ioctl, IoctlReply};
use agentos_abi::poll::PollFd;
use agentos_abi::time::{Itimer, SetTime};
use agentos_abi::{AtFlags, ClockId, Dirent, Errno, Events, Fd, OpenFlags, RenameFlags, Result, Stat, Statfs};
use agentos_syscall::{EpollOp, FileCalls};
use agentos_vfs::{Access, Object};
use std::sync::Arc;

impl FileCalls for Task {
    fn openat(&self, dirfd: Fd, path: &[u8], flags: OpenFlags, mode: u32) -> Result<Fd> {
        self.do_openat(dirfd, path, flags, mode)
    }

    fn close(&self, fd: Fd) -> Result<()> {
        self.do_close(fd)
    }

    fn close_range(&self, first: Fd, last: Fd, cloexec: bool) -> Result<()> {
        self.process.alive()?;
        // The call's arguments are unsigned: a negative `last` is the highest number.
        let first = usize::try_from(first).map_err(|_| Errno::EINVAL)?;
        let last = usize::try_from(last).unwrap_or(usize::MAX - 1);
        if first > last {
            return Err(Errno::EINVAL);
        }
        let closed = self.process.files.write().close_range(first, last, cloexec);
        self.closed(&closed);
        Ok(())
    }

    fn read(&self, fd: Fd, buf: &mut [u8]) -> Result<usize> {
        let description = self.description(fd)?;
        self.job_control(&description, false)?;
        description.read(buf)
    }

    fn write(&self, fd: Fd, buf: &[u8]) -> Result<usize> {
        let description = self.description(fd)?;
        self.job_control(&description, true)?;
        self.written(description.write(buf, self.file_size_limit()))
    }

    fn pread(&self, fd: Fd, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.usable(fd)?.pread(buf, offset)
    }

    fn pwrite(&self, fd: Fd, buf: &[u8], offset: u64) -> Result<usize> {
        self.written(self.usable(fd)?.pwrite(buf, offset, self.file_size_limit()))
    }

    fn lseek(&self, fd: Fd, offset: i64, whence: u32) -> Result<u64> {
        self.description(fd)?.seek(offset, whence)
    }

    fn copy_range(&self, from: Fd, from_offset: Option<&mut u64>, to: Fd, to_offset: Option<&mut u64>, count: usize) -> Result<usize> {
        self.do_copy_range(from, from_offset, to, to_offset, count)
    }

    fn dup(&self, fd: Fd) -> Result<Fd> {
        self.install_description(self.description(fd)?, false, 0)
    }

    fn dup3(&self, fd: Fd, to: Fd, cloexec: bool) -> Result<Fd> {
        self.do_dup3(fd, to, cloexec)
    }

    fn fcntl(&self, fd: Fd, command: Fcntl) -> Result<i32> {
        self.do_fcntl(fd, command)
    }

    fn record_lock(&self, fd: Fd, owner: LockOwner, kind: LockKind, range: (u64, u64), wait: bool) -> Result<()> {
        self.do_record_lock(fd, owner, kind, range, wait)
    }

    fn find_lock(&self, fd: Fd, owner: LockOwner, kind: LockKind, range: (u64, u64)) -> Result<Option<FoundLock>> {
        self.do_find_lock(fd, owner, kind, range)
    }

    fn splice(&self, from: Fd, from_offset: Option<&mut u64>, to: Fd, to_offset: Option<&mut u64>, count: usize, dont_wait: bool) -> Result<usize> {
        self.do_splice((from, from_offset), (to, to_offset), count, dont_wait)
    }

    fn tee(&self, from: Fd, to: Fd, count: usize, dont_wait: bool) -> Result<usize> {
        self.do_tee(from, to, count, dont_wait)
    }

    fn timerfd_create(&self, clock: ClockId, flags: OpenFlags) -> Result<Fd> {
        if !(flags - OpenFlags::CLOEXEC - OpenFlags::NONBLOCK).is_empty() || !matches!(clock, ClockId::Realtime | ClockId::Monotonic | ClockId::Boottime) {
            return Err(Errno::EINVAL);
        }
        let timer = TimerFd::new(clock, self.kernel.clock.clone(), self.kernel.timers.clone());
        self.install(timer, None, flags | OpenFlags::RDWR)
    }

    fn timerfd_settime(&self, fd: Fd, new: Option<Itimer>) -> Result<Itimer> {
        let description = self.usable(fd)?;
        let timer = description.file.as_any().downcast_ref::<TimerFd>().ok_or(Errno::EINVAL)?;
        Ok(match new {
            Some(new) => timer.set(new),
            None => timer.get(),
        })
    }

    fn timerfd_clock(&self, fd: Fd) -> Result<ClockId> {
        let description = self.usable(fd)?;
        description.file.as_any().downcast_ref::<TimerFd>().map(TimerFd::clock_id).ok_or(Errno::EINVAL)
    }

    fn flock(&self, fd: Fd, kind: LockKind, wait: bool) -> Result<()> {
        self.do_flock(fd, kind, wait)
    }

    fn pipe2(&self, flags: OpenFlags) -> Result<(Fd, Fd)> {
        if !(flags - OpenFlags::CLOEXEC - OpenFlags::NONBLOCK - OpenFlags::DIRECT).is_empty() {
            return Err(Errno::EINVAL);
        }
        let owner = self.process.credentials.read().file_owner();
        let pipe = Pipe::new(&self.kernel.pipes, self.kernel.now(), owner)?;
        if flags.contains(OpenFlags::DIRECT) {
            pipe.keep_packets();
        }
        let reader = Arc::new(PipeEnd::new(pipe.clone(), true, false, true));
        let writer = Arc::new(PipeEnd::new(pipe, false, true, true));
        self.install_pair((reader, flags), (writer, flags | OpenFlags::WRONLY))
    }

    fn eventfd(&self, initial: u64, semaphore: bool, flags: OpenFlags) -> Result<Fd> {
        if !(flags - OpenFlags::CLOEXEC - OpenFlags::NONBLOCK).is_empty() {
            return Err(Errno::EINVAL);
        }
        self.install(Arc::new(EventFd::new(initial, semaphore)), None, flags | OpenFlags::RDWR)
    }

    fn ioctl(&self, fd: Fd, request: Ioctl) -> Result<IoctlReply> {
        self.do_ioctl(fd, request)
    }

    fn fsync(&self, fd: Fd) -> Result<()> {
        self.usable(fd)?.file.sync()
    }

    fn poll(&self, fds: &mut [PollFd]) -> Result<usize> {
        self.process.alive()?;
        self.do_poll(fds)
    }

    fn epoll_create(&self, cloexec: bool) -> Result<Fd> {
        let flags = if cloexec { OpenFlags::CLOEXEC } else { OpenFlags::empty() };
        self.install(Arc::new(Epoll::new()), None, flags | OpenFlags::RDWR)
    }

    fn epoll_ctl(&self, epfd: Fd, op: EpollOp, fd: Fd) -> Result<()> {
        let epoll = self.usable(epfd)?;
        let target = self.usable(fd)?;
        let list = epoll.file.as_any().downcast_ref::<Epoll>().ok_or(Errno::EINVAL)?;
        if Arc::ptr_eq(&epoll, &target) {
            return Err(Errno::EINVAL);
        }
        list.control(fd, &target, op)
    }

    fn epoll_wait(&self, epfd: Fd, out: &mut [(Events, u64)]) -> Result<usize> {
        let epoll = self.usable(epfd)?;
        if out.is_empty() {
            return Err(Errno::EINVAL);
        }
        epoll.file.as_any().downcast_ref::<Epoll>().ok_or(Errno::EINVAL)?.collect(out)
    }

    fn fstatat(&self, dirfd: Fd, path: &[u8], flags: AtFlags) -> Result<Stat> {
        self.do_fstatat(dirfd, path, flags)
    }

    fn fstat(&self, fd: Fd) -> Result<Stat> {
        self.description(fd)?.stat()
    }

    fn faccessat(&self, dirfd: Fd, path: &[u8], mode: u32, flags: AtFlags) -> Result<()> {
        self.do_faccessat(dirfd, path, mode, flags)
    }

    fn statfs(&self, path: &[u8]) -> Result<Statfs> {
        self.walk(AT_FDCWD, path, |walk| walk.statfs(path))
    }

    fn fstatfs(&self, fd: Fd) -> Result<Statfs> {
        Ok(self.description(fd)?.path.as_ref().map_or_else(anonymous_statfs, |path| path.statfs()))
    }

    fn getdents(&self, fd: Fd, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()> {
        let description = self.usable(fd)?;
        let path = description.path.as_ref().ok_or(Errno::ENOTDIR)?;
        let mut offset = description.offset();
        let from = *offset;
        path.read_dir(from, &mut |entry| {
            let taken = emit(entry);
            if taken {
                *offset = entry.next;
            }
            taken
        })
    }

    fn readlinkat(&self, dirfd: Fd, path: &[u8]) -> Result<Vec<u8>> {
        if path.is_empty() && dirfd != AT_FDCWD {
            let place = self.directory_of(dirfd)?;
            self.cred().check(&[(Access::Read, Object::At(&place))])?;
            return place.inode().readlink();
        }
        self.walk(dirfd, path, |walk| walk.readlink(path))
    }

    fn mkdirat(&self, dirfd: Fd, path: &[u8], mode: u32) -> Result<()> {
        let umask = self.fs()?.umask;
        self.walk(dirfd, path, |walk| walk.mkdir(path, mode, umask).map(drop))
    }

    fn mknodat(&self, dirfd: Fd, path: &[u8], mode: u32, dev: u64) -> Result<()> {
        self.do_mknodat(dirfd, path, mode, dev)
    }

    fn unlinkat(&self, dirfd: Fd, path: &[u8], flags: AtFlags) -> Result<()> {
        if !(flags - AtFlags::REMOVEDIR).is_empty() {
            return Err(Errno::EINVAL);
        }
        let directory = flags.contains(AtFlags::REMOVEDIR);
        self.walk(dirfd, path, |walk| if directory { walk.rmdir(path) } else { walk.unlink(path) })
    }

    fn symlinkat(&self, target: &[u8], dirfd: Fd, path: &[u8]) -> Result<()> {
        self.walk(dirfd, path, |walk| walk.symlink(target, path).map(drop))
    }

    fn linkat(&self, old_dirfd: Fd, old: &[u8], new_dirfd: Fd, new: &[u8], flags: AtFlags) -> Result<()> {
        self.do_linkat(old_dirfd, old, new_dirfd, new, flags)
    }

    fn renameat(&self, old_dirfd: Fd, old: &[u8], new_dirfd: Fd, new: &[u8], flags: RenameFlags) -> Result<()> {
        self.do_renameat(old_dirfd, old, new_dirfd, new, flags)
    }

    fn truncate(&self, path: &[u8], size: u64) -> Result<()> {
        self.do_truncate(path, size)
    }

    fn ftruncate(&self, fd: Fd, size: u64) -> Result<()> {
        self.do_ftruncate(fd, size)
    }

    fn fallocate(&self, fd: Fd, mode: u32, offset: u64, len: u64) -> Result<()> {
        self.do_fallocate(fd, mode, offset, len)
    }

    fn fchmodat(&self, dirfd: Fd, path: &[u8], mode: u32, flags: AtFlags) -> Result<()> {
        self.do_fchmodat(dirfd, path, mode, flags)
    }

    fn fchmod(&self, fd: Fd, mode: u32) -> Result<()> {
        let cred = self.cred();
        self.with_place(fd, |path| path.chmod(mode, &cred))
    }

    fn fchownat(&self, dirfd: Fd, path: &[u8], uid: Option<u32>, gid: Option<u32>, flags: AtFlags) -> Result<()> {
        self.do_fchownat(dirfd, path, uid, gid, flags)
    }

    fn fchown(&self, fd: Fd, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
        let cred = self.cred();
        self.with_place(fd, |path| path.chown(uid, gid, &cred))
    }

    fn utimensat(&self, dirfd: Fd, path: Option<&[u8]>, atime: SetTime, mtime: SetTime, flags: AtFlags) -> Result<()> {
        self.do_utimensat(dirfd, path, atime, mtime, flags)
    }

    fn chdir(&self, path: &[u8]) -> Result<()> {
        let place = self.walk(AT_FDCWD, path, |walk| walk.resolve(path, true))?;
        self.change_directory(place)
    }

    fn fchdir(&self, fd: Fd) -> Result<()> {
        self.change_directory(self.directory_of(fd)?)
    }

    fn getcwd(&self) -> Result<Vec<u8>> {
        let fs = self.fs()?;
        fs.cwd.absolute(&fs.root)
    }

    fn umask(&self, mask: u32) -> u32 {
        match &mut *self.process.fs.write() {
            Some(fs) => std::mem::replace(&mut fs.umask, mask & 0o777),
            None => 0,
        }
    }
}
