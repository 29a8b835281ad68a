//! Posting a signal: pending, or a default action carried out on the spot.
//!
//! Default actions happen here and not in the engine, so that a program that computes, or that nobody resumes, can be stopped
//! and ended. Only handlers wait for the engine.

use super::state::STOP_SIGNALS;
use super::{Verdict, cld, may_signal};
use crate::process::{Credentials, Effects, INIT_PID, Process, State, Table};
use agentos_abi::signal::{SA_NOCLDSTOP, SigInfo};
use agentos_abi::{Errno, Events, Pid, Result, SigSet, Signal, WaitStatus};
use agentos_syscall::Attention;
use std::sync::Arc;

impl Table {
    /// kill(2) as called by `caller`. Errors: ESRCH (nobody), EPERM (nobody that may be signalled).
    pub(crate) fn kill(&mut self, caller: Pid, target: Pid, signal: Option<Signal>, effects: &mut Effects) -> Result<()> {
        self.send(caller, target, signal, (0, 0), effects)
    }

    /// kill(2) and sigqueue(3), which sends a code and a value along.
    pub(crate) fn send(&mut self, caller: Pid, target: Pid, signal: Option<Signal>, (code, value): (i32, i32), effects: &mut Effects) -> Result<()> {
        let entry = self.get(caller)?;
        let (session, group) = (entry.session, entry.group);
        let sender: Credentials = entry.process.credentials.read().clone();
        let targets: Vec<Pid> = match target {
            0 => self.group(group),
            -1 => self.iter().map(|(pid, _)| pid).filter(|pid| *pid != INIT_PID && *pid != caller).collect(),
            pid if pid > 0 => vec![pid],
            group => self.group(group.checked_neg().ok_or(Errno::ESRCH)?),
        };
        let mut result = Err(Errno::ESRCH);
        let info = SigInfo { code, pid: caller, uid: sender.ruid, status: value };
        for pid in targets {
            let Ok(entry) = self.get(pid) else { continue };
            if !may_signal(&sender, &entry.process.credentials.read(), signal, entry.session == session) {
                if result == Err(Errno::ESRCH) {
                    result = Err(Errno::EPERM);
                }
                continue;
            }
            result = Ok(());
            if let Some(signal) = signal {
                self.post(pid, signal, info, effects);
            }
        }
        result
    }

    /// Sends a signal to every member of a group, as a terminal does.
    pub(crate) fn post_group(&mut self, group: Pid, signal: Signal, info: SigInfo, effects: &mut Effects) {
        for pid in self.group(group) {
            self.post(pid, signal, info, effects);
        }
    }

    /// Makes a signal pending and does what is due. Pid 1 and zombies take none.
    pub(crate) fn post(&mut self, pid: Pid, signal: Signal, info: SigInfo, effects: &mut Effects) {
        let Ok(entry) = self.get(pid) else { return };
        if pid == INIT_PID || entry.is_zombie() || entry.process.has_ended() {
            return;
        }
        let process = entry.process.clone();
        if signal == Signal::SIGCONT || signal == Signal::SIGKILL {
            process.signals.lock().discard(STOP_SIGNALS);
            self.resume(pid, signal == Signal::SIGCONT, effects);
        } else if STOP_SIGNALS.contains(signal) {
            process.signals.lock().discard(SigSet::default().with(Signal::SIGCONT));
        }
        if process.signals.lock().post(signal, info) {
            effects.wake(&process.events, Events::PRI);
            effects.wake(&process.signal_files, Events::READ);
            self.settle(&process, effects);
        }
    }

    /// Carries out whatever pending signals demand of a process. While it is stopped only SIGKILL is looked at.
    pub(crate) fn settle(&mut self, process: &Arc<Process>, effects: &mut Effects) {
        let pid = process.pid;
        loop {
            let Ok(entry) = self.get(pid) else { return };
            if entry.is_zombie() || process.has_ended() {
                return;
            }
            let mut signals = process.signals.lock();
            if entry.state == State::Stopped && !signals.pending().contains(Signal::SIGKILL) {
                return;
            }
            let verdict = signals.settle();
            if verdict == Verdict::Settled {
                if process.update_attention(&signals) {
                    effects.interrupt(signals.interrupt.clone(), Attention::SIGNAL);
                    effects.wake(&process.events, Events::IN);
                }
                return;
            }
            drop(signals);
            match verdict {
                Verdict::Terminate { signal, core } => self.end(pid, WaitStatus::Signaled { signal, core }, effects),
                Verdict::Stop(signal) => self.stop(pid, signal, effects),
                Verdict::Settled => return,
            }
        }
    }

    /// Stops a process and tells its parent. A terminal's stop signals do nothing in an orphaned group (POSIX 2.4.3).
    fn stop(&mut self, pid: Pid, signal: Signal, effects: &mut Effects) {
        let Ok(entry) = self.get(pid) else { return };
        if signal != Signal::SIGSTOP && self.is_orphaned(entry.group) {
            return;
        }
        let Ok(entry) = self.get_mut(pid) else { return };
        entry.state = State::Stopped;
        entry.change = Some(WaitStatus::Stopped(signal));
        let process = entry.process.clone();
        process.raise(Attention::STOPPED);
        effects.interrupt(process.signals.lock().interrupt.clone(), Attention::STOPPED);
        effects.wake(&process.events, Events::IN);
        self.tell_parent_of_change(pid, cld::STOPPED, signal, effects);
    }

    /// Lets a stopped process run again. SIGKILL wakes it too, but that is no continuation to report.
    fn resume(&mut self, pid: Pid, report: bool, effects: &mut Effects) {
        let Ok(entry) = self.get_mut(pid) else { return };
        if entry.state != State::Stopped {
            return;
        }
        entry.state = State::Running;
        entry.change = report.then_some(WaitStatus::Continued);
        let process = entry.process.clone();
        process.lower(Attention::STOPPED);
        effects.wake(&process.events, Events::IN);
        if report {
            self.tell_parent_of_change(pid, cld::CONTINUED, Signal::SIGCONT, effects);
        }
        self.settle(&process, effects);
    }

    fn tell_parent_of_change(&mut self, pid: Pid, code: i32, signal: Signal, effects: &mut Effects) {
        let Ok(entry) = self.get(pid) else { return };
        let (parent, uid) = (entry.parent, entry.process.credentials.read().ruid);
        let Ok(parent_entry) = self.get(parent) else { return };
        effects.wake(&parent_entry.process.children, Events::IN);
        let action = parent_entry.process.signals.lock().action(Signal::SIGCHLD);
        if action.flags & SA_NOCLDSTOP == 0 {
            self.post(parent, Signal::SIGCHLD, SigInfo { code, pid, uid, status: signal.number() }, effects);
        }
    }
}
