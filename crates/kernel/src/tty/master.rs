//! The master side of a pseudo-terminal: what a terminal emulator holds.

use super::Tty;
use super::line_discipline::Received;
use super::table::TtyTable;
use agentos_abi::ioctl::{Ioctl, IoctlReply};
use agentos_abi::{Errno, Events, Result, Stat};
use agentos_vfs::{File, FileContext};
use agentos_waiter::WaitQueue;
use std::any::Any;
use std::sync::Arc;

/// An open master. Dropping it hangs the terminal up.
pub(crate) struct PtyMaster {
    tty: Arc<Tty>,
    table: TtyTable,
}

impl PtyMaster {
    pub(super) fn new(tty: Arc<Tty>, table: TtyTable) -> PtyMaster {
        PtyMaster { tty, table }
    }

    /// Its number below /dev/pts.
    pub(crate) fn index(&self) -> u32 {
        self.tty.index
    }
}

impl File for PtyMaster {
    /// What the screen shows. EIO once every replica is closed, as on Linux.
    fn read_at(&self, buf: &mut [u8], _offset: u64) -> Result<usize> {
        let mut state = self.tty.state.lock();
        let read = state.line.take_output(buf);
        let over = state.was_opened && state.replicas == 0;
        drop(state);
        match (read, over) {
            (0, _) if buf.is_empty() => Ok(0),
            (0, true) => Err(Errno::EIO),
            (0, false) => Err(Errno::EWAIT),
            (read, _) => {
                self.tty.replica_queue.notify(Events::WRITE);
                Ok(read)
            }
        }
    }

    /// Typing.
    fn write_at(&self, buf: &[u8], _offset: u64, _append: bool) -> Result<(usize, u64)> {
        let mut taken = 0;
        let mut signals = Vec::new();
        let mut state = self.tty.state.lock();
        let foreground = state.foreground;
        for byte in buf {
            match state.line.receive(*byte) {
                Received::Full => break,
                Received::Taken => {}
                // A burst of the same key is one signal, so this stays short.
                Received::Signal(signal) if signals.contains(&signal) => {}
                Received::Signal(signal) => signals.push(signal),
            }
            taken += 1;
        }
        // A byte that came restarts the clock between bytes.
        state.timeout = None;
        drop(state);
        self.tty.replica_queue.notify(Events::READ | Events::WRITE);
        self.tty.master_queue.notify(Events::READ);
        for signal in signals {
            self.tty.signal_group(foreground, signal);
        }
        if taken == 0 && !buf.is_empty() { Err(Errno::EWAIT) } else { Ok((taken, 0)) }
    }

    fn seekable(&self) -> bool {
        false
    }

    fn poll(&self) -> Events {
        let state = self.tty.state.lock();
        let over = state.was_opened && state.replicas == 0;
        let mut events = Events::WRITE;
        events.set(Events::READ, state.line.unread_output() > 0);
        events.set(Events::HUP, over);
        events
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.tty.master_queue)
    }

    fn stat(&self) -> Option<Stat> {
        Some(super::device::stat(super::device::PTMX_RDEV, 0o666))
    }

    fn ioctl(&self, request: Ioctl, context: &FileContext) -> Result<IoctlReply> {
        match request {
            Ioctl::GetPtyNumber => Ok(IoctlReply::Int(i32::try_from(self.tty.index).unwrap_or(i32::MAX))),
            Ioctl::LockPty(lock) => {
                self.tty.state.lock().locked = lock;
                Ok(IoctlReply::Done)
            }
            Ioctl::InputQueue => Ok(IoctlReply::Int(count(self.tty.state.lock().line.unread_output()))),
            Ioctl::OutputQueue => Ok(IoctlReply::Int(count(self.tty.state.lock().line.available()))),
            // The emulator may ask about, but not be in, the session behind it.
            Ioctl::GetForegroundGroup => Ok(IoctlReply::Int(self.tty.foreground_group())),
            Ioctl::GetSession => match self.tty.state.lock().session {
                0 => Err(Errno::ENOTTY),
                session => Ok(IoctlReply::Int(session)),
            },
            Ioctl::SetForegroundGroup(group) => self.tty.set_foreground(group, context),
            _ => self.tty.common_ioctl(request),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

pub(super) fn count(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

impl Drop for PtyMaster {
    fn drop(&mut self) {
        self.tty.hang_up();
        self.table.remove(self.tty.index);
    }
}
