//! One virtual machine: boot, what runs in it, and its end.

use crate::engines::{EngineOptions, Engines, engines};
use crate::error::{Error, Result};
use crate::events::{Events, VmEvent};
use crate::files::Files;
use crate::host::{HostClock, HostRandom, HostTimers, runtime};
use crate::manifest::{AgentEntry, Software};
use crate::options::{DriverOptions, MountOptions, VmOptions};
use crate::permissions::Permissions;
use crate::process::{Entry, ExecOptions, Process, SpawnOptions};
use crate::session::log::EventLog;
use crate::stats::Package;
use crate::terminal::{Size, Terminal};
use crate::tools::{Calls, ToolBinfmt, install};
use crate::{image, options::UserOptions};
use agentos_abi::fcntl::AT_FDCWD;
use agentos_abi::{Errno, OpenFlags, Pid, Signal};
use agentos_account::{Account, Limit};
use agentos_fs_dev::DevFs;
use agentos_fs_host::HostFs;
use agentos_fs_overlay::OverlayFs;
use agentos_fs_proc::ProcFs;
use agentos_fs_tmpfs::Tmpfs;
use agentos_kernel::policy::{AuditRecord, DEFAULT_TIMEOUT, PolicyConfig, Question, Reply, Scope, SessionName};
use agentos_kernel::{Kernel, KernelConfig, Limits, ProcessInfo};
use agentos_net::{NetworkConfig, VirtualNetwork};
use agentos_net_host::HostEgress;
use agentos_syscall::{Binfmt, Syscalls};
use agentos_tools::Toolkits;
use agentos_vfs::{Cred, FileSystem, MountFlags, Namespace, Quota, Walk};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Descriptors that process 1 may hold for the host: three per running program.
const INIT_MAX_FDS: u64 = 32_768;
/// What a terminal can do, unless its opener says otherwise.
const DEFAULT_TERM: &str = "xterm-256color";
/// Where programs are looked for.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A virtual machine. Clones are handles on the same one.
#[derive(Clone)]
pub struct Vm(Arc<Inner>);

struct Inner {
    engines: &'static Engines,
    kernel: Arc<Kernel>,
    init: Arc<dyn Syscalls>,
    network: Arc<VirtualNetwork>,
    agents: BTreeMap<String, AgentEntry>,
    env: BTreeMap<String, String>,
    /// Names of what its owner put into `env`.
    given: Vec<String>,
    user: UserOptions,
    packages: Vec<Package>,
    tools: Option<Arc<Calls>>,
    events: Arc<Events>,
    auto_approve: bool,
    disposed: AtomicBool,
}

/// What to start in a VM.
#[derive(Clone, Debug, Default)]
pub struct SpawnRequest {
    /// A path, or a name to look up in PATH.
    pub program: String,
    /// Arguments after the name.
    pub args: Vec<String>,
    /// The name that the program sees as its own; `program` when absent.
    pub argv0: Option<String>,
    /// Working directory; the home directory when absent.
    pub cwd: Option<String>,
    /// Environment above the VM's.
    pub env: BTreeMap<String, String>,
    /// Standard input is /dev/null instead of a pipe.
    pub null_stdin: bool,
    /// What the program and its children may not do, although the VM may.
    pub permissions: Option<Permissions>,
    /// The session that it belongs to.
    pub session: Option<SessionName>,
}

