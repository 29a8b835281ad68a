//! Which session a terminal controls, and which of its groups may use it (tty_ioctl(4), "Controlling terminal" in POSIX 11.1.3).

use super::Tty;
use crate::process::Table;
use crate::signal::FROM_KERNEL;
use agentos_abi::ioctl::IoctlReply;
use agentos_abi::signal::Disposition;
use agentos_abi::termios::LocalFlags;
use agentos_abi::{Errno, Pid, Result, Signal};
use agentos_vfs::FileContext;
use std::sync::Arc;

impl Tty {
    /// TIOCSCTTY: makes this the terminal of the caller's session.
    ///
    /// # Errors
    /// EPERM: not a session leader, the session has a terminal, or the terminal a session.
    pub(super) fn control(self: &Arc<Self>, context: &FileContext) -> Result<IoctlReply> {
        let kernel = self.kernel.upgrade().ok_or(Errno::EIO)?;
        kernel.with_table(|table, _| self.attach(table, context))?;
        Ok(IoctlReply::Done)
    }

    /// What opening a terminal does for a session leader without one: nothing when it cannot.
    pub(super) fn control_on_open(self: &Arc<Self>, context: &FileContext) {
        let _ = self.control(context);
    }

    fn attach(self: &Arc<Self>, table: &mut Table, context: &FileContext) -> Result<()> {
        let mut state = self.state.lock();
        if state.session == context.sid {
            return Ok(());
        }
        if context.pid != context.sid || table.terminal(context.sid).is_some() || state.session != 0 {
            return Err(Errno::EPERM);
        }
        state.session = context.sid;
        state.foreground = context.pgid;
        drop(state);
        table.attach_terminal(context.sid, self.clone());
        Ok(())
    }

    /// TIOCNOTTY by a session leader: the session loses the terminal, the foreground group gets SIGHUP and SIGCONT.
    ///
    /// # Errors
    /// ENOTTY: not the caller's terminal, or the caller leads no session (a single process cannot leave its session's terminal here).
    pub(super) fn give_up(&self, context: &FileContext) -> Result<IoctlReply> {
        self.check_controlling(context)?;
        if context.pid != context.sid {
            return Err(Errno::ENOTTY);
        }
        let kernel = self.kernel.upgrade().ok_or(Errno::EIO)?;
        let group = {
            let mut state = self.state.lock();
            state.session = 0;
            std::mem::take(&mut state.foreground)
        };
        kernel.with_table(|table, effects| {
            table.detach_terminal(context.sid);
            table.post_group(group, Signal::SIGHUP, FROM_KERNEL, effects);
            table.post_group(group, Signal::SIGCONT, FROM_KERNEL, effects);
        });
        Ok(IoctlReply::Done)
    }

    /// Errors: ENOTTY when this is not the terminal of the caller's session.
    pub(super) fn check_controlling(&self, context: &FileContext) -> Result<()> {
        if self.state.lock().session == context.sid && context.sid != 0 { Ok(()) } else { Err(Errno::ENOTTY) }
    }

    /// TIOCSPGRP.
    ///
    /// # Errors
    /// EINVAL (negative), ESRCH (no such group), EPERM (a group of another session), ENOTTY (controls no session).
    pub(super) fn set_foreground(&self, group: Pid, context: &FileContext) -> Result<IoctlReply> {
        if group <= 0 {
            return Err(Errno::EINVAL);
        }
        let _ = context;
        let kernel = self.kernel.upgrade().ok_or(Errno::EIO)?;
        let table = kernel.lock_table();
        let mut state = self.state.lock();
        if state.session == 0 {
            return Err(Errno::ENOTTY);
        }
        let mut sessions = table.iter().filter(|(_, entry)| entry.group == group).map(|(_, entry)| entry.session).peekable();
        sessions.peek().ok_or(Errno::ESRCH)?;
        if !sessions.any(|session| session == state.session) {
            return Err(Errno::EPERM);
        }
        state.foreground = group;
        Ok(IoctlReply::Done)
    }

    /// Before a read or write: a background process is stopped by SIGTTIN, or with TOSTOP by SIGTTOU.
    ///
    /// # Errors
    /// EWAIT after the signal was sent; EIO when it would do nothing: blocked or ignored (reading), or an orphaned group.
    pub(super) fn check_access(&self, write: bool, context: &FileContext) -> Result<()> {
        if write && !self.state.lock().line.termios().local.contains(LocalFlags::TOSTOP) {
            return Ok(());
        }
        self.stop_background(if write { Signal::SIGTTOU } else { Signal::SIGTTIN }, context)
    }

    /// Before a change of the terminal: SIGTTOU for a background process, whatever TOSTOP says.
    ///
    /// # Errors
    /// EWAIT after the signal was sent: the call is made again when the process continues. EIO for an orphaned group.
    pub(super) fn check_change(&self, context: &FileContext) -> Result<()> {
        self.stop_background(Signal::SIGTTOU, context)
    }

    fn stop_background(&self, signal: Signal, context: &FileContext) -> Result<()> {
        {
            let state = self.state.lock();
            if state.session != context.sid || state.foreground == context.pgid || state.foreground == 0 {
                return Ok(());
            }
        }
        let Some(kernel) = self.kernel.upgrade() else { return Ok(()) };
        kernel.with_table(|table, effects| {
            let unheard = {
                let signals = table.get(context.pid)?.process.signals.lock();
                signals.mask().contains(signal) || signals.action(signal).disposition == Disposition::Ignore
            };
            match (unheard, signal) {
                (true, Signal::SIGTTIN) => return Err(Errno::EIO),
                (true, _) => return Ok(()),
                _ if table.is_orphaned(context.pgid) => return Err(Errno::EIO),
                _ => {}
            }
            table.post_group(context.pgid, signal, FROM_KERNEL, effects);
            Err(Errno::EWAIT)
        })
    }
}
