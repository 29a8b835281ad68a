//! Directories: merged lower ones until the first change, an index of their own afterwards.

use crate::Shared;
use crate::attr::DirAttr;
use crate::index::{Index, Slot, Target};
use crate::node::{Body, Node, Stack, lower_ino};
use agentos_abi::{Dirent, Errno, FileType, Result, Stat};
use agentos_vfs::{Create, CreateKind, InodeRef, Quota, SetAttr};
use parking_lot::RwLockWriteGuard;
use std::sync::Arc;

/// One inode of the quota, for as long as this lives.
struct Charge(Arc<Quota>);

impl Charge {
    /// Errors: ENOSPC.
    fn new(quota: &Arc<Quota>) -> Result<Charge> {
        quota.charge_inodes(1)?;
        Ok(Charge(quota.clone()))
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.0.release_inodes(1);
    }
}

/// State of a directory.
pub(crate) struct DirState {
    /// `None` while the topmost lower directory says it.
    attr: Option<DirAttr>,
    lowers: Stack,
    /// `None` until the first change.
    index: Option<Index>,
    /// Taken with the first change.
    charge: Option<Charge>,
    removed: bool,
}

impl DirState {
    pub fn lower(lowers: Stack) -> DirState {
        DirState { attr: None, lowers, index: None, charge: None, removed: false }
    }

    fn new(attr: DirAttr, charge: Charge) -> DirState {
        DirState { attr: Some(attr), lowers: Vec::new(), index: Some(Index::default()), charge: Some(charge), removed: false }
    }

    /// The nodes below that only this directory holds, when it ends.
    pub fn take_nodes(&mut self) -> Vec<Arc<Node>> {
        self.index.as_mut().map(Index::take_nodes).unwrap_or_default()
    }

    fn top(&self) -> Result<Stat> {
        self.lowers.first().map_or(Err(Errno::ESTALE), |(_, inode)| inode.stat())
    }

    pub fn stat(&self, ino: u64) -> Result<Stat> {
        let subdirectories = self.index.as_ref().map(Index::subdirectories);
        match &self.attr {
            Some(attr) => Ok(Stat { nlink: if self.removed { 0 } else { subdirectories.unwrap_or(0) + 2 }, ..attr.stat(ino, 0) }),
            None => {
                let top = self.top()?;
                Ok(Stat { ino, nlink: subdirectories.map_or(top.nlink, |n| n + 2), ..top })
            }
        }
    }

    /// Attributes to change. The index comes along: the number of links is known only there once the attributes are ours.
    pub fn change(&mut self, shared: &Shared) -> Result<&mut DirAttr> {
        self.index(shared)?;
        self.own_attr()
    }

    fn own_attr(&mut self) -> Result<&mut DirAttr> {
        let attr = match self.attr {
            Some(attr) => attr,
            None => DirAttr::of(&self.top()?),
        };
        Ok(self.attr.insert(attr))
    }

    /// The index, to be changed: the first change takes an inode from the quota.
    fn index(&mut self, shared: &Shared) -> Result<&mut Index> {
        if self.charge.is_none() {
            self.charge = Some(Charge::new(&shared.quota)?);
        }
        self.names()
    }

    /// The index, made from the lower layers by the first caller.
    fn names(&mut self) -> Result<&mut Index> {
        if self.index.is_none() {
            self.index = Some(index_of(&self.lowers)?);
        }
        self.index.as_mut().ok_or(Errno::EIO)
    }

