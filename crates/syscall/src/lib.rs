//! The system call contract between the kernel and the engines that run programs.
//!
//! A [`Syscalls`] object is one process' view of the kernel: engines hold nothing else, so they cannot go around it. Each
//! method is the Linux call of its name with guest pointers already turned into slices. **No call waits.** One that would
//! answers `EWAIT`; [`wait::blocking`] is the one loop that tries, registers, tries again and waits.
//!
//! [`Binfmt`] is how an engine offers itself to execve(2).

pub mod binfmt;
pub mod calls;
pub mod cpu;
pub mod tools;
pub mod wait;

pub use binfmt::{Binfmt, Image, ImageFile, Program, ProgramStart};
pub use calls::{
    AddrInfo, Attention, Delivered, EpollOp, FileCalls, Interrupt, NetCalls, ProcessCalls, Received, SendTarget, SignalCalls, Syscalls, Sysinfo, SystemCalls,
    Utsname, WaitCalls, Waited,
};
pub use cpu::CpuAccount;
pub use tools::{HostTools, ToolAnswers, ToolCall, ToolEnd, ToolRefusal, ToolReply};
pub use wait::{Timers, WaitGuard, WaitOn, block_on, blocking};
