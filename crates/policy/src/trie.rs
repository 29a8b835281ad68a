//! Rules by literal name, found in the time that it takes to walk the name.

use crate::operation::{Operation, Operations};
use std::collections::HashMap;

/// A rule at a node: its number in the list and the operations it is about.
pub(crate) type Entry = (u32, Operations);

/// Names split at a separator.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trie {
    root: Node,
}

#[derive(Clone, Debug, Default)]
struct Node {
    children: HashMap<Box<[u8]>, Node>,
    /// Rules about this name and all below, ascending.
    here: Vec<Entry>,
    /// Rules about what is below this name only, ascending.
    below: Vec<Entry>,
}

/// The parts of a name; a leading separator makes no part.
fn parts(name: &[u8], separator: Option<u8>) -> impl Iterator<Item = &[u8]> {
    let name = match (separator, name) {
        (Some(separator), [first, rest @ ..]) if *first == separator => rest,
        _ => name,
    };
    name.split(move |b| Some(*b) == separator)
}

/// The last rule of an ascending list that is about `operation`.
fn last(entries: &[Entry], operation: Operation) -> Option<u32> {
    entries.iter().rev().find(|(_, operations)| operations.has(operation)).map(|(rule, _)| *rule)
}

impl Trie {
    /// Adds a rule; rules come in ascending order.
    pub(crate) fn insert(&mut self, name: &[u8], separator: Option<u8>, only_below: bool, entry: Entry) {
        let node = parts(name, separator).fold(&mut self.root, |node, part| node.children.entry(part.into()).or_default());
        if only_below { node.below.push(entry) } else { node.here.push(entry) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.root.children.is_empty()
    }

    /// The number of the last rule about `operation` on `name`.
    pub(crate) fn find(&self, name: &[u8], separator: Option<u8>, operation: Operation) -> Option<u32> {
        let (mut node, mut best) = (&self.root, None);
        for part in parts(name, separator) {
            best = best.max(last(&node.below, operation));
            match node.children.get(part) {
                Some(child) => node = child,
                None => return best,
            }
            best = best.max(last(&node.here, operation));
        }
        best
    }

    /// Whether any rule is about something strictly below `name`.
    pub(crate) fn has_below(&self, name: &[u8], separator: Option<u8>) -> bool {
        let mut node = &self.root;
        for part in parts(name, separator) {
            match node.children.get(part) {
                Some(child) => node = child,
                None => return false,
            }
        }
        !node.below.is_empty() || !node.children.is_empty()
    }
}
