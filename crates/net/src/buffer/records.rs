//! Whole messages in one direction: datagrams and SOCK_SEQPACKET.

use super::InFlight;
use crate::budget::Budget;
use crate::socket::Message;
use agentos_abi::socket::SockAddr;
use agentos_abi::{Errno, Result};
use std::collections::VecDeque;
use std::sync::Arc;

/// What a record costs beyond its bytes, so that empty ones are bounded too.
const OVERHEAD_BYTES: usize = 256;

/// One message.
pub(crate) struct Record {
    pub(crate) data: Box<[u8]>,
    /// Sender, for datagrams.
    pub(crate) from: Option<SockAddr>,
    pub(crate) rights: InFlight,
}

impl Record {
    fn cost(&self) -> usize {
        self.data.len() + OVERHEAD_BYTES
    }
}

/// Messages in order.
pub(crate) struct RecordQueue {
    records: VecDeque<Record>,
    used: usize,
    capacity: usize,
    budget: Arc<Budget>,
}

impl RecordQueue {
    /// An empty queue for about `capacity` bytes, which are charged to `budget`.
    pub(crate) fn new(capacity: usize, budget: Arc<Budget>) -> RecordQueue {
        RecordQueue { records: VecDeque::new(), used: 0, capacity, budget }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Length of the next record in bytes.
    pub(crate) fn next_len(&self) -> usize {
        self.records.front().map_or(0, |record| record.data.len())
    }

    /// Bytes of all records.
    pub(crate) fn bytes(&self) -> usize {
        self.used - self.records.len() * OVERHEAD_BYTES
    }

    /// Whether a record of `len` bytes can be taken now. An empty queue takes any that was let through by its sender's SO_SNDBUF.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        self.records.is_empty() || self.used.saturating_add(len + OVERHEAD_BYTES) <= self.capacity
    }

    /// Room for the usual small message.
    pub(crate) fn writable(&self) -> bool {
        self.used <= self.capacity / 2
    }

    /// A fresh queue of the same size.
    pub(crate) fn emptied(&self) -> RecordQueue {
        RecordQueue::new(self.capacity, self.budget.clone())
    }

    /// Appends a record; the caller has asked [`RecordQueue::has_room`].
    ///
    /// # Errors
    /// ENOBUFS: the VM's buffers are used up. The record comes back with it, to be dropped without a lock.
    pub(crate) fn push(&mut self, record: Record) -> Result<(), (Errno, Record)> {
        if let Err(errno) = self.budget.take(record.cost()) {
            return Err((errno, record));
        }
        self.used += record.cost();
        self.records.push_back(record);
        Ok(())
    }

    /// Takes, or with `peek` copies, the next record. What does not fit into `buf` is lost.
    pub(crate) fn pop(&mut self, buf: &mut [u8], peek: bool) -> Option<Message> {
        let record = self.records.front()?;
        let len = record.data.len().min(buf.len());
        buf[..len].copy_from_slice(&record.data[..len]);
        let truncated = record.data.len() > len;
        if peek {
            return Some(Message { len, from: record.from.clone(), truncated, rights: record.rights.peek() });
        }
        let record = self.records.pop_front()?;
        self.used -= record.cost();
        self.budget.give(record.cost());
        Some(Message { len, from: record.from, truncated, rights: record.rights.arrive() })
    }
}

impl Drop for RecordQueue {
    fn drop(&mut self) {
        self.budget.give(self.used);
    }
}
