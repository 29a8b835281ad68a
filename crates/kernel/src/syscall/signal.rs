//! Signal calls.

use crate::poll::SignalFd;
use crate::task::Task;
use crate::{posix_timer, timer};
use agentos_abi::signal::{SigAction, SigHow, SigInfo};
use agentos_abi::time::{Itimer, ItimerKind};
use agentos_abi::{ClockId, Errno, Fd, OpenFlags, Pid, Result, SigSet, Signal};
use agentos_syscall::{Attention, Delivered, Interrupt, SignalCalls};
use std::sync::Arc;

/// `si_code` of tkill(2).
const SI_TKILL: i32 = -6;

impl SignalCalls for Task {
    fn kill(&self, pid: Pid, signal: Option<Signal>) -> Result<()> {
        self.process.alive()?;
        self.kernel.with_table(|table, effects| table.kill(self.pid(), pid, signal, effects))
    }

    fn sigaction(&self, signal: Signal, new: Option<SigAction>) -> Result<SigAction> {
        self.process.alive()?;
        if new.is_some() && SigSet::UNBLOCKABLE.contains(signal) {
            return Err(Errno::EINVAL);
        }
        let mut signals = self.process.signals.lock();
        let old = signals.action(signal);
        if let Some(action) = new {
            signals.set_action(signal, action);
            let quiet = signals.is_quiet();
            drop(signals);
            self.settle_unless(quiet);
        }
        Ok(old)
    }

    fn sigprocmask(&self, new: Option<(SigHow, SigSet)>) -> SigSet {
        let mut signals = self.process.signals.lock();
        let old = signals.mask();
        if let Some((how, set)) = new {
            signals.change_mask(how, set);
            let quiet = signals.is_quiet();
            self.process.update_attention(&signals);
            drop(signals);
            self.settle_unless(quiet);
        }
        old
    }

    fn sigpending(&self) -> SigSet {
        let signals = self.process.signals.lock();
        SigSet(signals.pending().0 & signals.mask().0)
    }

    fn set_temporary_mask(&self, mask: SigSet) {
        let mut signals = self.process.signals.lock();
        signals.set_temporary_mask(mask);
        let quiet = signals.is_quiet();
        self.process.update_attention(&signals);
        drop(signals);
        self.settle_unless(quiet);
    }

    fn restore_mask(&self) {
        let mut signals = self.process.signals.lock();
        signals.restore_mask();
        let quiet = signals.is_quiet();
        self.process.update_attention(&signals);
        drop(signals);
        self.settle_unless(quiet);
    }

    fn sigtimedwait(&self, set: SigSet) -> Result<(Signal, SigInfo)> {
        self.process.alive()?;
        let mut signals = self.process.signals.lock();
        let taken = signals.take(SigSet(set.0 & !SigSet::UNBLOCKABLE.0));
        self.process.update_attention(&signals);
        taken.ok_or(Errno::EWAIT)
    }

    fn sigqueue(&self, pid: Pid, signal: Option<Signal>, code: i32, value: i32) -> Result<()> {
        self.process.alive()?;
        if pid <= 0 {
            return Err(Errno::ESRCH);
        }
        // What looks like the kernel's or kill(2)'s may only be sent to oneself (rt_sigqueueinfo(2)).
        if pid != self.pid() && (code >= 0 || code == SI_TKILL) {
            return Err(Errno::EPERM);
        }
        self.kernel.with_table(|table, effects| {
            if signal.is_some_and(|signal| table.get(pid).is_ok_and(|entry| entry.process.signals.lock().queue_is_full(signal))) {
                return Err(Errno::EAGAIN);
            }
            table.send(self.pid(), pid, signal, (code, value), effects)
        })
    }

    fn signalfd(&self, fd: Fd, mask: SigSet, flags: OpenFlags) -> Result<Fd> {
        if !(flags - OpenFlags::CLOEXEC - OpenFlags::NONBLOCK).is_empty() {
            return Err(Errno::EINVAL);
        }
        if fd == -1 {
            return self.install(Arc::new(SignalFd::new(&self.process, mask)), None, flags | OpenFlags::RDWR);
        }
        let description = self.usable(fd)?;
        description.file.as_any().downcast_ref::<SignalFd>().ok_or(Errno::EINVAL)?.set_mask(mask);
        Ok(fd)
    }

    fn timer_create(&self, clock: ClockId, notify: Option<(Signal, i32)>) -> Result<i32> {
        self.process.alive()?;
        posix_timer::create(&self.process, clock, notify)
    }

    fn timer_settime(&self, id: i32, new: Option<Itimer>) -> Result<Itimer> {
        self.process.alive()?;
        posix_timer::set(&self.kernel, &self.process, id, new)
    }

    fn timer_clock(&self, id: i32) -> Result<ClockId> {
        posix_timer::clock(&self.process, id)
    }

    fn timer_getoverrun(&self, id: i32) -> Result<i32> {
        posix_timer::overrun(&self.process, id)
    }

    fn timer_delete(&self, id: i32) -> Result<()> {
        posix_timer::delete(&self.process, id)
    }

    fn setitimer(&self, kind: ItimerKind, new: Option<Itimer>) -> Result<Itimer> {
        self.process.alive()?;
        timer::set(&self.kernel, &self.process, kind, new)
    }

    fn attention(&self) -> Attention {
        self.process.attention()
    }

    fn set_interrupt(&self, interrupt: Option<Interrupt>) {
        let old = std::mem::replace(&mut self.process.signals.lock().interrupt, interrupt);
        drop(old);
    }

    fn take_signal(&self) -> Option<Delivered> {
        let mut signals = self.process.signals.lock();
        let delivered = signals.take_for_handler();
        let quiet = signals.is_quiet();
        self.process.update_attention(&signals);
        drop(signals);
        // The temporary mask may have ended, and with it what it held back.
        self.settle_unless(quiet);
        if delivered.is_some() {
            // What a handler interrupts is over: an opener of a FIFO no longer counts as its reader or writer.
            let calls = self.process.pending_calls.lock().take_all();
            drop(calls);
        }
        delivered
    }
}

impl Task {
    /// Default actions of pending signals, when there may be any.
    fn settle_unless(&self, quiet: bool) {
        if !quiet {
            self.kernel.settle(&self.process);
        }
    }
}
