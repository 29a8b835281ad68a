//! Everything that an isolate could have, for the table in `data/ops.tsv` and the test that holds it complete.

use crate::extensions::unfiltered;
use deno_core::{Extension, JsRuntime, OpDecl, RuntimeOptions};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// `(kind, name)` of every operation (deno_core's included), class and file, sorted.
pub fn names() -> BTreeSet<(&'static str, String)> {
    let mut found = BTreeSet::new();
    for extension in unfiltered() {
        found.extend(extension.ops.iter().map(|op| ("op", op.name.to_string())));
        found.extend(extension.objects.iter().map(|object| ("object", object.name.0.to_string())));
        let files = extension.js_files.iter().chain(extension.esm_files.iter());
        let lazy = extension.lazy_loaded_js_files.iter().chain(extension.lazy_loaded_esm_files.iter());
        found.extend(files.chain(lazy).map(|file| ("file", file.specifier.to_string())));
    }
    found.extend(core_ops().into_iter().map(|name| ("op", name)));
    found
}

/// Upstream's operations that have one of ours in their place.
pub fn replaced() -> Vec<&'static str> {
    crate::ops::replacements().into_iter().map(|(name, _)| name).collect()
}

/// Operations of deno_core itself, which only a middleware gets to see.
fn core_ops() -> Vec<String> {
    crate::platform::init();
    let seen: Rc<RefCell<Vec<String>>> = Rc::default();
    let record = seen.clone();
    let spy = Extension {
        name: "audit",
        middleware_fn: Some(Box::new(move |op: OpDecl| {
            record.borrow_mut().push(op.name.to_string());
            op
        })),
        ..Default::default()
    };
    let Ok(tokio) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return Vec::new() };
    let _guard = tokio.enter();
    drop(JsRuntime::new(RuntimeOptions { extensions: vec![spy], ..Default::default() }));
    seen.take()
}
