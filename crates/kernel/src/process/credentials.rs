//! User and group ids of a process (credentials(7)).

use agentos_abi::{Errno, Result};
use agentos_vfs::Cred;
use std::sync::Arc;

/// Most supplementary groups (NGROUPS_MAX).
const NGROUPS_MAX: usize = 65536;

/// Real, effective and saved ids. Set-user-id bits of programs have no effect, so ids change only by system calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) ruid: u32,
    pub(crate) euid: u32,
    pub(crate) suid: u32,
    pub(crate) rgid: u32,
    pub(crate) egid: u32,
    pub(crate) sgid: u32,
    pub(crate) groups: Arc<[u32]>,
}

impl Credentials {
    pub(crate) fn root() -> Credentials {
        Credentials { ruid: 0, euid: 0, suid: 0, rgid: 0, egid: 0, sgid: 0, groups: Arc::new([]) }
    }

    pub(crate) fn privileged(&self) -> bool {
        self.euid == 0
    }

    /// Who owns what this process makes.
    pub(crate) fn file_owner(&self) -> (u32, u32) {
        (self.euid, self.egid)
    }

    /// The identity for file permissions.
    pub(crate) fn effective(&self) -> Cred {
        Cred { uid: self.euid, gid: self.egid, groups: self.groups.clone(), privileged: self.privileged(), guard: None }
    }

    /// The identity that access(2) asks about.
    pub(crate) fn real(&self) -> Cred {
        Cred { uid: self.ruid, gid: self.rgid, groups: self.groups.clone(), privileged: self.ruid == 0, guard: None }
    }

    /// setresuid(2). Errors: EPERM.
    pub(crate) fn set_uids(&mut self, real: Option<u32>, effective: Option<u32>, saved: Option<u32>) -> Result<()> {
        let own = [self.ruid, self.euid, self.suid];
        check([real, effective, saved], own, self.privileged())?;
        self.ruid = real.unwrap_or(self.ruid);
        self.euid = effective.unwrap_or(self.euid);
        self.suid = saved.unwrap_or(self.suid);
        Ok(())
    }

    /// setresgid(2). Errors: EPERM.
    pub(crate) fn set_gids(&mut self, real: Option<u32>, effective: Option<u32>, saved: Option<u32>) -> Result<()> {
        let own = [self.rgid, self.egid, self.sgid];
        check([real, effective, saved], own, self.privileged())?;
        self.rgid = real.unwrap_or(self.rgid);
        self.egid = effective.unwrap_or(self.egid);
        self.sgid = saved.unwrap_or(self.sgid);
        Ok(())
    }

    /// setgroups(2). Errors: EPERM, EINVAL.
    pub(crate) fn set_groups(&mut self, groups: &[u32]) -> Result<()> {
        if !self.privileged() {
            return Err(Errno::EPERM);
        }
        if groups.len() > NGROUPS_MAX {
            return Err(Errno::EINVAL);
        }
        self.groups = groups.into();
        Ok(())
    }
}

/// An unprivileged process may set each id to one of its three.
fn check(new: [Option<u32>; 3], own: [u32; 3], privileged: bool) -> Result<()> {
    let allowed = privileged || new.iter().flatten().all(|id| own.contains(id));
    if allowed { Ok(()) } else { Err(Errno::EPERM) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unprivileged_process_moves_between_its_own_ids_only() {
        let mut cred = Credentials::root();
        cred.set_uids(Some(1000), Some(1000), None).unwrap();
        assert!(!cred.privileged());
        assert_eq!(cred.set_uids(None, Some(7), None), Err(Errno::EPERM));
        assert_eq!(cred.set_groups(&[1]), Err(Errno::EPERM));
        cred.set_uids(None, Some(0), None).unwrap();
        assert!(cred.privileged(), "the saved id was 0");
        assert_eq!(cred.set_groups(&vec![0; NGROUPS_MAX + 1]), Err(Errno::EINVAL));
    }
}
