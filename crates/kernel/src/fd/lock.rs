//! Advisory locks: flock(2), owned by an open file description, and fcntl(2) record locks, owned by a process.

use agentos_abi::fcntl::LockKind;
use agentos_abi::{Errno, Events, Pid, Result};
use agentos_waiter::WaitQueue;
use parking_lot::Mutex;
use std::collections::HashMap;

/// Most record locks on one file (Linux bounds them by memory; RLIMIT_LOCKS is gone there).
const MAX_RECORDS: usize = 4096;

/// A file, whatever its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
}

/// Who holds a record lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A process, by number.
    Process(Pid),
    /// An open file description, by its id.
    Description(u64),
}

/// A range of bytes, `end` excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) owner: Holder,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) exclusive: bool,
}

#[derive(Default)]
struct FileLocks {
    /// Owner and whether exclusive.
    flocks: Vec<(u64, bool)>,
    records: Vec<Record>,
    released: WaitQueue,
}

/// All locks of a VM. Its lock is a leaf.
#[derive(Default)]
pub(crate) struct LockTable(Mutex<HashMap<FileId, FileLocks>>);

impl LockTable {
    /// flock(2). A conversion lets go of the old lock first, as in Linux. Errors: EWAIT when another holds it.
    pub(crate) fn flock(&self, file: FileId, owner: u64, kind: LockKind) -> Result<()> {
        if kind == LockKind::Unlock {
            self.release_flock(file, owner);
            return Ok(());
        }
        let exclusive = kind == LockKind::Exclusive;
        let mut table = self.0.lock();
        let locks = table.entry(file).or_default();
        let before = locks.flocks.len();
        locks.flocks.retain(|(holder, held)| *holder != owner || *held == exclusive);
        let gave_way = before != locks.flocks.len();
        let blocked = locks.flocks.iter().any(|(holder, held)| *holder != owner && (exclusive || *held));
        if !blocked && !locks.flocks.iter().any(|(holder, _)| *holder == owner) {
            locks.flocks.push((owner, exclusive));
        }
        let queue = gave_way.then(|| locks.released.clone());
        drop(table);
        if let Some(queue) = queue {
            queue.notify(Events::OUT);
        }
        if blocked { Err(Errno::EWAIT) } else { Ok(()) }
    }

    /// Lets go of the flock(2) lock of one open file description.
    pub(crate) fn release_flock(&self, file: FileId, owner: u64) {
        self.release(file, |locks| locks.flocks.retain(|(holder, _)| *holder != owner));
    }

    /// fcntl(2) F_SETLK over `start..end`. Errors: EWAIT when another process holds part of it, ENOLCK.
    pub(crate) fn record(&self, file: FileId, owner: Holder, kind: LockKind, start: u64, end: u64) -> Result<()> {
        if kind == LockKind::Unlock {
            self.release(file, |locks| carve(&mut locks.records, owner, start, end));
            return Ok(());
        }
        let exclusive = kind == LockKind::Exclusive;
        let mut table = self.0.lock();
        let locks = table.entry(file).or_default();
        if conflict(&locks.records, owner, exclusive, start, end).is_some() {
            return Err(Errno::EWAIT);
        }
        if locks.records.len() >= MAX_RECORDS {
            return Err(Errno::ENOLCK);
        }
        carve(&mut locks.records, owner, start, end);
        locks.records.push(Record { owner, start, end, exclusive });
        let queue = locks.released.clone();
        drop(table);
        // An exclusive lock that became shared lets others in.
        queue.notify(Events::OUT);
        Ok(())
    }

    /// F_GETLK: a lock of another that overlaps and excludes one of `kind`.
    pub(crate) fn conflicting(&self, file: FileId, owner: Holder, kind: LockKind, start: u64, end: u64) -> Option<Record> {
        conflict(&self.0.lock().get(&file)?.records, owner, kind == LockKind::Exclusive, start, end)
    }

    /// Lets go of all record locks of a process on a file: POSIX does so whenever the process closes any descriptor of it.
    pub(crate) fn release_records(&self, file: FileId, owner: Holder) {
        self.release(file, |locks| locks.records.retain(|r| r.owner != owner));
    }

    /// Lets go of all record locks of a process.
    pub(crate) fn release_process(&self, owner: Pid) {
        let owner = Holder::Process(owner);
        let files: Vec<FileId> = {
            let table = self.0.lock();
            table.iter().filter(|(_, locks)| locks.records.iter().any(|r| r.owner == owner)).map(|(id, _)| *id).collect()
        };
        for file in files {
            self.release_records(file, owner);
        }
    }

