//! Descriptors: the per-process table, the open file descriptions that it shares with others, and locks on files.

mod description;
mod lock;
mod table;

pub(crate) use description::{Description, OpenFiles};
pub(crate) use lock::{FileId, LockTable};
pub(crate) use table::FdTable;
