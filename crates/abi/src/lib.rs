//! The Linux ABI as data: numbers, flag sets and records that cross the system call boundary.
//!
//! Values are those of Linux' asm-generic headers, which the wasm32 port of musl and the x86-64 view of Node agree on.
//! Nothing here has behaviour beyond conversion; every crate may depend on it.

pub mod errno;
pub mod fcntl;
pub mod ioctl;
pub mod limits;
pub mod poll;
pub mod signal;
pub mod socket;
pub mod stat;
pub mod termios;
pub mod time;
pub mod wait;

pub use errno::{Errno, Result};
pub use fcntl::{AtFlags, FdFlags, OpenFlags, RenameFlags};
pub use limits::{Resource, Rlimit};
pub use poll::Events;
pub use signal::{SigSet, Signal};
pub use stat::{Dirent, FileType, Mode, Stat, Statfs};
pub use termios::{Termios, Winsize};
pub use time::{ClockId, Timespec};
pub use wait::{WaitOptions, WaitStatus};

/// A process id, process group id or session id. Positive for real ones.
pub type Pid = i32;
/// A file descriptor number as a guest sees it.
pub type Fd = i32;
