//! A stream of bytes in one direction.

use super::InFlight;
use crate::budget::Budget;
use crate::socket::Rights;
use agentos_abi::{Errno, Result};
use std::collections::VecDeque;
use std::sync::Arc;

/// Storage above which an empty queue gives its memory back, in bytes.
const KEEP_BYTES: usize = 16 << 10;

/// Bytes in order, with rights attached to some of them.
pub(crate) struct ByteQueue {
    bytes: VecDeque<u8>,
    capacity: usize,
    /// Bytes ever taken: marks are counted from the start of the stream.
    taken: u64,
    marks: VecDeque<Mark>,
    budget: Arc<Budget>,
}

/// Rights that belong to the bytes of one message.
struct Mark {
    start: u64,
    end: u64,
    rights: InFlight,
}

impl ByteQueue {
    /// An empty queue for at most `capacity` bytes, each of which is charged to `budget`.
    pub(crate) fn new(capacity: usize, budget: Arc<Budget>) -> ByteQueue {
        ByteQueue { bytes: VecDeque::new(), capacity, taken: 0, marks: VecDeque::new(), budget }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.bytes.len())
    }

    /// At least half empty.
    pub(crate) fn writable(&self) -> bool {
        self.bytes.len() <= self.capacity / 2
    }

    /// A fresh queue of the same size.
    pub(crate) fn emptied(&self) -> ByteQueue {
        ByteQueue::new(self.capacity, self.budget.clone())
    }

    /// Appends what fits, at least one byte; the caller has seen that there is room and that `data` is not empty.
    ///
    /// # Errors
    /// ENOBUFS: the VM's buffers are used up. The rights come back with it, to be dropped without a lock.
    pub(crate) fn push(&mut self, data: &[u8], rights: InFlight) -> Result<usize, (Errno, InFlight)> {
        let count = match self.budget.take_some(data.len().min(self.room())) {
            Ok(count) => count,
            Err(errno) => return Err((errno, rights)),
        };
        if !rights.is_empty() {
            let start = self.taken + self.bytes.len() as u64;
            self.marks.push_back(Mark { start, end: start + count as u64, rights });
        }
        self.bytes.extend(&data[..count]);
        Ok(count)
    }

    /// Takes, or with `peek` copies, bytes and the rights of the first message that has any; it never reads beyond that message,
    /// so that rights stay with their bytes (unix(7)).
    pub(crate) fn pop(&mut self, buf: &mut [u8], peek: bool) -> (usize, Rights) {
        let mut count = buf.len().min(self.bytes.len());
        let end = self.taken + count as u64;
        let carries = count > 0 && self.marks.front().is_some_and(|mark| mark.start < end);
        if let Some(mark) = self.marks.front().filter(|_| carries) {
            count = count.min((mark.end - self.taken) as usize);
        }
        let (front, back) = self.bytes.as_slices();
        let split = count.min(front.len());
        buf[..split].copy_from_slice(&front[..split]);
        buf[split..count].copy_from_slice(&back[..count - split]);
        if peek {
            let rights = self.marks.front().filter(|_| carries).map(|mark| mark.rights.peek()).unwrap_or_default();
            return (count, rights);
        }
        self.bytes.drain(..count);
        self.taken += count as u64;
        self.budget.give(count);
        if self.bytes.is_empty() && self.bytes.capacity() > KEEP_BYTES {
            self.bytes = VecDeque::new();
        }
        let rights = if carries { self.marks.pop_front().map(|mark| mark.rights.arrive()) } else { None };
        (count, rights.unwrap_or_default())
    }
}

impl Drop for ByteQueue {
    fn drop(&mut self) {
        self.budget.give(self.bytes.len());
    }
}
