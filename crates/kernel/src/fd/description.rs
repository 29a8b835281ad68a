//! Open file descriptions: what open(2) makes and dup(2) shares.

use super::lock::{FileId, Holder};
use super::{LockTable, TextTable, TextUse};
use agentos_abi::{Errno, OpenFlags, Pid, Result, Stat};
use agentos_account::{Account, Limit};
use agentos_vfs::{File, Path};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Counts the open file descriptions of a VM against its limit, and keeps the locks on files.
pub(crate) struct OpenFiles {
    account: Arc<Account>,
    next_id: AtomicU64,
    pub(crate) locks: LockTable,
    pub(crate) texts: Arc<TextTable>,
}

impl OpenFiles {
    pub(crate) fn new(account: Arc<Account>) -> Arc<OpenFiles> {
        Arc::new(OpenFiles { account, next_id: AtomicU64::new(1), locks: LockTable::default(), texts: Arc::default() })
    }

    pub(crate) fn count(&self) -> usize {
        usize::try_from(self.account.used(Limit::OpenFiles)).unwrap_or(usize::MAX)
    }

    /// Makes a description of `file`. Errors: ENFILE.
    pub(crate) fn describe(self: &Arc<Self>, file: Arc<dyn File>, path: Option<Path>, flags: OpenFlags, text: Option<TextUse>) -> Result<Arc<Description>> {
        self.account.charge(Limit::OpenFiles, 1)?;
        // Creation flags are not status flags: F_GETFL does not show them.
        let status = flags - (OpenFlags::CREAT | OpenFlags::EXCL | OpenFlags::NOCTTY | OpenFlags::TRUNC | OpenFlags::CLOEXEC);
        Ok(Arc::new(Description {
            id: self.next_id.fetch_add(1, Ordering::Relaxed),
            seekable: file.seekable(),
            file,
            path,
            flags: AtomicU32::new(status.bits()),
            offset: Mutex::new(0),
            has_flock: AtomicBool::new(false),
            has_records: AtomicBool::new(false),
            has_own_records: AtomicBool::new(false),
            _text: text,
            owner: self.clone(),
        }))
    }
}

/// One open file description: file, offset and status flags.
pub(crate) struct Description {
    /// Unique in the VM; owner of flock(2) locks, key of epoll entries.
    pub(crate) id: u64,
    pub(crate) file: Arc<dyn File>,
    /// Where it was opened; `None` for pipes, sockets and the like.
    pub(crate) path: Option<Path>,
    seekable: bool,
    flags: AtomicU32,
    /// Held while a seekable file is read or written, so that two processes sharing it do not read the same bytes (POSIX 2.9.7).
    offset: Mutex<u64>,
    /// Whether flock(2) was ever called here: then the drop has to look.
    has_flock: AtomicBool,
    /// Whether a record lock was ever taken through here: then closing a descriptor has to look.
    has_records: AtomicBool,
    /// Whether a record lock of the description itself was ever taken (F_OFD_SETLK).
    has_own_records: AtomicBool,
    /// Keeps a file that is open for writing from being run.
    _text: Option<TextUse>,
    owner: Arc<OpenFiles>,
}

impl Description {
    pub(crate) fn flags(&self) -> OpenFlags {
        OpenFlags::from_bits_retain(self.flags.load(Ordering::Relaxed))
    }

    /// F_SETFL: changes what may change.
    pub(crate) fn set_flags(&self, new: OpenFlags) {
        let settable = OpenFlags::SETTABLE.bits();
        let update = |old: u32| Some(old & !settable | new.bits() & settable);
        let _ = self.flags.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
    }

    /// EWAIT becomes EAGAIN in non-blocking mode.
    pub(crate) fn wait_or_again<T>(&self, result: Result<T>) -> Result<T> {
        match result {
            Err(Errno::EWAIT) if self.flags().contains(OpenFlags::NONBLOCK) => Err(Errno::EAGAIN),
            other => other,
        }
    }

    fn for_reading(&self) -> Result<()> {
        if self.flags().readable() { Ok(()) } else { Err(Errno::EBADF) }
    }

    fn for_writing(&self) -> Result<()> {
        if self.flags().writable() { Ok(()) } else { Err(Errno::EBADF) }
    }

    /// read(2) at the shared offset.
    pub(crate) fn read(&self, buf: &mut [u8]) -> Result<usize> {
        self.for_reading()?;
        if !self.seekable {
            return self.wait_or_again(self.file.read_at(buf, 0));
        }
        let mut offset = self.offset.lock();
        let read = self.wait_or_again(self.file.read_at(buf, *offset))?;
        *offset += read as u64;
        Ok(read)
    }

    /// write(2) at the shared offset, or at the end with O_APPEND. A regular file stays below `limit` bytes (RLIMIT_FSIZE).
    pub(crate) fn write(&self, buf: &[u8], limit: u64) -> Result<usize> {
        self.for_writing()?;
        if !self.seekable {
            return self.wait_or_again(self.file.write_at(buf, 0, false)).map(|(written, _)| written);
        }
        let append = self.flags().contains(OpenFlags::APPEND);
        let mut offset = self.offset.lock();
        let start = if append && limit != u64::MAX { self.stat()?.size } else { *offset };
        let buf = within(buf, start, limit)?;
        let (written, end) = self.wait_or_again(self.file.write_at(buf, *offset, append))?;
        *offset = end;
        Ok(written)
    }

