//! One process' signal record: actions, masks and pending signals (the union of Linux' sighand and sigpending).

use super::MAX_QUEUED;
use agentos_abi::signal::{DefaultAction, Disposition, SA_NODEFER, SA_RESETHAND, SigAction, SigHow, SigInfo};
use agentos_abi::{SigSet, Signal};
use agentos_syscall::{Delivered, Interrupt};

/// First real-time signal; those queue, the others are pending at most once.
const SIGRTMIN: i32 = 32;

/// SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU.
pub(crate) const STOP_SIGNALS: SigSet = SigSet(0).with(Signal::SIGSTOP).with(Signal::SIGTSTP).with(Signal::SIGTTIN).with(Signal::SIGTTOU);

/// What a process has to do next because of its pending signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing, or only waiting for its engine to run a handler.
    Settled,
    /// End with this signal.
    Terminate {
        /// The signal.
        signal: Signal,
        /// Its default action is Core.
        core: bool,
    },
    /// Stop by this signal, unless it is a terminal's and the process group is orphaned.
    Stop(Signal),
}

struct Pending {
    signal: Signal,
    info: SigInfo,
}

/// Guarded by the process' signal lock.
pub(crate) struct SignalState {
    actions: Box<[SigAction; Signal::MAX as usize]>,
    mask: SigSet,
    /// The mask to come back to, while a temporary one is in force.
    saved_mask: Option<SigSet>,
    /// In order of arrival; bounded by one per standard signal and `MAX_QUEUED` real-time ones.
    queue: Vec<Pending>,
    /// Signals in `queue`.
    pending: SigSet,
    /// What the engine wants called when attention is needed.
    pub(crate) interrupt: Option<Interrupt>,
}

impl SignalState {
    pub(crate) fn new() -> SignalState {
        SignalState {
            actions: Box::new([SigAction::default(); Signal::MAX as usize]),
            mask: SigSet::default(),
            saved_mask: None,
            queue: Vec::new(),
            pending: SigSet::default(),
            interrupt: None,
        }
    }

    /// For a child of fork(2): same actions and mask, nothing pending.
    pub(crate) fn forked(&self) -> SignalState {
        SignalState {
            actions: self.actions.clone(),
            mask: self.saved_mask.unwrap_or(self.mask),
            saved_mask: None,
            queue: Vec::new(),
            pending: SigSet::default(),
            interrupt: None,
        }
    }

    /// For execve(2): handlers become the default; ignored signals, the mask and what is pending stay.
    pub(crate) fn exec(&mut self) {
        for action in self.actions.iter_mut() {
            let disposition = match action.disposition {
                Disposition::Ignore => Disposition::Ignore,
                _ => Disposition::Default,
            };
            *action = SigAction { disposition, ..SigAction::default() };
        }
        self.restore_mask();
        self.interrupt = None;
    }

    pub(crate) fn action(&self, signal: Signal) -> SigAction {
        self.actions[index(signal)]
    }

    /// Sets an action; a signal that is ignored from now on is no longer pending (POSIX sigaction()).
    pub(crate) fn set_action(&mut self, signal: Signal, mut action: SigAction) {
        action.mask.0 &= !SigSet::UNBLOCKABLE.0;
        self.actions[index(signal)] = action;
        if ignored(signal, action.disposition) {
            self.discard(SigSet::default().with(signal));
        }
    }

    pub(crate) fn mask(&self) -> SigSet {
        self.mask
    }

    pub(crate) fn change_mask(&mut self, how: SigHow, set: SigSet) {
        let bits = match how {
            SigHow::Block => self.mask.0 | set.0,
            SigHow::Unblock => self.mask.0 & !set.0,
            SigHow::SetMask => set.0,
        };
        self.mask = SigSet(bits & !SigSet::UNBLOCKABLE.0);
    }

    pub(crate) fn set_temporary_mask(&mut self, mask: SigSet) {
        // A second temporary mask without an end of the first keeps the original to come back to.
        self.saved_mask.get_or_insert(self.mask);
        self.mask = SigSet(mask.0 & !SigSet::UNBLOCKABLE.0);
    }

    pub(crate) fn restore_mask(&mut self) {
        if let Some(mask) = self.saved_mask.take() {
            self.mask = mask;
        }
    }

    pub(crate) fn pending(&self) -> SigSet {
        self.pending
    }

    /// Whether nothing would have to be done about any pending signal.
    pub(crate) fn is_quiet(&self) -> bool {
        self.pending.0 & !self.mask.0 == 0
    }

    /// Whether a handler is due.
    pub(crate) fn handler_due(&self) -> bool {
        let due = self.pending.0 & !self.mask.0;
        due != 0 && self.queue.iter().any(|p| !self.mask.contains(p.signal) && self.has_handler(p.signal))
    }

