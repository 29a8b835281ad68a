//! rename(2) and renameat2(2).

use crate::dentry::Children;
use crate::guard::{Access, Object};
use crate::walk::{LastComponent, check_name};
use crate::{Path, Walk};
use agentos_abi::fcntl::W_OK;
use agentos_abi::{Errno, RenameFlags, Result};
use parking_lot::MutexGuard;
use std::sync::Arc;

/// One of the two names.
struct Side<'p> {
    parent: Path,
    name: std::borrow::Cow<'p, [u8]>,
    trailing_slash: bool,
}

impl Walk<'_> {
    /// Renames `old` to `new`, which starts at `new_base` when relative. NOREPLACE and EXCHANGE as in renameat2(2).
    ///
    /// # Errors
    /// EXDEV, EROFS, EEXIST (NOREPLACE), EACCES, EPERM (sticky directory), ENOTDIR, EISDIR, ENOTEMPTY, ENOSPC; EBUSY (mount point,
    /// `.`, `..`); EINVAL (a directory below itself, or both flags).
    pub fn rename(&self, old: &[u8], new_base: &Path, new: &[u8], flags: RenameFlags) -> Result<()> {
        if flags.contains(RenameFlags::NOREPLACE | RenameFlags::EXCHANGE) {
            return Err(Errno::EINVAL);
        }
        let (old_parent, old_last, old_slash) = self.resolve_parent(old)?;
        let (new_parent, new_last, new_slash) = Walk { base: new_base, ..*self }.resolve_parent(new)?;
        if !Arc::ptr_eq(&old_parent.mount, &new_parent.mount) {
            return Err(Errno::EXDEV);
        }
        let LastComponent::Name(old_name) = old_last else { return Err(Errno::EBUSY) };
        let LastComponent::Name(new_name) = new_last else {
            return Err(if flags.contains(RenameFlags::NOREPLACE) { Errno::EEXIST } else { Errno::EBUSY });
        };
        old_parent.mount.want_write()?;
        check_name(&old_name)?;
        check_name(&new_name)?;
        let old = Side { parent: old_parent, name: old_name, trailing_slash: old_slash };
        let new = Side { parent: new_parent, name: new_name, trailing_slash: new_slash };
        if Arc::ptr_eq(&old.parent.dentry, &new.parent.dentry) {
            let children = old.parent.dentry.children();
            return self.rename_locked(&old, &new, flags, Locked { old: children, new: None });
        }
        // Ancestry holds still under the rename lock; two unrelated directories are locked in order of address.
        let _rename = old.parent.mount.rename_lock.lock();
        let locked = if Arc::as_ptr(&old.parent.dentry) < Arc::as_ptr(&new.parent.dentry) {
            let old = old.parent.dentry.children();
            Locked { old, new: Some(new.parent.dentry.children()) }
        } else {
            let new = Some(new.parent.dentry.children());
            Locked { old: old.parent.dentry.children(), new }
        };
        self.rename_locked(&old, &new, flags, locked)
    }

    fn rename_locked(&self, old: &Side<'_>, new: &Side<'_>, flags: RenameFlags, mut locked: Locked<'_>) -> Result<()> {
        let mount = &old.parent.mount;
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        let source = locked.old.lookup(&old.parent.dentry, &old.name, mount.volatile)?;
        let source = Path { mount: mount.clone(), dentry: source };
        let target = match locked.new().lookup(&new.parent.dentry, &new.name, mount.volatile) {
            Ok(_) if flags.contains(RenameFlags::NOREPLACE) => return Err(Errno::EEXIST),
            Ok(dentry) => Some(Path { mount: mount.clone(), dentry }),
            Err(Errno::ENOENT) if !exchange => None,
            Err(errno) => return Err(errno),
        };
        check_shape(old, new, &source, target.as_ref(), exchange)?;
        if target.as_ref().is_some_and(|target| same_inode(&source, target)) {
            return Ok(());
        }
        self.may_rename(old, new, &source, target.as_ref(), exchange)?;
        self.ask_guard(new, &source, target.as_ref(), exchange)?;
        if source.dentry.is_covered() || target.as_ref().is_some_and(|target| target.dentry.is_covered()) {
            return Err(Errno::EBUSY);
        }
        old.parent.inode().rename(&old.name, new.parent.inode(), &new.name, exchange)?;

        let moved = locked.old.take(&old.name);
        let replaced = locked.new().take(&new.name);
        if let Some(moved) = moved {
            locked.new().place(&new.parent.dentry, &new.name, &moved);
        }
        match replaced {
            Some(replaced) if exchange => locked.old.place(&old.parent.dentry, &old.name, &replaced),
            Some(replaced) => replaced.mark_deleted(),
            None => {}
        }
        Ok(())
    }

    /// A file that is moved is taken from its old name, where it could be read, and made at the new one.
    fn ask_guard(&self, new: &Side<'_>, source: &Path, target: Option<&Path>, exchange: bool) -> Result<()> {
        if self.cred.guard.is_none() {
            return Ok(());
        }
        let from = Object::At(source);
        let to = target.map_or(Object::Entry(&new.parent, &new.name), Object::At);
        let mut wanted = vec![(Access::Read, from), (Access::Delete, from), (Access::Create, to)];
        if target.is_some() {
            wanted.push((Access::Delete, to));
        }
        if exchange {
            wanted.extend([(Access::Read, to), (Access::Create, from)]);
        }
        if source.is_directory() {
            wanted.push((Access::MoveTree, from));
        }
        if exchange && target.is_some_and(Path::is_directory) {
            wanted.push((Access::MoveTree, to));
        }
        self.cred.check(&wanted)
    }

    /// Permission on both directories, and on a directory that changes its parent (its `..` is written).
    fn may_rename(&self, old: &Side<'_>, new: &Side<'_>, source: &Path, target: Option<&Path>, exchange: bool) -> Result<()> {
        old.parent.may_delete(source, self.cred, source.is_directory())?;
        match target {
            Some(target) => new.parent.may_delete(target, self.cred, if exchange { target.is_directory() } else { source.is_directory() })?,
            None => new.parent.may_create(self.cred)?,
        }
        if !Arc::ptr_eq(&old.parent.dentry, &new.parent.dentry) {
            if source.is_directory() {
                source.permission(self.cred, W_OK)?;
            }
            if let Some(target) = target.filter(|target| exchange && target.is_directory()) {
                target.permission(self.cred, W_OK)?;
            }
        }
        Ok(())
    }
}