impl Vm {
    /// Boots a machine. Touches no files but, once per set of packages, those of their manifests.
    ///
    /// # Errors
    /// `ERR_AGENTOS_INVALID_OPTION`, `ERR_AGENTOS_SOFTWARE` (a package's file is missing), `ERR_AGENTOS_ENGINE`.
    pub fn create(options: VmOptions, engine_options: &EngineOptions) -> Result<Vm> {
        let engines = engines(engine_options)?;
        let (network_policy, rules) = (options.permissions.network("permissions")?, options.permissions.rules("permissions")?);
        let events = Arc::new(Events::default());
        let clock = Arc::new(HostClock);
        let account = Account::new(options.limits.bounds());
        let warned = events.clone();
        account.set_listener(Arc::new(move |warning| warned.warn(warning)));
        let quota = Arc::new(Quota::of(account.clone()));
        let upper = Tmpfs::new(clock.clone(), quota.clone());
        let root = OverlayFs::new(upper, vec![image::base_image(&options.software, &options.user)?], clock.clone(), quota.clone());
        let namespace = Namespace::new(root);
        let network = VirtualNetwork::new(NetworkConfig {
            policy: network_policy,
            egress: Some(HostEgress::new(runtime().clone())),
            account: account.clone(),
            ..NetworkConfig::default()
        });
        let kernel = Kernel::new(KernelConfig {
            namespace: namespace.clone(),
            hostname: options.hostname.clone().unwrap_or_else(|| "agentos".into()),
            limits: Limits { account, max_process_files: (INIT_MAX_FDS, INIT_MAX_FDS), ..Limits::default() },
            policy: PolicyConfig {
                scope: Scope::new(rules),
                listener: Some(events.clone()),
                timeout: options.permission_timeout_ms.map_or(DEFAULT_TIMEOUT, Duration::from_millis),
                auto_reply: options.auto_approve.then_some(Reply::Once),
            },
            timers: Arc::new(HostTimers::shared()),
            clock: clock.clone(),
            random: Arc::new(HostRandom),
            network: network.clone(),
        });
        register(&kernel, engines);
        let tools = register_tools(&kernel, engines, &options)?;
        let init = kernel.init();
        mount(&namespace, "/dev", DevFs::new(&kernel, Arc::new(HostRandom), &*clock), MountFlags::NOSUID)?;
        // As for any process 1 without a console. The pipes of programs must not get these numbers: a child moves them there.
        for _ in 0..3 {
            init.openat(AT_FDCWD, b"/dev/null", OpenFlags::RDWR, 0).map_err(|errno| Error::syscall(errno, "open", Some("/dev/null")))?;
        }
        mount(&namespace, "/proc", ProcFs::new(&kernel), MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC)?;
        mount(&namespace, "/dev/shm", Tmpfs::new(clock, quota.clone()), MountFlags::NOSUID | MountFlags::NODEV)?;
        let vm = Vm(Arc::new(Inner {
            engines,
            agents: options.software.iter().flat_map(|s| s.agents.clone()).collect(),
            env: environment(&options),
            given: options.env.keys().cloned().collect(),
            user: options.user.clone(),
            packages: options.software.iter().map(|s| Package { name: s.name.clone(), version: s.version.clone() }).collect(),
            tools,
            kernel,
            init,
            network,
            events,
            auto_approve: options.auto_approve,
            disposed: AtomicBool::new(false),
        }));
        vm.mount_trees(&namespace, &options.software)?;
        if let Some(tools) = &vm.0.tools {
            install(&*vm.0.init, tools.kits())?;
        }
        for (i, options) in options.mounts.iter().enumerate() {
            vm.mount_option(&namespace, i, options, &quota)?;
        }
        Ok(vm)
    }

    /// The file tree.
    ///
    /// # Errors
    /// `ERR_AGENTOS_DISPOSED`.
    pub fn files(&self) -> Result<Files> {
        self.check_alive()?;
        Ok(self.files_unchecked())
    }

    fn files_unchecked(&self) -> Files {
        Files::new(self.0.init.clone(), (self.0.user.uid, self.0.user.gid))
    }

    /// Starts a program as the VM's user, with pipes on its standard streams.
    ///
    /// # Errors
    /// `ERR_AGENTOS_DISPOSED`; ENOENT, EACCES and the others of execve(2); EAGAIN at the process limit.
    pub async fn spawn(&self, request: &SpawnRequest) -> Result<Process> {
        Process::spawn(&self.0.init, &self.spawn_options(request)?).await
    }

    /// The same for who waits for its end at once (see [`Process::start`]).
    ///
    /// # Errors
    /// As [`spawn`](Vm::spawn).
    pub async fn start(&self, request: &SpawnRequest) -> Result<Process> {
        Process::start(&self.0.init, &self.spawn_options(request)?).await
    }

