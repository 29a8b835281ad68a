//! Changes of the tree: making, linking, removing and renaming entries.
//!
//! Lock order: `Shared::rename_lock`, which everybody takes who locks more than one directory, then entries, then `Node::meta`.
//! Nodes are dropped after the locks.

use crate::directory::Entries;
use crate::node::Node;
use agentos_abi::{Errno, FileType, Result};
use agentos_vfs::{Create, CreateKind};
use parking_lot::RwLockWriteGuard;
use std::sync::Arc;

impl Node {
    /// Locks the entries for a new name. Errors: ENOTDIR, ENOENT (removed).
    fn open_entries(&self) -> Result<RwLockWriteGuard<'_, Entries>> {
        let entries = self.entries()?.write();
        if entries.removed { Err(Errno::ENOENT) } else { Ok(entries) }
    }

    pub(crate) fn create_entry(&self, name: &[u8], new: &Create<'_>) -> Result<Arc<Node>> {
        let mut entries = self.open_entries()?;
        if entries.get(name).is_some() {
            return Err(Errno::EEXIST);
        }
        if new.kind == CreateKind::Directory && entries.subdirectories() >= crate::MAX_LINKS - 2 {
            return Err(Errno::EMLINK);
        }
        let node = Node::new(&self.shared, new, 1)?;
        entries.insert(name, node.clone());
        self.touch();
        Ok(node)
    }

    pub(crate) fn link_entry(&self, name: &[u8], node: Arc<Node>) -> Result<()> {
        if node.kind() == FileType::Directory {
            return Err(Errno::EPERM);
        }
        let mut entries = self.open_entries()?;
        if entries.get(name).is_some() {
            return Err(Errno::EEXIST);
        }
        node.gain_name()?;
        entries.insert(name, node);
        self.touch();
        Ok(())
    }

    pub(crate) fn unlink_entry(&self, name: &[u8]) -> Result<()> {
        let mut entries = self.entries()?.write();
        match entries.get(name).map(|node| node.kind()) {
            None => return Err(Errno::ENOENT),
            Some(FileType::Directory) => return Err(Errno::EISDIR),
            Some(_) => {}
        }
        let gone = entries.remove(name);
        self.touch();
        drop(entries);
        if let Some(gone) = gone {
            gone.lose_name();
        }
        Ok(())
    }

    pub(crate) fn rmdir_entry(&self, name: &[u8]) -> Result<()> {
        let _rename = self.shared.rename_lock.lock();
        let mut entries = self.entries()?.write();
        entries.get(name).ok_or(Errno::ENOENT)?.mark_removed()?;
        let gone = entries.remove(name);
        self.touch();
        drop(entries);
        drop(gone);
        Ok(())
    }

    /// Errors: ENOTDIR, ENOTEMPTY.
    fn mark_removed(&self) -> Result<()> {
        let mut entries = self.entries()?.write();
        if !entries.is_empty() {
            return Err(Errno::ENOTEMPTY);
        }
        entries.removed = true;
        drop(entries);
        self.touch_inode();
        Ok(())
    }

    pub(crate) fn rename_entry(&self, name: &[u8], new_parent: &Arc<Node>, new_name: &[u8], exchange: bool) -> Result<()> {
        let new_parent: &Node = new_parent;
        let _rename = self.shared.rename_lock.lock();
        if std::ptr::eq(self, new_parent) {
            return rename_locked((self, name), (new_parent, new_name), exchange, &mut self.entries()?.write(), None);
        }
        let (mut old, mut new);
        if std::ptr::from_ref(self) < std::ptr::from_ref(new_parent) {
            old = self.entries()?.write();
            new = new_parent.open_entries()?;
        } else {
            new = new_parent.open_entries()?;
            old = self.entries()?.write();
        }
        rename_locked((self, name), (new_parent, new_name), exchange, &mut old, Some(&mut new))
    }
}

/// One side of a rename: directory and name.
type Side<'a> = (&'a Node, &'a [u8]);

/// `new_entries` is `None` when both sides are in one directory.
fn rename_locked(from: Side<'_>, to: Side<'_>, exchange: bool, old_entries: &mut Entries, mut new_entries: Option<&mut Entries>) -> Result<()> {
    let source = old_entries.get(from.1).ok_or(Errno::ENOENT)?.clone();
    let target = new_entries.as_deref().unwrap_or(old_entries).get(to.1).cloned();
    if let Some(target) = &target {
        if Arc::ptr_eq(&source, target) {
            return Ok(());
        }
        if !exchange {
            check_replace(&source, target, from.0)?;
        }
    } else if exchange {
        return Err(Errno::ENOENT);
    }
    match &target {
        Some(target) if exchange => {
            old_entries.replace(from.1, target.clone());
            new_entries.as_deref_mut().unwrap_or(old_entries).replace(to.1, source.clone());
            target.touch_inode();
        }
        Some(_) => {
            old_entries.remove(from.1);
            new_entries.as_deref_mut().unwrap_or(old_entries).replace(to.1, source.clone());
        }
        None => {
            old_entries.remove(from.1);
            new_entries.as_deref_mut().unwrap_or(old_entries).insert(to.1, source.clone());
        }
    }
    if let Some(replaced) = target.filter(|target| !exchange && target.kind() != FileType::Directory) {
        replaced.lose_name();
    }
    source.touch_inode();
    from.0.touch();
    if new_entries.is_some() {
        to.0.touch();
    }
    Ok(())
}

/// Whether `target` may be replaced; an empty directory is removed by this. `source_parent` is locked already.
fn check_replace(source: &Node, target: &Node, source_parent: &Node) -> Result<()> {
    match (source.kind() == FileType::Directory, target.kind() == FileType::Directory) {
        (true, false) => Err(Errno::ENOTDIR),
        (false, true) => Err(Errno::EISDIR),
        (false, false) => Ok(()),
        // The directory that the source lies in is not empty.
        (true, true) if std::ptr::eq(target, source_parent) => Err(Errno::ENOTEMPTY),
        (true, true) => target.mark_removed(),
    }
}
