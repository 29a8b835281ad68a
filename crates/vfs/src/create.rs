//! mkdir(2), mknod(2), symlink(2), link(2): making names.

use crate::dentry::Children;
use crate::guard::{Access, Object};
use crate::permission::{check, is_owner};
use crate::walk::{LastComponent, check_name};
use crate::{Create, CreateKind, Cred, InodeRef, Path, Walk};
use agentos_abi::fcntl::{PATH_MAX, R_OK, W_OK};
use agentos_abi::{Errno, FileType, Mode, Result};
use std::sync::Arc;

impl Walk<'_> {
    /// mkdir(2).
    ///
    /// # Errors
    /// EEXIST, EROFS, EACCES, ENOSPC, EMLINK.
    pub fn mkdir(&self, path: &[u8], mode: u32, umask: u32) -> Result<Path> {
        self.create_at(path, None, true, |parent, name| {
            let mode = Mode::from_bits_truncate(mode & 0o1777 & !umask);
            parent.create(name, CreateKind::Directory, mode, self.cred)
        })
    }

    /// mknod(2) with the whole `st_mode`, also for bind(2) of a Unix socket.
    ///
    /// # Errors
    /// EEXIST, EROFS, EACCES, ENOSPC; EPERM for a directory, a device the caller may not make or the driver does not hold;
    /// EINVAL for an unknown type or a symbolic link.
    pub fn mknod(&self, path: &[u8], mode: u32, dev: u64, umask: u32) -> Result<Path> {
        let file_type = FileType::from_bits(mode).ok_or(Errno::EINVAL)?;
        let kind = match file_type {
            FileType::Regular => CreateKind::Regular,
            FileType::Fifo => CreateKind::Fifo,
            FileType::Socket => CreateKind::Socket,
            FileType::CharDevice => CreateKind::CharDevice(dev),
            FileType::BlockDevice => CreateKind::BlockDevice(dev),
            FileType::Directory => return Err(Errno::EPERM),
            FileType::Symlink => return Err(Errno::EINVAL),
        };
        self.create_at(path, None, false, |parent, name| {
            let is_device = matches!(file_type, FileType::CharDevice | FileType::BlockDevice);
            if is_device && !self.cred.privileged {
                parent.may_create(self.cred)?;
                return Err(Errno::EPERM);
            }
            parent.create(name, kind, Mode::from_bits_truncate(mode & 0o7777 & !umask), self.cred)
        })
    }

    /// symlink(2): makes `path` a link to `target`.
    ///
    /// # Errors
    /// EEXIST, EROFS, EACCES, ENOSPC; ENOENT and ENAMETOOLONG for `target` too.
    pub fn symlink(&self, target: &[u8], path: &[u8]) -> Result<Path> {
        if target.is_empty() {
            return Err(Errno::ENOENT);
        }
        if target.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        self.create_at(path, None, false, |parent, name| parent.create(name, CreateKind::Symlink(target), Mode::from_bits_truncate(0o777), self.cred))
    }

    /// link(2): gives the file at `old` the further name `path`. Resolve `old` first (with or without following a link).
    ///
    /// # Errors
    /// EEXIST, EROFS, EACCES, ENOSPC, EMLINK, EXDEV; EPERM for a directory, and for a file of somebody else that the caller may not
    /// read and write (`fs.protected_hardlinks` is on); ENOENT when the last name of `old` has gone.
    pub fn link(&self, old: &Path, path: &[u8]) -> Result<()> {
        self.create_at(path, Some(old), false, |parent, name| {
            if !Arc::ptr_eq(&old.mount, &parent.mount) {
                return Err(Errno::EXDEV);
            }
            old.may_link(self.cred)?;
            parent.may_create(self.cred)?;
            if old.is_directory() {
                return Err(Errno::EPERM);
            }
            parent.inode().link(name, old.inode())?;
            Ok(old.inode().clone())
        })
        .map(drop)
    }

    /// The frame of all of them: finds the parent, makes sure that the name is free, and enters what `make` made, all under the
    /// lock of the directory.
    fn create_at(&self, path: &[u8], linked: Option<&Path>, want_directory: bool, make: impl FnOnce(&Path, &[u8]) -> Result<InodeRef>) -> Result<Path> {
        let (parent, last, trailing_slash) = self.resolve_parent(path)?;
        let LastComponent::Name(name) = last else { return Err(Errno::EEXIST) };
        check_name(&name)?;
        let mut children = parent.dentry.children();
        match children.lookup(&parent.dentry, &name, parent.mount.volatile) {
            Ok(_) => return Err(Errno::EEXIST),
            Err(Errno::ENOENT) if trailing_slash && !want_directory => return Err(Errno::ENOENT),
            Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno),
        }
        parent.mount.want_write()?;
        let create = (Access::Create, Object::Entry(&parent, &name));
        match linked {
            // Through the new name the file can be read and written.
            Some(old) => self.cred.check(&[(Access::Read, Object::At(old)), (Access::Write, Object::At(old)), create])?,
            None => self.cred.check(&[create])?,
        }
        let inode = make(&parent, &name)?;
        Ok(enter(&mut children, &parent, &name, inode))
    }
}

/// Enters a made inode into the children of `parent`.
pub(crate) fn enter(children: &mut Children, parent: &Path, name: &[u8], inode: InodeRef) -> Path {
    let dentry = children.attach(&parent.dentry, name, inode);
    Path { mount: parent.mount.clone(), dentry }
}

impl Path {
    /// `fs.protected_hardlinks`, as distributions have it: nobody collects names of files that he could not have made himself.
    fn may_link(&self, cred: &Cred) -> Result<()> {
        let stat = self.inode().stat()?;
        let set_id = stat.mode.contains(Mode::SUID) || stat.mode.contains(Mode::SGID) && stat.mode.bits() & 0o010 != 0;
        let harmless = stat.file_type == FileType::Regular && !set_id && check(&stat, cred, R_OK | W_OK).is_ok();
        if harmless || is_owner(&stat, cred) { Ok(()) } else { Err(Errno::EPERM) }
    }

    /// Makes an entry of this directory, after the check of permission. Errors: EACCES, the driver's.
    pub(crate) fn create(&self, name: &[u8], kind: CreateKind<'_>, mode: Mode, cred: &Cred) -> Result<InodeRef> {
        self.may_create(cred)?;
        self.inode().create(name, &self.new_file(kind, mode, cred)?)
    }

    /// Owner, group and mode of a new file here: a set-group-id directory hands its group down, and to directories the bit, too.
    pub(crate) fn new_file<'a>(&self, kind: CreateKind<'a>, mut mode: Mode, cred: &Cred) -> Result<Create<'a>> {
        let directory = self.inode().stat()?;
        let mut gid = cred.gid;
        if directory.mode.contains(Mode::SGID) {
            gid = directory.gid;
            if kind == CreateKind::Directory {
                mode |= Mode::SGID;
            } else if mode.contains(Mode::SGID) && mode.bits() & 0o010 != 0 && !cred.privileged && !cred.in_group(gid) {
                mode -= Mode::SGID;
            }
        }
        Ok(Create { kind, mode, uid: cred.uid, gid })
    }
}
