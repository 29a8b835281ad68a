//! An inode in memory.

use crate::content::Content;
use crate::directory::Entries;
use crate::file::RegularFile;
use crate::{MAX_LINKS, Shared};
use agentos_abi::time::SetTime;
use agentos_abi::{Dirent, Errno, FileType, Mode, OpenFlags, Result, Stat, Timespec};
use agentos_vfs::{Create, CreateKind, File, Inode, InodeRef, SetAttr};
use parking_lot::{Mutex, RwLock};
use std::any::Any;
use std::sync::Arc;

/// A file of a [`crate::Tmpfs`].
pub struct Node {
    pub(crate) shared: Arc<Shared>,
    ino: u64,
    pub(crate) meta: Mutex<Meta>,
    pub(crate) body: Body,
}

pub(crate) struct Meta {
    mode: Mode,
    uid: u32,
    gid: u32,
    /// Names. A directory counts as 1 here; what stat(2) shows is computed.
    pub links: u32,
    /// Made without a name: link(2) may give it one although it has none.
    pub linkable: bool,
    pub atime: Timespec,
    pub mtime: Timespec,
    pub ctime: Timespec,
    btime: Timespec,
    /// Inodes taken from the quota: one for the file and one for each name beyond the first.
    charged_inodes: u64,
}

pub(crate) enum Body {
    Regular(RwLock<Content>),
    Directory(RwLock<Entries>),
    Symlink(Box<[u8]>),
    Fifo,
    Socket,
    CharDevice(u64),
    BlockDevice(u64),
}

/// What a directory entry adds to the size that stat(2) shows, as in Linux' tmpfs.
const ENTRY_SIZE: u64 = 20;
/// `st_blksize`
const BLOCK_SIZE: u32 = 4096;

impl Node {
    /// A file with `links` names. Charges one inode, and a symbolic link's target. Errors: ENOSPC; EPERM for a device.
    pub(crate) fn new(shared: &Arc<Shared>, new: &Create<'_>, links: u32) -> Result<Arc<Node>> {
        let target_bytes = match new.kind {
            CreateKind::CharDevice(_) | CreateKind::BlockDevice(_) if !shared.allow_devices => return Err(Errno::EPERM),
            CreateKind::Symlink(target) => target.len() as u64,
            _ => 0,
        };
        shared.quota.charge_inodes(1)?;
        shared.quota.charge_bytes(target_bytes).inspect_err(|_| shared.quota.release_inodes(1))?;
        Ok(Arc::new(Node::make(shared, new, links, 1)))
    }

    /// The root directory takes no inode: an empty file system mounts even on a full quota.
    pub(crate) fn root(shared: &Arc<Shared>, new: &Create<'_>) -> Arc<Node> {
        Arc::new(Node::make(shared, new, 1, 0))
    }

    fn make(shared: &Arc<Shared>, new: &Create<'_>, links: u32, charged_inodes: u64) -> Node {
        let body = match new.kind {
            CreateKind::Regular => Body::Regular(RwLock::default()),
            CreateKind::Directory => Body::Directory(RwLock::default()),
            CreateKind::Symlink(target) => Body::Symlink(target.into()),
            CreateKind::Fifo => Body::Fifo,
            CreateKind::Socket => Body::Socket,
            CreateKind::CharDevice(dev) => Body::CharDevice(dev),
            CreateKind::BlockDevice(dev) => Body::BlockDevice(dev),
        };
        let now = shared.clock.now();
        let meta =
            Meta { mode: new.mode, uid: new.uid, gid: new.gid, links, linkable: links == 0, atime: now, mtime: now, ctime: now, btime: now, charged_inodes };
        Node { shared: shared.clone(), ino: shared.next_ino(), meta: Mutex::new(meta), body }
    }

