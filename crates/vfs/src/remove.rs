//! unlink(2) and rmdir(2): taking names away.

use crate::guard::{Access, Object};
use crate::walk::{LastComponent, check_name};
use crate::{Path, Walk};
use agentos_abi::{Errno, Result};

impl Walk<'_> {
    /// unlink(2).
    ///
    /// # Errors
    /// EISDIR, EROFS, EACCES, EPERM (sticky directory), EBUSY (mount point); ENOTDIR for a trailing slash.
    pub fn unlink(&self, path: &[u8]) -> Result<()> {
        let (parent, last, trailing_slash) = self.resolve_parent(path)?;
        let LastComponent::Name(name) = last else { return Err(Errno::EISDIR) };
        self.remove(&parent, &name, |victim| {
            if trailing_slash {
                return Err(if victim.is_directory() { Errno::EISDIR } else { Errno::ENOTDIR });
            }
            parent.may_delete(victim, self.cred, false)
        })
    }

    /// rmdir(2).
    ///
    /// # Errors
    /// ENOTEMPTY, ENOTDIR, EROFS, EACCES, EPERM (sticky directory), EBUSY (mount point, or `/`), EINVAL (`.`).
    pub fn rmdir(&self, path: &[u8]) -> Result<()> {
        let (parent, last, _) = self.resolve_parent(path)?;
        let name = match last {
            LastComponent::Name(name) => name,
            LastComponent::Dot => return Err(Errno::EINVAL),
            LastComponent::DotDot => return Err(Errno::ENOTEMPTY),
            LastComponent::Root => return Err(Errno::EBUSY),
        };
        self.remove(&parent, &name, |victim| parent.may_delete(victim, self.cred, true))
    }

    fn remove(&self, parent: &Path, name: &[u8], may: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        parent.mount.want_write()?;
        check_name(name)?;
        let mut children = parent.dentry.children();
        let dentry = children.lookup(&parent.dentry, name, parent.mount.volatile)?;
        let victim = Path { mount: parent.mount.clone(), dentry };
        may(&victim)?;
        self.cred.check(&[(Access::Delete, Object::At(&victim))])?;
        if victim.dentry.is_covered() {
            return Err(Errno::EBUSY);
        }
        if victim.is_directory() {
            parent.inode().rmdir(name)?;
        } else {
            parent.inode().unlink(name)?;
        }
        children.remove(name);
        Ok(())
    }
}
