//! Processes as the host, and ps(1), see them.

use super::{State, Table};
use crate::process::Process;
use agentos_abi::Pid;
use std::time::{Duration, Instant};

/// State letter of ps(1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessState {
    /// R
    Running,
    /// S
    Sleeping,
    /// T
    Stopped,
    /// Z
    Zombie,
}

impl ProcessState {
    /// The letter of /proc/PID/stat.
    pub fn letter(self) -> char {
        match self {
            ProcessState::Running => 'R',
            ProcessState::Sleeping => 'S',
            ProcessState::Stopped => 'T',
            ProcessState::Zombie => 'Z',
        }
    }

    /// The word of /proc/PID/status.
    pub fn word(self) -> &'static str {
        match self {
            ProcessState::Running => "running",
            ProcessState::Sleeping => "sleeping",
            ProcessState::Stopped => "stopped",
            ProcessState::Zombie => "zombie",
        }
    }
}

/// One row of the process table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Process id.
    pub pid: Pid,
    /// Parent; 0 for pid 1.
    pub ppid: Pid,
    /// Process group.
    pub pgid: Pid,
    /// Session.
    pub sid: Pid,
    /// Effective user.
    pub uid: u32,
    /// Effective group.
    pub gid: u32,
    /// Command name, at most 15 bytes.
    pub comm: Vec<u8>,
    /// Arguments.
    pub cmdline: Vec<Vec<u8>>,
    /// State.
    pub state: ProcessState,
    /// Start.
    pub start: Instant,
    /// CPU time consumed.
    pub cpu: Duration,
    /// CPU time of waited-for children.
    pub children_cpu: Duration,
    /// Program memory in bytes.
    pub memory: u64,
    /// Niceness, -20 to 19.
    pub nice: i32,
    /// Number of the controlling pseudo-terminal.
    pub tty: Option<u32>,
    /// Foreground group of the controlling terminal, -1 without one.
    pub tty_group: Pid,
}

impl Table {
    /// The row of one process.
    pub(crate) fn info(&self, pid: Pid) -> Option<ProcessInfo> {
        let entry = self.get(pid).ok()?;
        let process = &entry.process;
        let (uid, gid) = {
            let cred = process.credentials.read();
            (cred.euid, cred.egid)
        };
        let state = match entry.state {
            State::Zombie(_) => ProcessState::Zombie,
            State::Stopped => ProcessState::Stopped,
            State::Running if process.is_waiting() => ProcessState::Sleeping,
            State::Running => ProcessState::Running,
        };
        let (comm, cmdline) = {
            let info = process.exec_info.lock();
            (info.comm.clone(), info.cmdline.clone())
        };
        let terminal = self.terminal(entry.session);
        Some(ProcessInfo {
            pid,
            ppid: entry.parent,
            pgid: entry.group,
            sid: entry.session,
            uid,
            gid,
            comm,
            cmdline: cmdline.split_inclusive(|b| *b == 0).map(|arg| arg[..arg.len() - 1].to_vec()).collect(),
            state,
            start: process.start,
            cpu: process.usage.cpu(),
            children_cpu: entry.child_usage.utime,
            memory: process.usage.memory(),
            nice: process.nice.load(std::sync::atomic::Ordering::Relaxed),
            tty: terminal.map(|tty| tty.index()),
            tty_group: terminal.map_or(-1, |tty| tty.foreground_group()),
        })
    }
}

impl Process {
    /// Whether somebody waits on its behalf: every wait registers on the process' own queue.
    fn is_waiting(&self) -> bool {
        !self.events.is_empty()
    }
}
