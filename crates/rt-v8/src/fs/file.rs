//! [`KernelFile`]: `deno_io::fs::File` over one kernel descriptor.

use crate::kernel::Kernel;
use agentos_abi::fcntl::LockKind;
use agentos_abi::time::SetTime;
use agentos_abi::{AtFlags, Errno, Events, Fd, FileType, Stat, Timespec};
use agentos_syscall::WaitOn;
use deno_core::{BufMutView, BufView, ResourceHandleFd, WriteOutcome};
use deno_io::fs::{File, FsError, FsResult, FsStat};
use std::borrow::Cow;
use std::io::{self, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use super::tree::READ_FILE_MAX;
use crate::kernel::wait_if_full;

/// Whether a file closes its descriptor when the last handle on it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stdio {
    /// Descriptor 0, 1 or 2: closed with the process.
    Standard,
    /// Opened here: closed on drop.
    Owned,
}

/// An open descriptor of the process.
pub struct KernelFile {
    kernel: Kernel,
    fd: Fd,
    kind: Stdio,
}

impl Drop for KernelFile {
    fn drop(&mut self) {
        if self.kind == Stdio::Owned
            && let Ok(task) = self.kernel.task()
        {
            let _ = task.close(self.fd);
        }
    }
}

fn fail<T>(errno: Errno) -> FsResult<T> {
    Err(FsError::Io(errno.into()))
}

fn fs<T>(result: agentos_abi::Result<T>) -> FsResult<T> {
    result.map_err(|errno| FsError::Io(errno.into()))
}

/// Milliseconds since the epoch, which is all that `FsStat` holds.
fn millis(at: Timespec) -> Option<i64> {
    i64::try_from(at.as_nanos().div_euclid(1_000_000)).ok()
}

/// stat(2) as the Node layer wants it.
pub fn fs_stat(stat: &Stat) -> FsStat {
    FsStat {
        is_file: stat.file_type == FileType::Regular,
        is_directory: stat.file_type == FileType::Directory,
        is_symlink: stat.file_type == FileType::Symlink,
        size: stat.size,
        mtime: millis(stat.mtime),
        atime: millis(stat.atime),
        birthtime: millis(stat.btime),
        ctime: millis(stat.ctime),
        dev: stat.dev,
        ino: Some(stat.ino),
        mode: stat.st_mode(),
        nlink: Some(stat.nlink.into()),
        uid: stat.uid,
        gid: stat.gid,
        rdev: stat.rdev,
        blksize: stat.blksize.into(),
        blocks: Some(stat.blocks),
        is_block_device: stat.file_type == FileType::BlockDevice,
        is_char_device: stat.file_type == FileType::CharDevice,
        is_fifo: stat.file_type == FileType::Fifo,
        is_socket: stat.file_type == FileType::Socket,
    }
}

/// Seconds and nanoseconds from JavaScript as a time.
pub fn set_time(sec: i64, nsec: u32) -> SetTime {
    SetTime::At(Timespec { sec, nsec: nsec.min(999_999_999) })
}

impl KernelFile {
    /// Takes over `fd`.
    pub fn new(kernel: Kernel, fd: Fd, kind: Stdio) -> KernelFile {
        KernelFile { kernel, fd, kind }
    }

    fn seek(&self, to: SeekFrom) -> FsResult<u64> {
        let (offset, whence) = match to {
            SeekFrom::Start(at) => (i64::try_from(at).map_err(|_| io::Error::from(Errno::EINVAL))?, 0),
            SeekFrom::Current(by) => (by, 1),
            SeekFrom::End(by) => (by, 2),
        };
        fs(self.kernel.task().and_then(|task| task.lseek(self.fd, offset, whence)))
    }

    fn lock(&self, kind: LockKind, wait: bool) -> FsResult<()> {
        fs(self.kernel.wait(WaitOn::LastCall, None, |task| task.flock(self.fd, kind, wait)))
    }
}

