//! The extension list: one function for the snapshot tool and the runtime, because both must have the same operations in the
//! same order.
//!
//! What is in an isolate is decided here and nowhere else: [`replace`] swaps operations that would reach the host for ours,
//! [`policy`] denies every operation and class that no list names, [`transpile`] patches built-in sources.

pub mod policy;
pub mod replace;
pub mod transpile;

use crate::fs::KernelFs;
use crate::kernel::Kernel;
use crate::modules::{AllNpm, Npm, Services};
use crate::ops;
use deno_core::{Extension, ExtensionArguments};
use std::rc::Rc;
use std::sync::Arc;

deno_core::extension!(
    runtime,
    deps = [deno_webidl, deno_web, deno_fetch, deno_crypto, deno_node, deno_io, deno_fs],
    esm_entry_point = "ext:runtime/99_boot.js",
    esm = [dir "js", "98_global_scope_shared.js", "tools.js", "99_boot.js"],
    lazy_loaded_js = [dir "js", "handles.js", "stream_handle.js"],
    js = [dir "js", "00_early.js"],
    // Polyfills read the environment while the snapshot is made: state must be there from the start.
    state = |state| ops::put_default_state(state),
    customizer = |ext: &mut Extension| ext.ops.to_mut().extend(ops::own()),
);

// A second extension, because entry points run in the order of extensions and the Node closure must come after the boot file.
deno_core::extension!(agentos_node, deps = [runtime], esm_entry_point = "ext:agentos_node/node_closure.js", esm = [dir "js", "node_closure.js"]);

/// Every extension, as upstream made it.
fn upstream() -> Vec<Extension> {
    vec![
        deno_telemetry::deno_telemetry::init(),
        deno_webidl::deno_webidl::init(),
        deno_web::deno_web::lazy_init(),
        deno_fetch::deno_fetch::lazy_init(),
        deno_websocket::deno_websocket::init(),
        deno_crypto::deno_crypto::lazy_init(),
        deno_net::deno_net::lazy_init(),
        deno_tls::deno_tls::init(),
        deno_io::deno_io::lazy_init(),
        deno_fs::deno_fs::lazy_init(),
        deno_os::deno_os::lazy_init(),
        deno_process::deno_process::lazy_init(),
        deno_node_crypto::deno_node_crypto::init(),
        deno_node::deno_node::lazy_init::<AllNpm, Npm, Kernel>(),
        runtime::init(),
        agentos_node::init(),
    ]
}

/// The extensions of an isolate, replaced and filtered.
pub fn extensions() -> Vec<Extension> {
    let mut list = upstream();
    let core = replace::apply(&mut list);
    policy::apply(&mut list, core);
    list
}

/// The extensions before the policy, for the audit and for the snapshot's stamp.
pub fn unfiltered() -> Vec<Extension> {
    let mut list = upstream();
    replace::apply(&mut list);
    list
}

/// Arguments of the lazily initialised extensions, in the order of [`upstream`].
pub fn arguments(kernel: &Kernel, services: Services, exit_code: deno_os::ExitCode) -> Vec<ExtensionArguments> {
    let fs: deno_fs::FileSystemRc = Rc::new(KernelFs(kernel.clone()));
    vec![
        deno_web::deno_web::args(Arc::new(deno_web::BlobStore::default()), None, false, deno_web::InMemoryBroadcastChannel::default()),
        deno_fetch::deno_fetch::args(deno_fetch::Options { user_agent: "node".into(), ..Default::default() }),
        deno_crypto::deno_crypto::args(None),
        deno_net::deno_net::args(None, None),
        deno_io::deno_io::args(None),
        deno_fs::deno_fs::args(fs.clone()),
        deno_os::deno_os::args(Some(exit_code)),
        deno_process::deno_process::args(None),
        deno_node::deno_node::args::<AllNpm, Npm, Kernel>(Some(services), fs),
    ]
}
