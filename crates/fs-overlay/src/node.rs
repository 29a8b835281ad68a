//! An inode of the overlay.

use crate::dir::DirState;
use crate::file::{FileState, OverlayFile};
use crate::{LAYER_INOS, Shared};
use agentos_abi::{Dirent, Errno, FileType, OpenFlags, Result, Stat};
use agentos_vfs::{Create, File, Inode, InodeRef, SetAttr};
use parking_lot::RwLock;
use std::any::Any;
use std::sync::{Arc, Weak};

/// The identity of a lower file: inode number with the layer in the upper bits.
pub(crate) type LowerId = u64;
/// Lower files at one place, topmost first, with the index of their layer. More than one only for merged directories.
pub(crate) type Stack = Vec<(usize, InodeRef)>;

/// A file or directory of an overlay.
pub struct Node {
    shared: Weak<Shared>,
    /// Itself: changed nodes are kept by the file system.
    me: Weak<Node>,
    ino: u64,
    /// Set while the node stands for a lower file.
    pub(crate) id: Option<LowerId>,
    file_type: FileType,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    Directory(RwLock<DirState>),
    Other(RwLock<FileState>),
}

/// The overlay's number of a lower inode.
pub(crate) fn lower_ino(layer: usize, ino: u64) -> LowerId {
    (layer as u64 * LAYER_INOS).wrapping_add(ino)
}

impl Node {
    pub(crate) fn lower_root(shared: &Arc<Shared>, stack: Stack) -> Arc<Node> {
        let id = stack.first().and_then(|(layer, inode)| inode.stat().ok().map(|stat| lower_ino(*layer, stat.ino)));
        Node::make(shared, id, FileType::Directory, Body::Directory(RwLock::new(DirState::lower(stack))))
    }

    /// The node of a lower file, shared where it must be.
    pub(crate) fn of_lower(shared: &Arc<Shared>, stack: Stack) -> Result<Arc<Node>> {
        let (layer, top) = stack.first().ok_or(Errno::ENOENT)?;
        let stat = top.stat()?;
        let id = lower_ino(*layer, stat.ino);
        if let Some(node) = shared.known(id) {
            return Ok(node);
        }
        let body = match stat.file_type {
            FileType::Directory => Body::Directory(RwLock::new(DirState::lower(stack))),
            _ => Body::Other(RwLock::new(FileState::lower(top.clone()))),
        };
        Ok(shared.enter(id, Node::make(shared, Some(id), stat.file_type, body)))
    }

    pub(crate) fn new_directory(shared: &Arc<Shared>, state: DirState) -> Arc<Node> {
        Node::make(shared, None, FileType::Directory, Body::Directory(RwLock::new(state)))
    }

    pub(crate) fn new_file(shared: &Arc<Shared>, inode: InodeRef, names: u32) -> Arc<Node> {
        let file_type = inode.file_type();
        Node::make(shared, None, file_type, Body::Other(RwLock::new(FileState::upper(inode, names))))
    }

    fn make(shared: &Arc<Shared>, id: Option<LowerId>, file_type: FileType, body: Body) -> Arc<Node> {
        let ino = id.unwrap_or_else(|| shared.next_ino());
        Arc::new_cyclic(|me| Node { shared: Arc::downgrade(shared), me: me.clone(), ino, id, file_type, body })
    }

    /// ESTALE after the file system was dropped.
    pub(crate) fn shared(&self) -> Result<Arc<Shared>> {
        self.shared.upgrade().ok_or(Errno::ESTALE)
    }

    pub(crate) fn ino(&self) -> u64 {
        self.ino
    }

    pub(crate) fn kind(&self) -> FileType {
        self.file_type
    }

    pub(crate) fn directory(&self) -> Result<&RwLock<DirState>> {
        match &self.body {
            Body::Directory(state) => Ok(state),
            Body::Other(_) => Err(Errno::ENOTDIR),
        }
    }

    fn arc(&self) -> Result<Arc<Node>> {
        self.me.upgrade().ok_or(Errno::ESTALE)
    }

    /// A changed lower directory is kept from now on.
    pub(crate) fn keep_directory(&self, shared: &Shared) -> Result<()> {
        if let Some(id) = self.id {
            shared.keep(id, self.arc()?);
        }
        Ok(())
    }

    /// Copies the file up, if that has not been done. A changed lower file is kept from now on.
    pub(crate) fn copy_up(&self) -> Result<InodeRef> {
        self.copy_up_to(u64::MAX)
    }

