//! An inode of a [`Tmpfs`](crate::Tmpfs).

use crate::Shared;
use crate::data::Data;
use crate::file::TmpfsFile;
use agentos_abi::time::SetTime;
use agentos_abi::{Dirent, Errno, FileType, Mode, OpenFlags, Result, Stat, Timespec};
use agentos_vfs::{Create, CreateKind, File, Inode, InodeRef, SetAttr};
use parking_lot::{Mutex, MutexGuard, RwLock};
use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

/// Most names of one file.
const MAX_NAMES: u32 = 65_000;

pub(crate) struct Node {
    shared: Arc<Shared>,
    me: Weak<Node>,
    ino: u64,
    file_type: FileType,
    attr: Mutex<Attr>,
    body: Body,
}

struct Attr {
    mode: Mode,
    uid: u32,
    gid: u32,
    /// Names of a file; 0 or 1 for a directory, which has one name and its links are counted from its content.
    names: u32,
    atime: Timespec,
    mtime: Timespec,
    ctime: Timespec,
    btime: Timespec,
    /// Inodes taken from the quota.
    charged: u64,
}

enum Body {
    Directory(Mutex<Directory>),
    Regular(RwLock<Data>),
    Symlink(Box<[u8]>),
    /// FIFO, socket, device with its number.
    Special(u64),
}

#[derive(Default)]
struct Directory {
    by_name: HashMap<Arc<[u8]>, (u64, Arc<Node>)>,
    by_position: BTreeMap<u64, Arc<[u8]>>,
    last_position: u64,
    subdirectories: u32,
    removed: bool,
}

impl Directory {
    fn insert(&mut self, name: &[u8], node: Arc<Node>) {
        self.last_position += 1;
        self.place(name.into(), self.last_position, node);
    }

    fn place(&mut self, name: Arc<[u8]>, position: u64, node: Arc<Node>) {
        self.subdirectories += u32::from(node.is_directory());
        self.by_position.insert(position, name.clone());
        self.by_name.insert(name, (position, node));
    }

    fn remove(&mut self, name: &[u8]) -> Option<(u64, Arc<Node>)> {
        let (position, node) = self.by_name.remove(name)?;
        self.by_position.remove(&position);
        self.subdirectories -= u32::from(node.is_directory());
        Some((position, node))
    }

    fn get(&self, name: &[u8]) -> Result<Arc<Node>> {
        self.by_name.get(name).map(|(_, node)| node.clone()).ok_or(Errno::ENOENT)
    }

    /// Whether a new name may come.
    fn check_free(&self, name: &[u8]) -> Result<()> {
        match self.removed {
            true => Err(Errno::ENOENT),
            false if self.by_name.contains_key(name) => Err(Errno::EEXIST),
            false => Ok(()),
        }
    }

    fn replace(&mut self, name: &[u8], node: Arc<Node>) {
        if let Some((position, _)) = self.remove(name) {
            self.place(name.into(), position, node);
        }
    }
}

impl Node {
    /// A node that takes one inode from the quota. Errors: ENOSPC.
    fn make(shared: &Arc<Shared>, new: &Create<'_>, names: u32) -> Result<Arc<Node>> {
        shared.quota.charge_inodes(1)?;
        let node = Node::uncharged(shared, new);
        {
            let mut attr = node.attr.lock();
            attr.names = names;
            attr.charged = 1;
        }
        Ok(node)
    }

    pub fn uncharged(shared: &Arc<Shared>, new: &Create<'_>) -> Arc<Node> {
        let now = shared.clock.now();
        let body = match new.kind {
            CreateKind::Directory => Body::Directory(Mutex::default()),
            CreateKind::Regular => Body::Regular(RwLock::new(Data::new(shared.quota.clone()))),
            CreateKind::Symlink(target) => Body::Symlink(target.into()),
            CreateKind::Fifo | CreateKind::Socket => Body::Special(0),
            CreateKind::CharDevice(number) => Body::Special(number),
        };
        let attr = Attr { mode: new.mode, uid: new.uid, gid: new.gid, names: 1, atime: now, mtime: now, ctime: now, btime: now, charged: 0 };
        let (ino, file_type) = (shared.next_ino(), new.kind.file_type());
        Arc::new_cyclic(|me| Node { shared: shared.clone(), me: me.clone(), ino, file_type, attr: Mutex::new(attr), body })
    }

    pub fn kind(&self) -> FileType {
        self.file_type
    }

    fn is_directory(&self) -> bool {
        self.file_type == FileType::Directory
    }

