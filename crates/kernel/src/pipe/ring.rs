//! A byte queue of bounded capacity whose storage grows with use.

/// Storage of a queue that was used at all, in bytes; most pipes carry less.
const FIRST_STORAGE: usize = 4096;

/// First in, first out.
pub(super) struct Ring {
    /// A power of two long, or empty.
    storage: Vec<u8>,
    head: usize,
    len: usize,
    capacity: usize,
}

impl Ring {
    pub(super) fn new(capacity: usize) -> Ring {
        Ring { storage: Vec::new(), head: 0, len: 0, capacity }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn room(&self) -> usize {
        self.capacity - self.len
    }

    /// The caller has checked that no less than the content fits.
    pub(super) fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity;
        if self.storage.len() > capacity {
            self.relocate(capacity);
        }
    }

    /// Copies as much of `buf` as fits; answers how much.
    pub(super) fn write(&mut self, buf: &[u8]) -> usize {
        let count = buf.len().min(self.room());
        if self.len + count > self.storage.len() {
            let wanted = (self.len + count).next_power_of_two().max(FIRST_STORAGE);
            self.relocate(wanted.min(self.capacity.next_power_of_two()));
        }
        let size = self.storage.len();
        let tail = (self.head + self.len) & (size.wrapping_sub(1));
        let first = count.min(size - tail);
        self.storage[tail..tail + first].copy_from_slice(&buf[..first]);
        self.storage[..count - first].copy_from_slice(&buf[first..count]);
        self.len += count;
        count
    }

    /// Moves bytes into `buf`; answers how many.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> usize {
        let count = buf.len().min(self.len);
        let size = self.storage.len();
        let first = count.min(size - self.head);
        buf[..first].copy_from_slice(&self.storage[self.head..self.head + first]);
        buf[first..count].copy_from_slice(&self.storage[..count - first]);
        self.len -= count;
        // An empty queue starts over at the front, so that its next content is one piece.
        self.head = if self.len == 0 { 0 } else { (self.head + count) & (size - 1) };
        count
    }

    /// Copies bytes out from `skip` on without taking them; answers how many.
    pub(super) fn peek(&self, skip: usize, buf: &mut [u8]) -> usize {
        let count = buf.len().min(self.len.saturating_sub(skip));
        let size = self.storage.len();
        for (at, byte) in buf[..count].iter_mut().enumerate() {
            *byte = self.storage[(self.head + skip + at) & (size - 1)];
        }
        count
    }

    /// Takes bytes away unread.
    pub(super) fn discard(&mut self, count: usize) {
        let count = count.min(self.len);
        self.len -= count;
        self.head = if self.len == 0 { 0 } else { (self.head + count) & (self.storage.len() - 1) };
    }

    fn relocate(&mut self, size: usize) {
        let mut storage = vec![0; size];
        let first = self.len.min(self.storage.len() - self.head);
        storage[..first].copy_from_slice(&self.storage[self.head..self.head + first]);
        storage[first..self.len].copy_from_slice(&self.storage[..self.len - first]);
        self.storage = storage;
        self.head = 0;
    }
}
