//! Names: a dentry is the place of an inode in the tree, shared by everybody who holds that place.
//!
//! A dentry knows its parent strongly and its children weakly, so that exactly the places in use are in memory, and a working
//! directory or an open file sees its own renaming and removal. rename(2) moves dentries in place.
//!
//! Lock order: `Mount::rename_lock` (directories changing parents), then `Dentry::children` of one directory or of two in order
//! of address, then `Dentry::place`, then the driver's locks. A directory's `children` lock is held across every lookup and
//! change of its entries in the driver, as Linux holds `i_rwsem`: a dentry can therefore never contradict its driver.

use crate::InodeRef;
use agentos_abi::{Errno, FileType, Result};
use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

/// A name in the tree and the file it stands for.
pub struct Dentry {
    inode: InodeRef,
    place: Mutex<Place>,
    children: Mutex<Children>,
    /// How many mounts cover this place; 0 spares the walk a look into the mount table.
    pub(crate) covering: AtomicU32,
}

struct Place {
    /// `None` for the root of a mount. A removed directory keeps its parent: `..` still works in it.
    parent: Option<Arc<Dentry>>,
    name: Arc<[u8]>,
    deleted: bool,
}

/// The children of a directory that somebody holds.
#[derive(Default)]
pub(crate) struct Children {
    live: BTreeMap<Arc<[u8]>, Weak<Dentry>>,
    /// At this size dead entries are swept out. Dropping a dentry usually removes its entry, but only if the lock is free.
    sweep_at: usize,
}

/// Fewest entries worth a sweep.
const SWEEP_MIN: usize = 64;

impl Dentry {
    /// The root of a mount.
    pub(crate) fn root(inode: InodeRef) -> Arc<Dentry> {
        Dentry::new(inode, None, Arc::new([]))
    }

    fn new(inode: InodeRef, parent: Option<Arc<Dentry>>, name: Arc<[u8]>) -> Arc<Dentry> {
        let place = Mutex::new(Place { parent, name, deleted: false });
        Arc::new(Dentry { inode, place, children: Mutex::default(), covering: AtomicU32::new(0) })
    }

    /// A place outside any directory (O_TMPFILE): it shows as deleted.
    pub(crate) fn unnamed(inode: InodeRef, directory: &Arc<Dentry>) -> Arc<Dentry> {
        let ino = inode.stat().map_or(0, |stat| stat.ino);
        let dentry = Dentry::new(inode, Some(directory.clone()), format!("#{ino}").into_bytes().into());
        dentry.mark_deleted();
        dentry
    }

    /// The file.
    pub fn inode(&self) -> &InodeRef {
        &self.inode
    }

    /// Whether the file is a directory.
    pub fn is_directory(&self) -> bool {
        self.inode.file_type() == FileType::Directory
    }

    /// The last component. Empty for the root of a mount.
    pub fn name(&self) -> Arc<[u8]> {
        self.place.lock().name.clone()
    }

    /// The directory that holds the name; `None` for the root of a mount.
    pub fn parent(&self) -> Option<Arc<Dentry>> {
        self.place.lock().parent.clone()
    }

    /// Parent and name in one look.
    pub(crate) fn place(&self) -> (Option<Arc<Dentry>>, Arc<[u8]>) {
        let place = self.place.lock();
        (place.parent.clone(), place.name.clone())
    }

    /// Whether the name has been removed.
    pub fn is_deleted(&self) -> bool {
        self.place.lock().deleted
    }

    /// Whether `self` is `other` or lies above it in the same mount.
    pub(crate) fn is_ancestor_of(self: &Arc<Self>, other: &Arc<Dentry>) -> bool {
        let mut at = Some(other.clone());
        while let Some(dentry) = at {
            if Arc::ptr_eq(self, &dentry) {
                return true;
            }
            at = dentry.parent();
        }
        false
    }

    /// Whether something is mounted here.
    pub(crate) fn is_covered(&self) -> bool {
        self.covering.load(Ordering::Acquire) != 0
    }