    /// pread(2). Errors: ESPIPE on a stream.
    pub(crate) fn pread(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.positioned(offset)?;
        self.for_reading()?;
        self.wait_or_again(self.file.read_at(buf, offset))
    }

    /// pwrite(2). Appends with O_APPEND whatever the offset, as Linux does. Errors: ESPIPE on a stream.
    pub(crate) fn pwrite(&self, buf: &[u8], offset: u64, limit: u64) -> Result<usize> {
        self.positioned(offset)?;
        self.for_writing()?;
        let append = self.flags().contains(OpenFlags::APPEND);
        let buf = within(buf, offset, limit)?;
        self.wait_or_again(self.file.write_at(buf, offset, append)).map(|(written, _)| written)
    }

    fn positioned(&self, offset: u64) -> Result<()> {
        if i64::try_from(offset).is_err() {
            return Err(Errno::EINVAL);
        }
        if self.seekable { Ok(()) } else { Err(Errno::ESPIPE) }
    }

    /// lseek(2). SEEK_DATA and SEEK_HOLE see one piece of data that fills the file.
    pub(crate) fn seek(&self, delta: i64, whence: u32) -> Result<u64> {
        if self.flags().contains(OpenFlags::PATH) {
            return Err(Errno::EBADF);
        }
        if !self.seekable {
            return Err(Errno::ESPIPE);
        }
        let mut offset = self.offset.lock();
        let base = match whence {
            0 => 0,
            1 => *offset,
            2 => self.stat()?.size,
            3 | 4 => {
                let size = self.stat()?.size;
                let at = u64::try_from(delta).ok().filter(|at| *at < size).ok_or(Errno::ENXIO)?;
                *offset = if whence == 3 { at } else { size };
                return Ok(*offset);
            }
            _ => return Err(Errno::EINVAL),
        };
        let base = i64::try_from(base).map_err(|_| Errno::EOVERFLOW)?;
        let target = base.checked_add(delta).ok_or(Errno::EOVERFLOW)?;
        *offset = u64::try_from(target).map_err(|_| Errno::EINVAL)?;
        Ok(*offset)
    }

    /// The shared offset, for directories: position of the next entry.
    pub(crate) fn offset(&self) -> parking_lot::MutexGuard<'_, u64> {
        self.offset.lock()
    }

    pub(crate) fn seekable(&self) -> bool {
        self.seekable
    }

    /// fstat(2). Errors: those of the file system.
    pub(crate) fn stat(&self) -> Result<Stat> {
        match (self.file.stat(), &self.path) {
            (Some(stat), _) => Ok(stat),
            (None, Some(path)) => path.stat(),
            (None, None) => Err(Errno::EINVAL),
        }
    }

    /// Device and inode number, what locks are about.
    pub(crate) fn file_id(&self) -> Result<FileId> {
        self.stat().map(|stat| FileId { dev: stat.dev, ino: stat.ino })
    }

    /// The lock table, noting that this description has to let go there.
    pub(crate) fn lock_table_for_flock(&self) -> &LockTable {
        self.has_flock.store(true, Ordering::Relaxed);
        &self.owner.locks
    }

    /// The same for record locks.
    pub(crate) fn lock_table_for_records(&self) -> &LockTable {
        self.has_records.store(true, Ordering::Relaxed);
        &self.owner.locks
    }

    /// The same for locks of the description's own.
    pub(crate) fn lock_table_for_own_records(&self) -> &LockTable {
        self.has_own_records.store(true, Ordering::Relaxed);
        &self.owner.locks
    }

    /// What close(2) of any descriptor does to the record locks that `process` holds through this description.
    pub(crate) fn closed_by(&self, process: Pid) {
        if self.has_records.load(Ordering::Relaxed) {
            if let Ok(id) = self.file_id() {
                self.owner.locks.release_records(id, Holder::Process(process));
            }
        }
    }
}

/// The part of `buf` that fits below the file size limit. Errors: EFBIG when nothing does.
fn within(buf: &[u8], start: u64, limit: u64) -> Result<&[u8]> {
    let room = usize::try_from(limit.saturating_sub(start)).unwrap_or(usize::MAX);
    if room == 0 && !buf.is_empty() {
        return Err(Errno::EFBIG);
    }
    Ok(&buf[..buf.len().min(room)])
}

impl Drop for Description {
    fn drop(&mut self) {
        self.owner.account.release(Limit::OpenFiles, 1);
        if self.has_flock.load(Ordering::Relaxed) {
            if let Ok(id) = self.file_id() {
                self.owner.locks.release_flock(id, self.id);
            }
        }
        if self.has_own_records.load(Ordering::Relaxed) {
            if let Ok(id) = self.file_id() {
                self.owner.locks.release_records(id, Holder::Description(self.id));
            }
        }
    }
}
