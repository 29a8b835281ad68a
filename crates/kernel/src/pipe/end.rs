//! An open side of a pipe.

use super::Pipe;
use agentos_abi::ioctl::{Ioctl, IoctlReply};
use agentos_abi::{Errno, Events, FileType, Mode, Result, Stat};
use agentos_vfs::{File, FileContext};
use agentos_waiter::WaitQueue;
use std::any::Any;
use std::sync::Arc;

/// `st_blksize` of a pipe: programs size their buffers by it, and a whole pipe at a time is fastest.
const BLKSIZE: u32 = 65536;
/// `st_dev` of anonymous pipes (Linux' pipefs).
const PIPEFS_DEV: u64 = agentos_abi::stat::makedev(0, 14);

/// A reading side, a writing side, or (a FIFO opened for both) both at once. Counted in the pipe while it lives.
pub(crate) struct PipeEnd {
    pipe: Arc<Pipe>,
    reads: bool,
    writes: bool,
    /// Whether fstat(2) is answered here: a FIFO has an inode that knows better.
    anonymous: bool,
}

impl PipeEnd {
    pub(crate) fn new(pipe: Arc<Pipe>, reads: bool, writes: bool, anonymous: bool) -> PipeEnd {
        let mut inner = pipe.lock();
        inner.readers += usize::from(reads);
        inner.writers += usize::from(writes);
        inner.reader_opens += u64::from(reads);
        inner.writer_opens += u64::from(writes);
        drop(inner);
        // Whoever opens the other side of a FIFO waits for this.
        pipe.queue.notify(Events::READ | Events::WRITE);
        PipeEnd { pipe, reads, writes, anonymous }
    }

    pub(crate) fn pipe(&self) -> &Arc<Pipe> {
        &self.pipe
    }

    pub(crate) fn reads(&self) -> bool {
        self.reads
    }

    pub(crate) fn writes(&self) -> bool {
        self.writes
    }
}

impl File for PipeEnd {
    fn read_at(&self, buf: &mut [u8], _offset: u64) -> Result<usize> {
        self.pipe.read(buf)
    }

    fn write_at(&self, buf: &[u8], _offset: u64, _append: bool) -> Result<(usize, u64)> {
        self.pipe.write(buf).map(|written| (written, 0))
    }

    fn seekable(&self) -> bool {
        false
    }

    fn poll(&self) -> Events {
        self.pipe.poll(self.reads, self.writes)
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(self.pipe.queue())
    }

    fn stat(&self) -> Option<Stat> {
        self.anonymous.then(|| stat(&self.pipe))
    }

    fn ioctl(&self, request: Ioctl, _context: &FileContext) -> Result<IoctlReply> {
        match request {
            Ioctl::InputQueue => Ok(IoctlReply::Int(i32::try_from(self.pipe.len()).unwrap_or(i32::MAX))),
            _ => Err(Errno::ENOTTY),
        }
    }

    fn sync(&self) -> Result<()> {
        Err(Errno::EINVAL)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Attributes of an anonymous pipe.
pub(crate) fn stat(pipe: &Pipe) -> Stat {
    Stat {
        dev: PIPEFS_DEV,
        ino: pipe.ino,
        file_type: FileType::Fifo,
        mode: Mode::from_bits_retain(0o600),
        nlink: 1,
        uid: pipe.owner.0,
        gid: pipe.owner.1,
        rdev: 0,
        size: 0,
        blksize: BLKSIZE,
        blocks: 0,
        atime: pipe.created,
        mtime: pipe.created,
        ctime: pipe.created,
        btime: pipe.created,
    }
}

impl Drop for PipeEnd {
    fn drop(&mut self) {
        let mut inner = self.pipe.lock();
        inner.readers -= usize::from(self.reads);
        inner.writers -= usize::from(self.writes);
        let gone = (self.reads && inner.readers == 0, self.writes && inner.writers == 0);
        drop(inner);
        match gone {
            (false, false) => {}
            // The last reader's end makes writing fail, the last writer's makes reading end: both change what poll(2) says.
            (reader, _) => self.pipe.queue.notify(if reader { Events::ERR | Events::WRITE } else { Events::HUP | Events::READ }),
        }
    }
}
