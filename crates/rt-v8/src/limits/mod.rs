//! What one isolate may use, and what happens beyond.
//!
//! | resource | bound | beyond |
//! |---|---|---|
//! | JavaScript heap | `V8Config::heap_max_bytes` | the process ends with SIGABRT, after Node's message |
//! | heap, buffers and WebAssembly memory together | the VM's memory (`charge_memory`) | RangeError for a buffer, else as above |
//! | one allocation V8 cannot satisfy | | the process ends, its thread parks for ever: V8 offers no way back, and the host must live |
//!
//! | a Rust panic in an operation of the pinned crates | | as the line above: unwinding into V8 would abort the host |
//!
//! Time is not bounded here: the kernel interrupts (`terminate_execution`).

mod allocator;
mod heap;

pub use allocator::Meter;
pub use heap::{create_params, install, on_fatal, on_panic};