    /// Starts a program as the VM's user on a terminal of its own.
    ///
    /// # Errors
    /// As [`spawn`](Vm::spawn); ENOSPC at the limit of terminals.
    pub async fn open_terminal(&self, request: &SpawnRequest, size: Size) -> Result<Terminal> {
        let mut options = self.spawn_options(request)?;
        // What the host's terminal emulators understand; a caller's own value wins.
        if !options.env.iter().any(|(name, _)| name == "TERM") {
            options.env.push(("TERM".into(), DEFAULT_TERM.into()));
        }
        Terminal::open(&self.0.init, &options, size).await
    }

    /// Runs work that starts a program and waits for it where programs run: neither the start nor the end of the program then
    /// costs a switch of threads. The work must not block.
    pub fn run_beside(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.engines.wasm.spawn(self.0.init.cpu_account(), work);
    }

    fn spawn_options(&self, request: &SpawnRequest) -> Result<SpawnOptions> {
        self.check_alive()?;
        let cwd = request.cwd.clone().unwrap_or_else(|| self.0.user.home.clone());
        if !cwd.starts_with('/') {
            return Err(Error::option("cwd", format_args!("{cwd:?}"), "an absolute path of the VM"));
        }
        let mut env = self.0.env.clone();
        let outside = self.0.given.iter().chain(request.env.keys()).cloned().collect();
        env.insert("PWD".into(), cwd.clone());
        env.extend(request.env.iter().map(|(k, v)| (k.clone(), v.clone())));
        let name = request.argv0.clone().unwrap_or_else(|| request.program.clone());
        Ok(SpawnOptions {
            program: request.program.clone(),
            argv: std::iter::once(name).chain(request.args.iter().cloned()).collect(),
            env: env.into_iter().collect(),
            cwd,
            ids: (self.0.user.uid, self.0.user.gid),
            null_stdin: request.null_stdin,
            entry: Entry { kernel: self.0.kernel.clone(), scope: self.scope(request)?, outside },
        })
    }

    /// The scope of a program, if it is not the VM's.
    pub(crate) fn scope(&self, request: &SpawnRequest) -> Result<Option<Arc<Scope>>> {
        let mut scope = None;
        let of = |scope: Option<Arc<Scope>>| scope.unwrap_or_else(|| self.0.kernel.scope().clone());
        if let Some(session) = &request.session {
            scope = Some(of(scope).of_session(session.clone()));
        }
        if let Some(permissions) = &request.permissions {
            let name = if request.session.is_some() { "session" } else { "exec" };
            scope = Some(of(scope).narrowed(name, permissions.narrower("permissions")?));
        }
        Ok(scope)
    }

    pub(crate) fn enter_scope(&self, pid: Pid, scope: &Arc<Scope>) -> Result<(), Errno> {
        self.0.kernel.enter_scope(pid, scope.clone())
    }

    /// What happens, to be read and subscribed to.
    pub fn events(&self) -> &EventLog {
        &self.0.events.log
    }

    /// The open questions.
    ///
    /// # Errors
    /// `ERR_AGENTOS_DISPOSED`.
    pub fn questions(&self) -> Result<Vec<Question>> {
        self.check_alive()?;
        Ok(self.0.kernel.questions())
    }

    /// Answers a question of a process.
    ///
    /// # Errors
    /// `ERR_AGENTOS_UNKNOWN_PERMISSION` when no such question is open; `ERR_AGENTOS_DISPOSED`.
    pub fn respond_permission(&self, id: &str, reply: Reply) -> Result<()> {
        self.check_alive()?;
        let answered = id.parse().is_ok_and(|id| self.0.kernel.answer(id, reply));
        let gone = || Error::new("ERR_AGENTOS_UNKNOWN_PERMISSION", format!("no permission request {id:?} waits for an answer"));
        if answered { Ok(()) } else { Err(gone()) }
    }