    fn has_handler(&self, signal: Signal) -> bool {
        matches!(self.action(signal).disposition, Disposition::Handler(_))
    }

    /// Makes `signal` pending, unless it is ignored, or a standard one that is pending already. Answers whether it is new.
    ///
    /// A blocked signal stays although it is ignored: its action may change before it is unblocked (Linux' `sig_ignored`).
    pub(crate) fn post(&mut self, signal: Signal, info: SigInfo) -> bool {
        if !self.mask.contains(signal) && ignored(signal, self.action(signal).disposition) {
            return false;
        }
        let full = if signal.number() < SIGRTMIN { self.pending.contains(signal) } else { self.queue.len() >= MAX_QUEUED };
        if full {
            return false;
        }
        self.queue.push(Pending { signal, info });
        self.pending = self.pending.with(signal);
        true
    }

    /// Whether another real-time signal would be lost.
    pub(crate) fn queue_is_full(&self, signal: Signal) -> bool {
        signal.number() >= SIGRTMIN && self.queue.len() >= MAX_QUEUED
    }

    /// Takes pending signals of `set` away.
    pub(crate) fn discard(&mut self, set: SigSet) {
        if self.pending.0 & set.0 != 0 {
            self.queue.retain(|p| !set.contains(p.signal));
            self.pending.0 &= !set.0;
        }
    }

    /// Takes the lowest pending signal of `set`, for sigtimedwait(2).
    pub(crate) fn take(&mut self, set: SigSet) -> Option<(Signal, SigInfo)> {
        let signal = SigSet(self.pending.0 & set.0).first()?;
        Some((signal, self.dequeue(signal)))
    }

    fn dequeue(&mut self, signal: Signal) -> SigInfo {
        let info = match self.queue.iter().position(|p| p.signal == signal) {
            Some(at) => self.queue.remove(at).info,
            None => SigInfo::default(),
        };
        if !self.queue.iter().any(|p| p.signal == signal) {
            self.pending = self.pending.without(signal);
        }
        info
    }

    /// Carries out ignoring, and says which default action is due.
    pub(crate) fn settle(&mut self) -> Verdict {
        while let Some(signal) = self.next_without_handler() {
            self.dequeue(signal);
            match (self.action(signal).disposition, signal.default_action()) {
                (Disposition::Default, DefaultAction::Terminate) => return Verdict::Terminate { signal, core: false },
                (Disposition::Default, DefaultAction::Core) => return Verdict::Terminate { signal, core: true },
                (Disposition::Default, DefaultAction::Stop) => return Verdict::Stop(signal),
                _ => {}
            }
        }
        Verdict::Settled
    }

    fn next_without_handler(&self) -> Option<Signal> {
        let due = SigSet(self.pending.0 & !self.mask.0);
        let signal = due.first()?;
        if due.contains(Signal::SIGKILL) {
            return Some(Signal::SIGKILL);
        }
        if !self.has_handler(signal) {
            return Some(signal);
        }
        self.queue.iter().map(|p| p.signal).filter(|s| due.contains(*s) && !self.has_handler(*s)).min()
    }

    /// Takes the next signal that has a handler, and puts the mask of the handler in force.
    pub(crate) fn take_for_handler(&mut self) -> Option<Delivered> {
        let due = SigSet(self.pending.0 & !self.mask.0);
        let signal = self.queue.iter().map(|p| p.signal).filter(|s| due.contains(*s) && self.has_handler(*s)).min()?;
        let info = self.dequeue(signal);
        let action = self.action(signal);
        let old_mask = self.saved_mask.take().unwrap_or(self.mask);
        // The temporary mask of sigsuspend(2) ends here; the handler runs with it plus its own, as in Linux.
        let mut mask = self.mask.0 | action.mask.0;
        if action.flags & SA_NODEFER == 0 {
            mask |= SigSet::default().with(signal).0;
        }
        self.mask = SigSet(mask & !SigSet::UNBLOCKABLE.0);
        if action.flags & SA_RESETHAND != 0 {
            self.actions[index(signal)].disposition = Disposition::Default;
        }
        Some(Delivered { signal, action, old_mask, info })
    }

    /// The sets that /proc/PID/status shows: pending, blocked, ignored, caught.
    pub(crate) fn sets(&self) -> [SigSet; 4] {
        let with = |test: fn(Disposition) -> bool| {
            let signals = (1..=i32::from(Signal::MAX)).filter_map(Signal::new);
            signals.filter(|s| test(self.action(*s).disposition)).fold(SigSet::default(), SigSet::with)
        };
        [self.pending, self.mask, with(|d| d == Disposition::Ignore), with(|d| matches!(d, Disposition::Handler(_)))]
    }
}

