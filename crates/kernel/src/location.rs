//! Files that are no file system's: O_PATH descriptors, and the places behind /proc/PID/fd/N of pipes, sockets and host streams.

use crate::fd::Description;
use crate::pipe::{Pipe, PipeEnd};
use agentos_abi::{Errno, Events, FileType, Mode, OpenFlags, Result, Stat, Statfs};
use agentos_vfs::{File, FileSystem, Inode, InodeRef, Namespace, Path, SetAttr};
use agentos_waiter::WaitQueue;
use std::any::Any;
use std::sync::Arc;

/// PIPEFS_MAGIC
const PIPEFS_MAGIC: u32 = 0x5049_5045;

/// What an O_PATH descriptor refers to: nothing can be done with it but name its place.
pub(crate) struct Location;

impl File for Location {
    fn read_at(&self, _buf: &mut [u8], _offset: u64) -> Result<usize> {
        Err(Errno::EBADF)
    }

    fn write_at(&self, _buf: &[u8], _offset: u64, _append: bool) -> Result<(usize, u64)> {
        Err(Errno::EBADF)
    }

    fn seekable(&self) -> bool {
        false
    }

    fn poll(&self) -> Events {
        Events::empty()
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        None
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The inode of an open file that has none in a tree.
pub(crate) struct AnonymousInode {
    file: Arc<dyn File>,
    stat: Stat,
}

impl AnonymousInode {
    /// A place for a description without one, so that /proc/PID/fd/N can lead to it. Errors: EINVAL when it has no attributes.
    pub(crate) fn place(description: &Description) -> Result<Path> {
        let mut stat = description.stat()?;
        if !description.file.as_any().is::<PipeEnd>() {
            // The host's streams belong to no user; whoever holds the descriptor may open it again.
            stat.mode |= Mode::from_bits_retain(0o666);
        }
        let inode: InodeRef = Arc::new(AnonymousInode { file: description.file.clone(), stat });
        // A tree of its own that is nothing but this file.
        Ok(Namespace::new(Arc::new(AnonymousFs(inode))).root())
    }

    /// The pipe, if it is one.
    pub(crate) fn pipe(&self) -> Option<Arc<Pipe>> {
        self.file.as_any().downcast_ref::<PipeEnd>().map(|end| end.pipe().clone())
    }

    /// Opens it again: streams of the host and terminals of its making are simply shared. Errors: ENXIO.
    pub(crate) fn reopen(&self) -> Result<Arc<dyn File>> {
        Ok(self.file.clone())
    }
}

impl Inode for AnonymousInode {
    fn stat(&self) -> Result<Stat> {
        Ok(self.stat)
    }

    fn file_type(&self) -> FileType {
        self.stat.file_type
    }

    fn set_attr(&self, _attr: &SetAttr) -> Result<()> {
        Ok(())
    }

    fn open(self: Arc<Self>, _flags: OpenFlags) -> Result<Arc<dyn File>> {
        // Reached for "regular" ones only: eventfd and epoll, which cannot be opened by name.
        Err(Errno::ENXIO)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

struct AnonymousFs(InodeRef);

impl FileSystem for AnonymousFs {
    fn name(&self) -> &'static str {
        "pipefs"
    }

    fn root(&self) -> InodeRef {
        self.0.clone()
    }

    fn statfs(&self) -> Statfs {
        anonymous_statfs()
    }
}

/// statfs(2) of a file without a tree.
pub(crate) fn anonymous_statfs() -> Statfs {
    Statfs { fs_type: PIPEFS_MAGIC, bsize: 4096, namelen: 255, ..Statfs::default() }
}
