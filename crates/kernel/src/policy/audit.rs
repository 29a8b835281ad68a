//! What was decided: the last records, and how many of them are announced.

use super::question::Reply;
use agentos_abi::{Pid, Timespec};
use agentos_policy::{Class, Mode, Operation};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most records kept; the oldest go.
pub const MAX_AUDIT_RECORDS: usize = 1000;
/// Most bytes kept of an object's name: the guest chooses it.
const MAX_OBJECT_BYTES: usize = 4096;
/// Records announced in one [`PERIOD`]; of the rest only the number is told, in [`AuditRecord::suppressed`].
const MAX_ANNOUNCED: u32 = 100;
/// The time in which announcements are counted.
const PERIOD: Duration = Duration::from_secs(1);

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Number of the record, from 1.
    pub seq: u64,
    /// When.
    pub time: Timespec,
    /// What kind of object.
    pub class: Class,
    /// What was to be done to it.
    pub operation: Operation,
    /// Its name, cut to 4 KiB.
    pub object: Vec<u8>,
    /// What the rules said.
    pub mode: Mode,
    /// What was answered, when the rules said "ask".
    pub reply: Option<Reply>,
    /// Whether it was let through.
    pub allowed: bool,
    /// Which rule said so; empty where something was allowed.
    pub why: String,
    /// The process.
    pub pid: Pid,
    /// The session that the process belongs to.
    pub session: Option<Arc<str>>,
    /// How many records before this one were not announced.
    pub suppressed: u64,
}

/// The ring of records.
#[derive(Default)]
pub(crate) struct Audit(Mutex<Ring>);

#[derive(Default)]
struct Ring {
    records: VecDeque<AuditRecord>,
    last_seq: u64,
    /// Announced since `since`.
    announced: u32,
    since: Option<Instant>,
    suppressed: u64,
}

impl Audit {
    /// Keeps a record, whose number it sets. Answers it when it is to be announced.
    pub(crate) fn add(&self, mut record: AuditRecord, now: Instant) -> Option<AuditRecord> {
        let mut ring = self.0.lock();
        ring.last_seq += 1;
        record.seq = ring.last_seq;
        record.object.truncate(MAX_OBJECT_BYTES);
        if ring.since.is_none_or(|since| now.saturating_duration_since(since) >= PERIOD) {
            ring.since = Some(now);
            ring.announced = 0;
        }
        let announce = ring.announced < MAX_ANNOUNCED;
        if announce {
            ring.announced += 1;
            record.suppressed = std::mem::take(&mut ring.suppressed);
        } else {
            ring.suppressed += 1;
        }
        if ring.records.len() >= MAX_AUDIT_RECORDS {
            ring.records.pop_front();
        }
        ring.records.push_back(record.clone());
        announce.then_some(record)
    }

    /// The last `limit` records, oldest first.
    pub(crate) fn last(&self, limit: usize) -> Vec<AuditRecord> {
        let ring = self.0.lock();
        ring.records.iter().skip(ring.records.len().saturating_sub(limit)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> AuditRecord {
        AuditRecord {
            seq: 0,
            time: Timespec { sec: 0, nsec: 0 },
            class: Class::Fs,
            operation: Operation::Read,
            object: vec![b'x'; 10_000],
            mode: Mode::Deny,
            reply: None,
            allowed: false,
            why: String::new(),
            pid: 2,
            session: None,
            suppressed: 0,
        }
    }

    #[test]
    fn the_last_records_are_kept_and_few_are_announced() {
        let (audit, start) = (Audit::default(), Instant::now());
        let announced = (0..1500).filter(|_| audit.add(record(), start).is_some()).count();
        assert_eq!(announced, 100);
        let next = audit.add(record(), start + PERIOD).unwrap();
        assert_eq!((next.seq, next.suppressed, next.object.len()), (1501, 1400, 4096));
        let last = audit.last(usize::MAX);
        assert_eq!((last.len(), last[0].seq, last[999].seq), (1000, 502, 1501));
        assert_eq!(audit.last(2).len(), 2);
    }
}
