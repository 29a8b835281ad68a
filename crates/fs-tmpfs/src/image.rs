//! An immutable tree, built once ([`crate::ImageBuilder`]) and shared by any number of mounts. Reading it takes no lock.

use agentos_abi::fcntl::NAME_MAX;
use agentos_abi::{Dirent, Errno, Events, FileType, Mode, OpenFlags, Result, Stat, Statfs, Timespec};
use agentos_vfs::{Create, File, FileSystem, Inode, InodeRef, SetAttr};
use agentos_waiter::WaitQueue;
use std::any::Any;
use std::sync::Arc;

/// The bytes of a file in an image.
#[derive(Clone)]
pub enum ImageContent {
    /// Memory that is never freed: a constant, or a mapping that is kept for good. Engines may borrow it.
    Static(&'static [u8]),
    /// Memory that somebody owns, a mapped file for example. It must not change.
    Shared(Arc<dyn AsRef<[u8]> + Send + Sync>),
}

impl ImageContent {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            ImageContent::Static(bytes) => bytes,
            ImageContent::Shared(bytes) => (**bytes).as_ref(),
        }
    }
}

impl From<&'static [u8]> for ImageContent {
    fn from(bytes: &'static [u8]) -> Self {
        ImageContent::Static(bytes)
    }
}

impl From<&'static mut [u8]> for ImageContent {
    fn from(leaked: &'static mut [u8]) -> Self {
        ImageContent::Static(leaked)
    }
}

impl<const N: usize> From<&'static [u8; N]> for ImageContent {
    fn from(bytes: &'static [u8; N]) -> Self {
        ImageContent::Static(bytes)
    }
}

impl From<&'static str> for ImageContent {
    fn from(text: &'static str) -> Self {
        ImageContent::Static(text.as_bytes())
    }
}

impl From<Vec<u8>> for ImageContent {
    fn from(bytes: Vec<u8>) -> Self {
        ImageContent::Shared(Arc::new(bytes))
    }
}

/// An immutable file system.
pub struct Image {
    pub(crate) root: Arc<ImageNode>,
    pub(crate) inodes: u64,
    pub(crate) bytes: u64,
}

/// A file of an [`Image`].
pub(crate) struct ImageNode {
    pub ino: u64,
    pub mode: Mode,
    pub uid: u32,
    pub gid: u32,
    pub links: u32,
    pub mtime: Timespec,
    pub body: ImageBody,
}

pub(crate) enum ImageBody {
    File {
        content: ImageContent,
        hash: Option<[u8; 32]>,
    },
    /// Sorted by name.
    Directory(Box<[(Box<[u8]>, Arc<ImageNode>)]>),
    Symlink(Box<[u8]>),
}

/// SQUASHFS_MAGIC: what a read-only image is on Linux.
const MAGIC: u32 = 0x7371_7368;
/// `st_blksize` and the block size of statfs(2), in bytes.
const BLOCK_SIZE: u32 = 4096;

impl FileSystem for Image {
    fn name(&self) -> &'static str {
        "image"
    }

    fn root(&self) -> InodeRef {
        self.root.clone()
    }

    fn statfs(&self) -> Statfs {
        let blocks = self.bytes.div_ceil(u64::from(BLOCK_SIZE));
        Statfs { fs_type: MAGIC, bsize: BLOCK_SIZE, blocks, bfree: 0, files: self.inodes, ffree: 0, namelen: NAME_MAX as u32, flags: 0 }
    }
}

impl ImageNode {
    fn size(&self) -> u64 {
        match &self.body {
            ImageBody::File { content, .. } => content.bytes().len() as u64,
            ImageBody::Directory(entries) => entries.len() as u64,
            ImageBody::Symlink(target) => target.len() as u64,
        }
    }

    fn entries(&self) -> Result<&[(Box<[u8]>, Arc<ImageNode>)]> {
        match &self.body {
            ImageBody::Directory(entries) => Ok(entries),
            _ => Err(Errno::ENOTDIR),
        }
    }
}

