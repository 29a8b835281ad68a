//! Host tools: functions of the host as programs of the VM.
//!
//! `agentos-NAME` is a small file that only [`ToolBinfmt`](binfmt::ToolBinfmt) understands. Executing it makes a process whose
//! "program" is one call of a function of the host ([`calls::Calls`]), with the same standing as any other process: pipes,
//! signals, an exit status. JavaScript in the VM reaches the same calls without a process, through
//! [`HostTools`](agentos_syscall::HostTools).

mod binfmt;
pub mod calls;
mod install;
mod mcp;
mod program;
mod streams;

pub use agentos_syscall::{ToolCall, ToolEnd, ToolReply};
pub use binfmt::ToolBinfmt;
pub use calls::{Calls, Host};
pub use install::install;
