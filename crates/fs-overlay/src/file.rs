//! Files: a lower inode until the first change, an unnamed inode of the upper file system afterwards.

use crate::Shared;
use crate::node::{Body, Node};
use agentos_abi::ioctl::{Ioctl, IoctlReply};
use agentos_abi::time::SetTime;
use agentos_abi::{Errno, Events, FileType, OpenFlags, Result};
use agentos_vfs::{Create, CreateKind, File, FileContext, InodeRef, SetAttr};
use agentos_waiter::WaitQueue;
use std::any::Any;
use std::sync::{Arc, OnceLock};

/// Copied at once, in bytes.
const COPY_CHUNK_BYTES: usize = 256 << 10;

/// State of a file that is no directory.
pub(crate) struct FileState {
    inode: InodeRef,
    is_upper: bool,
    /// Number of names; `None` while the lower layer says it.
    names: Option<u32>,
    /// Made without a name: link(2) may give it one although it has none.
    linkable: bool,
}

impl FileState {
    pub fn lower(inode: InodeRef) -> FileState {
        FileState { inode, is_upper: false, names: None, linkable: false }
    }

    pub fn upper(inode: InodeRef, names: u32) -> FileState {
        FileState { inode, is_upper: true, names: Some(names), linkable: names == 0 }
    }

    pub fn inode(&self) -> &InodeRef {
        &self.inode
    }

    pub fn upper_inode(&self) -> Option<InodeRef> {
        self.is_upper.then(|| self.inode.clone())
    }

    pub fn names(&self, lower: u32) -> u32 {
        self.names.unwrap_or(lower)
    }

    /// Each name beyond the first counts as an inode, as in tmpfs.
    pub fn add_name(&mut self, shared: &Shared) -> Result<()> {
        let names = self.count()?;
        if names == 0 && !std::mem::take(&mut self.linkable) {
            return Err(Errno::ENOENT);
        }
        let more = names.checked_add(1).filter(|n| *n <= MAX_NAMES).ok_or(Errno::EMLINK)?;
        if names > 0 {
            shared.quota.charge_inodes(1)?;
        }
        self.names = Some(more);
        Ok(())
    }

    /// Answers how many are left.
    pub fn remove_name(&mut self, shared: &Shared) -> Result<u32> {
        let names = self.count()?;
        if self.is_upper && names > 1 {
            shared.quota.release_inodes(1);
        }
        let left = names.saturating_sub(1);
        self.names = Some(left);
        Ok(left)
    }

    fn count(&self) -> Result<u32> {
        self.names.map_or_else(|| Ok(self.inode.stat()?.nlink), Ok)
    }

    /// Makes the upper copy: the first `size` bytes of the content, owner, mode and times.
    pub fn copy_up(&mut self, shared: &Shared, size: u64) -> Result<InodeRef> {
        if self.is_upper {
            return Ok(self.inode.clone());
        }
        let stat = self.inode.stat()?;
        let target = if stat.file_type == FileType::Symlink { self.inode.readlink()? } else { Vec::new() };
        let kind = match stat.file_type {
            FileType::Regular => CreateKind::Regular,
            FileType::Symlink => CreateKind::Symlink(&target),
            FileType::Fifo => CreateKind::Fifo,
            FileType::Socket => CreateKind::Socket,
            FileType::CharDevice => CreateKind::CharDevice(stat.rdev),
            FileType::BlockDevice => CreateKind::BlockDevice(stat.rdev),
            FileType::Directory => return Err(Errno::EISDIR),
        };
        let names = self.names(stat.nlink);
        let more_names = u64::from(names.saturating_sub(1));
        let upper = shared.upper_root().create_unnamed(&Create { kind, mode: stat.mode, uid: stat.uid, gid: stat.gid })?;
        if stat.file_type == FileType::Regular {
            copy(&self.inode, &upper, size)?;
        }
        upper.set_attr(&SetAttr { atime: SetTime::At(stat.atime), mtime: SetTime::At(stat.mtime), ..SetAttr::default() })?;
        shared.quota.charge_inodes(more_names)?;
        *self = FileState { inode: upper.clone(), is_upper: true, names: Some(names), linkable: false };
        Ok(upper)
    }
}

/// Most names of one file.
const MAX_NAMES: u32 = 65_000;

/// Copies at most `size` bytes.
fn copy(from: &InodeRef, to: &InodeRef, size: u64) -> Result<()> {
    let write = to.clone().open(OpenFlags::WRONLY)?;
    if let Some(content) = from.static_content() {
        let len = usize::try_from(size).map_or(content.len(), |size| content.len().min(size));
        return write_all(&*write, &content[..len], 0);
    }
    let read = from.clone().open(OpenFlags::empty())?;
    let mut buf = vec![0; COPY_CHUNK_BYTES.min(usize::try_from(size).unwrap_or(usize::MAX))];
    let mut offset = 0;
    while offset < size {
        let want = buf.len().min(usize::try_from(size - offset).unwrap_or(usize::MAX));
        let n = read.read_at(&mut buf[..want], offset)?;
        if n == 0 {
            break;
        }
        write_all(&*write, &buf[..n], offset)?;
        offset += n as u64;
    }
    Ok(())
}

fn write_all(file: &dyn File, mut data: &[u8], mut offset: u64) -> Result<()> {
    while !data.is_empty() {
        let (n, next) = file.write_at(data, offset, false)?;
        data = data.get(n..).ok_or(Errno::EIO)?;
        offset = next;
    }
    Ok(())
}

/// A lower file opened for reading. When the file is changed later, reads see the change.
pub(crate) struct OverlayFile {
    node: Arc<Node>,
    lower: Arc<dyn File>,
    flags: OpenFlags,
    upper: OnceLock<Arc<dyn File>>,
}

impl OverlayFile {
    pub fn new(node: Arc<Node>, lower: Arc<dyn File>, flags: OpenFlags) -> Arc<OverlayFile> {
        Arc::new(OverlayFile { node, lower, flags, upper: OnceLock::new() })
    }

    fn current(&self) -> Result<&Arc<dyn File>> {
        if let Some(upper) = self.upper.get() {
            return Ok(upper);
        }
        let Body::Other(state) = &self.node.body else { return Ok(&self.lower) };
        match state.read().upper_inode() {
            None => Ok(&self.lower),
            Some(inode) => {
                let file = inode.open(self.flags)?;
                Ok(self.upper.get_or_init(|| file))
            }
        }
    }
}

impl File for OverlayFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.current()?.read_at(buf, offset)
    }

    fn write_at(&self, _buf: &[u8], _offset: u64, _append: bool) -> Result<(usize, u64)> {
        Err(Errno::EBADF)
    }

    fn seekable(&self) -> bool {
        self.lower.seekable()
    }

    fn poll(&self) -> Events {
        self.lower.poll()
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        self.lower.wait_queue()
    }

    fn ioctl(&self, request: Ioctl, context: &FileContext) -> Result<IoctlReply> {
        self.current()?.ioctl(request, context)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
