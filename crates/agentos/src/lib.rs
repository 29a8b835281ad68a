//! Assembles a virtual machine: the kernel, its file trees, the two engines, the network, and the Rust API around them.
//!
//! [`Vm`] is one machine. A host calls it from any thread; what waits is async and runs on [`host::runtime`]. Nothing here
//! knows Node.js: the Node-API skin lives in the root package.
//!
//! Invariant: this crate holds no system call logic. It speaks to the kernel through the handle of process 1, as a program would.

pub mod engines;
pub mod error;
pub mod events;
pub mod files;
pub mod host;
pub mod image;
pub mod manifest;
pub mod options;
pub mod permissions;
pub mod process;
pub mod session;
pub mod stats;
pub mod system_files;
pub mod terminal;
pub mod tools;
pub mod vm;

pub use agentos_abi as abi;
pub use agentos_kernel::policy;
pub use agentos_kernel::{ProcessInfo, ProcessState};
pub use error::{Error, Result};
pub use manifest::Software;
pub use options::{UserOptions, VmOptions};
pub use permissions::Permissions;
pub use process::{ExecOptions, ExecResult, Process, SpawnOptions};
pub use terminal::{Size, Terminal};
pub use vm::Vm;
