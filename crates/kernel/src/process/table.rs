//! The process table: who exists, whose child it is, and which groups and sessions it belongs to.

use super::{Effects, INIT_PID, Process};
use crate::limits::PID_MAX;
use crate::tty::Tty;
use agentos_abi::wait::Rusage;
use agentos_abi::{Errno, Pid, Result, WaitStatus};
use agentos_account::{Account, Limit};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Numbers below this are not given out again after a wrap (Linux' RESERVED_PIDS).
const RESERVED_PIDS: Pid = 300;

/// Where a process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Runs or waits.
    Running,
    /// Stopped by a signal.
    Stopped,
    /// Ended; waits to be waited for.
    Zombie(WaitStatus),
}

/// What others see of a process.
pub(crate) struct Entry {
    pub(crate) process: Arc<Process>,
    pub(crate) parent: Pid,
    pub(crate) group: Pid,
    pub(crate) session: Pid,
    pub(crate) children: Vec<Pid>,
    pub(crate) state: State,
    /// A stop or continuation that the parent has not been told by wait4(2) yet.
    pub(crate) change: Option<WaitStatus>,
    /// Given to pid 1 when its parent ended: nobody will wait for it.
    pub(crate) adopted: bool,
    /// Usage of waited-for children.
    pub(crate) child_usage: Rusage,
}

impl Entry {
    pub(crate) fn is_zombie(&self) -> bool {
        matches!(self.state, State::Zombie(_))
    }
}

/// All processes. Its lock is the outermost of the kernel (see the crate's documentation).
pub(crate) struct Table {
    pub(super) entries: BTreeMap<Pid, Entry>,
    last_pid: Pid,
    account: Arc<Account>,
    /// Controlling terminals by session.
    pub(super) terminals: BTreeMap<Pid, Arc<Tty>>,
    /// Set by shutdown: no process may begin any more.
    pub(crate) closed: bool,
    /// Processes ever started.
    pub(crate) forks: u64,
}

impl Table {
    /// A table that holds pid 1 alone.
    pub(crate) fn new(init: Arc<Process>, account: Arc<Account>) -> Table {
        let mut entries = BTreeMap::new();
        entries.insert(INIT_PID, Entry::new(init, 0, INIT_PID, INIT_PID));
        Table { entries, last_pid: INIT_PID, account, terminals: BTreeMap::new(), closed: false, forks: 0 }
    }

    pub(crate) fn get(&self, pid: Pid) -> Result<&Entry> {
        self.entries.get(&pid).ok_or(Errno::ESRCH)
    }

    pub(crate) fn get_mut(&mut self, pid: Pid) -> Result<&mut Entry> {
        self.entries.get_mut(&pid).ok_or(Errno::ESRCH)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Pid, &Entry)> {
        self.entries.iter().map(|(pid, entry)| (*pid, entry))
    }

    /// Processes without pid 1.
    pub(crate) fn count(&self) -> usize {
        self.entries.len() - 1
    }

    pub(crate) fn last_pid(&self) -> Pid {
        self.last_pid
    }

    /// Members of a process group.
    pub(crate) fn group(&self, group: Pid) -> Vec<Pid> {
        self.iter().filter(|(_, entry)| entry.group == group).map(|(pid, _)| pid).collect()
    }

    /// A number that no process, group or session has. Errors: EAGAIN.
    pub(super) fn allocate_pid(&mut self) -> Result<Pid> {
        if self.closed {
            return Err(Errno::EAGAIN);
        }
        for _ in 0..PID_MAX {
            let next = self.last_pid + 1;
            self.last_pid = if next >= PID_MAX { RESERVED_PIDS } else { next };
            let pid = self.last_pid;
            if !self.entries.contains_key(&pid) && !self.entries.values().any(|e| e.group == pid || e.session == pid) {
                return Ok(pid);
            }
        }
        Err(Errno::EAGAIN)
    }

    /// Enters a child of `parent`, in its group and session. Errors: ESRCH; EAGAIN at the limit of the VM.
    pub(super) fn insert_child(&mut self, parent: Pid, process: Arc<Process>) -> Result<()> {
        let pid = process.pid;
        self.get(parent)?;
        self.account.charge(Limit::Processes, 1)?;
        let entry = self.get_mut(parent)?;
        entry.children.push(pid);
        let (group, session) = (entry.group, entry.session);
        self.entries.insert(pid, Entry::new(process, parent, group, session));
        self.forks += 1;
        Ok(())
    }

    /// Takes a zombie out of the table.
    pub(super) fn reap(&mut self, pid: Pid, effects: &mut Effects) {
        let Some(entry) = self.entries.remove(&pid) else { return };
        self.account.release(Limit::Processes, 1);
        if let Some(parent) = self.entries.get_mut(&entry.parent) {
            parent.children.retain(|child| *child != pid);
        }
        effects.reaped.push(entry.process);
    }
}

impl Entry {
    fn new(process: Arc<Process>, parent: Pid, group: Pid, session: Pid) -> Entry {
        Entry { process, parent, group, session, children: Vec::new(), state: State::Running, change: None, adopted: false, child_usage: Rusage::default() }
    }
}
