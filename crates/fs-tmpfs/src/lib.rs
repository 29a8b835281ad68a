//! Trees in memory: [`Tmpfs`], writable and charged to a quota, and [`Image`], immutable and shared by many VMs.
//!
//! Lock order in a [`Tmpfs`]: directories (two in order of address), then the file below.

mod data;
mod file;
mod image;
mod node;

pub use image::{Image, ImageBuilder};

use agentos_abi::{FileType, Mode, Statfs};
use agentos_vfs::{Clock, Create, CreateKind, FileSystem, InodeRef, Quota};
use node::Node;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// TMPFS_MAGIC
pub(crate) const MAGIC: u32 = 0x0102_1994;
/// Unit in which content is charged and counted by statfs(2).
pub(crate) const BLOCK_BYTES: u64 = 4096;
/// Inode number of the root directory.
const ROOT_INO: u64 = 2;

/// A file system in memory.
pub struct Tmpfs {
    shared: Arc<Shared>,
    root: Arc<Node>,
}

/// What the nodes of one file system have in common.
pub(crate) struct Shared {
    pub clock: Arc<dyn Clock>,
    pub quota: Arc<Quota>,
    next_ino: AtomicU64,
}

impl Shared {
    pub fn next_ino(&self) -> u64 {
        self.next_ino.fetch_add(1, Ordering::Relaxed)
    }
}

impl Tmpfs {
    /// An empty tree whose root is a world-writable directory with the sticky bit, as mount(8) makes it.
    pub fn new(clock: Arc<dyn Clock>, quota: Arc<Quota>) -> Arc<Tmpfs> {
        let shared = Arc::new(Shared { clock, quota, next_ino: AtomicU64::new(ROOT_INO) });
        let create = Create { kind: CreateKind::Directory, mode: Mode::from_bits_truncate(0o1777), uid: 0, gid: 0 };
        // The root is free: an empty file system must mount even on a full quota.
        let root = Node::uncharged(&shared, &create);
        debug_assert_eq!(root.kind(), FileType::Directory);
        Arc::new(Tmpfs { shared, root })
    }
}

impl FileSystem for Tmpfs {
    fn name(&self) -> &'static str {
        "tmpfs"
    }

    fn root(&self) -> InodeRef {
        self.root.clone()
    }

    fn statfs(&self) -> Statfs {
        let quota = &self.shared.quota;
        Statfs {
            fs_type: MAGIC,
            bsize: BLOCK_BYTES as u32,
            blocks: quota.max_bytes() / BLOCK_BYTES,
            bfree: quota.free_bytes() / BLOCK_BYTES,
            files: quota.max_inodes(),
            ffree: quota.free_inodes(),
            namelen: 255,
            flags: 0,
        }
    }
}
