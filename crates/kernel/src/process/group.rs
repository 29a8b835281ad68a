//! Process groups (setpgid(2)).

use super::{INIT_PID, Table};
use agentos_abi::{Errno, Pid, Result};
use std::sync::atomic::Ordering;

impl Table {
    /// Whether no member has a live parent in the same session but in another group (POSIX "orphaned process group").
    /// Pid 1 does not count as such a parent: it controls no jobs.
    pub(crate) fn is_orphaned(&self, group: Pid) -> bool {
        !self.iter().any(|(_, member)| {
            member.group == group
                && !member.is_zombie()
                && member.parent != INIT_PID
                && self.get(member.parent).is_ok_and(|parent| !parent.is_zombie() && parent.group != group && parent.session == member.session)
        })
    }

    /// setpgid(2) as called by `caller`; zeros mean the caller and the target's own pid.
    pub(crate) fn set_group(&mut self, caller: Pid, pid: Pid, group: Pid) -> Result<()> {
        if group < 0 || pid < 0 {
            return Err(Errno::EINVAL);
        }
        let pid = if pid == 0 { caller } else { pid };
        let group = if group == 0 { pid } else { group };
        let session = self.get(caller)?.session;
        let target = self.get(pid)?;
        if pid != caller {
            if target.parent != caller {
                return Err(Errno::ESRCH);
            }
            if target.session != session {
                return Err(Errno::EPERM);
            }
            if target.process.has_execed.load(Ordering::Relaxed) {
                return Err(Errno::EACCES);
            }
        }
        if target.session == pid {
            return Err(Errno::EPERM);
        }
        if group != pid && !self.iter().any(|(_, e)| e.group == group && e.session == session) {
            return Err(Errno::EPERM);
        }
        self.get_mut(pid)?.group = group;
        Ok(())
    }
}
