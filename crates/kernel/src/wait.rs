//! The kernel's half of waiting: on which queues a task registers.

use crate::task::Task;
use agentos_abi::poll::PollFd;
use agentos_abi::{Errno, Events, Fd, Result};
use agentos_syscall::{WaitCalls, WaitGuard, WaitOn};
use std::task::Waker;
use std::time::Instant;

/// Most entries of one poll(2): more cannot be open. Linux: RLIMIT_NOFILE.
pub(crate) const MAX_POLL_FDS: usize = 65536;

impl WaitCalls for Task {
    fn wait_register(&self, on: &WaitOn<'_>, deadline: Option<Instant>, waker: &Waker) -> Result<WaitGuard> {
        let mut guard = WaitGuard::default();
        // Signals, stops, continuation and the end of the process concern every wait.
        let own = if matches!(on, WaitOn::SignalIn(_)) { Events::IN | Events::PRI } else { Events::IN };
        guard.registrations.push(self.process.events.register(own, waker));
        match on {
            WaitOn::Signal | WaitOn::SignalIn(_) | WaitOn::Continue => {}
            WaitOn::Fd(fd, events) => self.register_fd(*fd, *events, waker, &mut guard)?,
            WaitOn::Poll(fds) => self.register_poll(fds, waker, &mut guard)?,
            WaitOn::Child(_) => guard.registrations.push(self.process.children.register(Events::IN, waker)),
            WaitOn::LastCall => {
                let calls = self.process.pending_calls.lock();
                guard.registrations.extend(calls.queues().map(|queue| queue.register(Events::all(), waker)));
            }
            WaitOn::Resolve(_) => self.register_resolve(waker, &mut guard),
        }
        if let Some(at) = deadline {
            guard.extra = Some(self.kernel.timers.wake_at(at, waker.clone()));
        }
        Ok(guard)
    }
}

impl Task {
    fn register_fd(&self, fd: Fd, events: Events, waker: &Waker, guard: &mut WaitGuard) -> Result<()> {
        let description = self.usable(fd)?;
        if let Some(queue) = description.file.wait_queue() {
            guard.registrations.push(queue.register(events, waker));
        }
        Ok(())
    }

    /// Bad descriptors are skipped: poll(2) itself reports them.
    fn register_poll(&self, fds: &[PollFd], waker: &Waker, guard: &mut WaitGuard) -> Result<()> {
        if fds.len() > MAX_POLL_FDS {
            return Err(Errno::EINVAL);
        }
        for entry in fds.iter().filter(|entry| entry.fd >= 0) {
            match self.register_fd(entry.fd, entry.events, waker, guard) {
                Ok(()) | Err(Errno::EBADF) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}
