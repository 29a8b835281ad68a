//! The entries of a directory, in order of making.

use crate::node::Node;
use agentos_abi::FileType;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Names and where they lead. A name keeps its position for as long as it exists, so that a listing in parts is complete.
#[derive(Default)]
pub(crate) struct Entries {
    by_name: HashMap<Arc<[u8]>, (u64, Arc<Node>)>,
    by_position: BTreeMap<u64, (Arc<[u8]>, Arc<Node>)>,
    last_position: u64,
    subdirectories: u32,
    /// rmdir(2) took the directory away: nothing can be made in it any more.
    pub removed: bool,
}

impl Entries {
    pub fn get(&self, name: &[u8]) -> Option<&Arc<Node>> {
        self.by_name.get(name).map(|(_, node)| node)
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub fn subdirectories(&self) -> u32 {
        self.subdirectories
    }

    /// Enters a name that is not there, behind all others.
    pub fn insert(&mut self, name: &[u8], node: Arc<Node>) {
        let name: Arc<[u8]> = name.into();
        self.last_position += 1;
        self.put(name, self.last_position, node);
    }

    /// Points a name elsewhere, at its old position.
    pub fn replace(&mut self, name: &[u8], node: Arc<Node>) -> Option<Arc<Node>> {
        let (position, old) = self.take(name)?;
        self.put(name.into(), position, node);
        Some(old)
    }

    pub fn remove(&mut self, name: &[u8]) -> Option<Arc<Node>> {
        self.take(name).map(|(_, node)| node)
    }

    /// Entries after `position`: position, name, file.
    pub fn after(&self, position: u64) -> impl Iterator<Item = (u64, &[u8], &Arc<Node>)> {
        self.by_position.range(position.saturating_add(1)..).map(|(position, (name, node))| (*position, &**name, node))
    }

    /// All files, leaving no entry.
    pub fn drain(&mut self) -> Vec<Arc<Node>> {
        self.by_position.clear();
        self.by_name.drain().map(|(_, (_, node))| node).collect()
    }

    fn put(&mut self, name: Arc<[u8]>, position: u64, node: Arc<Node>) {
        self.subdirectories += u32::from(node.kind() == FileType::Directory);
        self.by_position.insert(position, (name.clone(), node.clone()));
        self.by_name.insert(name, (position, node));
    }

    fn take(&mut self, name: &[u8]) -> Option<(u64, Arc<Node>)> {
        let (position, node) = self.by_name.remove(name)?;
        self.by_position.remove(&position);
        self.subdirectories -= u32::from(node.kind() == FileType::Directory);
        Some((position, node))
    }
}
