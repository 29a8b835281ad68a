//! Calls on descriptors that need more than a line: job control on terminals, fcntl(2), locks, poll(2), devices.

use crate::fd::{Description, FileId, Holder, LockTable};
use crate::pipe::PipeEnd;
use crate::process::PendingCall;
use crate::task::Task;
use crate::wait::MAX_POLL_FDS;
use agentos_abi::fcntl::{Fcntl, FoundLock, LockKind, LockOwner};
use agentos_abi::ioctl::{Ioctl, IoctlReply};
use agentos_abi::poll::PollFd;
use agentos_abi::{Errno, Events, Fd, FileType, OpenFlags, Result, Signal};
use agentos_vfs::SetAttr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// FALLOC_FL_KEEP_SIZE
const KEEP_SIZE: u32 = 1;

/// First byte and end of a range whose length 0 means to the end. Errors: EOVERFLOW.
fn bounds((start, len): (u64, u64)) -> Result<(u64, u64)> {
    Ok((start, if len == 0 { u64::MAX } else { start.checked_add(len).ok_or(Errno::EOVERFLOW)? }))
}

impl Task {
    /// Lets a terminal stop a background process (SIGTTIN, SIGTTOU) before it reads or writes.
    pub(super) fn job_control(&self, description: &Description, write: bool) -> Result<()> {
        if !description.file.is_terminal() {
            return Ok(());
        }
        description.file.check_access(write, &self.file_context()?)
    }

    /// Raises what a failed write raises.
    pub(super) fn written(&self, result: Result<usize>) -> Result<usize> {
        match result {
            Err(Errno::EPIPE) => self.raise(Signal::SIGPIPE),
            Err(Errno::EFBIG) if self.file_size_limit() != u64::MAX => self.raise(Signal::SIGXFSZ),
            _ => {}
        }
        result
    }

    /// RLIMIT_FSIZE in force.
    pub(super) fn file_size_limit(&self) -> u64 {
        self.process.file_size_limit.load(Ordering::Relaxed)
    }

    pub(super) fn do_close(&self, fd: Fd) -> Result<()> {
        let description = self.process.files.write().remove(fd)?;
        self.closed(&[description]);
        Ok(())
    }

    /// Drops what was taken out of the table, letting go of record locks.
    pub(super) fn closed(&self, descriptions: &[Arc<Description>]) {
        for description in descriptions {
            description.closed_by(self.pid());
        }
    }

    pub(super) fn do_dup3(&self, fd: Fd, to: Fd, cloexec: bool) -> Result<Fd> {
        let limit = self.file_limit();
        let mut files = self.process.files.write();
        let description = files.get(fd)?.clone();
        if fd == to {
            return Ok(fd);
        }
        let replaced = files.replace(to, description, cloexec, limit)?;
        drop(files);
        if let Some(old) = replaced {
            self.closed(&[old]);
        }
        Ok(to)
    }

    pub(super) fn do_fcntl(&self, fd: Fd, command: Fcntl) -> Result<i32> {
        match command {
            Fcntl::Dup { min, cloexec } => {
                let limit = self.file_limit();
                let start = usize::try_from(min).ok().filter(|at| (*at as u64) < limit).ok_or(Errno::EINVAL)?;
                self.install_description(self.description(fd)?, cloexec, start)
            }
            Fcntl::GetFd => self.process.files.read().flags(fd).map(|flags| flags.bits() as i32),
            Fcntl::SetFd(flags) => self.process.files.write().set_flags(fd, flags).map(|()| 0),
            Fcntl::GetFl => self.description(fd).map(|description| description.flags().bits() as i32),
            Fcntl::SetFl(flags) => self.usable(fd).map(|description| description.set_flags(flags)).map(|()| 0),
            Fcntl::GetPipeSize => self.on_pipe(fd, |end| Ok(end.pipe().capacity())),
            Fcntl::SetPipeSize(bytes) => {
                let privileged = self.process.credentials.read().privileged();
                self.on_pipe(fd, |end| end.pipe().set_capacity(bytes, privileged))
            }
        }
    }

    /// Errors: EBADF when `fd` is no pipe.
    fn on_pipe(&self, fd: Fd, call: impl FnOnce(&PipeEnd) -> Result<usize>) -> Result<i32> {
        let description = self.usable(fd)?;
        let end = description.file.as_any().downcast_ref::<PipeEnd>().ok_or(Errno::EBADF)?;
        call(end).map(|size| i32::try_from(size).unwrap_or(i32::MAX))
    }

    pub(super) fn do_flock(&self, fd: Fd, kind: LockKind, wait: bool) -> Result<()> {
        let description = self.usable(fd)?;
        let file = description.file_id()?;
        let locks = description.lock_table_for_flock();
        self.lock_or_wait(file, wait, locks, || locks.flock(file, description.id, kind))
    }

    pub(super) fn do_record_lock(&self, fd: Fd, owner: LockOwner, kind: LockKind, range: (u64, u64), wait: bool) -> Result<()> {
        let description = self.usable(fd)?;
        let permitted = match kind {
            LockKind::Shared => description.flags().readable(),
            LockKind::Exclusive => description.flags().writable(),
            LockKind::Unlock => true,
        };
        if !permitted {
            return Err(Errno::EBADF);
        }
        let (start, end) = bounds(range)?;
        let file = description.file_id()?;
        let (locks, holder) = match owner {
            LockOwner::Process => (description.lock_table_for_records(), Holder::Process(self.pid())),
            LockOwner::Description => (description.lock_table_for_own_records(), Holder::Description(description.id)),
        };
        self.lock_or_wait(file, wait, locks, || locks.record(file, holder, kind, start, end))
    }

