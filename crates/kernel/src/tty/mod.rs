//! Terminals (termios(3), pty(7), tty_ioctl(4)): pseudo-terminal pairs, their line discipline, and job control.
//!
//! ```text
//!   host, ssh, script(1)           line discipline                 bash, vi, cat
//!   ┌───────────┐  write   input: editing, ^C, echo   read   ┌────────────┐
//!   │           │ ───────────────────────────────────────────▶│            │
//!   │ PtyMaster │            Tty (State, LineDiscipline)      │ PtyReplica │
//!   │           │ ◀───────────────────────────────────────────│            │
//!   └───────────┘  read    output: NL to CR NL, echo  write   └────────────┘
//! ```
//!
//! Lock order: a terminal's state is locked after the process table, never before it. So what a key causes (a signal to a
//! group) is carried out after the state's lock is released.

mod device;
mod edit;
mod job_control;
mod line_discipline;
mod master;
mod replica;
mod table;

pub(crate) use master::PtyMaster;
pub(crate) use replica::PtyReplica;
pub(crate) use table::TtyTable;

use crate::kernel::Kernel;
use crate::signal::FROM_KERNEL;
use agentos_abi::ioctl::{Ioctl, IoctlReply, TermiosWhen};
use agentos_abi::{Errno, Events, Pid, Result, Signal, Winsize};
use agentos_waiter::WaitQueue;
use line_discipline::LineDiscipline;
use parking_lot::Mutex;
use std::sync::{Arc, Weak};

/// Group `tty`, which owns terminals.
const TTY_GID: u32 = 5;

/// One terminal: what the two sides share.
pub(crate) struct Tty {
    /// Number below /dev/pts.
    index: u32,
    kernel: Weak<Kernel>,
    state: Mutex<State>,
    /// Where readers and writers of the replica wait.
    replica_queue: WaitQueue,
    /// Where readers and writers of the master wait.
    master_queue: WaitQueue,
}

struct State {
    line: LineDiscipline,
    winsize: Winsize,
    /// The session it controls; 0 for none.
    session: Pid,
    /// The group that may read; 0 for none.
    foreground: Pid,
    /// Open replica sides.
    replicas: usize,
    /// Whether the replica has ever been opened: before that the master's reader waits instead of seeing a hang-up.
    was_opened: bool,
    /// The master is closed.
    hung_up: bool,
    /// The replica cannot be opened before unlockpt(3).
    locked: bool,
    /// User, group and permission bits of /dev/pts/N.
    owner: (u32, u32, u32),
    /// When a read with VTIME gives up.
    timeout: Option<replica::Timeout>,
}

impl Tty {
    fn new(index: u32, kernel: Weak<Kernel>, locked: bool, owner: (u32, u32, u32)) -> Arc<Tty> {
        let state = State {
            line: LineDiscipline::default(),
            winsize: Winsize::default(),
            session: 0,
            foreground: 0,
            replicas: 0,
            was_opened: false,
            hung_up: false,
            locked,
            owner,
            timeout: None,
        };
        Arc::new(Tty { index, kernel, state: Mutex::new(state), replica_queue: WaitQueue::new(), master_queue: WaitQueue::new() })
    }

    /// Its number below /dev/pts.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// The group in the foreground, 0 for none.
    pub(crate) fn foreground_group(&self) -> Pid {
        self.state.lock().foreground
    }

    /// Device number of the replica.
    pub(crate) fn rdev(&self) -> u64 {
        device::pts_rdev(self.index)
    }

    /// User, group and permission bits of /dev/pts/N.
    pub(crate) fn owner(&self) -> (u32, u32, u32) {
        self.state.lock().owner
    }

    pub(crate) fn set_owner(&self, uid: Option<u32>, gid: Option<u32>, mode: Option<u32>) {
        let owner = &mut self.state.lock().owner;
        *owner = (uid.unwrap_or(owner.0), gid.unwrap_or(owner.1), mode.unwrap_or(owner.2));
    }

    /// Sends a signal to the foreground group.
    fn signal_foreground(&self, signal: Signal) {
        let group = self.state.lock().foreground;
        self.signal_group(group, signal);
    }

    fn signal_group(&self, group: Pid, signal: Signal) {
        if let (true, Some(kernel)) = (group > 0, self.kernel.upgrade()) {
            kernel.with_table(|table, effects| table.post_group(group, signal, FROM_KERNEL, effects));
        }
    }

    /// The session leader has ended: the foreground group hears of it, and the terminal is free.
    pub(crate) fn hang_up_session(&self) {
        let group = {
            let mut state = self.state.lock();
            state.session = 0;
            std::mem::take(&mut state.foreground)
        };
        self.signal_group(group, Signal::SIGHUP);
    }

    /// The master is gone: reads end, writes fail, the session leader gets SIGHUP.
    fn hang_up(&self) {
        let session = {
            let mut state = self.state.lock();
            state.hung_up = true;
            state.session
        };
        self.replica_queue.notify(Events::all());
        self.master_queue.notify(Events::all());
        if let (true, Some(kernel)) = (session > 0, self.kernel.upgrade()) {
            kernel.with_table(|table, effects| {
                table.detach_terminal(session);
                table.post(session, Signal::SIGHUP, FROM_KERNEL, effects);
                table.post(session, Signal::SIGCONT, FROM_KERNEL, effects);
            });
        }
    }

    /// What both sides answer.
    fn common_ioctl(&self, request: Ioctl) -> Result<IoctlReply> {
        match request {
            Ioctl::GetTermios => Ok(IoctlReply::Termios(self.state.lock().line.termios())),
            Ioctl::SetTermios(when, termios) => {
                let mut state = self.state.lock();
                if when == TermiosWhen::Flush {
                    state.line.flush_input();
                }
                state.line.set_termios(termios);
                state.timeout = None;
                drop(state);
                self.replica_queue.notify(Events::READ | Events::WRITE);
                Ok(IoctlReply::Done)
            }
            Ioctl::GetWinsize => Ok(IoctlReply::Winsize(self.state.lock().winsize)),
            Ioctl::SetWinsize(winsize) => {
                let changed = std::mem::replace(&mut self.state.lock().winsize, winsize) != winsize;
                if changed {
                    self.signal_foreground(Signal::SIGWINCH);
                }
                Ok(IoctlReply::Done)
            }
            Ioctl::Drain => Ok(IoctlReply::Done),
            Ioctl::FlushQueue(which) => self.flush(which),
            Ioctl::FlowControl(action) => self.flow_control(action),
            Ioctl::PushInput(_) => Err(Errno::EPERM),
            _ => Err(Errno::ENOTTY),
        }
    }

    fn flush(&self, which: u32) -> Result<IoctlReply> {
        let (input, output) = match which {
            0 => (true, false),
            1 => (false, true),
            2 => (true, true),
            _ => return Err(Errno::EINVAL),
        };
        let mut state = self.state.lock();
        if input {
            state.line.flush_input();
        }
        if output {
            state.line.flush_output();
        }
        drop(state);
        self.master_queue.notify(Events::WRITE);
        self.replica_queue.notify(Events::WRITE);
        Ok(IoctlReply::Done)
    }

    fn flow_control(&self, action: u32) -> Result<IoctlReply> {
        match action {
            0 | 1 => self.state.lock().line.stop_output(action == 0),
            // TCIOFF and TCION send a STOP or START character to the other side.
            2 | 3 => self.state.lock().line.send_flow_character(action == 2),
            _ => return Err(Errno::EINVAL),
        }
        self.replica_queue.notify(Events::WRITE);
        self.master_queue.notify(Events::READ);
        Ok(IoctlReply::Done)
    }
}
