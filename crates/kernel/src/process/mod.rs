//! Processes: the table of them, their families and groups, and how they begin and end.
//!
//! [`Table`] holds what one process must see of another (parents, groups, sessions, states) behind one lock, as Linux'
//! `tasklist_lock` does. [`Process`] holds what is a process' own, each part behind a lock of its own.
//! [`Task`](crate::task::Task) is an engine's handle.

mod credentials;
pub(crate) mod current;
mod effects;
mod exec_info;
mod exit;
mod fork;
mod group;
mod info;
mod pending;
mod process;
mod session;
mod table;
mod usage;
mod wait;

pub(crate) use credentials::Credentials;
pub(crate) use effects::Effects;
pub(crate) use exec_info::{ExecInfo, nul_terminated};
pub use info::{ProcessInfo, ProcessState};
pub(crate) use pending::{PendingCall, PendingCalls};
pub(crate) use process::{FsContext, Parts, Process};
pub(crate) use table::{Entry, State, Table};
pub(crate) use usage::Usage;

/// The first process, parent of orphans.
pub(crate) const INIT_PID: agentos_abi::Pid = 1;
