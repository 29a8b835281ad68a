//! Global `fetch` over the kernel's network.
//!
//! The JavaScript side is `deno_fetch`'s, unchanged but for how a failure becomes an error; this module is everything under it:
//! sockets of the process, TLS, HTTP/1.1 and HTTP/2, the pool of idle connections and the resources that bodies are read from.
//! Nothing here knows a host socket: all that leaves the process is a system call, and the kernel's policy decides.
//!
//! How `extensions` uses it:
//! - `fetch::replacements() -> Vec<(&'static str, OpDecl)>` is appended to the operations that `extensions::replace` swaps in
//!   (`op_fetch`, `op_fetch_send`, `op_fetch_custom_client`); the other two operations of `deno_fetch` stay upstream's.
//! - `fetch::put_state(state)` is called where the default state of an isolate is made. It opens nothing.
//! - `fetch::patch(specifier, source)` is called by the transpiler with each built-in source and returns the source to use.
