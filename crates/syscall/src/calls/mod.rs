//! The calls, by family.

mod file;
mod net;
mod process;
mod signal;
mod system;

pub use file::{EpollOp, FileCalls};
pub use net::{AddrInfo, NetCalls, Received, SendTarget};
pub use process::{ProcessCalls, Waited};
pub use signal::{Attention, Delivered, Interrupt, SignalCalls, WaitCalls};
pub use system::{Sysinfo, SystemCalls, Utsname};

/// Everything a program may ask of the kernel, as one process.
///
/// Once the process has ended (it exited, or a signal killed it) every call answers ESRCH and
/// [`SignalCalls::attention`] has [`Attention::EXITED`]: the engine drops the program.
pub trait Syscalls: FileCalls + ProcessCalls + SignalCalls + WaitCalls + NetCalls + SystemCalls + Send + Sync {}

impl<T: FileCalls + ProcessCalls + SignalCalls + WaitCalls + NetCalls + SystemCalls + Send + Sync> Syscalls for T {}
