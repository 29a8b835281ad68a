//! V8, once per process.

use std::sync::Once;

/// Sets V8's flags and starts its platform. Every entry into this crate calls it first; flags are frozen afterwards.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Protection keys make V8's code pages usable only on threads that descend from the initialising one, and Node may load
        // the addon on any. V8's own fault handler for WebAssembly stays off: the host has one, and V8's removes itself on the
        // first foreign fault.
        //
        // WebAssembly memories are outside of every allocator: each is bounded to 256 MiB (4096 pages).
        let flags = ["agentos", "--no-memory-protection-keys", "--no-wasm-trap-handler", "--wasm-max-mem-pages=4096"];
        deno_core::v8_set_flags(flags.map(String::from).to_vec());
        deno_core::JsRuntime::init_platform(None);
        // Without a choice, the first TLS handshake of a guest panics: two providers are linked. An earlier choice stays.
        let _ = deno_tls::rustls::crypto::aws_lc_rs::default_provider().install_default();
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            previous(info);
            crate::limits::on_panic();
        }));
        // SAFETY: the function stands in V8's base library with this signature; it stores the pointer.
        unsafe { set_print_stack_trace(crate::limits::on_fatal) };
    });
}

unsafe extern "C" {
    /// `v8::base::SetPrintStackTrace`: what V8 calls last before it aborts the process, for every fatal error.
    #[link_name = "_ZN2v84base18SetPrintStackTraceEPFvvE"]
    fn set_print_stack_trace(callback: extern "C" fn());
}
