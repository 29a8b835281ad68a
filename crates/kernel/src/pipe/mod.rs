//! Pipes and FIFOs (pipe(7)): a bounded byte queue with a reading and a writing side.
//!
//! A [`Pipe`] is the queue; a [`PipeEnd`] is an open side of it and what descriptors refer to. [`fifo`] finds the pipe of a named FIFO.

mod end;
mod fifo;
mod ring;

pub(crate) use end::PipeEnd;
pub(crate) use fifo::{FifoOpen, FifoTable};

use agentos_abi::{Errno, Events, Result, Timespec};
use agentos_account::{Account, Limit, Permit};
use agentos_waiter::WaitQueue;
use parking_lot::{Mutex, MutexGuard};
use ring::Ring;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A write of at most this many bytes is never split (limits.h, PIPE_BUF).
pub(crate) const PIPE_BUF: usize = 4096;
/// Capacity of a new pipe in bytes (Linux: 16 pages).
pub(crate) const DEFAULT_CAPACITY: usize = 65536;
/// Least capacity in bytes (one page).
const MIN_CAPACITY: usize = 4096;
/// Most that F_SETPIPE_SZ grants the unprivileged (/proc/sys/fs/pipe-max-size).
const MAX_CAPACITY: usize = 1 << 20;
/// Most that F_SETPIPE_SZ grants at all.
const MAX_PRIVILEGED_CAPACITY: usize = 1 << 31;

/// Counts the pipes of a VM and their capacity against its limits.
pub(crate) struct PipeBudget {
    account: Arc<Account>,
    limit: usize,
    used: AtomicUsize,
    next_ino: AtomicUsize,
}

impl PipeBudget {
    pub(crate) fn new(limit: usize, account: Arc<Account>) -> Arc<PipeBudget> {
        Arc::new(PipeBudget { account, limit, used: AtomicUsize::new(0), next_ino: AtomicUsize::new(1) })
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        if self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_err() {
            return false;
        }
        let charged = self.account.charge(Limit::Memory, bytes as u64).is_ok();
        if !charged {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
        }
        charged
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        self.account.release(Limit::Memory, bytes as u64);
    }
}

/// The queue and who holds its sides.
struct Inner {
    ring: Ring,
    /// Lengths of what was written, when a read answers one write (pipe2(2), O_DIRECT).
    packets: Option<VecDeque<usize>>,
    readers: usize,
    writers: usize,
    /// Sides ever opened, so that an opener of a FIFO notices a peer that came and went.
    reader_opens: u64,
    writer_opens: u64,
}

impl Inner {
    fn read(&mut self, buf: &mut [u8]) -> usize {
        let Some(packet) = self.packets.as_mut().and_then(VecDeque::pop_front) else { return self.ring.read(buf) };
        let room = buf.len().min(packet);
        let read = self.ring.read(&mut buf[..room]);
        self.ring.discard(packet - read);
        read
    }

    fn write(&mut self, buf: &[u8]) -> usize {
        let written = self.ring.write(buf);
        if let Some(packets) = &mut self.packets {
            packets.extend(buf[..written].chunks(PIPE_BUF).map(<[u8]>::len));
        }
        written
    }

    /// Takes bytes away; of packets, what is left of the last one stays one.
    fn consume(&mut self, mut count: usize) {
        self.ring.discard(count);
        let Some(packets) = &mut self.packets else { return };
        while let Some(first) = packets.front_mut() {
            if *first > count {
                *first -= count;
                break;
            }
            count -= *first;
            packets.pop_front();
        }
    }
}

/// A pipe. Its lock is a leaf; wakers are called after it is released.
pub(crate) struct Pipe {
    budget: Arc<PipeBudget>,
    _permit: Permit,
    /// Inode number in pipefs.
    ino: u64,
    created: Timespec,
    /// User and group that made it: /proc/PID/fd lets nobody else open it.
    owner: (u32, u32),
    inner: Mutex<Inner>,
    /// IN when there is something to read, OUT when there is room, HUP and ERR when a side is gone.
    queue: WaitQueue,
}

