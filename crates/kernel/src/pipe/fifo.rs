//! Named pipes (fifo(7)): every opener of one FIFO gets the same pipe.

use super::{Pipe, PipeBudget, PipeEnd};
use crate::fd::FileId;
use agentos_abi::{Errno, OpenFlags, Result, Timespec};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// Table sizes at which dead entries are swept.
const SWEEP_AT: usize = 64;

/// The pipes behind the FIFOs that are open now. Its lock is a leaf.
pub(crate) struct FifoTable {
    budget: Arc<PipeBudget>,
    open: Mutex<HashMap<FileId, Weak<Pipe>>>,
}

impl FifoTable {
    pub(crate) fn new(budget: Arc<PipeBudget>) -> FifoTable {
        FifoTable { budget, open: Mutex::default() }
    }

    /// The pipe of a FIFO, made when nobody has it open. Errors: ENFILE.
    pub(crate) fn pipe(&self, file: FileId, now: Timespec) -> Result<Arc<Pipe>> {
        let mut open = self.open.lock();
        if let Some(pipe) = open.get(&file).and_then(Weak::upgrade) {
            return Ok(pipe);
        }
        if open.len() >= SWEEP_AT {
            open.retain(|_, pipe| pipe.strong_count() > 0);
        }
        let pipe = Pipe::new(&self.budget, now, (0, 0))?;
        open.insert(file, Arc::downgrade(&pipe));
        Ok(pipe)
    }
}

/// What opening a side of a FIFO comes to.
pub(crate) enum FifoOpen {
    /// Open.
    Open(Arc<PipeEnd>),
    /// The end counts already; wait until the number of openings of the other side is no longer this.
    WaitForPeer(Arc<PipeEnd>, u64),
}

impl FifoOpen {
    /// fifo(7): reading waits for a writer and writing for a reader; not with NONBLOCK, where writing without a reader is ENXIO;
    /// opening for both never waits, and neither does opening an end of an anonymous pipe again through /proc/PID/fd.
    pub(crate) fn start(pipe: Arc<Pipe>, flags: OpenFlags, anonymous: bool) -> Result<FifoOpen> {
        let (reads, writes) = (flags.readable(), flags.writable());
        let (readers, writers) = pipe.sides();
        let (reader_opens, writer_opens) = pipe.opens();
        let nonblock = flags.contains(OpenFlags::NONBLOCK);
        if writes && !reads && nonblock && readers == 0 && !anonymous {
            return Err(Errno::ENXIO);
        }
        let end = Arc::new(PipeEnd::new(pipe, reads, writes, anonymous));
        Ok(match (reads, writes) {
            _ if anonymous => FifoOpen::Open(end),
            (true, false) if writers == 0 && !nonblock => FifoOpen::WaitForPeer(end, writer_opens),
            (false, true) if readers == 0 => FifoOpen::WaitForPeer(end, reader_opens),
            _ => FifoOpen::Open(end),
        })
    }
}

impl PipeEnd {
    /// Whether the other side has been opened since `seen`.
    pub(crate) fn peer_came(&self, seen: u64) -> bool {
        let (reader_opens, writer_opens) = self.pipe().opens();
        if self.reads() { writer_opens != seen } else { reader_opens != seen }
    }
}
