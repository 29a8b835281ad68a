//! Operations of ours: what JavaScript reaches of the kernel.
//!
//! A Rust panic inside an operation would unwind into V8's C++ frames, which ends the whole host process. Every operation with
//! more than a copy in it therefore runs inside [`guard`] or [`guard_async`], which make an `Error` of it.

pub mod boot;
mod dns;
pub mod env;
pub mod fd;
pub mod os;
pub mod process;
pub mod signal;
mod socket;
mod spawn;
mod stream;
pub mod tools;
mod tty;

use crate::kernel::Kernel;
use deno_core::{OpDecl, OpState, op2};
use deno_error::JsErrorBox;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

pub use boot::{Boot, Exited, Fatal};

/// What a process was started with, as JavaScript changes it.
#[derive(Clone, Debug, Default)]
pub struct Environment(pub BTreeMap<String, String>);

/// State that operations need while the snapshot is made; the runtime puts its own over it.
pub fn put_default_state(state: &mut OpState) {
    state.put(Kernel::default());
    state.put(Environment::default());
    state.put(Boot::default());
}

thread_local! {
    /// How many guards this thread is inside of.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
}

/// Whether a panic here will be caught.
pub fn is_guarded() -> bool {
    GUARDS.get() > 0
}

/// Runs `body`; a panic in it is None.
fn caught<T>(body: impl FnOnce() -> T) -> Option<T> {
    GUARDS.set(GUARDS.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(body));
    GUARDS.set(GUARDS.get() - 1);
    result.ok()
}

/// Runs the body of an operation; a panic becomes an I/O error.
pub fn guard<T>(body: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    caught(body).unwrap_or_else(|| Err(internal_error()))
}

/// As [`guard`], for a future.
pub async fn guard_async<T>(body: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let mut body = std::pin::pin!(body);
    std::future::poll_fn(|cx| caught(|| body.as_mut().poll(cx)).unwrap_or_else(|| Poll::Ready(Err(internal_error())))).await
}

fn internal_error() -> io::Error {
    tracing::error!("an operation panicked");
    agentos_abi::Errno::EIO.into()
}

/// Stands in for every denied operation. Throws always; without a fast call, so that optimised code cannot skip it. The error is
/// of a class that V8 has, because it can be thrown before the boot file has registered the others.
#[op2(nofast)]
pub fn op_denied() -> Result<(), JsErrorBox> {
    Err(JsErrorBox::type_error("Operation not permitted"))
}

/// [`op_denied`] under each name.
macro_rules! denied {
    ($($name:literal),* $(,)?) => {
        [$({
            let mut op = op_denied();
            op.name = $name;
            op.name_fast = deno_core::ascii_str!($name);
            op
        }),*]
    };
}

/// Operations beside those that replace one of upstream's: our own, and names that JavaScript of the pinned crates imports and
/// none of them defines (`deno_runtime` does), for features that do not exist here: workers, native addons, `Deno.serve`.
pub fn own() -> Vec<OpDecl> {
    let mut list = boot::own();
    list.extend(stream::own());
    list.extend(socket::own());
    list.extend(tty::own());
    list.extend(tools::own());
    list.extend(denied![
        "op_create_worker",
        "op_host_get_worker_cpu_usage",
        "op_host_post_message",
        "op_host_post_message_raw",
        "op_host_recv_ctrl",
        "op_host_recv_message",
        "op_host_recv_message_sync",
        "op_host_terminate_worker",
        "op_http_drop_response_native",
        "op_http_new_response_native_headers",
        "op_napi_open",
        "op_node_database_backup",
        "op_node_worker_thread_post_message",
        "op_node_worker_thread_recv_message",
        "op_node_worker_thread_register",
        "op_node_worker_thread_set_listener_count",
    ]);
    list
}

/// `(upstream's name, ours)`: same shape, other implementation.
pub fn replacements() -> Vec<(&'static str, OpDecl)> {
    let mut list = Vec::new();
    list.extend(env::replacements());
    list.extend(fd::replacements());
    list.extend(os::replacements());
    list.extend(process::replacements());
    list.extend(signal::replacements());
    list.extend(boot::replacements());
    list.extend(tty::replacements());
    list.extend(spawn::replacements());
    list.extend(dns::replacements());
    list.extend(crate::fetch::replacements());
    list
}
