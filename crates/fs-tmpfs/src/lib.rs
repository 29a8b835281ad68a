//! Files in memory: [`Tmpfs`], a writable tree with quotas, and [`Image`], an immutable one that many VMs share.

mod content;
mod directory;
mod file;
mod image;
mod image_builder;
mod node;
mod tree;

#[cfg(test)]
mod tests;

pub use image::{Image, ImageContent};
pub use image_builder::{IMAGE_TIME, ImageBuilder};

use agentos_abi::fcntl::NAME_MAX;
use agentos_abi::{Mode, Statfs};
use agentos_vfs::{Clock, Create, CreateKind, FileSystem, InodeRef, Quota};
use node::Node;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most names of a file, and most subdirectories of a directory plus two. EMLINK beyond.
pub const MAX_LINKS: u32 = 65_000;
/// TMPFS_MAGIC
const MAGIC: u32 = 0x0102_1994;
/// Block size that statfs(2) shows, in bytes.
const BLOCK_SIZE: u64 = 4096;

/// An in-memory file system.
pub struct Tmpfs {
    shared: Arc<Shared>,
    root: Arc<Node>,
}

/// What all nodes of a file system have in common.
pub(crate) struct Shared {
    pub clock: Arc<dyn Clock>,
    pub quota: Arc<Quota>,
    pub allow_devices: bool,
    /// Held by whoever locks more than one directory.
    pub rename_lock: Mutex<()>,
    last_ino: AtomicU64,
}

impl Shared {
    pub fn next_ino(&self) -> u64 {
        self.last_ino.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// How to make a [`Tmpfs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TmpfsOptions {
    /// Permission bits of the root directory.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Whether mknod(2) may make device numbers; otherwise it is EPERM.
    pub allow_devices: bool,
}

impl Default for TmpfsOptions {
    /// As mount(8) makes it: a root directory that is world-writable with the sticky bit, owned by user 0; and no devices.
    fn default() -> Self {
        TmpfsOptions { mode: 0o1777, uid: 0, gid: 0, allow_devices: false }
    }
}

impl Tmpfs {
    /// An empty file system with [`TmpfsOptions::default`]. Several may share one quota.
    pub fn new(clock: Arc<dyn Clock>, quota: Arc<Quota>) -> Arc<Tmpfs> {
        Tmpfs::with_options(clock, quota, TmpfsOptions::default())
    }

    /// An empty file system.
    pub fn with_options(clock: Arc<dyn Clock>, quota: Arc<Quota>, options: TmpfsOptions) -> Arc<Tmpfs> {
        let shared = Arc::new(Shared { clock, quota, allow_devices: options.allow_devices, rename_lock: Mutex::new(()), last_ino: AtomicU64::new(0) });
        let new = Create { kind: CreateKind::Directory, mode: Mode::from_bits_truncate(options.mode), uid: options.uid, gid: options.gid };
        let root = Node::root(&shared, &new);
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
            bsize: BLOCK_SIZE as u32,
            blocks: quota.max_bytes() / BLOCK_SIZE,
            bfree: quota.free_bytes() / BLOCK_SIZE,
            files: quota.max_inodes(),
            ffree: quota.free_inodes(),
            namelen: NAME_MAX as u32,
            flags: 0,
        }
    }
}