fn lock_kind(exclusive: bool) -> LockKind {
    if exclusive { LockKind::Exclusive } else { LockKind::Shared }
}

#[async_trait::async_trait(?Send)]
impl File for KernelFile {
    fn maybe_path(&self) -> Option<&Path> {
        None
    }

    fn read_sync(self: Rc<Self>, buf: &mut [u8]) -> FsResult<usize> {
        fs(self.kernel.read(self.fd, buf))
    }

    async fn read_byob(self: Rc<Self>, mut buf: BufMutView) -> FsResult<(usize, BufMutView)> {
        let read = self.kernel.wait_async(WaitOn::Fd(self.fd, Events::IN), None, |task| wait_if_full(task.read(self.fd, &mut buf))).await;
        fs(read).map(|read| (read, buf))
    }

    fn write_sync(self: Rc<Self>, buf: &[u8]) -> FsResult<usize> {
        fs(self.kernel.wait(WaitOn::Fd(self.fd, Events::OUT), None, |task| wait_if_full(task.write(self.fd, buf))))
    }

    async fn write(self: Rc<Self>, buf: BufView) -> FsResult<WriteOutcome> {
        let nwritten = fs(self.kernel.wait_async(WaitOn::Fd(self.fd, Events::OUT), None, |task| wait_if_full(task.write(self.fd, &buf))).await)?;
        Ok(WriteOutcome::Partial { nwritten, view: buf })
    }

    fn write_all_sync(self: Rc<Self>, buf: &[u8]) -> FsResult<()> {
        fs(self.kernel.write_all(self.fd, buf))
    }

    async fn write_all(self: Rc<Self>, mut buf: BufView) -> FsResult<()> {
        while !buf.is_empty() {
            let written = fs(self.kernel.wait_async(WaitOn::Fd(self.fd, Events::OUT), None, |task| wait_if_full(task.write(self.fd, &buf))).await)?;
            buf.advance_cursor(written);
        }
        Ok(())
    }

