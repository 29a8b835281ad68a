//! The names of a changed directory.

use crate::node::Node;
use agentos_abi::FileType;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// All names of a directory. Positions of names that came from a lower layer are that layer's, so that a listing which began
/// before the first change goes on correctly.
#[derive(Default)]
pub(crate) struct Index {
    by_name: HashMap<Arc<[u8]>, Slot>,
    by_position: BTreeMap<u64, Arc<[u8]>>,
    next_position: u64,
    subdirectories: u32,
}

/// Where a name leads.
#[derive(Clone)]
pub(crate) struct Slot {
    pub position: u64,
    pub file_type: FileType,
    pub target: Target,
}

#[derive(Clone)]
pub(crate) enum Target {
    /// A lower file with this inode number (already the overlay's), not yet looked up.
    Lower(u64),
    /// A node of the overlay.
    Node(Arc<Node>),
}

impl Slot {
    pub fn ino(&self) -> u64 {
        match &self.target {
            Target::Lower(ino) => *ino,
            Target::Node(node) => node.ino(),
        }
    }
}

impl Index {
    pub fn get(&self, name: &[u8]) -> Option<&Slot> {
        self.by_name.get(name)
    }

    pub fn contains(&self, name: &[u8]) -> bool {
        self.by_name.contains_key(name)
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub fn subdirectories(&self) -> u32 {
        self.subdirectories
    }

    /// Enters a name of a lower layer at its position there (the `next` of its entry); a name that is there already, from a layer
    /// above, wins. `keep_position` is false for all layers but one: their positions would clash.
    pub fn enter_lower(&mut self, name: &[u8], position: u64, file_type: FileType, ino: u64, keep_position: bool) {
        if self.contains(name) {
            return;
        }
        let position = if keep_position { position } else { self.next_position + 1 };
        self.put(name.into(), Slot { position, file_type, target: Target::Lower(ino) });
    }

    /// Enters a new name behind all others.
    pub fn insert(&mut self, name: &[u8], node: Arc<Node>) {
        let slot = Slot { position: self.next_position + 1, file_type: node.kind(), target: Target::Node(node) };
        self.put(name.into(), slot);
    }

    /// Points a name elsewhere, at its old position.
    pub fn replace(&mut self, name: &[u8], node: Arc<Node>) {
        if let Some(old) = self.remove(name) {
            let slot = Slot { position: old.position, file_type: node.kind(), target: Target::Node(node) };
            self.put(name.into(), slot);
        }
    }

    /// Remembers the node that a lower name turned out to lead to.
    pub fn resolve(&mut self, name: &[u8], node: &Arc<Node>) {
        if let Some(slot) = self.by_name.get_mut(name) {
            slot.target = Target::Node(node.clone());
        }
    }

    pub fn remove(&mut self, name: &[u8]) -> Option<Slot> {
        let slot = self.by_name.remove(name)?;
        self.by_position.remove(&slot.position);
        if slot.file_type == FileType::Directory {
            self.subdirectories -= 1;
        }
        Some(slot)
    }

    /// The nodes of all names, leaving none.
    pub fn take_nodes(&mut self) -> Vec<Arc<Node>> {
        self.by_position.clear();
        let node = |slot: Slot| if let Target::Node(node) = slot.target { Some(node) } else { None };
        self.by_name.drain().filter_map(|(_, slot)| node(slot)).collect()
    }

    /// Entries after `position`, in order.
    pub fn after(&self, position: u64) -> impl Iterator<Item = (&[u8], &Slot)> {
        let names = self.by_position.range(position.saturating_add(1)..).map(|(_, name)| name);
        names.filter_map(|name| self.by_name.get(name).map(|slot| (&**name, slot)))
    }

    fn put(&mut self, name: Arc<[u8]>, slot: Slot) {
        self.next_position = self.next_position.max(slot.position);
        if slot.file_type == FileType::Directory {
            self.subdirectories += 1;
        }
        self.by_position.insert(slot.position, name.clone());
        self.by_name.insert(name, slot);
    }
}
