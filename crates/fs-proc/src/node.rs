//! The three kinds of entries: a file whose content is made on opening, a link, and a directory.

use agentos_abi::{Dirent, Errno, Events, FileType, Mode, OpenFlags, Result, Stat};
use agentos_kernel::Kernel;
use agentos_vfs::{Create, File, Inode, InodeRef, Path, SetAttr};
use agentos_waiter::WaitQueue;
use std::any::Any;
use std::sync::{Arc, Weak};

/// Most bytes of one generated file; what is longer is cut. Far above what the largest VM shows.
const MAX_CONTENT: usize = 16 << 20;

/// The kernel that is shown.
#[derive(Clone)]
pub(crate) struct Context(Weak<Kernel>);

impl Context {
    pub(crate) fn new(kernel: &Arc<Kernel>) -> Context {
        Context(Arc::downgrade(kernel))
    }

    /// Errors: ENODEV once the VM is gone.
    pub(crate) fn kernel(&self) -> Result<Arc<Kernel>> {
        self.0.upgrade().ok_or(Errno::ENODEV)
    }
}

/// What stat(2) says of an entry.
#[derive(Clone, Copy)]
pub(crate) struct Attributes {
    pub(crate) ino: u64,
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
}

impl Attributes {
    /// An entry of the system's, owned by the super-user.
    pub(crate) fn system(ino: u64, mode: u32) -> Attributes {
        Attributes { ino, mode, owner: (0, 0) }
    }

    fn stat(&self, context: &Context, file_type: FileType, nlink: u32, size: u64) -> Result<Stat> {
        let time = context.kernel()?.now();
        Ok(Stat {
            dev: 0,
            ino: self.ino,
            file_type,
            mode: Mode::from_bits_retain(self.mode),
            nlink,
            uid: self.owner.0,
            gid: self.owner.1,
            rdev: 0,
            size,
            blksize: 1024,
            blocks: 0,
            atime: time,
            mtime: time,
            ctime: time,
            btime: time,
        })
    }
}

/// Makes the content of a file.
pub(crate) type Render = Box<dyn Fn(&Arc<Kernel>) -> Result<Vec<u8>> + Send + Sync>;

/// A file.
pub(crate) struct TextNode {
    pub(crate) context: Context,
    pub(crate) attributes: Attributes,
    pub(crate) render: Render,
}

impl Inode for TextNode {
    fn stat(&self) -> Result<Stat> {
        self.attributes.stat(&self.context, FileType::Regular, 1, 0)
    }

    fn file_type(&self) -> FileType {
        FileType::Regular
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        refuse_change(attr)
    }

    fn open(self: Arc<Self>, flags: OpenFlags) -> Result<Arc<dyn File>> {
        if flags.writable() {
            return Err(Errno::EACCES);
        }
        let mut content = (self.render)(&self.context.kernel()?)?;
        content.truncate(MAX_CONTENT);
        Ok(Arc::new(Content(content)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An open file: its content at the time of opening.
struct Content(Vec<u8>);

impl File for Content {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, _buf: &[u8], _offset: u64, _append: bool) -> Result<(usize, u64)> {
        Err(Errno::EACCES)
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

/// The target of a link, as text.
pub(crate) type Target = Box<dyn Fn(&Arc<Kernel>) -> Result<Vec<u8>> + Send + Sync>;
/// The place that a magic link leads to.
pub(crate) type Place = Box<dyn Fn(&Arc<Kernel>) -> Result<Path> + Send + Sync>;

/// A symbolic link, ordinary or magic.
pub(crate) struct LinkNode {
    pub(crate) context: Context,
    pub(crate) attributes: Attributes,
    pub(crate) target: Target,
    pub(crate) place: Option<Place>,
}

impl Inode for LinkNode {
    fn stat(&self) -> Result<Stat> {
        self.attributes.stat(&self.context, FileType::Symlink, 1, if self.place.is_some() { 64 } else { 0 })
    }

    fn file_type(&self) -> FileType {
        FileType::Symlink
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        refuse_change(attr)
    }

    fn readlink(&self) -> Result<Vec<u8>> {
        (self.target)(&self.context.kernel()?)
    }

    fn magic_link(&self) -> Option<Result<Path>> {
        let place = self.place.as_ref()?;
        Some(self.context.kernel().and_then(|kernel| place(&kernel)))
    }

    fn open(self: Arc<Self>, _flags: OpenFlags) -> Result<Arc<dyn File>> {
        Err(Errno::ELOOP)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// One entry of a directory listing.
pub(crate) struct Listed {
    /// Where it stands; ascending, above 0, and the same whenever the entry is listed.
    pub(crate) position: u64,
    pub(crate) name: Vec<u8>,
    pub(crate) ino: u64,
    pub(crate) file_type: FileType,
}

/// What a directory holds.
pub(crate) trait Entries: Send + Sync {
    /// Errors: ENOENT.
    fn lookup(&self, context: &Context, kernel: &Arc<Kernel>, name: &[u8]) -> Result<InodeRef>;
    /// All entries, by position.
    fn list(&self, kernel: &Arc<Kernel>) -> Result<Vec<Listed>>;
    /// Links, with those of subdirectories.
    fn nlink(&self) -> u32 {
        2
    }
}

/// A directory.
pub(crate) struct DirectoryNode<E> {
    pub(crate) context: Context,
    pub(crate) attributes: Attributes,
    pub(crate) entries: E,
}

impl<E: Entries + 'static> Inode for DirectoryNode<E> {
    fn stat(&self) -> Result<Stat> {
        self.attributes.stat(&self.context, FileType::Directory, self.entries.nlink(), 0)
    }

    fn file_type(&self) -> FileType {
        FileType::Directory
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        refuse_change(attr)
    }

    fn lookup(&self, name: &[u8]) -> Result<InodeRef> {
        self.entries.lookup(&self.context, &self.context.kernel()?, name)
    }

    /// As Linux: there is nothing to make here, whatever it is.
    fn create(&self, _name: &[u8], _new: &Create<'_>) -> Result<InodeRef> {
        Err(Errno::ENOENT)
    }

    fn link(&self, _name: &[u8], _inode: &InodeRef) -> Result<()> {
        Err(Errno::EPERM)
    }

    fn unlink(&self, _name: &[u8]) -> Result<()> {
        Err(Errno::EPERM)
    }

    fn rmdir(&self, _name: &[u8]) -> Result<()> {
        Err(Errno::EPERM)
    }

    fn rename(&self, _name: &[u8], _new_parent: &InodeRef, _new_name: &[u8], _exchange: bool) -> Result<()> {
        Err(Errno::EPERM)
    }

    fn read_dir(&self, from: u64, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()> {
        for entry in self.entries.list(&self.context.kernel()?)? {
            if entry.position <= from {
                continue;
            }
            // `next` is this entry's own position: the listing continues after it, though others may have come or gone.
            if !emit(Dirent { ino: entry.ino, next: entry.position, file_type: entry.file_type, name: &entry.name }) {
                break;
            }
        }
        Ok(())
    }

    fn open(self: Arc<Self>, _flags: OpenFlags) -> Result<Arc<dyn File>> {
        Err(Errno::EISDIR)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Only a change of times is accepted, and forgotten.
fn refuse_change(attr: &SetAttr) -> Result<()> {
    if attr.size.is_some() {
        return Ok(());
    }
    if attr.mode.is_some() || attr.uid.is_some() || attr.gid.is_some() { Err(Errno::EPERM) } else { Ok(()) }
}
