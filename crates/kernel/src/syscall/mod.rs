//! The `Syscalls` implementation: one file per family of calls, each thin. A call decodes, refuses what it does not know, and
//! asks one subsystem.

mod copy;
mod descriptor;
mod file;
mod net;
mod path;
mod process;
mod signal;
mod splice;
mod system;

pub(crate) use system::HOST_NAME_MAX;
pub use system::{RELEASE, VERSION};