    fn directory(&self) -> Result<MutexGuard<'_, Directory>> {
        match &self.body {
            Body::Directory(directory) => Ok(directory.lock()),
            _ => Err(Errno::ENOTDIR),
        }
    }

    /// The content or entries changed.
    fn touch(&self) {
        let now = self.shared.clock.now();
        let mut attr = self.attr.lock();
        attr.mtime = now;
        attr.ctime = now;
    }

    fn changed(&self) {
        self.attr.lock().ctime = self.shared.clock.now();
    }

    pub fn read(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let Body::Regular(data) = &self.body else { return Err(Errno::EINVAL) };
        let n = data.read().read(buf, offset);
        let mut attr = self.attr.lock();
        // relatime: the access time moves only when it would otherwise be older than the last change.
        if attr.atime <= attr.mtime || attr.atime <= attr.ctime {
            attr.atime = self.shared.clock.now();
        }
        Ok(n)
    }

    pub fn write(&self, buf: &[u8], offset: u64, append: bool) -> Result<(usize, u64)> {
        let Body::Regular(data) = &self.body else { return Err(Errno::EINVAL) };
        let (n, end) = {
            let mut data = data.write();
            let offset = if append { data.size() } else { offset };
            let n = data.write(buf, offset)?;
            (n, offset + n as u64)
        };
        self.touch();
        Ok((n, end))
    }

    /// A name more; each beyond the first takes an inode from the quota, because it takes memory.
    fn add_name(&self) -> Result<()> {
        let mut attr = self.attr.lock();
        if attr.names >= MAX_NAMES {
            return Err(Errno::EMLINK);
        }
        if attr.names > 0 {
            self.shared.quota.charge_inodes(1)?;
            attr.charged += 1;
        }
        attr.names += 1;
        Ok(())
    }

    fn lose_name(&self) {
        let mut attr = self.attr.lock();
        attr.names = attr.names.saturating_sub(1);
        if attr.charged > 1 {
            attr.charged -= 1;
            self.shared.quota.release_inodes(1);
        }
        attr.ctime = self.shared.clock.now();
    }

    /// Takes an empty directory out of the tree. Errors: ENOTDIR, ENOTEMPTY.
    fn mark_removed(&self) -> Result<()> {
        let mut directory = self.directory()?;
        if !directory.by_name.is_empty() {
            return Err(Errno::ENOTEMPTY);
        }
        directory.removed = true;
        drop(directory);
        self.lose_name();
        Ok(())
    }

    fn same_fs<'a>(&self, inode: &'a InodeRef) -> Result<&'a Node> {
        let node = inode.as_any().downcast_ref::<Node>().ok_or(Errno::EXDEV)?;
        if Arc::ptr_eq(&node.shared, &self.shared) { Ok(node) } else { Err(Errno::EXDEV) }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.shared.quota.release_inodes(self.attr.get_mut().charged);
        // Unrolled: a very deep tree must not be dropped recursively.
        let mut pending: Vec<Arc<Node>> = Vec::new();
        if let Body::Directory(directory) = &mut self.body {
            pending.extend(directory.get_mut().by_name.drain().map(|(_, (_, node))| node));
        }
        while let Some(node) = pending.pop() {
            if let Some(mut node) = Arc::into_inner(node)
                && let Body::Directory(directory) = &mut node.body
            {
                pending.extend(directory.get_mut().by_name.drain().map(|(_, (_, child))| child));
            }
        }
    }
}

/// What rename(2) checks of an existing target; false when both are one file and nothing is to be done.
fn replace_target(child: &Arc<Node>, target: &Arc<Node>) -> Result<bool> {
    if Arc::ptr_eq(child, target) {
        return Ok(false);
    }
    match (child.is_directory(), target.is_directory()) {
        (true, false) => return Err(Errno::ENOTDIR),
        (false, true) => return Err(Errno::EISDIR),
        (true, true) => target.mark_removed()?,
        (false, false) => target.lose_name(),
    }
    Ok(true)
}

impl Inode for Node {
    fn stat(&self) -> Result<Stat> {
        let (size, blocks, rdev, directory_links) = match &self.body {
            Body::Directory(directory) => {
                let directory = directory.lock();
                (directory.by_name.len() as u64 * 20 + 40, 0, 0, Some(if directory.removed { 0 } else { directory.subdirectories + 2 }))
            }
            Body::Regular(data) => {
                let data = data.read();
                (data.size(), data.blocks(), 0, None)
            }
            Body::Symlink(target) => (target.len() as u64, 0, 0, None),
            Body::Special(number) => (0, 0, *number, None),
        };
        let attr = self.attr.lock();
        Ok(Stat {
            dev: 0,
            ino: self.ino,
            file_type: self.file_type,
            mode: attr.mode,
            nlink: directory_links.unwrap_or(attr.names),
            uid: attr.uid,
            gid: attr.gid,
            rdev,
            size,
            blksize: 4096,
            blocks,
            atime: attr.atime,
            mtime: attr.mtime,
            ctime: attr.ctime,
            btime: attr.btime,
        })
    }

    fn file_type(&self) -> FileType {
        self.file_type
    }

    fn set_attr(&self, new: &SetAttr) -> Result<()> {
        if let Some(size) = new.size {
            let Body::Regular(data) = &self.body else { return Err(Errno::EINVAL) };
            data.write().resize(size)?;
        }
        let now = self.shared.clock.now();
        let mut attr = self.attr.lock();
        attr.mode = new.mode.unwrap_or(attr.mode);
        attr.uid = new.uid.unwrap_or(attr.uid);
        attr.gid = new.gid.unwrap_or(attr.gid);
        if new.size.is_some() {
            attr.mtime = now;
        }
        match new.atime {
            SetTime::Now => attr.atime = now,
            SetTime::Omit => {}
            SetTime::At(at) => attr.atime = at,
        }
        match new.mtime {
            SetTime::Now => attr.mtime = now,
            SetTime::Omit => {}
            SetTime::At(at) => attr.mtime = at,
        }
        attr.ctime = now;
        Ok(())
    }