    /// The last `limit` decisions, oldest first.
    ///
    /// # Errors
    /// `ERR_AGENTOS_DISPOSED`.
    pub fn audit(&self, limit: usize) -> Result<Vec<AuditRecord>> {
        self.check_alive()?;
        Ok(self.0.kernel.audit(limit))
    }

    /// How long a question stays open.
    pub(crate) fn permission_timeout(&self) -> Duration {
        self.0.kernel.permission_timeout()
    }

    /// Whether every question is answered at once.
    pub(crate) fn approves_all(&self) -> bool {
        self.0.auto_approve
    }

    /// The options of one `exec`, within the limits of the VM.
    pub fn bounded(&self, options: ExecOptions) -> ExecOptions {
        let bounds = self.0.kernel.account().bounds();
        let most = usize::try_from(bounds.get(Limit::OutputBytes)).unwrap_or(usize::MAX);
        let longest = Some(bounds.get(Limit::ExecMs)).filter(|ms| *ms != u64::MAX).map(Duration::from_millis);
        let timeout = match (options.timeout, longest) {
            (Some(asked), Some(longest)) => Some(asked.min(longest)),
            (asked, longest) => asked.or(longest),
        };
        ExecOptions { max_output_bytes: options.max_output_bytes.min(most), timeout, ..options }
    }

    /// What runs a line of shell: `bash -c LINE`.
    pub fn shell_request(&self, line: &str) -> SpawnRequest {
        SpawnRequest { program: "/bin/bash".into(), args: vec!["-c".into(), line.into()], argv0: Some("bash".into()), ..SpawnRequest::default() }
    }

    /// How an agent is started.
    ///
    /// # Errors
    /// `ERR_AGENTOS_UNKNOWN_AGENT`, which names the agents that there are.
    pub fn agent(&self, name: &str) -> Result<AgentEntry> {
        self.check_alive()?;
        self.0.agents.get(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = self.0.agents.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none; list a package with an agent in `software`".into() } else { known.join(", ") };
            Error::new("ERR_AGENTOS_UNKNOWN_AGENT", format!("agent: got {name:?}; this VM has: {known}"))
        })
    }

    /// The handle of process 1, through which everything of the host reaches the kernel.
    pub(crate) fn init(&self) -> &Arc<dyn Syscalls> {
        &self.0.init
    }

    /// The host tools, when the VM has any.
    pub fn tools(&self) -> Option<&Arc<Calls>> {
        self.0.tools.as_ref()
    }

    /// The user that programs run as.
    pub fn user(&self) -> &UserOptions {
        &self.0.user
    }

    /// The kernel and the packages.
    pub(crate) fn resources(&self) -> Result<(&Kernel, &[Package])> {
        self.check_alive()?;
        Ok((&self.0.kernel, &self.0.packages))
    }

    /// What runs now.
    ///
    /// # Errors
    /// `ERR_AGENTOS_DISPOSED`.
    pub fn processes(&self) -> Result<Vec<ProcessInfo>> {
        self.check_alive()?;
        Ok(self.0.kernel.processes())
    }

    /// Sends a signal to a process.
    ///
    /// # Errors
    /// ESRCH; `ERR_AGENTOS_DISPOSED`.
    pub fn kill(&self, pid: Pid, signal: Signal) -> Result<()> {
        self.check_alive()?;
        if pid <= 1 {
            return Err(Error::syscall(Errno::ESRCH, "kill", None));
        }
        self.0.init.kill(pid, Some(signal)).map_err(|errno| Error::syscall(errno, "kill", None))
    }

    /// The network of the VM.
    pub fn network(&self) -> &Arc<VirtualNetwork> {
        &self.0.network
    }

    /// Ends everything in the VM and gives its memory back. Later calls of any method answer `ERR_AGENTOS_DISPOSED`;
    /// disposing twice does nothing.
    pub fn dispose(&self) {
        if !self.0.disposed.swap(true, Ordering::AcqRel) {
            self.0.kernel.shutdown();
            self.0.events.log.push(&VmEvent::VmShutdown);
        }
    }

    /// Whether [`dispose`](Vm::dispose) was called.
    pub fn is_disposed(&self) -> bool {
        self.0.disposed.load(Ordering::Acquire)
    }

    fn check_alive(&self) -> Result<()> {
        if self.is_disposed() { Err(Error::disposed()) } else { Ok(()) }
    }

    fn mount_trees(&self, namespace: &Arc<Namespace>, software: &[Software]) -> Result<()> {
        for tree in software.iter().flat_map(|s| s.trees.iter().map(move |t| (s, t))) {
            let (package, tree) = tree;
            let host = host_dir(&package.root.join(&tree.source), true, &self.0.user)
                .map_err(|errno| Error::new("ERR_AGENTOS_SOFTWARE", format!("package {}: tree {}: {errno}", package.name, tree.source.display())))?;
            mount(namespace, &tree.path, host, MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV)?;
        }
        Ok(())
    }

    fn mount_option(&self, namespace: &Arc<Namespace>, i: usize, options: &MountOptions, quota: &Arc<Quota>) -> Result<()> {
        let mut flags = MountFlags::NOSUID | MountFlags::NODEV;
        flags.set(MountFlags::RDONLY, options.read_only);
        let fs: Arc<dyn FileSystem> = match &options.driver {
            DriverOptions::Memory => Tmpfs::new(Arc::new(HostClock), quota.clone()),
            DriverOptions::HostDir { path } => host_dir(path, options.read_only, &self.0.user).map_err(|errno| {
                Error::option(&format!("mounts[{i}].driver.path"), format_args!("{:?} ({errno})", path.display()), "an existing directory of the host")
            })?,
        };
        self.files_unchecked().mkdir(&options.path, true)?;
        mount(namespace, &options.path, fs, flags)
    }
}

