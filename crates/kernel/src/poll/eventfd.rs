//! eventfd(2): a counter to wait for.

use agentos_abi::{Errno, Events, FileType, Mode, Result, Stat, Timespec};
use agentos_vfs::File;
use agentos_waiter::WaitQueue;
use parking_lot::Mutex;
use std::any::Any;

/// `st_dev` of files without a tree (Linux' anon_inodefs).
pub(super) const ANON_DEV: u64 = agentos_abi::stat::makedev(0, 15);

/// The counter.
pub(crate) struct EventFd {
    value: Mutex<u64>,
    semaphore: bool,
    queue: WaitQueue,
}

impl EventFd {
    pub(crate) fn new(initial: u64, semaphore: bool) -> EventFd {
        EventFd { value: Mutex::new(initial), semaphore, queue: WaitQueue::new() }
    }
}

impl File for EventFd {
    fn read_at(&self, buf: &mut [u8], _offset: u64) -> Result<usize> {
        let out = buf.first_chunk_mut::<8>().ok_or(Errno::EINVAL)?;
        let mut value = self.value.lock();
        if *value == 0 {
            return Err(Errno::EWAIT);
        }
        let taken = if self.semaphore { 1 } else { *value };
        *value -= taken;
        drop(value);
        *out = taken.to_le_bytes();
        self.queue.notify(Events::WRITE);
        Ok(8)
    }

    fn write_at(&self, buf: &[u8], _offset: u64, _append: bool) -> Result<(usize, u64)> {
        let added = u64::from_le_bytes(*buf.first_chunk::<8>().ok_or(Errno::EINVAL)?);
        if added == u64::MAX {
            return Err(Errno::EINVAL);
        }
        let mut value = self.value.lock();
        *value = value.checked_add(added).filter(|sum| *sum < u64::MAX).ok_or(Errno::EWAIT)?;
        drop(value);
        self.queue.notify(Events::READ);
        Ok((8, 0))
    }

    fn seekable(&self) -> bool {
        false
    }

    fn poll(&self) -> Events {
        let value = *self.value.lock();
        let mut events = Events::empty();
        events.set(Events::READ, value > 0);
        events.set(Events::WRITE, value < u64::MAX - 1);
        events
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.queue)
    }

    fn stat(&self) -> Option<Stat> {
        Some(anonymous_stat())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Attributes of a file without a name or type of its own.
pub(super) fn anonymous_stat() -> Stat {
    let time = Timespec::default();
    Stat {
        dev: ANON_DEV,
        ino: 1,
        file_type: FileType::Regular,
        mode: Mode::from_bits_retain(0o600),
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        size: 0,
        blksize: 4096,
        blocks: 0,
        atime: time,
        mtime: time,
        ctime: time,
        btime: time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_take_all_or_one_and_writes_add() {
        let plain = EventFd::new(3, false);
        let mut buf = [0; 8];
        plain.write_at(&4u64.to_le_bytes(), 0, false).unwrap();
        plain.read_at(&mut buf, 0).unwrap();
        assert_eq!(u64::from_le_bytes(buf), 7);
        assert_eq!(plain.read_at(&mut buf, 0), Err(Errno::EWAIT));
        assert_eq!(plain.read_at(&mut buf[..7], 0), Err(Errno::EINVAL));
        let semaphore = EventFd::new(2, true);
        semaphore.read_at(&mut buf, 0).unwrap();
        assert_eq!(u64::from_le_bytes(buf), 1);
        assert_eq!(semaphore.poll(), Events::READ | Events::WRITE);
    }

    #[test]
    fn the_counter_does_not_overflow() {
        let event = EventFd::new(u64::MAX - 1, false);
        assert_eq!(event.write_at(&u64::MAX.to_le_bytes(), 0, false), Err(Errno::EINVAL));
        assert_eq!(event.write_at(&1u64.to_le_bytes(), 0, false), Err(Errno::EWAIT));
        assert_eq!(event.poll(), Events::READ);
    }
}
