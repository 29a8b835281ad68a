//! The WebAssembly engine: runs Linux programs compiled to wasm32 as processes of the kernel.
//!
//! [`WasmEngine`] is one per host process and shared by all VMs. It offers itself to execve(2) as a
//! [`Binfmt`](agentos_syscall::Binfmt) and knows the kernel only through [`Syscalls`](agentos_syscall::Syscalls).
//!
//! * [`modules`](self): machine code is compiled once per module, kept in a host directory and mapped by every process.
//! * A process is a future: a wasmtime store whose program runs on a fiber, polled by a few executor threads. A system call
//!   is decoded from linear memory, handed to the kernel as slices of it, and suspends the fiber only when the kernel says EWAIT.
//! * Two guest ABIs are decoded: Linux' own (`linux`: the wasm32 port of musl) and WASI preview 1 (`wasi`).
//! * fork(2) copies an instance whose stack asyncify has unwound; vfork(2) and posix_spawn(3) run the child's calls in the
//!   parent's instance until it calls execve(2).
//!
//! A guest is hostile: every pointer is checked, every allocation has a bound, a trap ends the process and nothing else.

mod cache;
mod call;
mod config;
mod driver;
mod engine;
mod executor;
mod fork;
mod linux;
mod memory;
mod modules;
mod process;
mod run;
mod snapshot;
mod wasi;

pub use cache::{Precompiled, precompile};
pub use config::WasmConfig;
pub use engine::WasmEngine;
pub use linux::table::{Support, Syscall, table};
