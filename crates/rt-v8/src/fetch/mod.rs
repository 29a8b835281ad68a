//! Global `fetch` over the kernel's network.
//!
//! The JavaScript side is `deno_fetch`'s, unchanged but for how a failure becomes an error ([`PATCHES`]). This module is what is
//! under it: sockets of the process ([`stream`]), names, addresses and TLS ([`connect`], [`tls`]), HTTP/1.1 and HTTP/2 with a pool
//! of idle connections ([`client`]), and the resources that bodies are read from ([`body`], [`response`]). Nothing here knows a
//! host socket, a host file or a proxy: all that leaves the process is a system call, and the kernel's policy decides.
//!
//! How `extensions` uses it:
//! - [`replacements`] is appended to the operations that `extensions::replace` swaps in; the other two operations of `deno_fetch`
//!   reach nothing and stay upstream's.
//! - [`PATCHES`] is applied by the transpiler, as its own patches are.
//! - The state is put there by the first request: the [`Kernel`](crate::kernel::Kernel) and the
//!   [`Environment`](crate::ops::Environment) of the operation state are all that is needed.

mod body;
mod client;
mod connect;
mod decode;
mod failure;
mod limits;
mod ops;
mod patches;
mod response;
mod stream;
mod tls;

pub use ops::replacements;
pub use patches::PATCHES;