    /// The lower files called `name`: one file, or directories that merge.
    fn lower_stack(&self, name: &[u8]) -> Result<Stack> {
        let mut stack = Stack::new();
        for (layer, directory) in &self.lowers {
            match directory.lookup(name) {
                Ok(inode) => {
                    let is_directory = inode.file_type() == FileType::Directory;
                    if is_directory || stack.is_empty() {
                        stack.push((*layer, inode));
                    }
                    if !is_directory {
                        break;
                    }
                }
                Err(Errno::ENOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
        if stack.is_empty() { Err(Errno::ENOENT) } else { Ok(stack) }
    }

    /// The node of a name that the index has.
    fn resolve(&mut self, shared: &Arc<Shared>, name: &[u8]) -> Result<Arc<Node>> {
        let slot = self.names()?.get(name).cloned().ok_or(Errno::ENOENT)?;
        match slot.target {
            Target::Node(node) => Ok(node),
            Target::Lower(_) => {
                let node = Node::of_lower(shared, self.lower_stack(name)?)?;
                self.names()?.resolve(name, &node);
                Ok(node)
            }
        }
    }

    fn touch(&mut self, shared: &Shared) -> Result<()> {
        let now = shared.clock.now();
        self.change(shared)?.touch(now);
        Ok(())
    }

    fn is_empty(&mut self) -> Result<bool> {
        Ok(self.names()?.is_empty())
    }
}

/// All names of merged lower directories. With a single one its positions are kept.
fn index_of(lowers: &Stack) -> Result<Index> {
    let mut index = Index::default();
    for (layer, directory) in lowers {
        directory.read_dir(0, &mut |entry| {
            index.enter_lower(entry.name, entry.next, entry.file_type, lower_ino(*layer, entry.ino), lowers.len() == 1);
            true
        })?;
    }
    Ok(index)
}

/// Locks a directory for a change, with everything that the first change needs done.
fn changing<'a>(node: &'a Node, shared: &Shared) -> Result<RwLockWriteGuard<'a, DirState>> {
    let mut state = node.directory()?.write();
    if state.removed {
        return Err(Errno::ENOENT);
    }
    state.index(shared)?;
    Ok(state)
}

pub(crate) fn lookup(node: &Node, name: &[u8]) -> Result<Arc<Node>> {
    let shared = node.shared()?;
    {
        let state = node.directory()?.read();
        let Some(index) = &state.index else { return Node::of_lower(&shared, state.lower_stack(name)?) };
        match index.get(name) {
            None => return Err(Errno::ENOENT),
            Some(Slot { target: Target::Node(node), .. }) => return Ok(node.clone()),
            Some(_) => {}
        }
    }
    node.directory()?.write().resolve(&shared, name)
}

pub(crate) fn create(node: &Node, name: &[u8], new: &Create<'_>) -> Result<Arc<Node>> {
    let shared = node.shared()?;
    let mut state = changing(node, &shared)?;
    if state.index(&shared)?.contains(name) {
        return Err(Errno::EEXIST);
    }
    let child = if new.kind == CreateKind::Directory {
        let charge = Charge::new(&shared.quota)?;
        Node::new_directory(&shared, DirState::new(DirAttr::new(new, shared.clock.now()), charge))
    } else {
        Node::new_file(&shared, shared.upper_root().create_unnamed(new)?, 1)
    };
    state.index(&shared)?.insert(name, child.clone());
    state.touch(&shared)?;
    node.keep_directory(&shared)?;
    Ok(child)
}

pub(crate) fn link(node: &Node, name: &[u8], child: Arc<Node>) -> Result<()> {
    let shared = node.shared()?;
    let Body::Other(file) = &child.body else { return Err(Errno::EPERM) };
    // The number of names is kept in the node, so it must be found again by all of them.
    let upper = child.copy_up()?;
    let mut state = changing(node, &shared)?;
    if state.index(&shared)?.contains(name) {
        return Err(Errno::EEXIST);
    }
    file.write().add_name(&shared)?;
    state.index(&shared)?.insert(name, child.clone());
    state.touch(&shared)?;
    node.keep_directory(&shared)?;
    upper.set_attr(&SetAttr::default())
}

pub(crate) fn unlink(node: &Node, name: &[u8]) -> Result<()> {
    let shared = node.shared()?;
    let mut state = changing(node, &shared)?;
    let child = state.resolve(&shared, name)?;
    if child.kind() == FileType::Directory {
        return Err(Errno::EISDIR);
    }
    let slot = state.index(&shared)?.remove(name);
    state.touch(&shared)?;
    node.keep_directory(&shared)?;
    drop(state);
    drop(slot);
    lose_name(&shared, &child)
}

/// One name of a file less.
fn lose_name(shared: &Shared, child: &Arc<Node>) -> Result<()> {
    let Body::Other(file) = &child.body else { return Ok(()) };
    let (left, upper) = {
        let mut file = file.write();
        (file.remove_name(shared)?, file.upper_inode())
    };
    match (left, child.id) {
        (0, Some(id)) => shared.forget(id),
        (_, Some(id)) => shared.keep(id, child.clone()),
        _ => {}
    }
    // The change time moves; an unchanged lower file is not copied for that.
    upper.map_or(Ok(()), |upper| upper.set_attr(&SetAttr::default()))
}

pub(crate) fn rmdir(node: &Node, name: &[u8]) -> Result<()> {
    let shared = node.shared()?;
    let _rename = shared.rename_lock.lock();
    let mut state = changing(node, &shared)?;
    let child = state.resolve(&shared, name)?;
    mark_removed(&shared, &child)?;
    let slot = state.index(&shared)?.remove(name);
    state.touch(&shared)?;
    node.keep_directory(&shared)?;
    drop(state);
    drop(slot);
    Ok(())
}

/// Takes an empty directory out of the tree. Errors: ENOTDIR, ENOTEMPTY.
fn mark_removed(shared: &Shared, child: &Node) -> Result<()> {
    let mut state = child.directory()?.write();
    if !state.is_empty()? {
        return Err(Errno::ENOTEMPTY);
    }
    // Removing takes nothing from the quota: it must work when that is used up.
    state.own_attr()?.touch(shared.clock.now());
    state.removed = true;
    state.charge = None;
    if let Some(id) = child.id {
        shared.forget(id);
    }
    Ok(())
}

pub(crate) fn rename(node: &Node, name: &[u8], to: &Arc<Node>, new_name: &[u8], exchange: bool) -> Result<()> {
    let shared = node.shared()?;
    let _rename = shared.rename_lock.lock();
    if std::ptr::eq(node, &**to) {
        let mut state = changing(node, &shared)?;
        let child = state.resolve(&shared, name)?;
        let target = existing(&mut state, &shared, new_name)?;
        if !replaceable(&shared, &child, target.as_ref(), exchange)? {
            return Ok(());
        }
        let index = state.index(&shared)?;
        match &target {
            Some(target) if exchange => {
                index.replace(name, target.clone());
                index.replace(new_name, child.clone());
            }
            _ => {
                index.remove(name);
                index.remove(new_name);
                index.insert(new_name, child.clone());
            }
        }
        state.touch(&shared)?;
        node.keep_directory(&shared)?;
        drop(state);
        return moved(&shared, &child, target.filter(|_| !exchange));
    }
    // Two directories: in order of address, as everywhere.
    let (mut from_state, mut to_state) = if std::ptr::from_ref(node) < Arc::as_ptr(to) {
        let from = changing(node, &shared)?;
        (from, changing(to, &shared)?)
    } else {
        let to = changing(to, &shared)?;
        (changing(node, &shared)?, to)
    };
    let child = from_state.resolve(&shared, name)?;
    let target = existing(&mut to_state, &shared, new_name)?;
    if target.as_ref().is_some_and(|t| std::ptr::eq(&**t, node)) {
        // The target is the directory that the source is in: not empty, and locked here.
        return Err(Errno::ENOTEMPTY);
    }
    if !replaceable(&shared, &child, target.as_ref(), exchange)? {
        return Ok(());
    }
    to_state.index(&shared)?.remove(new_name);
    to_state.index(&shared)?.insert(new_name, child.clone());
    match &target {
        Some(target) if exchange => from_state.index(&shared)?.replace(name, target.clone()),
        _ => drop(from_state.index(&shared)?.remove(name)),
    }
    from_state.touch(&shared)?;
    to_state.touch(&shared)?;
    node.keep_directory(&shared)?;
    to.keep_directory(&shared)?;
    drop((from_state, to_state));
    moved(&shared, &child, target.filter(|_| !exchange))
}

fn existing(state: &mut DirState, shared: &Arc<Shared>, name: &[u8]) -> Result<Option<Arc<Node>>> {
    match state.resolve(shared, name) {
        Ok(node) => Ok(Some(node)),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// What rename(2) checks of the target; false when both names are one file, and nothing is to be done.
fn replaceable(shared: &Shared, child: &Arc<Node>, target: Option<&Arc<Node>>, exchange: bool) -> Result<bool> {
    let Some(target) = target else { return if exchange { Err(Errno::ENOENT) } else { Ok(true) } };
    if Arc::ptr_eq(child, target) {
        return Ok(false);
    }
    if exchange {
        return Ok(true);
    }
    match (child.kind() == FileType::Directory, target.kind() == FileType::Directory) {
        (true, false) => Err(Errno::ENOTDIR),
        (false, true) => Err(Errno::EISDIR),
        (true, true) => mark_removed(shared, target).map(|()| true),
        (false, false) => Ok(true),
    }
}

/// After a rename: the replaced file lost a name, the moved one's change time is now.
fn moved(shared: &Arc<Shared>, child: &Arc<Node>, replaced: Option<Arc<Node>>) -> Result<()> {
    if let Some(replaced) = replaced {
        lose_name(shared, &replaced)?;
    }
    match &child.body {
        Body::Directory(state) => {
            let now = shared.clock.now();
            state.write().change(shared)?.ctime = now;
            child.keep_directory(shared)
        }
        Body::Other(state) => {
            let upper: Option<InodeRef> = state.read().upper_inode();
            upper.map_or(Ok(()), |upper| upper.set_attr(&SetAttr::default()))
        }
    }
}

pub(crate) fn read_dir(node: &Node, from: u64, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()> {
    let state = node.directory()?.read();
    if state.index.is_none() && state.lowers.len() == 1 {
        let (layer, lower) = &state.lowers[0];
        return lower.read_dir(from, &mut |entry| emit(Dirent { ino: lower_ino(*layer, entry.ino), ..entry }));
    }
    if let Some(index) = &state.index {
        list(index, from, emit);
        return Ok(());
    }
    drop(state);
    list(node.directory()?.write().names()?, from, emit);
    Ok(())
}

fn list(index: &Index, from: u64, emit: &mut dyn FnMut(Dirent<'_>) -> bool) {
    for (name, slot) in index.after(from) {
        if !emit(Dirent { ino: slot.ino(), next: slot.position, file_type: slot.file_type, name }) {
            return;
        }
    }
}