/// The locked children of both directories; `new` is `None` when it is the same one.
struct Locked<'a> {
    old: MutexGuard<'a, Children>,
    new: Option<MutexGuard<'a, Children>>,
}

impl Locked<'_> {
    fn new(&mut self) -> &mut Children {
        self.new.as_deref_mut().unwrap_or(&mut self.old)
    }
}

/// What the names themselves forbid: slashes after something that is no directory, and loops.
fn check_shape(old: &Side<'_>, new: &Side<'_>, source: &Path, target: Option<&Path>, exchange: bool) -> Result<()> {
    if exchange && new.trailing_slash && target.is_some_and(|target| !target.is_directory()) {
        return Err(Errno::ENOTDIR);
    }
    if !source.is_directory() && (old.trailing_slash || !exchange && new.trailing_slash) {
        return Err(Errno::ENOTDIR);
    }
    if source.dentry.is_ancestor_of(&new.parent.dentry) {
        return Err(Errno::EINVAL);
    }
    if target.is_some_and(|target| target.dentry.is_ancestor_of(&old.parent.dentry)) {
        return Err(if exchange { Errno::EINVAL } else { Errno::ENOTEMPTY });
    }
    Ok(())
}

/// Two names of one file: rename(2) then does nothing.
fn same_inode(a: &Path, b: &Path) -> bool {
    Arc::ptr_eq(a.inode(), b.inode()) || a.file_type() == b.file_type() && matches!((a.inode().stat(), b.inode().stat()), (Ok(a), Ok(b)) if a.ino == b.ino)
}