    fn lookup(&self, name: &[u8]) -> Result<InodeRef> {
        Ok(self.directory()?.get(name)?)
    }

    fn create(&self, name: &[u8], new: &Create<'_>) -> Result<InodeRef> {
        let mut directory = self.directory()?;
        directory.check_free(name)?;
        let node = Node::make(&self.shared, new, 1)?;
        directory.insert(name, node.clone());
        drop(directory);
        self.touch();
        Ok(node)
    }

    fn create_unnamed(&self, new: &Create<'_>) -> Result<InodeRef> {
        drop(self.directory()?);
        Ok(Node::make(&self.shared, new, 0)?)
    }

    fn link(&self, name: &[u8], inode: &InodeRef) -> Result<()> {
        let child = self.same_fs(inode)?;
        if child.is_directory() {
            return Err(Errno::EPERM);
        }
        let mut directory = self.directory()?;
        directory.check_free(name)?;
        let child = child.me.upgrade().ok_or(Errno::ESTALE)?;
        child.add_name()?;
        directory.insert(name, child.clone());
        drop(directory);
        child.changed();
        self.touch();
        Ok(())
    }

    fn unlink(&self, name: &[u8]) -> Result<()> {
        let mut directory = self.directory()?;
        if directory.get(name)?.is_directory() {
            return Err(Errno::EISDIR);
        }
        let gone = directory.remove(name);
        drop(directory);
        if let Some((_, node)) = gone {
            node.lose_name();
        }
        self.touch();
        Ok(())
    }

    fn rmdir(&self, name: &[u8]) -> Result<()> {
        let mut directory = self.directory()?;
        directory.get(name)?.mark_removed()?;
        let gone = directory.remove(name);
        drop(directory);
        drop(gone);
        self.touch();
        Ok(())
    }

    fn rename(&self, name: &[u8], new_parent: &InodeRef, new_name: &[u8], exchange: bool) -> Result<()> {
        let to = self.same_fs(new_parent)?;
        let child = if std::ptr::eq(self, to) {
            let mut directory = self.directory()?;
            let (child, target) = (directory.get(name)?, directory.get(new_name).ok());
            match target {
                None if exchange => return Err(Errno::ENOENT),
                Some(target) if exchange => {
                    directory.replace(name, target);
                    directory.replace(new_name, child.clone());
                }
                Some(target) if !replace_target(&child, &target)? => return Ok(()),
                _ => {
                    directory.remove(new_name);
                    directory.remove(name);
                    directory.insert(new_name, child.clone());
                }
            }
            child
        } else {
            let (mut from_dir, mut to_dir) = if std::ptr::from_ref(self) < std::ptr::from_ref(to) {
                let from = self.directory()?;
                (from, to.directory()?)
            } else {
                let to = to.directory()?;
                (self.directory()?, to)
            };
            if to_dir.removed {
                return Err(Errno::ENOENT);
            }
            let (child, target) = (from_dir.get(name)?, to_dir.get(new_name).ok());
            match target {
                None if exchange => return Err(Errno::ENOENT),
                Some(target) if exchange => {
                    from_dir.replace(name, target);
                    to_dir.replace(new_name, child.clone());
                }
                // The target is the directory that the source is in: not empty, and locked here.
                Some(target) if std::ptr::eq(&*target, self) => return Err(Errno::ENOTEMPTY),
                Some(target) if !replace_target(&child, &target)? => return Ok(()),
                _ => {
                    to_dir.remove(new_name);
                    from_dir.remove(name);
                    to_dir.insert(new_name, child.clone());
                }
            }
            child
        };
        child.changed();
        self.touch();
        to.touch();
        Ok(())
    }

    fn readlink(&self) -> Result<Vec<u8>> {
        match &self.body {
            Body::Symlink(target) => Ok(target.to_vec()),
            _ => Err(Errno::EINVAL),
        }
    }

    fn read_dir(&self, from: u64, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()> {
        let directory = self.directory()?;
        for (position, name) in directory.by_position.range(from.saturating_add(1)..) {
            let Some((_, node)) = directory.by_name.get(name) else { continue };
            if !emit(Dirent { ino: node.ino, next: *position, file_type: node.file_type, name }) {
                break;
            }
        }
        Ok(())
    }

    fn open(self: Arc<Self>, _flags: OpenFlags) -> Result<Arc<dyn File>> {
        match &self.body {
            Body::Regular(_) => Ok(Arc::new(TmpfsFile(self))),
            Body::Directory(_) => Err(Errno::EISDIR),
            Body::Symlink(_) => Err(Errno::ELOOP),
            Body::Special(_) => Err(Errno::ENXIO),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