    /// The same, for a file whose content will be cut to `size` bytes: what lies beyond is not copied.
    fn copy_up_to(&self, size: u64) -> Result<InodeRef> {
        let Body::Other(state) = &self.body else { return Err(Errno::EISDIR) };
        if let Some(upper) = state.read().upper_inode() {
            return Ok(upper);
        }
        let shared = self.shared()?;
        let mut state = state.write();
        let upper = state.copy_up(&shared, size)?;
        if let Some(id) = self.id {
            shared.keep(id, self.arc()?);
        }
        Ok(upper)
    }
}

impl Drop for Node {
    /// Unrolled: a tree may be deeper than the stack.
    fn drop(&mut self) {
        let mut doomed = Vec::new();
        self.end(&mut doomed);
        while let Some(node) = doomed.pop() {
            if let Some(mut node) = Arc::into_inner(node) {
                node.end(&mut doomed);
            }
        }
    }
}

impl Node {
    fn end(&mut self, doomed: &mut Vec<Arc<Node>>) {
        if let Some(id) = self.id.take()
            && let Some(shared) = self.shared.upgrade()
        {
            shared.forget_ended(id);
        }
        if let Body::Directory(state) = &mut self.body {
            doomed.extend(state.get_mut().take_nodes());
        }
    }
}

/// The node behind an inode of this file system. Errors: EXDEV for a foreign one.
pub(crate) fn node_of(inode: &InodeRef) -> Result<Arc<Node>> {
    inode.as_any().downcast_ref::<Node>().ok_or(Errno::EXDEV)?.arc()
}

impl Inode for Node {
    fn stat(&self) -> Result<Stat> {
        match &self.body {
            Body::Directory(state) => state.read().stat(self.ino),
            Body::Other(state) => {
                let state = state.read();
                let stat = state.inode().stat()?;
                Ok(Stat { ino: self.ino, nlink: state.names(stat.nlink), ..stat })
            }
        }
    }

    fn file_type(&self) -> FileType {
        self.file_type
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        match &self.body {
            Body::Directory(_) if attr.size.is_some() => Err(Errno::EINVAL),
            Body::Directory(state) => {
                let shared = self.shared()?;
                state.write().change(&shared)?.apply(attr, shared.clock.now());
                self.keep_directory(&shared)
            }
            Body::Other(_) if attr.size.is_some() && self.file_type != FileType::Regular => Err(Errno::EINVAL),
            Body::Other(_) => self.copy_up_to(attr.size.unwrap_or(u64::MAX))?.set_attr(attr),
        }
    }

    fn lookup(&self, name: &[u8]) -> Result<InodeRef> {
        Ok(crate::dir::lookup(self, name)?)
    }

    fn create(&self, name: &[u8], new: &Create<'_>) -> Result<InodeRef> {
        Ok(crate::dir::create(self, name, new)?)
    }

    fn create_unnamed(&self, new: &Create<'_>) -> Result<InodeRef> {
        self.directory()?;
        let shared = self.shared()?;
        let inode = shared.upper_root().create_unnamed(new)?;
        Ok(Node::new_file(&shared, inode, 0))
    }

    fn link(&self, name: &[u8], inode: &InodeRef) -> Result<()> {
        crate::dir::link(self, name, node_of(inode)?)
    }

    fn unlink(&self, name: &[u8]) -> Result<()> {
        crate::dir::unlink(self, name)
    }

    fn rmdir(&self, name: &[u8]) -> Result<()> {
        crate::dir::rmdir(self, name)
    }

    fn rename(&self, name: &[u8], new_parent: &InodeRef, new_name: &[u8], exchange: bool) -> Result<()> {
        crate::dir::rename(self, name, &node_of(new_parent)?, new_name, exchange)
    }

    fn readlink(&self) -> Result<Vec<u8>> {
        match &self.body {
            Body::Directory(_) => Err(Errno::EINVAL),
            Body::Other(state) => state.read().inode().readlink(),
        }
    }

    fn read_dir(&self, from: u64, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()> {
        crate::dir::read_dir(self, from, emit)
    }

    fn open(self: Arc<Self>, flags: OpenFlags) -> Result<Arc<dyn File>> {
        let Body::Other(state) = &self.body else { return Err(Errno::EISDIR) };
        if flags.writable() {
            return self.copy_up()?.open(flags);
        }
        let (inode, is_upper) = {
            let state = state.read();
            (state.inode().clone(), state.upper_inode().is_some())
        };
        let file = inode.open(flags)?;
        Ok(if is_upper { file } else { OverlayFile::new(self, file, flags) })
    }

    fn content_hash(&self) -> Option<[u8; 32]> {
        match &self.body {
            Body::Directory(_) => None,
            Body::Other(state) => state.read().inode().content_hash(),
        }
    }

    fn static_content(&self) -> Option<&'static [u8]> {
        match &self.body {
            Body::Directory(_) => None,
            Body::Other(state) => state.read().inode().static_content(),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
