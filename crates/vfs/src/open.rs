//! open(2).

use crate::attr::set_id_cleared;
use crate::create::enter;
use crate::dentry::Dentry;
use crate::guard::{Access, Object};
use crate::permission::{access_mask, is_owner};
use crate::set_id::SetIdClearing;
use crate::walk::{LastComponent, Walker, check_name};
use crate::{CreateKind, Cred, DirectoryFile, File, InodeRef, MountFlags, Path, SetAttr, Walk};
use agentos_abi::fcntl::W_OK;
use agentos_abi::{Errno, FileType, Mode, OpenFlags, Result};
use std::sync::Arc;

/// What open(2) found or made.
pub struct Opened {
    /// Where.
    pub path: Path,
    /// The file.
    pub inode: InodeRef,
    /// Whether this call made it.
    pub created: bool,
    /// The open file. `None` for FIFOs, devices and sockets, which are the kernel's to open, and with O_PATH.
    pub file: Option<Arc<dyn File>>,
}

impl Walk<'_> {
    /// open(2), but for what needs a process: the descriptor, ETXTBSY, FIFOs, devices and sockets.
    ///
    /// # Errors
    /// EEXIST, EISDIR, ENOTDIR, EACCES, EPERM (O_NOATIME by another than the owner), EROFS, ENOSPC, ELOOP (O_NOFOLLOW);
    /// EINVAL (O_CREAT with O_DIRECTORY or O_TMPFILE, O_TMPFILE without writing); EOPNOTSUPP (O_TMPFILE here).
    pub fn open(&self, path: &[u8], flags: OpenFlags, mode: u32, umask: u32) -> Result<Opened> {
        if flags.contains(OpenFlags::PATH) {
            return self.open_location(path, flags);
        }
        // O_TMPFILE contains O_DIRECTORY.
        if flags.contains(OpenFlags::CREAT | OpenFlags::DIRECTORY) {
            return Err(Errno::EINVAL);
        }
        let mode = Mode::from_bits_truncate(mode & 0o7777 & !umask);
        if flags.contains(OpenFlags::TMPFILE) {
            return self.open_unnamed(path, flags, mode);
        }
        if flags.contains(OpenFlags::CREAT) {
            return self.open_or_create(path, flags, mode);
        }
        let place = self.resolve(path, !flags.contains(OpenFlags::NOFOLLOW))?;
        place.open(flags, self.cred)
    }

    /// O_PATH: the place and nothing else.
    fn open_location(&self, path: &[u8], flags: OpenFlags) -> Result<Opened> {
        let place = self.resolve(path, !flags.contains(OpenFlags::NOFOLLOW))?;
        if flags.contains(OpenFlags::DIRECTORY) && !place.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        Ok(Opened { inode: place.inode().clone(), path: place, created: false, file: None })
    }

    /// O_TMPFILE: `path` is the directory.
    fn open_unnamed(&self, path: &[u8], flags: OpenFlags, mode: Mode) -> Result<Opened> {
        if !flags.writable() {
            return Err(Errno::EINVAL);
        }
        let directory = self.resolve(path, !flags.contains(OpenFlags::NOFOLLOW))?;
        if !directory.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        directory.mount.want_write()?;
        directory.may_create(self.cred)?;
        self.cred.check(&[(Access::Create, Object::At(&directory)), (Access::Write, Object::At(&directory))])?;
        let inode = directory.inode().create_unnamed(&directory.new_file(CreateKind::Regular, mode, self.cred)?)?;
        let place = Path { dentry: Dentry::unnamed(inode.clone(), &directory.dentry), mount: directory.mount.clone() };
        let file = inode.clone().open(flags)?;
        Ok(Opened { path: place, inode, created: true, file: Some(file) })
    }

    /// O_CREAT.
    fn open_or_create(&self, path: &[u8], flags: OpenFlags, mode: Mode) -> Result<Opened> {
        let exclusive = flags.contains(OpenFlags::EXCL);
        let mut walker = Walker::start(*self, path)?;
        loop {
            let name = match walker.parent()? {
                LastComponent::Name(_) if walker.trailing_slash => return Err(Errno::EISDIR),
                LastComponent::Name(name) => name,
                _ => return Err(if exclusive { Errno::EEXIST } else { Errno::EISDIR }),
            };
            let found = match self.find_or_create(&walker.at, &name, mode)? {
                Entry::Created(opened, inode) => return opened.open_created(inode, flags, self.cred),
                Entry::Found(dentry) => self.ns.traverse(Path { mount: walker.at.mount.clone(), dentry }),
            };
            if exclusive {
                return Err(Errno::EEXIST);
            }
            if found.file_type() == FileType::Symlink && !flags.contains(OpenFlags::NOFOLLOW) {
                if walker.follow_last(&found)? {
                    continue;
                }
                return walker.at.open_existing(flags, self.cred);
            }
            return found.open_existing(flags, self.cred);
        }
    }

    /// The entry `name` of `parent`, made if it is missing, in one step.
    fn find_or_create(&self, parent: &Path, name: &[u8], mode: Mode) -> Result<Entry> {
        check_name(name)?;
        let mut children = parent.dentry.children();
        match children.lookup(&parent.dentry, name, parent.mount.volatile) {
            Ok(dentry) => return Ok(Entry::Found(dentry)),
            Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno),
        }
        parent.mount.want_write()?;
        parent.may_create(self.cred)?;
        self.cred.check(&[(Access::Create, Object::Entry(parent, name)), (Access::Write, Object::Entry(parent, name))])?;
        let inode = parent.create(name, CreateKind::Regular, mode, self.cred)?;
        Ok(Entry::Created(enter(&mut children, parent, name, inode.clone()), inode))
    }
}