fn index(signal: Signal) -> usize {
    (signal.number() - 1) as usize
}

fn ignored(signal: Signal, disposition: Disposition) -> bool {
    match disposition {
        Disposition::Ignore => !SigSet::UNBLOCKABLE.contains(signal),
        // SIGCONT continues where it is sent; nothing remains of it without a handler.
        Disposition::Default => matches!(signal.default_action(), DefaultAction::Ignore | DefaultAction::Continue),
        Disposition::Handler(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handler() -> SigAction {
        SigAction { disposition: Disposition::Handler(7), ..SigAction::default() }
    }

    #[test]
    fn an_ignored_signal_stays_pending_while_it_is_blocked() {
        let mut state = SignalState::new();
        assert!(!state.post(Signal::SIGCHLD, SigInfo::default()));
        state.change_mask(SigHow::Block, SigSet::default().with(Signal::SIGCHLD));
        assert!(state.post(Signal::SIGCHLD, SigInfo::default()));
        assert!(!state.post(Signal::SIGCHLD, SigInfo::default()), "a standard signal is pending once");
        state.change_mask(SigHow::SetMask, SigSet::default());
        assert_eq!(state.settle(), Verdict::Settled);
        assert_eq!(state.pending(), SigSet::default());
    }

    #[test]
    fn real_time_signals_queue_up_to_the_limit() {
        let mut state = SignalState::new();
        let signal = Signal::new(40).unwrap();
        state.change_mask(SigHow::Block, SigSet::default().with(signal));
        for _ in 0..MAX_QUEUED {
            assert!(state.post(signal, SigInfo::default()));
        }
        assert!(!state.post(signal, SigInfo::default()));
        assert!(state.take(SigSet::default().with(signal)).is_some());
        assert!(state.pending().contains(signal));
    }

    #[test]
    fn a_handler_runs_with_its_mask_and_the_temporary_one_and_comes_back_to_the_original() {
        let mut state = SignalState::new();
        let original = SigSet::default().with(Signal::SIGUSR1);
        state.change_mask(SigHow::SetMask, original);
        state.set_action(Signal::SIGUSR1, SigAction { mask: SigSet::default().with(Signal::SIGTERM), ..handler() });
        state.set_temporary_mask(SigSet::default().with(Signal::SIGHUP));
        assert!(state.post(Signal::SIGUSR1, SigInfo::default()));
        assert!(state.handler_due());
        let delivered = state.take_for_handler().unwrap();
        assert_eq!((delivered.signal, delivered.old_mask), (Signal::SIGUSR1, original));
        assert_eq!(state.mask(), SigSet::default().with(Signal::SIGHUP).with(Signal::SIGTERM).with(Signal::SIGUSR1));
    }

    #[test]
    fn nodefer_and_resethand_are_obeyed() {
        let mut state = SignalState::new();
        state.set_action(Signal::SIGINT, SigAction { flags: SA_NODEFER | SA_RESETHAND, ..handler() });
        state.post(Signal::SIGINT, SigInfo::default());
        state.take_for_handler().unwrap();
        assert_eq!(state.mask(), SigSet::default());
        state.post(Signal::SIGINT, SigInfo::default());
        assert_eq!(state.settle(), Verdict::Terminate { signal: Signal::SIGINT, core: false });
    }

    #[test]
    fn kill_and_stop_cannot_be_blocked_or_ignored() {
        let mut state = SignalState::new();
        state.change_mask(SigHow::SetMask, SigSet(u64::MAX));
        assert!(state.post(Signal::SIGSTOP, SigInfo::default()));
        assert_eq!(state.settle(), Verdict::Stop(Signal::SIGSTOP));
        assert!(state.post(Signal::SIGKILL, SigInfo::default()));
        assert_eq!(state.settle(), Verdict::Terminate { signal: Signal::SIGKILL, core: false });
    }

    #[test]
    fn exec_keeps_ignored_and_pending_signals_and_drops_handlers() {
        let mut state = SignalState::new();
        state.set_action(Signal::SIGINT, handler());
        state.set_action(Signal::SIGHUP, SigAction { disposition: Disposition::Ignore, ..SigAction::default() });
        state.change_mask(SigHow::Block, SigSet::default().with(Signal::SIGTERM));
        state.post(Signal::SIGTERM, SigInfo::default());
        state.exec();
        assert_eq!(state.action(Signal::SIGINT).disposition, Disposition::Default);
        assert_eq!(state.action(Signal::SIGHUP).disposition, Disposition::Ignore);
        assert!(state.pending().contains(Signal::SIGTERM) && state.mask().contains(Signal::SIGTERM));
    }
}
