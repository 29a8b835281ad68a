//! Permission bits: who may do what to a file (path_resolution(7), inode(7)).

use crate::{Cred, Path};
use agentos_abi::fcntl::{R_OK, W_OK, X_OK};
use agentos_abi::{Errno, FileType, Mode, Result, Stat};

/// Whether `cred` may do what `mask` (R_OK, W_OK, X_OK) says to a file with these attributes.
///
/// A privileged caller may read, write and search everything, but execute only what somebody may execute.
///
/// # Errors
/// EACCES.
pub fn check(stat: &Stat, cred: &Cred, mask: u32) -> Result<()> {
    let bits = stat.mode.bits();
    let granted = if stat.uid == cred.uid {
        bits >> 6
    } else if cred.in_group(stat.gid) {
        bits >> 3
    } else {
        bits
    };
    let executable = stat.file_type == FileType::Directory || bits & 0o111 != 0;
    if mask & !granted & 7 == 0 || cred.privileged && (mask & X_OK == 0 || executable) { Ok(()) } else { Err(Errno::EACCES) }
}

/// Whether the caller owns the file or has the owner's powers.
pub fn is_owner(stat: &Stat, cred: &Cred) -> bool {
    cred.privileged || cred.uid == stat.uid
}

impl Path {
    /// Checks `mask` (R_OK, W_OK, X_OK) against the file's permission bits. Errors: EACCES, ESTALE, EIO.
    pub fn permission(&self, cred: &Cred, mask: u32) -> Result<()> {
        // The common case of a privileged walk costs no stat.
        if cred.privileged && (mask & X_OK == 0 || self.is_directory()) {
            return Ok(());
        }
        check(&self.inode().stat()?, cred, mask)
    }

    /// Whether entries may be made in this directory (Linux: `may_create`).
    pub(crate) fn may_create(&self, cred: &Cred) -> Result<()> {
        self.permission(cred, W_OK | X_OK)
    }

    /// Whether the entry `victim` of this directory may be removed or replaced, by something that is a directory or by rmdir(2)
    /// (`as_directory`), or else (Linux: `may_delete`).
    ///
    /// # Errors
    /// EACCES, EPERM (sticky directory), ENOTDIR, EISDIR.
    pub(crate) fn may_delete(&self, victim: &Path, cred: &Cred, as_directory: bool) -> Result<()> {
        self.permission(cred, W_OK | X_OK)?;
        if !cred.privileged {
            let directory = self.inode().stat()?;
            if directory.mode.contains(Mode::STICKY) && cred.uid != directory.uid && cred.uid != victim.inode().stat()?.uid {
                return Err(Errno::EPERM);
            }
        }
        match (as_directory, victim.is_directory()) {
            (true, false) => Err(Errno::ENOTDIR),
            (false, true) => Err(Errno::EISDIR),
            _ => Ok(()),
        }
    }
}

/// The mask that reading and writing need.
pub(crate) fn access_mask(readable: bool, writable: bool) -> u32 {
    (if readable { R_OK } else { 0 }) | (if writable { W_OK } else { 0 })
}
