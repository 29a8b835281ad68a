//! Attributes: chmod(2), chown(2), utimensat(2), truncate(2), access(2), statfs(2), readlink(2).
//!
//! Each comes twice: on a [`Path`], for the calls that take a descriptor, and on a [`Walk`], for those that take a path.

use crate::guard::{Access, Object};
use crate::permission::{check, is_owner};
use crate::{Cred, MountFlags, Path, SetAttr, Walk};
use agentos_abi::fcntl::{W_OK, X_OK};
use agentos_abi::time::SetTime;
use agentos_abi::{Errno, FileType, Mode, Result, Stat, Statfs};

/// ST_RDONLY and its neighbours have the numbers of the mount flags; ST_VALID says that the field means something.
const ST_VALID: u32 = 0x20;
/// ST_RELATIME
const ST_RELATIME: u32 = 0x1000;

impl Path {
    /// fchmod(2). The set-group-id bit is lost when the caller is not in the file's group.
    ///
    /// # Errors
    /// EROFS, EPERM (not the owner); EOPNOTSUPP for a symbolic link.
    pub fn chmod(&self, mode: u32, cred: &Cred) -> Result<()> {
        if self.file_type() == FileType::Symlink {
            return Err(Errno::EOPNOTSUPP);
        }
        self.mount.want_write()?;
        let stat = self.inode().stat()?;
        if !is_owner(&stat, cred) {
            return Err(Errno::EPERM);
        }
        cred.check(&[(Access::Write, Object::At(self))])?;
        let mut mode = Mode::from_bits_truncate(mode & 0o7777);
        if !cred.privileged && !cred.in_group(stat.gid) {
            mode -= Mode::SGID;
        }
        self.inode().set_attr(&SetAttr { mode: Some(mode), ..SetAttr::default() })
    }

    /// fchown(2); `None` leaves an id. Set-id bits of anything but a directory are cleared.
    ///
    /// # Errors
    /// EROFS; EPERM: only a privileged caller changes the owner, and the owner only hands the file to one of its groups.
    pub fn chown(&self, uid: Option<u32>, gid: Option<u32>, cred: &Cred) -> Result<()> {
        self.mount.want_write()?;
        let stat = self.inode().stat()?;
        let own = cred.uid == stat.uid;
        let uid_allowed = uid.is_none_or(|uid| own && uid == stat.uid);
        let gid_allowed = gid.is_none_or(|gid| own && (gid == stat.gid || cred.in_group(gid)));
        let cleared = if stat.file_type == FileType::Directory { stat.mode } else { without_set_id(&stat, cred) };
        let mode_allowed = cleared == stat.mode || own;
        if !cred.privileged && !(uid_allowed && gid_allowed && mode_allowed) {
            return Err(Errno::EPERM);
        }
        cred.check(&[(Access::Write, Object::At(self))])?;
        let mode = (cleared != stat.mode).then_some(cleared);
        self.inode().set_attr(&SetAttr { mode, uid, gid, ..SetAttr::default() })
    }

    /// futimens(3). Omitting both changes and checks nothing.
    ///
    /// # Errors
    /// EROFS; EACCES: setting both to now needs ownership or write permission; EPERM: everything else needs ownership.
    pub fn set_times(&self, atime: SetTime, mtime: SetTime, cred: &Cred) -> Result<()> {
        if atime == SetTime::Omit && mtime == SetTime::Omit {
            return Ok(());
        }
        self.mount.want_write()?;
        let stat = self.inode().stat()?;
        if !is_owner(&stat, cred) {
            if atime != SetTime::Now || mtime != SetTime::Now {
                return Err(Errno::EPERM);
            }
            check(&stat, cred, W_OK)?;
        }
        cred.check(&[(Access::Write, Object::At(self))])?;
        self.inode().set_attr(&SetAttr { atime, mtime, ..SetAttr::default() })
    }

    /// truncate(2), with the check of permission.
    ///
    /// # Errors
    /// EISDIR, EINVAL (not a regular file), EROFS, EACCES, EFBIG, ENOSPC.
    pub fn truncate(&self, size: u64, cred: &Cred) -> Result<()> {
        match self.file_type() {
            FileType::Regular => {}
            FileType::Directory => return Err(Errno::EISDIR),
            _ => return Err(Errno::EINVAL),
        }
        self.mount.want_write()?;
        self.permission(cred, W_OK)?;
        cred.check(&[(Access::Write, Object::At(self))])?;
        self.set_len(size, cred)
    }