    pub(crate) fn kind(&self) -> FileType {
        match self.body {
            Body::Regular(_) => FileType::Regular,
            Body::Directory(_) => FileType::Directory,
            Body::Symlink(_) => FileType::Symlink,
            Body::Fifo => FileType::Fifo,
            Body::Socket => FileType::Socket,
            Body::CharDevice(_) => FileType::CharDevice,
            Body::BlockDevice(_) => FileType::BlockDevice,
        }
    }

    pub(crate) fn entries(&self) -> Result<&RwLock<Entries>> {
        match &self.body {
            Body::Directory(entries) => Ok(entries),
            _ => Err(Errno::ENOTDIR),
        }
    }

    /// The content changed: modification and change time are now.
    pub(crate) fn touch(&self) {
        let now = self.shared.clock.now();
        let mut meta = self.meta.lock();
        meta.mtime = now;
        meta.ctime = now;
    }

    /// The inode changed.
    pub(crate) fn touch_inode(&self) {
        let now = self.shared.clock.now();
        self.meta.lock().ctime = now;
    }

    /// Takes one name from a file that was taken out of its directory. A further name was charged as an inode.
    pub(crate) fn lose_name(&self) {
        let now = self.shared.clock.now();
        let mut meta = self.meta.lock();
        meta.ctime = now;
        meta.links = meta.links.saturating_sub(1);
        if meta.charged_inodes > 1 {
            meta.charged_inodes -= 1;
            self.shared.quota.release_inodes(1);
        }
    }

    /// Counts a further name. Errors: ENOENT (all names are gone), EMLINK, ENOSPC.
    pub(crate) fn gain_name(&self) -> Result<()> {
        let now = self.shared.clock.now();
        let mut meta = self.meta.lock();
        match meta.links {
            0 if !meta.linkable => return Err(Errno::ENOENT),
            0 => meta.linkable = false,
            MAX_LINKS => return Err(Errno::EMLINK),
            _ => {
                self.shared.quota.charge_inodes(1)?;
                meta.charged_inodes += 1;
            }
        }
        meta.links += 1;
        meta.ctime = now;
        Ok(())
    }

    /// Size, blocks and links, which depend on the body.
    fn measure(&self) -> (u64, u64, Option<u32>) {
        match &self.body {
            Body::Regular(content) => {
                let content = content.read();
                (content.size(), content.blocks(), None)
            }
            Body::Directory(entries) => {
                let entries = entries.read();
                let links = if entries.removed { 0 } else { 2 + entries.subdirectories() };
                ((entries.len() as u64 + 2) * ENTRY_SIZE, 0, Some(links))
            }
            Body::Symlink(target) => (target.len() as u64, 0, None),
            _ => (0, 0, None),
        }
    }
}

/// The node behind an inode of the file system that `shared` belongs to. Errors: EXDEV.
pub(crate) fn node_of(inode: &InodeRef, shared: &Arc<Shared>) -> Result<Arc<Node>> {
    let any: Arc<dyn Any + Send + Sync> = inode.clone();
    let node = any.downcast::<Node>().map_err(|_| Errno::EXDEV)?;
    if Arc::ptr_eq(&node.shared, shared) { Ok(node) } else { Err(Errno::EXDEV) }
}

impl Inode for Node {
    fn stat(&self) -> Result<Stat> {
        let (size, blocks, links) = self.measure();
        let rdev = if let Body::CharDevice(dev) | Body::BlockDevice(dev) = self.body { dev } else { 0 };
        let meta = self.meta.lock();
        Ok(Stat {
            dev: 0,
            ino: self.ino,
            file_type: self.kind(),
            mode: meta.mode,
            nlink: links.unwrap_or(meta.links),
            uid: meta.uid,
            gid: meta.gid,
            rdev,
            size,
            blksize: BLOCK_SIZE,
            blocks,
            atime: meta.atime,
            mtime: meta.mtime,
            ctime: meta.ctime,
            btime: meta.btime,
        })
    }