    pub(super) fn do_find_lock(&self, fd: Fd, owner: LockOwner, kind: LockKind, range: (u64, u64)) -> Result<Option<FoundLock>> {
        let description = self.usable(fd)?;
        if kind == LockKind::Unlock {
            return Err(Errno::EINVAL);
        }
        let (start, end) = bounds(range)?;
        let holder = match owner {
            LockOwner::Process => Holder::Process(self.pid()),
            LockOwner::Description => Holder::Description(description.id),
        };
        let found = self.kernel.open_files.locks.conflicting(description.file_id()?, holder, kind, start, end);
        Ok(found.map(|record| FoundLock {
            kind: if record.exclusive { LockKind::Exclusive } else { LockKind::Shared },
            start: record.start,
            len: if record.end == u64::MAX { 0 } else { record.end - record.start },
            pid: match record.owner {
                Holder::Process(pid) => pid,
                Holder::Description(_) => -1,
            },
        }))
    }

    /// EWAIT, remembering what to wait for, or EAGAIN.
    fn lock_or_wait(&self, file: FileId, wait: bool, locks: &LockTable, lock: impl FnOnce() -> Result<()>) -> Result<()> {
        let result = lock();
        let mut calls = self.process.pending_calls.lock();
        let done = calls.take(|call| matches!(call, PendingCall::Lock { file: other, .. } if *other == file));
        let mut evicted = None;
        if result == Err(Errno::EWAIT) && wait {
            evicted = calls.push(PendingCall::Lock { file, queue: locks.queue(file) });
        }
        drop(calls);
        drop((done, evicted));
        match result {
            Err(Errno::EWAIT) if !wait => Err(Errno::EAGAIN),
            other => other,
        }
    }

    pub(super) fn do_poll(&self, fds: &mut [PollFd]) -> Result<usize> {
        if fds.len() > MAX_POLL_FDS || fds.len() as u64 > self.file_limit().max(1) {
            return Err(Errno::EINVAL);
        }
        let mut ready = 0;
        for entry in fds {
            entry.revents = Events::empty();
            if entry.fd < 0 {
                continue;
            }
            entry.revents = match self.usable(entry.fd) {
                Ok(description) => description.file.poll() & (entry.events | Events::ALWAYS),
                Err(Errno::EBADF) => Events::NVAL,
                Err(errno) => return Err(errno),
            };
            ready += usize::from(!entry.revents.is_empty());
        }
        Ok(ready)
    }

    pub(super) fn do_ioctl(&self, fd: Fd, request: Ioctl) -> Result<IoctlReply> {
        let description = self.usable(fd)?;
        match request {
            Ioctl::SetNonblocking(on) => {
                let mut flags = description.flags();
                flags.set(OpenFlags::NONBLOCK, on);
                description.set_flags(flags);
                Ok(IoctlReply::Done)
            }
            Ioctl::InputQueue if description.seekable() => {
                let left = description.stat()?.size.saturating_sub(*description.offset());
                Ok(IoctlReply::Int(i32::try_from(left).unwrap_or(i32::MAX)))
            }
            _ => description.file.ioctl(request, &self.file_context()?),
        }
    }

    pub(super) fn do_ftruncate(&self, fd: Fd, size: u64) -> Result<()> {
        let description = self.usable(fd)?;
        let path = description.path.as_ref().ok_or(Errno::EINVAL)?;
        if !description.flags().writable() || path.file_type() != FileType::Regular || i64::try_from(size).is_err() {
            return Err(Errno::EINVAL);
        }
        self.check_size(size)?;
        path.inode().set_attr(&SetAttr { size: Some(size), ..SetAttr::default() })
    }

    /// RLIMIT_FSIZE against growing a file to `size`. Errors: EFBIG, with SIGXFSZ.
    pub(super) fn check_size(&self, size: u64) -> Result<()> {
        if size > self.file_size_limit() {
            self.raise(Signal::SIGXFSZ);
            return Err(Errno::EFBIG);
        }
        Ok(())
    }

    pub(super) fn do_fallocate(&self, fd: Fd, mode: u32, offset: u64, len: u64) -> Result<()> {
        if mode & !KEEP_SIZE != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        let description = self.usable(fd)?;
        if !description.flags().writable() {
            return Err(Errno::EBADF);
        }
        let end = offset.checked_add(len).filter(|end| i64::try_from(*end).is_ok());
        if len == 0 || i64::try_from(offset).is_err() {
            return Err(Errno::EINVAL);
        }
        let end = end.ok_or(Errno::EFBIG)?;
        let path = description.path.as_ref().ok_or(Errno::ESPIPE)?;
        match path.file_type() {
            FileType::Regular => {}
            FileType::Fifo => return Err(Errno::ESPIPE),
            _ => return Err(Errno::ENODEV),
        }
        if mode & KEEP_SIZE != 0 || path.stat()?.size >= end {
            return Ok(());
        }
        self.check_size(end)?;
        path.inode().set_attr(&SetAttr { size: Some(end), ..SetAttr::default() })
    }
}
