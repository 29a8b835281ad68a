//! Who asks: the identity that permission checks use (credentials(7)).

use std::sync::Arc;

/// User, groups and capabilities of a caller. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cred {
    /// File system user id.
    pub uid: u32,
    /// File system group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Arc<[u32]>,
    /// CAP_DAC_OVERRIDE, CAP_FOWNER and CAP_CHOWN in one: permission bits do not hold this caller back. User 0 has it.
    pub privileged: bool,
}

impl Cred {
    /// The super-user.
    pub fn root() -> Cred {
        Cred { uid: 0, gid: 0, groups: Arc::new([]), privileged: true }
    }

    /// An ordinary user.
    pub fn user(uid: u32, gid: u32) -> Cred {
        Cred { uid, gid, groups: Arc::new([]), privileged: uid == 0 }
    }

    /// Whether `gid` is one of the caller's groups.
    pub fn in_group(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }
}
