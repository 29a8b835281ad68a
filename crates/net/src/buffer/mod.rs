//! Bounded memory between sockets: streams of bytes, queues of records, and what travels with them.

mod bytes;
mod records;
mod rights;

pub(crate) use bytes::ByteQueue;
pub(crate) use records::{Record, RecordQueue};
pub(crate) use rights::InFlight;