    /// ftruncate(2) through a descriptor that is open for writing: nothing is checked. An unprivileged caller clears set-id bits.
    ///
    /// # Errors
    /// EINVAL (not a regular file), EFBIG, ENOSPC.
    pub fn set_len(&self, size: u64, cred: &Cred) -> Result<()> {
        if self.file_type() != FileType::Regular {
            return Err(Errno::EINVAL);
        }
        let mode = if cred.privileged { None } else { set_id_cleared(&self.inode().stat()?, cred) };
        self.inode().set_attr(&SetAttr { size: Some(size), mode, ..SetAttr::default() })
    }

    /// access(2) with R_OK, W_OK and X_OK bits in `mask`; 0 only asks whether the file is there.
    ///
    /// # Errors
    /// EACCES; EROFS (W_OK, except for devices, FIFOs and sockets).
    pub fn access(&self, mask: u32, cred: &Cred) -> Result<()> {
        let file_type = self.file_type();
        if mask & X_OK != 0 && file_type == FileType::Regular && self.mount.flags.contains(MountFlags::NOEXEC) {
            return Err(Errno::EACCES);
        }
        self.permission(cred, mask)?;
        cred.check(&[(Access::Stat, Object::At(self))])?;
        if mask & W_OK != 0 && matches!(file_type, FileType::Regular | FileType::Directory | FileType::Symlink) {
            self.mount.want_write()?;
        }
        Ok(())
    }

    /// fstatfs(2).
    pub fn statfs(&self) -> Statfs {
        let mut statfs = self.mount.fs.statfs();
        statfs.flags |= self.mount.flags.bits() | ST_VALID | ST_RELATIME;
        statfs
    }
}

/// The mode without set-id bits, as a change of owner leaves it. A set-group-id bit without group execution is no such bit to a
/// member of the group.
fn without_set_id(stat: &Stat, cred: &Cred) -> Mode {
    let mut mode = stat.mode - Mode::SUID;
    if mode.bits() & 0o010 != 0 || !cred.privileged && !cred.in_group(stat.gid) {
        mode -= Mode::SGID;
    }
    mode
}

/// The mode that an unprivileged change of the content leaves, if it changes.
pub(crate) fn set_id_cleared(stat: &Stat, cred: &Cred) -> Option<Mode> {
    let cleared = without_set_id(stat, cred);
    (cleared != stat.mode).then_some(cleared)
}

impl Walk<'_> {
    /// stat(2), lstat(2). Errors: those of the walk.
    pub fn stat(&self, path: &[u8], follow: bool) -> Result<Stat> {
        let place = self.resolve(path, follow)?;
        self.cred.check(&[(Access::Stat, Object::At(&place))])?;
        place.stat()
    }

    /// readlink(2), whole. Errors: EINVAL when it is no symbolic link.
    pub fn readlink(&self, path: &[u8]) -> Result<Vec<u8>> {
        let place = self.resolve(path, false)?;
        self.cred.check(&[(Access::Read, Object::At(&place))])?;
        place.inode().readlink()
    }

    /// chmod(2). Errors: see [`Path::chmod`].
    pub fn chmod(&self, path: &[u8], follow: bool, mode: u32) -> Result<()> {
        self.resolve(path, follow)?.chmod(mode, self.cred)
    }

    /// chown(2), lchown(2). Errors: see [`Path::chown`].
    pub fn chown(&self, path: &[u8], follow: bool, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
        self.resolve(path, follow)?.chown(uid, gid, self.cred)
    }

    /// utimensat(2). Omitting both times does not even look for the file. Errors: see [`Path::set_times`].
    pub fn utimens(&self, path: &[u8], follow: bool, atime: SetTime, mtime: SetTime) -> Result<()> {
        if atime == SetTime::Omit && mtime == SetTime::Omit {
            return Ok(());
        }
        self.resolve(path, follow)?.set_times(atime, mtime, self.cred)
    }

    /// truncate(2). Errors: see [`Path::truncate`].
    pub fn truncate(&self, path: &[u8], size: u64) -> Result<()> {
        self.resolve(path, true)?.truncate(size, self.cred)
    }

    /// access(2); make the walk with the real ids. Errors: see [`Path::access`].
    pub fn access(&self, path: &[u8], follow: bool, mask: u32) -> Result<()> {
        self.resolve(path, follow)?.access(mask, self.cred)
    }

    /// statfs(2). Errors: those of the walk.
    pub fn statfs(&self, path: &[u8]) -> Result<Statfs> {
        Ok(self.resolve(path, true)?.statfs())
    }
}
