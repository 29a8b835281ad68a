//! The replica side of a pseudo-terminal: what programs call their terminal.

use super::master::count;
use super::{State, Tty};
use agentos_abi::ioctl::{Ioctl, IoctlReply};
use agentos_abi::{Errno, Events, Result, Stat};
use agentos_vfs::{File, FileContext};
use agentos_waiter::WaitQueue;
use parking_lot::MutexGuard;
use std::any::Any;
use std::sync::Arc;
use std::task::Wake;
use std::time::{Duration, Instant};

/// When a read with VTIME gives up, and the timer that tells its waiter.
pub(super) struct Timeout {
    at: Instant,
    _guard: Box<dyn Any + Send>,
}

struct NotifyReaders(WaitQueue);

impl Wake for NotifyReaders {
    fn wake(self: Arc<Self>) {
        self.0.notify(Events::READ);
    }
}

/// An open replica.
pub(crate) struct PtyReplica {
    tty: Arc<Tty>,
}

impl PtyReplica {
    pub(super) fn open(tty: Arc<Tty>) -> Result<PtyReplica> {
        let mut state = tty.state.lock();
        if state.hung_up || state.locked {
            return Err(Errno::EIO);
        }
        state.replicas += 1;
        state.was_opened = true;
        drop(state);
        Ok(PtyReplica { tty })
    }

    pub(crate) fn tty(&self) -> &Arc<Tty> {
        &self.tty
    }

    /// Starts the clock of VTIME when this read is the first to wait: for the first byte without VMIN, between bytes with it.
    fn start_timeout(&self, state: &mut MutexGuard<'_, State>) {
        let (min, time) = state.line.min_and_time();
        if !state.line.is_timed() || state.timeout.is_some() || (min > 0 && state.line.available() == 0) {
            return;
        }
        let Some(kernel) = self.tty.kernel.upgrade() else { return };
        let at = kernel.clock.monotonic() + Duration::from_millis(100 * time);
        let guard = kernel.timers.wake_at(at, Arc::new(NotifyReaders(self.tty.replica_queue.clone())).into());
        state.timeout = Some(Timeout { at, _guard: guard });
    }

    fn timed_out(&self, state: &State) -> bool {
        let now = || self.tty.kernel.upgrade().map(|kernel| kernel.clock.monotonic());
        state.timeout.as_ref().is_some_and(|timeout| now().is_none_or(|now| now >= timeout.at))
    }
}

impl File for PtyReplica {
    /// EOF after a hang-up.
    fn read_at(&self, buf: &mut [u8], _offset: u64) -> Result<usize> {
        let mut state = self.tty.state.lock();
        let timed_out = self.timed_out(&state);
        match state.line.read(buf, timed_out) {
            Ok(read) => {
                state.timeout = None;
                drop(state);
                self.tty.master_queue.notify(Events::WRITE);
                Ok(read)
            }
            Err(_) if state.hung_up => Ok(0),
            Err(errno) => {
                self.start_timeout(&mut state);
                Err(errno)
            }
        }
    }

    fn write_at(&self, buf: &[u8], _offset: u64, _append: bool) -> Result<(usize, u64)> {
        let mut state = self.tty.state.lock();
        if state.hung_up {
            return Err(Errno::EIO);
        }
        let written = state.line.write(buf)?;
        drop(state);
        self.tty.master_queue.notify(Events::READ);
        Ok((written, 0))
    }

    fn seekable(&self) -> bool {
        false
    }

    fn poll(&self) -> Events {
        let state = self.tty.state.lock();
        if state.hung_up {
            return Events::READ | Events::WRITE | Events::ERR | Events::HUP;
        }
        let mut events = Events::empty();
        events.set(Events::READ, state.line.readable());
        events.set(Events::WRITE, state.line.writable());
        events
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.tty.replica_queue)
    }

    fn stat(&self) -> Option<Stat> {
        None
    }

    fn ioctl(&self, request: Ioctl, context: &FileContext) -> Result<IoctlReply> {
        match request {
            Ioctl::InputQueue => Ok(IoctlReply::Int(count(self.tty.state.lock().line.available()))),
            Ioctl::OutputQueue => Ok(IoctlReply::Int(count(self.tty.state.lock().line.unread_output()))),
            Ioctl::SetControllingTty => self.tty.control(context),
            Ioctl::GiveUpControllingTty => self.tty.give_up(context),
            Ioctl::GetForegroundGroup => self.tty.check_controlling(context).map(|()| IoctlReply::Int(self.tty.foreground_group())),
            Ioctl::GetSession => self.tty.check_controlling(context).map(|()| IoctlReply::Int(context.sid)),
            Ioctl::SetForegroundGroup(group) => {
                self.tty.check_controlling(context)?;
                self.tty.check_change(context)?;
                self.tty.set_foreground(group, context)
            }
            // Changing a terminal from the background stops the caller, as writing with TOSTOP would.
            Ioctl::SetTermios(..) | Ioctl::FlushQueue(_) | Ioctl::FlowControl(_) | Ioctl::Drain => {
                self.tty.check_change(context)?;
                self.tty.common_ioctl(request)
            }
            _ => self.tty.common_ioctl(request),
        }
    }

    fn check_access(&self, write: bool, context: &FileContext) -> Result<()> {
        self.tty.check_access(write, context)
    }

    fn is_terminal(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for PtyReplica {
    fn drop(&mut self) {
        let mut state = self.tty.state.lock();
        state.replicas -= 1;
        let last = state.replicas == 0;
        drop(state);
        if last {
            self.tty.master_queue.notify(Events::HUP | Events::READ);
        }
    }
}