    /// Where the release of locks on a file is announced.
    pub(crate) fn queue(&self, file: FileId) -> WaitQueue {
        self.0.lock().entry(file).or_default().released.clone()
    }

    fn release(&self, file: FileId, change: impl FnOnce(&mut FileLocks)) {
        let mut table = self.0.lock();
        let Some(locks) = table.get_mut(&file) else { return };
        change(locks);
        let queue = locks.released.clone();
        if locks.flocks.is_empty() && locks.records.is_empty() && queue.is_empty() {
            table.remove(&file);
        }
        drop(table);
        queue.notify(Events::OUT);
    }
}

fn conflict(records: &[Record], owner: Holder, exclusive: bool, start: u64, end: u64) -> Option<Record> {
    records.iter().find(|r| r.owner != owner && r.start < end && start < r.end && (exclusive || r.exclusive)).copied()
}

/// Takes `start..end` out of what `owner` holds; a lock around it falls in two.
fn carve(records: &mut Vec<Record>, owner: Holder, start: u64, end: u64) {
    let mut rest = Vec::new();
    records.retain(|r| {
        if r.owner != owner || r.end <= start || end <= r.start {
            return true;
        }
        if r.start < start {
            rest.push(Record { end: start, ..*r });
        }
        if end < r.end {
            rest.push(Record { start: end, ..*r });
        }
        false
    });
    records.append(&mut rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileId = FileId { dev: 1, ino: 2 };

    #[test]
    fn flock_is_shared_by_many_or_exclusive_to_one() {
        let table = LockTable::default();
        table.flock(FILE, 1, LockKind::Shared).unwrap();
        table.flock(FILE, 2, LockKind::Shared).unwrap();
        assert_eq!(table.flock(FILE, 3, LockKind::Exclusive), Err(Errno::EWAIT));
        table.release_flock(FILE, 1);
        table.flock(FILE, 2, LockKind::Exclusive).unwrap();
        assert_eq!(table.flock(FILE, 1, LockKind::Shared), Err(Errno::EWAIT));
        table.flock(FILE, 2, LockKind::Unlock).unwrap();
        assert!(table.0.lock().is_empty(), "nothing is kept of a file without locks");
    }

    #[test]
    fn unlocking_the_middle_leaves_both_ends() {
        let table = LockTable::default();
        table.record(FILE, Holder::Process(1), LockKind::Exclusive, 0, u64::MAX).unwrap();
        table.record(FILE, Holder::Process(1), LockKind::Unlock, 10, 20).unwrap();
        table.record(FILE, Holder::Process(2), LockKind::Exclusive, 10, 20).unwrap();
        assert_eq!(table.record(FILE, Holder::Process(2), LockKind::Shared, 9, 10), Err(Errno::EWAIT));
        assert_eq!(table.record(FILE, Holder::Process(2), LockKind::Shared, 20, 21), Err(Errno::EWAIT));
        table.release_process(1);
        table.record(FILE, Holder::Process(2), LockKind::Shared, 0, 100).unwrap();
    }

    #[test]
    fn a_description_and_its_process_are_two_owners() {
        let table = LockTable::default();
        table.record(FILE, Holder::Description(1), LockKind::Shared, 10, 20).unwrap();
        assert_eq!(table.record(FILE, Holder::Process(1), LockKind::Exclusive, 0, 11), Err(Errno::EWAIT));
        let found = table.conflicting(FILE, Holder::Process(1), LockKind::Exclusive, 0, u64::MAX);
        assert_eq!(found, Some(Record { owner: Holder::Description(1), start: 10, end: 20, exclusive: false }));
        assert_eq!(table.conflicting(FILE, Holder::Process(1), LockKind::Shared, 0, u64::MAX), None);
    }

    #[test]
    fn the_number_of_records_is_bounded() {
        let table = LockTable::default();
        for i in 0..MAX_RECORDS as u64 {
            table.record(FILE, Holder::Process(1), LockKind::Shared, i * 2, i * 2 + 1).unwrap();
        }
        assert_eq!(table.record(FILE, Holder::Process(1), LockKind::Shared, u64::MAX - 1, u64::MAX), Err(Errno::ENOLCK));
    }
}