    fn file_type(&self) -> FileType {
        self.kind()
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        let now = self.shared.clock.now();
        if let Some(size) = attr.size {
            let Body::Regular(content) = &self.body else { return Err(Errno::EINVAL) };
            content.write().set_size(size, &self.shared.quota)?;
        }
        let mut meta = self.meta.lock();
        let time = |change: SetTime, old: Timespec| match change {
            SetTime::Now => now,
            SetTime::Omit => old,
            SetTime::At(time) => time,
        };
        if attr.size.is_some() {
            meta.mtime = now;
        }
        meta.mode = attr.mode.unwrap_or(meta.mode);
        meta.uid = attr.uid.unwrap_or(meta.uid);
        meta.gid = attr.gid.unwrap_or(meta.gid);
        meta.atime = time(attr.atime, meta.atime);
        meta.mtime = time(attr.mtime, meta.mtime);
        meta.ctime = now;
        Ok(())
    }

    fn lookup(&self, name: &[u8]) -> Result<InodeRef> {
        match self.entries()?.read().get(name) {
            Some(node) => Ok(node.clone()),
            None => Err(Errno::ENOENT),
        }
    }

    fn create(&self, name: &[u8], new: &Create<'_>) -> Result<InodeRef> {
        Ok(self.create_entry(name, new)?)
    }

    fn create_unnamed(&self, new: &Create<'_>) -> Result<InodeRef> {
        self.entries()?;
        Ok(Node::new(&self.shared, new, 0)?)
    }

    fn link(&self, name: &[u8], inode: &InodeRef) -> Result<()> {
        self.link_entry(name, node_of(inode, &self.shared)?)
    }

    fn unlink(&self, name: &[u8]) -> Result<()> {
        self.unlink_entry(name)
    }

    fn rmdir(&self, name: &[u8]) -> Result<()> {
        self.rmdir_entry(name)
    }

    fn rename(&self, name: &[u8], new_parent: &InodeRef, new_name: &[u8], exchange: bool) -> Result<()> {
        self.rename_entry(name, &node_of(new_parent, &self.shared)?, new_name, exchange)
    }

    fn readlink(&self) -> Result<Vec<u8>> {
        match &self.body {
            Body::Symlink(target) => Ok(target.to_vec()),
            _ => Err(Errno::EINVAL),
        }
    }

    fn read_dir(&self, from: u64, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()> {
        for (position, name, node) in self.entries()?.read().after(from) {
            if !emit(Dirent { ino: node.ino, next: position, file_type: node.kind(), name }) {
                break;
            }
        }
        Ok(())
    }

    fn open(self: Arc<Self>, flags: OpenFlags) -> Result<Arc<dyn File>> {
        match self.body {
            Body::Regular(_) => Ok(Arc::new(RegularFile::new(self, flags))),
            Body::Directory(_) => Err(Errno::EISDIR),
            _ => Err(Errno::ENXIO),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for Node {
    /// Gives back what the file was charged with. Unrolled: a tree may be deeper than the stack.
    fn drop(&mut self) {
        let mut doomed = Vec::new();
        self.free(&mut doomed);
        while let Some(node) = doomed.pop() {
            if let Some(mut node) = Arc::into_inner(node) {
                node.free(&mut doomed);
            }
        }
    }
}

impl Node {
    /// Gives everything back, once: afterwards nothing is left. Children go to `doomed`.
    fn free(&mut self, doomed: &mut Vec<Arc<Node>>) {
        let quota = &self.shared.quota;
        match &mut self.body {
            Body::Regular(content) => content.get_mut().release(quota),
            Body::Directory(entries) => doomed.extend(entries.get_mut().drain()),
            Body::Symlink(target) => quota.release_bytes(std::mem::take(target).len() as u64),
            Body::Fifo | Body::Socket | Body::CharDevice(_) | Body::BlockDevice(_) => {}
        }
        quota.release_inodes(std::mem::take(&mut self.meta.get_mut().charged_inodes));
    }
}
