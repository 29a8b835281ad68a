//! wait4(2): finding a child that changed.

use super::usage::accumulate;
use super::{Effects, Entry, State, Table};
use agentos_abi::wait::{Rusage, WaitTarget};
use agentos_abi::{Errno, Pid, Result, WaitOptions, WaitStatus};
use agentos_syscall::Waited;

impl Table {
    /// One child of `parent` that ended, or stopped or continued when `options` ask for that.
    ///
    /// # Errors
    /// ECHILD when no child matches; EWAIT when none has changed.
    pub(crate) fn wait(&mut self, parent: Pid, target: WaitTarget, options: WaitOptions, effects: &mut Effects) -> Result<Option<Waited>> {
        let entry = self.get(parent)?;
        let own_group = entry.group;
        let matches = |pid: Pid, child: &Entry| match target {
            WaitTarget::Any => true,
            WaitTarget::Pid(wanted) => pid == wanted,
            WaitTarget::Group(0) => child.group == own_group,
            WaitTarget::Group(wanted) => child.group == wanted,
        };
        let mut found_any = false;
        let mut changed = None;
        for &pid in &entry.children {
            let Ok(child) = self.get(pid) else { continue };
            if !matches(pid, child) {
                continue;
            }
            found_any = true;
            if let Some(status) = reportable(child, options) {
                changed = Some((pid, status, child.process.usage.rusage()));
                break;
            }
        }
        let Some((pid, status, usage)) = changed else {
            return match (found_any, options.contains(WaitOptions::NOHANG)) {
                (false, _) => Err(Errno::ECHILD),
                (true, true) => Ok(None),
                (true, false) => Err(Errno::EWAIT),
            };
        };
        let rusage = self.report(parent, pid, options, usage, effects)?;
        Ok(Some(Waited { pid, status, rusage }))
    }

    /// Marks the change as seen: a zombie goes, unless NOWAIT leaves it.
    fn report(&mut self, parent: Pid, pid: Pid, options: WaitOptions, mut usage: Rusage, effects: &mut Effects) -> Result<Rusage> {
        let child = self.get_mut(pid)?;
        accumulate(&mut usage, &child.child_usage);
        if options.contains(WaitOptions::NOWAIT) {
            return Ok(usage);
        }
        if child.is_zombie() {
            self.reap(pid, effects);
            accumulate(&mut self.get_mut(parent)?.child_usage, &usage);
        } else {
            child.change = None;
        }
        Ok(usage)
    }
}

fn reportable(child: &Entry, options: WaitOptions) -> Option<WaitStatus> {
    match (child.state, child.change) {
        (State::Zombie(status), _) => Some(status),
        (_, Some(status @ WaitStatus::Stopped(_))) if options.contains(WaitOptions::UNTRACED) => Some(status),
        (_, Some(WaitStatus::Continued)) if options.contains(WaitOptions::CONTINUED) => Some(WaitStatus::Continued),
        _ => None,
    }
}
