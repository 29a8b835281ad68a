//! What is a process' own.

use super::{Credentials, ExecInfo, PendingCalls, Usage};
use crate::fd::FdTable;
use crate::limits::Rlimits;
use crate::policy::Scope;
use crate::posix_timer::PosixTimers;
use crate::signal::SignalState;
use crate::timer::Itimers;
use agentos_abi::{Errno, Events, Pid, Resource, Result};
use agentos_syscall::Attention;
use agentos_vfs::Path;
use agentos_waiter::WaitQueue;
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// Working directory, root and umask (Linux' `fs_struct`).
#[derive(Clone)]
pub(crate) struct FsContext {
    pub(crate) root: Path,
    pub(crate) cwd: Path,
    pub(crate) umask: u32,
}

/// One process. Lives as long as a table entry or a handle refers to it.
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) start: Instant,
    /// [`Attention`] bits. EXITED, once set, stays.
    attention: AtomicU32,
    /// Handles that engines and hosts hold.
    pub(crate) handles: AtomicUsize,
    /// Whether execve(2) has succeeded here; setpgid(2) of a parent is refused from then on.
    pub(crate) has_execed: AtomicBool,
    pub(crate) nice: AtomicI32,
    pub(crate) files: RwLock<FdTable>,
    /// `None` once the process has ended.
    pub(crate) fs: RwLock<Option<FsContext>>,
    pub(crate) credentials: RwLock<Credentials>,
    pub(crate) signals: Mutex<SignalState>,
    pub(crate) rlimits: RwLock<Rlimits>,
    /// What the policy lets it do; `None` for process 1, which acts for the owner of the VM.
    pub(crate) scope: RwLock<Option<Arc<Scope>>>,
    /// RLIMIT_FSIZE in force, here for the sake of write(2).
    pub(crate) file_size_limit: AtomicU64,
    pub(crate) exec_info: Mutex<ExecInfo>,
    pub(crate) timers: Mutex<Itimers>,
    pub(crate) posix_timers: Mutex<PosixTimers>,
    pub(crate) pending_calls: Mutex<PendingCalls>,
    pub(crate) usage: Usage,
    /// Woken with IN when a handler is due, the process continues or ends; with PRI when any signal becomes pending.
    pub(crate) events: WaitQueue,
    /// Woken when any signal becomes pending, for signalfd(2).
    pub(crate) signal_files: WaitQueue,
    /// Woken when a child ends, stops or continues.
    pub(crate) children: WaitQueue,
}

/// What a new process starts from.
pub(crate) struct Parts {
    pub(crate) files: FdTable,
    pub(crate) fs: FsContext,
    pub(crate) credentials: Credentials,
    pub(crate) signals: SignalState,
    pub(crate) rlimits: Rlimits,
    pub(crate) exec_info: ExecInfo,
    pub(crate) nice: i32,
    pub(crate) scope: Option<Arc<Scope>>,
}

impl Process {
    pub(crate) fn new(pid: Pid, start: Instant, parts: Parts) -> Process {
        Process {
            pid,
            start,
            attention: AtomicU32::new(0),
            handles: AtomicUsize::new(0),
            has_execed: AtomicBool::new(false),
            nice: AtomicI32::new(parts.nice),
            files: RwLock::new(parts.files),
            fs: RwLock::new(Some(parts.fs)),
            credentials: RwLock::new(parts.credentials),
            signals: Mutex::new(parts.signals),
            file_size_limit: AtomicU64::new(parts.rlimits.get(Resource::Fsize).soft),
            rlimits: RwLock::new(parts.rlimits),
            exec_info: Mutex::new(parts.exec_info),
            scope: RwLock::new(parts.scope),
            timers: Mutex::new(Itimers::default()),
            posix_timers: Mutex::default(),
            pending_calls: Mutex::new(PendingCalls::default()),
            usage: Usage::default(),
            events: WaitQueue::new(),
            signal_files: WaitQueue::new(),
            children: WaitQueue::new(),
        }
    }

    pub(crate) fn attention(&self) -> Attention {
        Attention(self.attention.load(Ordering::Acquire))
    }

    /// Sets bits, answers whether any of them is new.
    pub(crate) fn raise(&self, bits: Attention) -> bool {
        self.attention.fetch_or(bits.0, Ordering::AcqRel) & bits.0 != bits.0
    }

    pub(crate) fn lower(&self, bits: Attention) {
        self.attention.fetch_and(!bits.0, Ordering::AcqRel);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.attention().has(Attention::EXITED)
    }

    /// Errors: ESRCH once the process has ended.
    pub(crate) fn alive(&self) -> Result<()> {
        if self.has_ended() { Err(Errno::ESRCH) } else { Ok(()) }
    }

    /// Brings the SIGNAL bit up to date; call it with the signal lock held. Answers whether a handler became due.
    pub(crate) fn update_attention(&self, signals: &SignalState) -> bool {
        if signals.handler_due() {
            return self.raise(Attention::SIGNAL);
        }
        self.lower(Attention::SIGNAL);
        false
    }

    /// Lets go of everything that an ended process must not hold: files, places, timers, waits.
    /// Runs without any lock, because closing a file may wake or signal others.
    pub(crate) fn release(&self) {
        let files = self.files.write().close();
        let fs = self.fs.write().take();
        let timers = std::mem::take(&mut *self.timers.lock());
        let posix_timers = std::mem::take(&mut *self.posix_timers.lock());
        let calls = self.pending_calls.lock().take_all();
        let info = {
            let mut info = self.exec_info.lock();
            let kept = ExecInfo { comm: info.comm.clone(), ..ExecInfo::default() };
            std::mem::replace(&mut *info, kept)
        };
        drop((files, fs, timers, posix_timers, calls, info));
        self.events.notify(Events::all());
    }
}
