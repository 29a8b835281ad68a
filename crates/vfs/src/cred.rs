//! Who asks: the identity that permission checks use (credentials(7)).

use crate::guard::{Access, Guard, Object};
use agentos_abi::Result;
use std::fmt;
use std::sync::Arc;

/// User, groups and capabilities of a caller. Cheap to clone.
#[derive(Clone)]
pub struct Cred {
    /// File system user id.
    pub uid: u32,
    /// File system group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Arc<[u32]>,
    /// CAP_DAC_OVERRIDE, CAP_FOWNER and CAP_CHOWN in one: permission bits do not hold this caller back. User 0 has it.
    pub privileged: bool,
    /// Asked after permission bits, also for a privileged caller.
    pub guard: Option<Arc<dyn Guard>>,
}

impl Cred {
    /// The super-user.
    pub fn root() -> Cred {
        Cred { uid: 0, gid: 0, groups: Arc::new([]), privileged: true, guard: None }
    }

    /// An ordinary user.
    pub fn user(uid: u32, gid: u32) -> Cred {
        Cred { uid, gid, groups: Arc::new([]), privileged: uid == 0, guard: None }
    }

    /// Whether `gid` is one of the caller's groups.
    pub fn in_group(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }

    /// Asks the guard, if there is one. Errors: its.
    pub fn check(&self, wanted: &[(Access, Object<'_>)]) -> Result<()> {
        match &self.guard {
            Some(guard) if !wanted.is_empty() => guard.check(wanted),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Cred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cred").field("uid", &self.uid).field("gid", &self.gid).field("groups", &self.groups).field("privileged", &self.privileged).finish()
    }
}