impl Inode for ImageNode {
    fn stat(&self) -> Result<Stat> {
        let size = self.size();
        let blocks = if let ImageBody::File { .. } = self.body { size.div_ceil(u64::from(BLOCK_SIZE)) * u64::from(BLOCK_SIZE / 512) } else { 0 };
        Ok(Stat {
            dev: 0,
            ino: self.ino,
            file_type: self.file_type(),
            mode: self.mode,
            nlink: self.links,
            uid: self.uid,
            gid: self.gid,
            rdev: 0,
            size,
            blksize: BLOCK_SIZE,
            blocks,
            atime: self.mtime,
            mtime: self.mtime,
            ctime: self.mtime,
            btime: self.mtime,
        })
    }

    fn file_type(&self) -> FileType {
        match self.body {
            ImageBody::File { .. } => FileType::Regular,
            ImageBody::Directory(_) => FileType::Directory,
            ImageBody::Symlink(_) => FileType::Symlink,
        }
    }

    fn set_attr(&self, _attr: &SetAttr) -> Result<()> {
        Err(Errno::EROFS)
    }

    fn lookup(&self, name: &[u8]) -> Result<InodeRef> {
        let entries = self.entries()?;
        match entries.binary_search_by(|(entry, _)| (**entry).cmp(name)) {
            Ok(at) => Ok(entries[at].1.clone()),
            Err(_) => Err(Errno::ENOENT),
        }
    }

    fn create(&self, _name: &[u8], _new: &Create<'_>) -> Result<InodeRef> {
        Err(Errno::EROFS)
    }

    fn create_unnamed(&self, _new: &Create<'_>) -> Result<InodeRef> {
        Err(Errno::EROFS)
    }

    fn link(&self, _name: &[u8], _inode: &InodeRef) -> Result<()> {
        Err(Errno::EROFS)
    }

    fn unlink(&self, _name: &[u8]) -> Result<()> {
        Err(Errno::EROFS)
    }

    fn rmdir(&self, _name: &[u8]) -> Result<()> {
        Err(Errno::EROFS)
    }

    fn rename(&self, _name: &[u8], _new_parent: &InodeRef, _new_name: &[u8], _exchange: bool) -> Result<()> {
        Err(Errno::EROFS)
    }

    fn readlink(&self) -> Result<Vec<u8>> {
        match &self.body {
            ImageBody::Symlink(target) => Ok(target.to_vec()),
            _ => Err(Errno::EINVAL),
        }
    }

    fn read_dir(&self, from: u64, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        for (position, (name, node)) in (1u64..).zip(self.entries()?).skip(from) {
            if !emit(Dirent { ino: node.ino, next: position, file_type: node.file_type(), name }) {
                break;
            }
        }
        Ok(())
    }

    fn open(self: Arc<Self>, flags: OpenFlags) -> Result<Arc<dyn File>> {
        if flags.writable() {
            return Err(Errno::EROFS);
        }
        match self.body {
            ImageBody::File { .. } => Ok(Arc::new(ImageFile(self))),
            ImageBody::Directory(_) => Err(Errno::EISDIR),
            ImageBody::Symlink(_) => Err(Errno::ELOOP),
        }
    }

    fn content_hash(&self) -> Option<[u8; 32]> {
        match &self.body {
            ImageBody::File { hash, .. } => *hash,
            _ => None,
        }
    }

    fn static_content(&self) -> Option<&'static [u8]> {
        match &self.body {
            ImageBody::File { content: ImageContent::Static(bytes), .. } => Some(bytes),
            _ => None,
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An open file of an image.
struct ImageFile(Arc<ImageNode>);

impl File for ImageFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let ImageBody::File { content, .. } = &self.0.body else { return Err(Errno::EINVAL) };
        let rest = usize::try_from(offset).ok().and_then(|at| content.bytes().get(at..)).unwrap_or(&[]);
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn write_at(&self, _buf: &[u8], _offset: u64, _append: bool) -> Result<(usize, u64)> {
        Err(Errno::EBADF)
    }

    fn seekable(&self) -> bool {
        true
    }

    fn poll(&self) -> Events {
        Events::READ | Events::WRITE
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        None
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