    fn read_all_sync(self: Rc<Self>) -> FsResult<Cow<'static, [u8]>> {
        fs(self.kernel.read_to_end(self.fd, READ_FILE_MAX)).map(Cow::Owned)
    }

    async fn read_all_async(self: Rc<Self>) -> FsResult<Cow<'static, [u8]>> {
        let mut data = Vec::new();
        loop {
            let (read, chunk) = self.clone().read_byob(BufMutView::new(64 << 10)).await?;
            if read == 0 {
                return Ok(Cow::Owned(data));
            }
            if data.len() + read > READ_FILE_MAX {
                return fail(Errno::EFBIG);
            }
            data.extend_from_slice(&chunk[..read]);
        }
    }

    fn chmod_sync(self: Rc<Self>, mode: u32) -> FsResult<()> {
        fs(self.kernel.task().and_then(|task| task.fchmod(self.fd, mode)))
    }

    async fn chmod_async(self: Rc<Self>, mode: u32) -> FsResult<()> {
        self.chmod_sync(mode)
    }

    fn chown_sync(self: Rc<Self>, uid: Option<u32>, gid: Option<u32>) -> FsResult<()> {
        fs(self.kernel.task().and_then(|task| task.fchown(self.fd, uid, gid)))
    }

    async fn chown_async(self: Rc<Self>, uid: Option<u32>, gid: Option<u32>) -> FsResult<()> {
        self.chown_sync(uid, gid)
    }

    fn seek_sync(self: Rc<Self>, to: SeekFrom) -> FsResult<u64> {
        self.seek(to)
    }

    async fn seek_async(self: Rc<Self>, to: SeekFrom) -> FsResult<u64> {
        self.seek(to)
    }

    fn datasync_sync(self: Rc<Self>) -> FsResult<()> {
        self.sync_sync()
    }

    async fn datasync_async(self: Rc<Self>) -> FsResult<()> {
        self.sync_sync()
    }

    fn sync_sync(self: Rc<Self>) -> FsResult<()> {
        fs(self.kernel.task().and_then(|task| task.fsync(self.fd)))
    }

    async fn sync_async(self: Rc<Self>) -> FsResult<()> {
        self.sync_sync()
    }

    fn stat_sync(self: Rc<Self>) -> FsResult<FsStat> {
        fs(self.kernel.task().and_then(|task| task.fstat(self.fd))).map(|stat| fs_stat(&stat))
    }

    async fn stat_async(self: Rc<Self>) -> FsResult<FsStat> {
        self.stat_sync()
    }

    fn lock_sync(self: Rc<Self>, exclusive: bool) -> FsResult<()> {
        self.lock(lock_kind(exclusive), true)
    }

    async fn lock_async(self: Rc<Self>, exclusive: bool) -> FsResult<()> {
        let kind = lock_kind(exclusive);
        fs(self.kernel.wait_async(WaitOn::LastCall, None, |task| task.flock(self.fd, kind, true)).await)
    }

    fn try_lock_sync(self: Rc<Self>, exclusive: bool) -> FsResult<bool> {
        match self.lock(lock_kind(exclusive), false) {
            Err(FsError::Io(error)) if error.raw_os_error() == Some(Errno::EAGAIN.raw()) => Ok(false),
            done => done.map(|()| true),
        }
    }

    async fn try_lock_async(self: Rc<Self>, exclusive: bool) -> FsResult<bool> {
        self.try_lock_sync(exclusive)
    }

    fn unlock_sync(self: Rc<Self>) -> FsResult<()> {
        self.lock(LockKind::Unlock, false)
    }

    async fn unlock_async(self: Rc<Self>) -> FsResult<()> {
        self.unlock_sync()
    }

    fn truncate_sync(self: Rc<Self>, len: u64) -> FsResult<()> {
        fs(self.kernel.task().and_then(|task| task.ftruncate(self.fd, len)))
    }

    async fn truncate_async(self: Rc<Self>, len: u64) -> FsResult<()> {
        self.truncate_sync(len)
    }

    fn utime_sync(self: Rc<Self>, atime_s: i64, atime_ns: u32, mtime_s: i64, mtime_ns: u32) -> FsResult<()> {
        let (atime, mtime) = (set_time(atime_s, atime_ns), set_time(mtime_s, mtime_ns));
        fs(self.kernel.task().and_then(|task| task.utimensat(self.fd, None, atime, mtime, AtFlags::empty())))
    }

    async fn utime_async(self: Rc<Self>, atime_s: i64, atime_ns: u32, mtime_s: i64, mtime_ns: u32) -> FsResult<()> {
        self.utime_sync(atime_s, atime_ns, mtime_s, mtime_ns)
    }

    fn read_at_sync(self: Rc<Self>, buf: &mut [u8], position: u64) -> FsResult<usize> {
        fs(self.kernel.task().and_then(|task| task.pread(self.fd, buf, position)))
    }

    async fn read_at_async(self: Rc<Self>, mut buf: BufMutView, position: u64) -> FsResult<(usize, BufMutView)> {
        let read = self.read_at_sync(&mut buf, position)?;
        Ok((read, buf))
    }

    fn write_at_sync(self: Rc<Self>, buf: &[u8], position: u64) -> FsResult<usize> {
        fs(self.kernel.task().and_then(|task| task.pwrite(self.fd, buf, position)))
    }

    /// Host descriptors do not exist here.
    fn as_stdio(self: Rc<Self>) -> FsResult<std::process::Stdio> {
        Err(FsError::NotSupported)
    }

    /// None: what asks for it would use the number as one of the host's.
    fn backing_fd(self: Rc<Self>) -> Option<ResourceHandleFd> {
        None
    }

    fn try_clone_inner(self: Rc<Self>) -> FsResult<Rc<dyn File>> {
        let fd = fs(self.kernel.task().and_then(|task| task.dup(self.fd)))?;
        Ok(Rc::new(KernelFile::new(self.kernel.clone(), fd, Stdio::Owned)))
    }
}
