//! Mounts and the mount table of a VM.

use crate::dentry::Dentry;
use crate::{FileSystem, Path};
use agentos_abi::stat::makedev;
use agentos_abi::{Errno, Result};
use bitflags::bitflags;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

bitflags! {
    /// Restrictions of a mount; numbers of mount(2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct MountFlags: u32 {
        /// Nothing can be changed (EROFS).
        const RDONLY = 1;
        /// Set-id bits have no effect.
        const NOSUID = 2;
        /// Devices cannot be opened (EACCES).
        const NODEV = 4;
        /// Nothing can be executed (EACCES).
        const NOEXEC = 8;
    }
}

/// A file system at a place.
pub struct Mount {
    /// Unique in its namespace.
    pub id: u32,
    /// The file system.
    pub fs: Arc<dyn FileSystem>,
    /// Restrictions.
    pub flags: MountFlags,
    /// `st_dev` of its files.
    pub dev: u64,
    /// First column of /proc/mounts.
    pub source: String,
    pub(crate) root: Arc<Dentry>,
    /// The place it covers; `None` for the root of the namespace.
    pub(crate) at: Option<Path>,
    /// Held while a directory changes its parent, so that ancestry holds still (Linux: `s_vfs_rename_mutex`).
    pub(crate) rename_lock: Mutex<()>,
    /// [`FileSystem::is_volatile`], asked once.
    pub(crate) volatile: bool,
}

impl Mount {
    fn new(id: u32, fs: Arc<dyn FileSystem>, flags: MountFlags, source: &str, at: Option<Path>) -> Arc<Mount> {
        let root = Dentry::root(fs.root());
        let volatile = fs.is_volatile();
        let dev = makedev(0, FIRST_MINOR + id);
        Arc::new(Mount { id, fs, flags, dev, source: source.to_owned(), root, at, rename_lock: Mutex::new(()), volatile })
    }

    /// Errors: EROFS on a read-only mount.
    pub(crate) fn want_write(&self) -> Result<()> {
        if self.flags.contains(MountFlags::RDONLY) { Err(Errno::EROFS) } else { Ok(()) }
    }
}

/// Minor numbers of anonymous devices start here, as on a freshly booted Linux that has used some for itself.
const FIRST_MINOR: u32 = 24;

/// One line of /proc/mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountInfo {
    /// Where, from the root of the namespace.
    pub mount_point: Vec<u8>,
    /// Name of the file system type.
    pub fs_name: &'static str,
    /// Restrictions.
    pub flags: MountFlags,
    /// What is mounted.
    pub source: String,
    /// `st_dev` of its files.
    pub dev: u64,
}

/// The mount table of one VM.
pub struct Namespace {
    root: Path,
    /// By the mount and the dentry (its address; the mount keeps it alive) that is covered.
    covered: RwLock<HashMap<(u32, usize), Arc<Mount>>>,
    next_id: AtomicU32,
}

impl Namespace {
    /// A namespace with `root_fs` at `/`, writable.
    pub fn new(root_fs: Arc<dyn FileSystem>) -> Arc<Namespace> {
        let mount = Mount::new(0, root_fs, MountFlags::empty(), "rootfs", None);
        let root = Path { dentry: mount.root.clone(), mount };
        Arc::new(Namespace { root, covered: RwLock::default(), next_id: AtomicU32::new(1) })
    }

    /// The root directory.
    pub fn root(&self) -> Path {
        self.root.clone()
    }

    /// Mounts `fs` over the directory (or, for a file system whose root is none, the file) at `at`. What is there is hidden until
    /// [`Namespace::unmount`]; mounting twice at one place stacks.
    ///
    /// # Errors
    /// ENOTDIR when one of the two is a directory and the other is not; ENOENT when `at` was removed.
    pub fn mount(&self, at: &Path, fs: Arc<dyn FileSystem>, flags: MountFlags, source: &str) -> Result<()> {
        let at = self.traverse(at.clone());
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mount = Mount::new(id, fs, flags, source, Some(at.clone()));
        if mount.root.is_directory() != at.dentry.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        if at.is_deleted() {
            return Err(Errno::ENOENT);
        }
        let mut covered = self.covered.write();
        covered.insert(key(&at), mount);
        at.dentry.covering.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Takes the topmost mount at its root `path` away.
    ///
    /// # Errors
    /// EINVAL when `path` is not the root of a mount, or the root of the namespace; EBUSY when something is mounted below, or
    /// somebody holds a place in it beside `path` itself.
    pub fn unmount(&self, path: &Path) -> Result<()> {
        if !Arc::ptr_eq(&path.dentry, &path.mount.root) {
            return Err(Errno::EINVAL);
        }
        let Some(at) = &path.mount.at else { return Err(Errno::EINVAL) };
        let mut covered = self.covered.write();
        if !covered.get(&key(at)).is_some_and(|mount| Arc::ptr_eq(mount, &path.mount)) {
            return Err(Errno::EINVAL);
        }
        // One reference is the table's and one is the caller's.
        if Arc::strong_count(&path.mount) > 2 {
            return Err(Errno::EBUSY);
        }
        covered.remove(&key(at));
        at.dentry.covering.fetch_sub(1, Ordering::Release);
        Ok(())
    }

    /// All mounts in order of mounting, for /proc/mounts. The root comes first.
    pub fn mounts(&self) -> Vec<MountInfo> {
        let mut all: Vec<Arc<Mount>> = self.covered.read().values().cloned().collect();
        all.push(self.root.mount.clone());
        all.sort_by_key(|mount| mount.id);
        all.iter().map(|mount| self.info(mount)).collect()
    }

    fn info(&self, mount: &Arc<Mount>) -> MountInfo {
        let here = mount.at.clone().unwrap_or_else(|| self.root());
        let mount_point = here.display(&self.root);
        MountInfo { mount_point, fs_name: mount.fs.name(), flags: mount.flags, source: mount.source.clone(), dev: mount.dev }
    }

    /// What is seen at `path`: the root of the topmost mount there, or `path` itself.
    pub(crate) fn traverse(&self, mut path: Path) -> Path {
        while path.dentry.is_covered() {
            let Some(mount) = self.covered.read().get(&key(&path)).cloned() else { break };
            path = Path { dentry: mount.root.clone(), mount };
        }
        path
    }
}

fn key(path: &Path) -> (u32, usize) {
    (path.mount.id, Arc::as_ptr(&path.dentry) as usize)
}
