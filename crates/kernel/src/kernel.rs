//! The kernel of one VM: what its processes share, and what the host may do with it.

use crate::config::{Clock, KernelConfig, Random};
use crate::device::DeviceTable;
use crate::exec::Binfmts;
use crate::fd::{FdTable, OpenFiles};
use crate::limits::{Limits, Rlimits};
use crate::pipe::{FifoTable, PipeBudget};
use crate::policy::{Audit, PolicyConfig, Questions};
use crate::process::{Credentials, Effects, ExecInfo, FsContext, INIT_PID, Parts, Process, ProcessInfo, Table};
use crate::signal::{FROM_KERNEL, SignalState};
use crate::task::Task;
use crate::tty::TtyTable;
use agentos_abi::{Fd, OpenFlags, Pid, Result, Signal, Timespec, WaitStatus};
use agentos_account::{Account, Limit};
use agentos_net::Network;
use agentos_syscall::{Binfmt, CpuAccount, HostTools, Syscalls, Timers};
use agentos_vfs::{File, Namespace};
use parking_lot::{Mutex, RwLock};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// One VM's kernel.
pub struct Kernel {
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) limits: Limits,
    pub(crate) policy: PolicyConfig,
    pub(crate) questions: Questions,
    pub(crate) audit: Audit,
    pub(crate) timers: Arc<dyn Timers>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) network: Arc<dyn Network>,
    pub(crate) hostname: RwLock<String>,
    pub(crate) boot: Instant,
    boot_id: [u8; 16],
    table: Mutex<Table>,
    pub(crate) binfmts: RwLock<Binfmts>,
    pub(crate) host_tools: OnceLock<Arc<dyn HostTools>>,
    pub(crate) cpu: Arc<CpuAccount>,
    pub(crate) open_files: Arc<OpenFiles>,
    pub(crate) pipes: Arc<PipeBudget>,
    pub(crate) fifos: FifoTable,
    pub(crate) devices: DeviceTable,
    pub(crate) ttys: TtyTable,
}

/// What a VM uses at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Processes without pid 1, zombies included.
    pub processes: usize,
    /// Processes ever started.
    pub forks: u64,
    /// Open file descriptions.
    pub open_files: usize,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Its limit in bytes.
    pub memory_limit_bytes: u64,
    /// Capacity of all pipes in bytes.
    pub pipe_bytes: usize,
    /// Pseudo-terminals.
    pub terminals: usize,
    /// Time since boot.
    pub uptime: Duration,
    /// CPU time of all processes that there ever were.
    pub cpu: Duration,
}

impl Kernel {
    /// Boots: pid 1 exists, nothing runs.
    pub fn new(config: KernelConfig) -> Arc<Kernel> {
        let boot = config.clock.monotonic();
        let mut boot_id = [0; 16];
        config.random.fill(&mut boot_id);
        let pipes = PipeBudget::new(config.limits.max_pipe_bytes, config.limits.account.clone());
        let root = config.namespace.root();
        let init = Process::new(
            INIT_PID,
            boot,
            Parts {
                files: FdTable::default(),
                fs: FsContext { root: root.clone(), cwd: root, umask: 0o022 },
                credentials: Credentials::root(),
                signals: SignalState::new(),
                rlimits: Rlimits::initial(&config.limits),
                exec_info: ExecInfo { comm: b"init".to_vec(), ..ExecInfo::default() },
                nice: 0,
                scope: None,
            },
        );
        let mut hostname = config.hostname;
        hostname.truncate(hostname.floor_char_boundary(crate::syscall::HOST_NAME_MAX));
        Arc::new_cyclic(|kernel| Kernel {
            table: Mutex::new(Table::new(Arc::new(init), config.limits.account.clone())),
            cpu: Arc::new(CpuAccount::new(config.limits.max_cpu_percent())),
            open_files: OpenFiles::new(config.limits.account.clone()),
            fifos: FifoTable::new(pipes.clone()),
            ttys: TtyTable::new(kernel.clone(), config.limits.account.clone()),
            devices: DeviceTable::default(),
            binfmts: RwLock::new(Binfmts::default()),
            host_tools: OnceLock::new(),
            pipes,
            namespace: config.namespace,
            limits: config.limits,
            policy: config.policy,
            questions: Questions::default(),
            audit: Audit::default(),
            timers: config.timers,
            clock: config.clock,
            random: config.random,
            network: config.network,
            hostname: RwLock::new(hostname),
            boot,
            boot_id,
        })
    }

    /// Offers an engine to execve(2). Engines are asked in the order of registration.
    pub fn register_binfmt(&self, binfmt: Arc<dyn Binfmt>) {
        self.binfmts.write().register(binfmt);
    }

    /// Gives the VM its host tools; a second set is ignored.
    pub fn set_host_tools(&self, tools: Arc<dyn HostTools>) {
        let _ = self.host_tools.set(tools);
    }

    /// A handle of pid 1: user 0, working directory `/`, never ends. Programs begin as its children, whom the host waits for
    /// with wait4(2) on this handle; orphans that it inherits are waited for by the kernel.
    pub fn init(self: &Arc<Self>) -> Arc<dyn Syscalls> {
        let init = self.lock_table().get(INIT_PID).map(|entry| entry.process.clone());
        match init {
            Ok(process) => Arc::new(Task::new(self.clone(), process)),
            Err(_) => unreachable!("pid 1 never leaves the table"),
        }
    }