impl Drop for Inner {
    /// A VM that nobody holds any more ends, disposed or not.
    fn drop(&mut self) {
        if !*self.disposed.get_mut() {
            self.kernel.shutdown();
        }
    }
}

fn register(kernel: &Kernel, engines: &Engines) {
    kernel.register_binfmt(engines.wasm.clone() as Arc<dyn Binfmt>);
    kernel.register_binfmt(engines.v8.clone() as Arc<dyn Binfmt>);
}

fn register_tools(kernel: &Kernel, engines: &'static Engines, options: &VmOptions) -> Result<Option<Arc<Calls>>> {
    if options.toolkits.is_empty() {
        return Ok(None);
    }
    let kits = Toolkits::new(options.toolkits.clone()).map_err(|(at, got, accepts)| Error::option(&at, got, &accepts))?;
    let calls = Calls::new(kits);
    kernel.register_binfmt(ToolBinfmt::new(calls.clone(), engines));
    kernel.set_host_tools(calls.clone());
    Ok(Some(calls))
}

fn host_dir(path: &PathBuf, read_only: bool, user: &UserOptions) -> Result<Arc<dyn FileSystem>, Errno> {
    Ok(HostFs::open(path, read_only, user.uid, user.gid)?)
}

fn mount(namespace: &Arc<Namespace>, at: &str, fs: Arc<dyn FileSystem>, flags: MountFlags) -> Result<()> {
    let name = fs.name();
    let fail = |errno| Error::syscall(errno, "mount", Some(at));
    let root = namespace.root();
    let cred = Cred::root();
    let path = Walk { ns: namespace, root: &root, base: &root, cred: &cred }.resolve(at.as_bytes(), true).map_err(fail)?;
    namespace.mount(&path, fs, flags, name).map_err(fail)
}

/// The environment of every process: a login's, then the packages', then the user's.
fn environment(options: &VmOptions) -> BTreeMap<String, String> {
    let user = &options.user;
    let base =
        [("HOME", user.home.as_str()), ("USER", &user.name), ("LOGNAME", &user.name), ("SHELL", "/bin/bash"), ("PATH", DEFAULT_PATH), ("LANG", "C.UTF-8")];
    let mut env: BTreeMap<String, String> = base.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    for software in &options.software {
        env.extend(software.env.clone());
    }
    env.extend(options.env.clone());
    env
}
