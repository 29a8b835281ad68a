//! V8, once per process.

use std::sync::Once;

/// Sets V8's flags and starts its platform. Every entry into this crate calls it first; flags are frozen afterwards.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Protection keys make V8's code pages usable only on threads that descend from the initialising one, and Node may load
        // the addon on any. V8's own fault handler for WebAssembly stays off: the host has one, and V8's removes itself on the
        // first foreign fault.
        let flags = ["agentos", "--no-memory-protection-keys", "--no-wasm-trap-handler"];
        deno_core::v8_set_flags(flags.map(String::from).to_vec());
        deno_core::JsRuntime::init_platform(None);
    });
}