    /// The file tree.
    pub fn namespace(&self) -> &Arc<Namespace> {
        &self.namespace
    }

    /// The bounds that the VM was made with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What the VM uses and may use.
    pub fn account(&self) -> &Arc<Account> {
        &self.limits.account
    }

    /// All processes in order of pid.
    pub fn processes(&self) -> Vec<ProcessInfo> {
        let table = self.lock_table();
        table.iter().filter_map(|(pid, _)| table.info(pid)).collect()
    }

    /// Sends a signal as the super-user. Errors: ESRCH.
    pub fn kill(&self, pid: Pid, signal: Signal) -> Result<()> {
        self.with_table(|table, effects| table.kill(INIT_PID, pid, Some(signal), effects))
    }

    /// Ends everything: every process gets SIGKILL, no new one can begin (EAGAIN), all files are closed, engines are forgotten.
    pub fn shutdown(&self) {
        self.with_table(|table, effects| {
            table.closed = true;
            let pids: Vec<Pid> = table.iter().map(|(pid, _)| pid).collect();
            for pid in pids {
                table.end(pid, WaitStatus::Signaled { signal: Signal::SIGKILL, core: false }, effects);
            }
        });
        // Pid 1 does not end, but what the host opened through it is closed all the same.
        let init = self.lock_table().get(INIT_PID).map(|entry| entry.process.clone());
        if let Ok(init) = init {
            init.release();
        }
        let binfmts = std::mem::take(&mut *self.binfmts.write());
        drop(binfmts);
        self.ttys.hang_up_all();
        self.network.shut_down();
    }

    /// What the VM uses.
    pub fn stats(&self) -> Stats {
        let table = self.lock_table();
        Stats {
            processes: table.count(),
            forks: table.forks,
            open_files: self.open_files.count(),
            memory_bytes: self.account().used(Limit::Memory),
            memory_limit_bytes: self.account().bounds().get(Limit::Memory),
            pipe_bytes: self.pipes.used(),
            terminals: self.ttys.count(),
            uptime: self.uptime(),
            cpu: self.cpu.used(),
        }
    }

    /// A new pseudo-terminal: its master side, and the name of the other one.
    ///
    /// # Errors
    /// ENOSPC: as many as the VM may have exist.
    pub fn open_pty(&self) -> Result<(Arc<dyn File>, String)> {
        // Any user of the VM may open it: the host does not say who will.
        let master = self.ttys.open_master(false, 0, 0o666)?;
        let name = format!("/dev/pts/{}", master.index());
        Ok((master, name))
    }

    /// Puts a file of the host's making (a terminal, a stream) into a process, at the lowest free descriptor.
    ///
    /// # Errors
    /// ESRCH, EMFILE, ENFILE.
    pub fn install_file(self: &Arc<Self>, pid: Pid, file: Arc<dyn File>, flags: OpenFlags) -> Result<Fd> {
        let process = self.lock_table().get(pid)?.process.clone();
        Task::new(self.clone(), process).install(file, None, flags)
    }

    /// Time since boot.
    pub fn uptime(&self) -> Duration {
        self.clock.monotonic().saturating_duration_since(self.boot)
    }

    /// Time since the epoch.
    pub fn now(&self) -> Timespec {
        self.clock.realtime()
    }

    /// 16 random bytes that identify this boot.
    pub fn boot_id(&self) -> [u8; 16] {
        self.boot_id
    }

    /// The table alone, for looking.
    pub(crate) fn lock_table(&self) -> parking_lot::MutexGuard<'_, Table> {
        self.table.lock()
    }

    /// Changes the table, then, without its lock, does what the change causes: interrupts, wake-ups, the closing of the files of
    /// processes that ended, hang-ups.
    pub(crate) fn with_table<R>(&self, change: impl FnOnce(&mut Table, &mut Effects) -> R) -> R {
        let mut effects = Effects::default();
        let result = change(&mut self.table.lock(), &mut effects);
        self.carry_out(effects);
        result
    }

    fn carry_out(&self, mut effects: Effects) {
        effects.announce();
        while let Some((process, status)) = effects.next_ended() {
            process.release();
            self.open_files.locks.release_process(process.pid);
            self.forget_questions(process.pid);
            self.table.lock().bury(process.pid, status, &mut effects);
            effects.announce();
        }
        for tty in effects.take_hangups() {
            tty.hang_up_session();
        }
    }

    /// Raises a signal in the calling process.
    pub(crate) fn raise(&self, pid: Pid, signal: Signal) {
        self.with_table(|table, effects| table.post(pid, signal, FROM_KERNEL, effects));
    }

    /// Carries out what became due in one process by a change of its own mask or actions.
    pub(crate) fn settle(&self, process: &Arc<Process>) {
        self.with_table(|table, effects| table.settle(process, effects));
    }

    /// Ends a process. Errors: ESRCH.
    pub(crate) fn end(&self, pid: Pid, status: WaitStatus) {
        self.with_table(|table, effects| table.end(pid, status, effects));
    }
}
