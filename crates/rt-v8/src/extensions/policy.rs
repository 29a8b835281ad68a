//! Deny by default: what a guest's isolate may have at all.
//!
//! `data/ops.tsv` names every operation and class of the pinned crates with its class: `allow`, `replace` (by ours, see
//! [`super::replace`]) or `deny`. An operation that it does not name is denied too; `tests/audit.rs` fails on it, so an upgrade
//! cannot bring something in silently.

use deno_core::{Extension, OpDecl};
use std::collections::HashMap;
use std::sync::OnceLock;

/// What is done with an operation or class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// As upstream has it.
    Allow,
    /// Ours stands in its place.
    Replace,
    /// Throws.
    Deny,
}

/// What a line of the table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A function of `core.ops`.
    Op,
    /// A native class, with its methods.
    Object,
    /// A built-in source file.
    File,
}

/// The table, parsed.
pub fn table() -> &'static HashMap<&'static str, (Kind, Class)> {
    static TABLE: OnceLock<HashMap<&'static str, (Kind, Class)>> = OnceLock::new();
    TABLE.get_or_init(|| parse(include_str!("../../data/ops.tsv")))
}

/// Lines are `kind<TAB>name<TAB>class`; `#` starts a comment. Malformed lines are left out, which denies what they name.
fn parse(text: &'static str) -> HashMap<&'static str, (Kind, Class)> {
    let line = |line: &'static str| {
        let mut columns = line.split('\t');
        let kind = match columns.next()? {
            "op" => Kind::Op,
            "object" => Kind::Object,
            "file" => Kind::File,
            _ => return None,
        };
        let name = columns.next()?;
        let class = match columns.next()? {
            "allow" => Class::Allow,
            "replace" => Class::Replace,
            "deny" => Class::Deny,
            _ => return None,
        };
        Some((name, (kind, class)))
    };
    text.lines().filter(|l| !l.starts_with('#')).filter_map(line).collect()
}

/// The class of an operation, object or file. Names of the three kinds never coincide.
pub fn class(kind: Kind, name: &str) -> Class {
    match table().get(name) {
        Some((found, class)) if *found == kind => *class,
        _ => Class::Deny,
    }
}

/// Removes denied classes, and denies operations as they are registered; `core` are replacements of deno_core's own. The
/// middleware sees the operations of every extension and of deno_core, but no methods of classes: those can only be left out.
pub fn apply(list: &mut [Extension], core: HashMap<&'static str, OpDecl>) {
    for extension in list.iter_mut() {
        extension.objects.to_mut().retain(|object| class(Kind::Object, object.name.0) == Class::Allow);
    }
    let denied = crate::ops::op_denied();
    if let Some(last) = list.last_mut() {
        last.middleware_fn = Some(Box::new(move |op: OpDecl| match (class(Kind::Op, op.name), core.get(op.name)) {
            (Class::Deny, _) => op.with_implementation_from(&denied),
            (_, Some(replacement)) => op.with_implementation_from(replacement),
            _ => op,
        }));
    }
}