impl Pipe {
    /// An empty pipe without ends. Errors: ENFILE when there are too many, or all together are too large.
    pub(crate) fn new(budget: &Arc<PipeBudget>, created: Timespec, owner: (u32, u32)) -> Result<Arc<Pipe>> {
        let permit = budget.account.permit(Limit::Pipes)?;
        // Near the limit pipes become small before they are refused (pipe(7), pipe-user-pages-soft).
        let capacity = [DEFAULT_CAPACITY, MIN_CAPACITY].into_iter().find(|size| budget.take(*size)).ok_or(Errno::ENFILE)?;
        let ino = budget.next_ino.fetch_add(1, Ordering::Relaxed) as u64;
        let inner = Inner { ring: Ring::new(capacity), packets: None, readers: 0, writers: 0, reader_opens: 0, writer_opens: 0 };
        Ok(Arc::new(Pipe { budget: budget.clone(), _permit: permit, ino, created, owner, inner: Mutex::new(inner), queue: WaitQueue::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    pub(crate) fn queue(&self) -> &WaitQueue {
        &self.queue
    }

    pub(crate) fn ino(&self) -> u64 {
        self.ino
    }

    /// Readers and writers that have ever opened it.
    pub(crate) fn opens(&self) -> (u64, u64) {
        let inner = self.lock();
        (inner.reader_opens, inner.writer_opens)
    }

    /// Readers and writers now.
    pub(crate) fn sides(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.readers, inner.writers)
    }

    /// Takes bytes out. 0 is the end: empty, and nobody can write. Errors: EWAIT.
    pub(crate) fn read(&self, buf: &mut [u8]) -> Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let mut inner = self.lock();
        let read = inner.read(buf);
        if read == 0 && inner.writers > 0 {
            return Err(Errno::EWAIT);
        }
        drop(inner);
        if read > 0 {
            self.queue.notify(Events::WRITE);
        }
        Ok(read)
    }

    /// Puts bytes in: all of up to PIPE_BUF or none, and as many as there is room for of more.
    ///
    /// # Errors
    /// EPIPE without a reader; EWAIT without room.
    pub(crate) fn write(&self, buf: &[u8]) -> Result<usize> {
        let mut inner = self.lock();
        if inner.readers == 0 {
            return Err(Errno::EPIPE);
        }
        if buf.is_empty() {
            return Ok(0);
        }
        let room = inner.ring.room();
        if room == 0 || (buf.len() <= PIPE_BUF && room < buf.len()) {
            return Err(Errno::EWAIT);
        }
        let written = inner.write(buf);
        drop(inner);
        self.queue.notify(Events::READ);
        Ok(written)
    }

    /// From now on each write of up to PIPE_BUF bytes is a packet, which one read takes (and loses what does not fit its buffer).
    pub(crate) fn keep_packets(&self) {
        self.lock().packets = Some(VecDeque::new());
    }

    /// Copies what it holds without taking it. Errors: EWAIT when it is empty and somebody can write.
    pub(crate) fn peek(&self, buf: &mut [u8]) -> Result<usize> {
        let inner = self.lock();
        match inner.ring.peek(0, buf) {
            0 if inner.writers > 0 && !buf.is_empty() => Err(Errno::EWAIT),
            count => Ok(count),
        }
    }

    /// Hands what it holds to `take`, in pieces, and takes away what that says it took. Bytes keep their order whoever else reads: the
    /// pipe is locked meanwhile, so `take` must not come back to it. Errors: EWAIT, and those of `take` when nothing was taken.
    pub(crate) fn drain(&self, count: usize, mut take: impl FnMut(&[u8]) -> Result<usize>) -> Result<usize> {
        let mut piece = [0; PIPE_BUF];
        let mut inner = self.lock();
        let mut moved = 0;
        let outcome = loop {
            let wanted = (count - moved).min(piece.len());
            let found = inner.ring.peek(0, &mut piece[..wanted]);
            if found == 0 {
                break if moved == 0 && inner.writers > 0 && wanted > 0 { Err(Errno::EWAIT) } else { Ok(()) };
            }
            match take(&piece[..found]) {
                Ok(taken) => {
                    inner.consume(taken);
                    moved += taken;
                    if taken < found {
                        break Ok(());
                    }
                }
                Err(errno) => break Err(errno),
            }
        };
        drop(inner);
        if moved > 0 {
            self.queue.notify(Events::WRITE);
            return Ok(moved);
        }
        outcome.map(|()| 0)
    }

    /// Readiness of an end that reads, writes or both.
    fn poll(&self, reads: bool, writes: bool) -> Events {
        let inner = self.lock();
        let mut events = Events::empty();
        if reads {
            events.set(Events::READ, inner.ring.len() > 0);
            // Before the first writer of a FIFO there is nothing to hang up.
            events.set(Events::HUP, inner.writers == 0 && inner.writer_opens > 0);
        }
        if writes {
            events.set(Events::WRITE, inner.ring.room() >= PIPE_BUF);
            events.set(Events::ERR, inner.readers == 0);
        }
        events
    }

    /// Bytes that can be written, in a piece that is not split.
    pub(crate) fn room(&self) -> usize {
        let room = self.lock().ring.room();
        // A small write goes in whole or not at all.
        if room < PIPE_BUF { 0 } else { room }
    }

    /// Bytes that can be read (FIONREAD).
    fn len(&self) -> usize {
        self.lock().ring.len()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.lock().ring.capacity()
    }

    /// F_SETPIPE_SZ: rounds up to a power of two of pages; answers the new capacity.
    ///
    /// # Errors
    /// EINVAL (0 or over 2 GiB), EBUSY (holds more), EPERM (over 1 MiB unprivileged, or the VM's limit).
    pub(crate) fn set_capacity(&self, bytes: u32, privileged: bool) -> Result<usize> {
        let wanted = bytes as usize;
        if wanted == 0 || wanted > MAX_PRIVILEGED_CAPACITY {
            return Err(Errno::EINVAL);
        }
        let capacity = wanted.next_power_of_two().max(MIN_CAPACITY);
        let mut inner = self.lock();
        let old = inner.ring.capacity();
        if capacity > old {
            if (capacity > MAX_CAPACITY && !privileged) || !self.budget.take(capacity - old) {
                return Err(Errno::EPERM);
            }
        } else if inner.ring.len() > capacity {
            return Err(Errno::EBUSY);
        }
        inner.ring.set_capacity(capacity);
        drop(inner);
        if capacity > old {
            self.queue.notify(Events::WRITE);
        } else {
            self.budget.give_back(old - capacity);
        }
        Ok(capacity)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.budget.give_back(self.inner.get_mut().ring.capacity());
    }
}

#[cfg(test)]
mod tests;