enum Entry {
    Found(Arc<Dentry>),
    Created(Path, InodeRef),
}

impl Path {
    /// Opens the file here, for open(2) without O_CREAT, and again for /proc/PID/fd links.
    ///
    /// # Errors
    /// As [`Walk::open`].
    pub fn open(&self, flags: OpenFlags, cred: &Cred) -> Result<Opened> {
        if flags.contains(OpenFlags::PATH) {
            return Ok(Opened { inode: self.inode().clone(), path: self.clone(), created: false, file: None });
        }
        if flags.contains(OpenFlags::DIRECTORY) && !self.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        self.may_open(flags, cred)?;
        let file_type = self.file_type();
        let file: Option<Arc<dyn File>> = match file_type {
            FileType::Directory => Some(Arc::new(DirectoryFile)),
            FileType::Regular => {
                // The content goes first: a driver that copies on opening for writing then has nothing to copy.
                if flags.contains(OpenFlags::TRUNC) {
                    self.set_len(0, cred)?;
                }
                Some(self.open_regular(flags, cred)?)
            }
            _ => None,
        };
        Ok(Opened { inode: self.inode().clone(), path: self.clone(), created: false, file })
    }

    /// With O_CREAT a directory is EISDIR even for reading.
    fn open_existing(&self, flags: OpenFlags, cred: &Cred) -> Result<Opened> {
        if self.is_directory() { Err(Errno::EISDIR) } else { self.open(flags, cred) }
    }

    /// A new file is open to its maker whatever its mode.
    fn open_created(self, inode: InodeRef, flags: OpenFlags, _cred: &Cred) -> Result<Opened> {
        let file = inode.clone().open(flags)?;
        Ok(Opened { path: self, inode, created: true, file: Some(file) })
    }

    fn open_regular(&self, flags: OpenFlags, cred: &Cred) -> Result<Arc<dyn File>> {
        let inode = self.inode();
        let file = inode.clone().open(flags)?;
        if flags.writable() && !cred.privileged && set_id_cleared(&inode.stat()?, cred).is_some() {
            return Ok(Arc::new(SetIdClearing::new(file, inode.clone(), cred.clone())));
        }
        Ok(file)
    }

    /// Linux: `may_open`. Type, permission, and read-only mounts.
    fn may_open(&self, flags: OpenFlags, cred: &Cred) -> Result<()> {
        let mut mask = access_mask(flags.readable(), flags.writable());
        if flags.contains(OpenFlags::TRUNC) {
            mask |= W_OK;
        }
        let file_type = self.file_type();
        match file_type {
            FileType::Symlink => return Err(Errno::ELOOP),
            FileType::Directory if mask & W_OK != 0 => return Err(Errno::EISDIR),
            FileType::CharDevice | FileType::BlockDevice if self.mount.flags.contains(MountFlags::NODEV) => return Err(Errno::EACCES),
            FileType::Fifo | FileType::Socket | FileType::CharDevice | FileType::BlockDevice => mask = access_mask(flags.readable(), flags.writable()),
            _ => {}
        }
        self.permission(cred, mask)?;
        let writes = flags.writable() || flags.contains(OpenFlags::TRUNC);
        match (flags.readable(), writes) {
            (true, true) => cred.check(&[(Access::Read, Object::At(self)), (Access::Write, Object::At(self))])?,
            (true, false) => cred.check(&[(Access::Read, Object::At(self))])?,
            (false, _) => cred.check(&[(Access::Write, Object::At(self))])?,
        }
        if flags.contains(OpenFlags::NOATIME) && !is_owner(&self.inode().stat()?, cred) {
            return Err(Errno::EPERM);
        }
        if file_type == FileType::Regular && mask & W_OK != 0 {
            self.mount.want_write()?;
        }
        Ok(())
    }
}

/// Clears set-id bits of `inode` after an unprivileged caller changed its content.
pub(crate) fn clear_set_id(inode: &InodeRef, cred: &Cred) -> Result<()> {
    match set_id_cleared(&inode.stat()?, cred) {
        Some(mode) => inode.set_attr(&SetAttr { mode: Some(mode), ..SetAttr::default() }),
        None => Ok(()),
    }
}
