//! How a process ends: at once, whatever its engine is doing.
//!
//! In two steps. [`Table::end`] marks it, so that every later call answers ESRCH; then, with the lock released, its files are
//! closed; then [`Table::bury`] makes it a zombie and tells the parent. So a parent that learns of the end finds the files closed.

use super::usage::accumulate;
use super::{Effects, INIT_PID, State, Table};
use crate::signal::{FROM_KERNEL, cld};
use agentos_abi::signal::{Disposition, SA_NOCLDWAIT, SigInfo};
use agentos_abi::{Events, Pid, Signal, WaitStatus};
use agentos_syscall::Attention;

impl Table {
    /// Marks a process as ended. A second end does nothing. Pid 1 never ends.
    pub(crate) fn end(&mut self, pid: Pid, status: WaitStatus, effects: &mut Effects) {
        let Ok(entry) = self.get_mut(pid) else { return };
        if pid == INIT_PID || !entry.process.raise(Attention::EXITED) {
            return;
        }
        entry.process.lower(Attention::STOPPED);
        let interrupt = entry.process.signals.lock().interrupt.take();
        effects.interrupts.extend(interrupt.map(|call| (call, Attention::EXITED)));
        effects.wake(&entry.process.events, Events::all());
        effects.ended.push((entry.process.clone(), status));
    }

    /// Makes an ended process a zombie: its children go to pid 1, its session loses its terminal, its parent hears of it.
    pub(crate) fn bury(&mut self, pid: Pid, status: WaitStatus, effects: &mut Effects) {
        let Ok(entry) = self.get_mut(pid) else { return };
        if entry.is_zombie() {
            return;
        }
        entry.state = State::Zombie(status);
        entry.change = None;
        let (parent, group, session) = (entry.parent, entry.group, entry.session);
        let children = std::mem::take(&mut entry.children);
        if session == pid {
            effects.hangups.extend(self.terminals.remove(&session));
        }
        self.hang_up_if_orphaned(group, session, parent, effects);
        for child in children {
            self.adopt(child, pid, effects);
        }
        self.tell_parent(pid, status, effects);
    }

    /// Gives a child of the ended process `old_parent` to pid 1.
    fn adopt(&mut self, child: Pid, old_parent: Pid, effects: &mut Effects) {
        let Ok(entry) = self.get_mut(child) else { return };
        entry.parent = INIT_PID;
        entry.adopted = true;
        let (zombie, group, session) = (entry.is_zombie(), entry.group, entry.session);
        if let Ok(init) = self.get_mut(INIT_PID) {
            init.children.push(child);
        }
        if zombie {
            self.reap(child, effects);
        } else {
            self.hang_up_if_orphaned(group, session, old_parent, effects);
        }
    }

    /// SIGCHLD and the wake-up of wait4(2); reaps at once when nobody is going to wait.
    fn tell_parent(&mut self, pid: Pid, status: WaitStatus, effects: &mut Effects) {
        let Ok(entry) = self.get(pid) else { return };
        let (parent, adopted, usage) = (entry.parent, entry.adopted, entry.process.usage.rusage());
        let uid = entry.process.credentials.read().ruid;
        let Ok(parent_entry) = self.get_mut(parent) else { return };
        let action = parent_entry.process.signals.lock().action(Signal::SIGCHLD);
        effects.wake(&parent_entry.process.children, Events::IN);
        let unwanted = action.disposition == Disposition::Ignore || action.flags & SA_NOCLDWAIT != 0;
        if adopted || unwanted {
            accumulate(&mut parent_entry.child_usage, &usage);
            self.reap(pid, effects);
        }
        let (code, number) = match status {
            WaitStatus::Exited(code) => (cld::EXITED, i32::from(code)),
            WaitStatus::Signaled { signal, core } => (if core { cld::DUMPED } else { cld::KILLED }, signal.number()),
            WaitStatus::Stopped(_) | WaitStatus::Continued => return,
        };
        self.post(parent, Signal::SIGCHLD, SigInfo { code, pid, uid, status: number }, effects);
    }

    /// A group that nobody outside it in its session can look after any more gets SIGHUP and SIGCONT, if a member is stopped
    /// (POSIX _exit(), "orphaned process group"). `parent` is the process through which it was not orphaned until now.
    fn hang_up_if_orphaned(&mut self, group: Pid, session: Pid, parent: Pid, effects: &mut Effects) {
        let connected = self.get(parent).is_ok_and(|p| p.group != group && p.session == session && parent != INIT_PID);
        if !connected || !self.is_orphaned(group) {
            return;
        }
        let members = self.group(group);
        if members.iter().any(|pid| self.get(*pid).is_ok_and(|e| e.state == State::Stopped)) {
            for pid in members {
                self.post(pid, Signal::SIGHUP, FROM_KERNEL, effects);
                self.post(pid, Signal::SIGCONT, FROM_KERNEL, effects);
            }
        }
    }
}
