//! The JavaScript engine: Node programs in V8 isolates of our own, over [`agentos_syscall::Syscalls`].
//!
//! [`V8Engine`] is a [`Binfmt`](agentos_syscall::Binfmt): `/usr/bin/node` (whose content is [`NODE_STUB`]) runs a program in an
//! isolate on a thread of its own. Node's JavaScript layer comes from the pinned Deno crates; everything in them that would
//! reach the host is replaced or denied (see [`extensions`]), so an isolate has the kernel and nothing else.
//!
//! A process is one thread, one isolate and one single-threaded tokio runtime without I/O. Threads with a created isolate wait
//! in a pool ([`pool`]) and are used once.

// V8's API takes callbacks as C functions and the platform's objects as pointers; each block says why it holds.
#![allow(unsafe_code, reason = "V8's C++ API")]

pub mod audit;
mod cli;
mod engine;
pub mod extensions;
mod fetch;
mod fs;
mod isolate;
mod kernel;
mod limits;
mod modules;
mod ops;
mod platform;
pub mod pool;
mod program;
mod report;
mod signals;
pub mod snapshot;

pub use engine::{V8Config, V8Engine};
pub use extensions::transpile::NODE_VERSION;

/// Content of `/usr/bin/node`: execve(2) finds this engine by it.
pub const NODE_STUB: &[u8] = b"\x7fagentos-node\n";

/// `process.execPath`.
pub const EXEC_PATH: &str = "/usr/bin/node";
