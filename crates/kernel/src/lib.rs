//! The kernel of one VM: it implements every call of `agentos_syscall` for each of its processes.
//!
//! A call never waits. It looks at shared state under short locks, and answers EWAIT with a queue to wait on
//! ([`agentos_syscall::wait`]). Files, sockets and file systems come from below (`agentos_vfs`, `agentos_net`) as traits;
//! engines come from above as [`agentos_syscall::Binfmt`]s. Time, randomness and timers are given by [`KernelConfig`].
//!
//! # Locks
//!
//! Outer before inner. Wakers, interrupts and the closing of files run without any of them
//! ([`process::Effects`](crate::process) collects them), because they may lead anywhere.
//!
//! ```text
//! process table (Kernel::table)
//! ├── Process::signals
//! ├── Process::credentials
//! ├── Process::exec_info
//! └── Tty::state
//! Process::timers
//! Process::pending_calls ── LockTable
//! Process::files, Process::fs, Process::rlimits   (leaves: nothing is called with them)
//! Description::offset ── the file's own lock
//! Epoll::interests ── the file's own lock ── Epoll's ready list
//! Pipe, FifoTable, LockTable, Binfmts, DeviceTable   (leaves)
//! ```

mod config;
mod device;
mod exec;
mod fd;
mod kernel;
pub mod limits;
mod location;
mod net;
mod pipe;
pub mod policy;
mod poll;
mod posix_timer;
mod process;
mod signal;
mod syscall;
mod task;
mod timer;
mod tty;
mod view;
mod wait;

pub use agentos_account::{Account, Bounds, Limit};
pub use config::{Clock, KernelConfig, Random};
pub use device::Device;
pub use kernel::{Kernel, Stats};
pub use limits::Limits;
pub use process::{ProcessInfo, ProcessState};
pub use syscall::{RELEASE, VERSION};
pub use view::{DescriptorInfo, ProcessDetails, ProcessLink, TerminalAttributes};
