//! Puts our operations in the place of those that would reach the host.

use deno_core::{Extension, OpDecl};
use std::collections::HashMap;

/// Replaces by name, keeping order and count, and answers what no extension has: operations of deno_core itself, which only the
/// middleware of [`super::policy`] sees. Whether an operation is asynchronous must not change, because the snapshot has the
/// JavaScript side of it.
///
/// # Panics
/// When an operation has another shape: the pinned crates changed. The snapshot tool and the tests reach it first.
pub fn apply(list: &mut [Extension]) -> HashMap<&'static str, OpDecl> {
    let mut ours: HashMap<&'static str, OpDecl> = crate::ops::replacements().into_iter().collect();
    for extension in list {
        if !extension.ops.iter().any(|op| ours.contains_key(op.name)) {
            continue;
        }
        for op in extension.ops.to_mut() {
            if let Some(replacement) = ours.remove(op.name) {
                assert_eq!(op.is_async, replacement.is_async, "{} changed its shape", op.name);
                *op = op.with_implementation_from(&replacement);
            }
        }
    }
    ours
}