    /// The children, locked: while the guard lives, no entry of this directory changes.
    pub(crate) fn children(&self) -> MutexGuard<'_, Children> {
        self.children.lock()
    }

    pub(crate) fn mark_deleted(&self) {
        self.place.lock().deleted = true;
    }

    /// Takes a dead child off the list. A busy list keeps it until the next sweep: dropping may happen under that very lock.
    fn forget(&self, name: &[u8]) {
        if let Some(mut children) = self.children.try_lock()
            && children.live.get(name).is_some_and(|child| child.strong_count() == 0)
        {
            children.live.remove(name);
        }
    }
}

impl Drop for Dentry {
    /// Unrolled: the last holder of a very deep directory lets go of the whole chain, which must not recurse.
    fn drop(&mut self) {
        fn detach(place: &mut Place) -> Option<Arc<Dentry>> {
            let parent = place.parent.take()?;
            parent.forget(&place.name);
            Some(parent)
        }
        let mut next = detach(self.place.get_mut());
        while let Some(mut dentry) = next.and_then(Arc::into_inner) {
            next = detach(dentry.place.get_mut());
        }
    }
}

impl Children {
    /// The child called `name` of `directory`, whose children these are. With `volatile` the driver is always asked.
    pub(crate) fn lookup(&mut self, directory: &Arc<Dentry>, name: &[u8], volatile: bool) -> Result<Arc<Dentry>> {
        let known = self.live.get(name).and_then(Weak::upgrade);
        match known {
            Some(dentry) if !volatile => Ok(dentry),
            Some(dentry) => match directory.inode.lookup(name) {
                Ok(inode) if same_file(&inode, &dentry.inode) => Ok(dentry),
                Ok(inode) => {
                    dentry.mark_deleted();
                    Ok(self.attach(directory, name, inode))
                }
                Err(errno) => {
                    if errno == Errno::ENOENT {
                        self.remove(name);
                    }
                    Err(errno)
                }
            },
            None => {
                let inode = directory.inode.lookup(name)?;
                Ok(self.attach(directory, name, inode))
            }
        }
    }

    /// Enters a new child.
    pub(crate) fn attach(&mut self, directory: &Arc<Dentry>, name: &[u8], inode: InodeRef) -> Arc<Dentry> {
        let name: Arc<[u8]> = name.into();
        let dentry = Dentry::new(inode, Some(directory.clone()), name.clone());
        self.insert(name, &dentry);
        dentry
    }

    /// After the driver removed the name: whoever holds the place sees it deleted.
    pub(crate) fn remove(&mut self, name: &[u8]) {
        if let Some(dentry) = self.take(name) {
            dentry.mark_deleted();
        }
    }

    /// Takes a child out, to be placed elsewhere.
    pub(crate) fn take(&mut self, name: &[u8]) -> Option<Arc<Dentry>> {
        self.live.remove(name)?.upgrade()
    }

    /// Gives a dentry that [`Children::take`] took its new place.
    pub(crate) fn place(&mut self, directory: &Arc<Dentry>, name: &[u8], dentry: &Arc<Dentry>) {
        let name: Arc<[u8]> = name.into();
        let old_parent = {
            let mut place = dentry.place.lock();
            place.name = name.clone();
            place.parent.replace(directory.clone())
        };
        drop(old_parent);
        self.insert(name, dentry);
    }

    fn insert(&mut self, name: Arc<[u8]>, dentry: &Arc<Dentry>) {
        if self.live.len() >= self.sweep_at.max(SWEEP_MIN) {
            self.live.retain(|_, child| child.strong_count() > 0);
            self.sweep_at = self.live.len() * 2;
        }
        self.live.insert(name, Arc::downgrade(dentry));
    }
}

/// Whether two inodes of one file system are the same file.
fn same_file(a: &InodeRef, b: &InodeRef) -> bool {
    if Arc::ptr_eq(a, b) {
        return true;
    }
    a.file_type() == b.file_type() && matches!((a.stat(), b.stat()), (Ok(a), Ok(b)) if a.ino == b.ino)
}
