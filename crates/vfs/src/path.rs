//! A place in the tree: mount and name, as a path walk found it.

use crate::dentry::Dentry;
use crate::mount::Mount;
use crate::{FileSystem, InodeRef};
use agentos_abi::fcntl::PATH_MAX;
use agentos_abi::{Dirent, Errno, FileType, Result, Stat};
use std::sync::Arc;

/// A resolved place. Cloning is cheap, and holding one keeps the place, not its name: it follows renames.
#[derive(Clone)]
pub struct Path {
    pub(crate) mount: Arc<Mount>,
    pub(crate) dentry: Arc<Dentry>,
}

impl Path {
    /// The file here.
    pub fn inode(&self) -> &InodeRef {
        self.dentry.inode()
    }

    /// The mount this is in.
    pub fn mount(&self) -> &Arc<Mount> {
        &self.mount
    }

    /// The name in the tree.
    pub fn dentry(&self) -> &Arc<Dentry> {
        &self.dentry
    }

    /// The file system this is on.
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.mount.fs
    }

    /// Attributes, with `st_dev` of the mount. Errors: ESTALE, EIO.
    pub fn stat(&self) -> Result<Stat> {
        let mut stat = self.inode().stat()?;
        stat.dev = self.mount.dev;
        Ok(stat)
    }

    /// Type of the file.
    pub fn file_type(&self) -> FileType {
        self.inode().file_type()
    }

    /// Whether this is a directory.
    pub fn is_directory(&self) -> bool {
        self.dentry.is_directory()
    }

    /// Whether both are the same place (not merely the same file).
    pub fn same(&self, other: &Path) -> bool {
        Arc::ptr_eq(&self.dentry, &other.dentry) && Arc::ptr_eq(&self.mount, &other.mount)
    }

    /// Whether the name has been removed (the file may live on, being open).
    pub fn is_deleted(&self) -> bool {
        self.dentry.is_deleted()
    }

    /// The absolute path as seen from `root`, as getcwd(2) shows it. A place that is not below `root` is shown from the root of
    /// the namespace.
    ///
    /// # Errors
    /// ENOENT when the name was removed; ENAMETOOLONG when the path is longer than PATH_MAX.
    pub fn absolute(&self, root: &Path) -> Result<Vec<u8>> {
        if self.is_deleted() {
            return Err(Errno::ENOENT);
        }
        let (path, complete) = self.components_from(root);
        if complete { Ok(path) } else { Err(Errno::ENAMETOOLONG) }
    }

    /// The absolute path as /proc/PID/fd shows it: a removed name ends in ` (deleted)`. Never fails; of a path longer than PATH_MAX
    /// only the end is shown, after `(too long)`.
    pub fn display(&self, root: &Path) -> Vec<u8> {
        let (mut path, complete) = self.components_from(root);
        if !complete {
            path.splice(0..0, *b"(too long)");
        }
        if self.is_deleted() {
            path.extend_from_slice(b" (deleted)");
        }
        path
    }

    /// The path from `root`, and whether that is all of it: guests can nest directories far deeper than PATH_MAX.
    fn components_from(&self, root: &Path) -> (Vec<u8>, bool) {
        let (mut names, mut len) = (Vec::new(), 0);
        let mut at = self.clone();
        while !at.same(root) {
            match at.dentry.place() {
                (Some(parent), name) => {
                    len += name.len() + 1;
                    if len >= PATH_MAX {
                        return (join(&names), false);
                    }
                    names.push(name);
                    at.dentry = parent;
                }
                (None, _) => match &at.mount.at {
                    Some(covered) => at = covered.clone(),
                    None => break,
                },
            }
        }
        (join(&names), true)
    }

    /// The directory above, through mounts, but not above the root of the namespace.
    pub(crate) fn parent(&self) -> Path {
        let mut at = self.clone();
        loop {
            match at.dentry.parent() {
                Some(dentry) => return Path { dentry, ..at },
                None => match at.mount.at.clone() {
                    Some(covered) => at = covered,
                    None => return at,
                },
            }
        }
    }

    /// getdents(2): calls `emit` for each entry from position `from` on, `.` (0) and `..` (1) first, until it answers false; that
    /// entry comes again next time. `Dirent::next` is the position to continue at.
    ///
    /// # Errors
    /// ENOTDIR; ENOENT when the directory was removed; the driver's.
    pub fn read_dir(&self, from: u64, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()> {
        if !self.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        if self.is_deleted() {
            return Err(Errno::ENOENT);
        }
        let dots: [(&[u8], &dyn Fn() -> Result<Stat>); 2] = [(b".", &|| self.stat()), (b"..", &|| self.parent().stat())];
        for (position, (name, stat)) in (0u64..).zip(dots) {
            if position >= from && !emit(Dirent { ino: stat()?.ino, next: position + 1, file_type: FileType::Directory, name }) {
                return Ok(());
            }
        }
        let shift = |entry: Dirent<'_>| emit(Dirent { next: entry.next.saturating_add(DOTS), ..entry });
        self.inode().read_dir(from.saturating_sub(DOTS), &mut { shift })
    }
}

/// An absolute path of components, last first.
fn join(names: &[Arc<[u8]>]) -> Vec<u8> {
    if names.is_empty() {
        return b"/".to_vec();
    }
    names.iter().rev().flat_map(|name| std::iter::once(&b'/').chain(name.iter())).copied().collect()
}

/// Positions that `.` and `..` take.
const DOTS: u64 = 2;

impl std::fmt::Debug for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut top = self.clone();
        while let Some(covered) = top.mount.at.clone() {
            top = covered;
        }
        let root = Path { dentry: top.mount.root.clone(), mount: top.mount };
        write!(f, "Path({})", String::from_utf8_lossy(&self.display(&root)))
    }
}
