//! Descriptors: the per-process table, the open file descriptions that it shares with others, and locks on files.

mod description;
mod lock;
mod table;
mod text;

pub(crate) use description::{Description, OpenFiles};
pub(crate) use lock::{FileId, Holder, LockTable};
pub(crate) use table::FdTable;
pub(crate) use text::{TextTable, TextUse};
