//! A kernel to test: files in memory, a clock that stands still until told, and programs that are Rust closures on threads.

#![allow(dead_code, reason = "each test file uses its part")]

mod memory_fs;

use agentos_abi::fcntl::AT_FDCWD;
use agentos_abi::wait::WaitTarget;
use agentos_abi::{Errno, Events, Fd, OpenFlags, Pid, Result, Timespec, WaitOptions, WaitStatus};
use agentos_kernel::policy::PolicyConfig;
use agentos_kernel::{Clock, Kernel, KernelConfig, Limits, Random};
use agentos_net::{NetworkConfig, VirtualNetwork};
use agentos_syscall::{Binfmt, Image, Program, ProgramStart, Syscalls, Timers, WaitOn, Waited, block_on, blocking};
use agentos_vfs::{FileSystem, Namespace};
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::{Duration, Instant};

pub use memory_fs::MemoryFs;

pub type Handle = Arc<dyn Syscalls>;
type Body = Arc<dyn Fn(Handle, Vec<Vec<u8>>) -> Option<u8> + Send + Sync>;

/// Time that moves by [`Machine::advance`] only, and the alarms that wait for it.
pub struct StillClock {
    start: Instant,
    state: Mutex<ClockState>,
}

#[derive(Default)]
struct ClockState {
    passed: Duration,
    next_id: u64,
    alarms: HashMap<u64, (Instant, Waker)>,
}

impl Clock for StillClock {
    fn realtime(&self) -> Timespec {
        Timespec { sec: 1_700_000_000, nsec: 0 }
    }

    fn monotonic(&self) -> Instant {
        self.start + self.state.lock().unwrap().passed
    }
}

struct AlarmGuard(Arc<StillClock>, u64);

impl Drop for AlarmGuard {
    fn drop(&mut self) {
        self.0.state.lock().unwrap().alarms.remove(&self.1);
    }
}

struct StillTimers(Arc<StillClock>);

impl Timers for StillTimers {
    fn wake_at(&self, at: Instant, waker: Waker) -> Box<dyn Any + Send> {
        let mut state = self.0.state.lock().unwrap();
        let id = state.next_id;
        state.next_id += 1;
        state.alarms.insert(id, (at, waker));
        Box::new(AlarmGuard(self.0.clone(), id))
    }
}

struct Counting;

impl Random for Counting {
    fn fill(&self, buf: &mut [u8]) {
        for (byte, value) in buf.iter_mut().zip((0..=u8::MAX).cycle()) {
            *byte = value;
        }
    }
}

/// Runs closures by name: a file that starts with `prog:NAME`.
#[derive(Default)]
struct Closures(Mutex<HashMap<String, Body>>);

struct ClosureBinfmt(Arc<Closures>);
struct ClosureProgram(Body, Vec<Vec<u8>>);

impl Binfmt for ClosureBinfmt {
    fn name(&self) -> &'static str {
        "closure"
    }

    fn matches(&self, image: &Image) -> bool {
        image.head.starts_with(b"prog:")
    }

    fn load(&self, image: Image) -> Result<Box<dyn Program>> {
        let name = String::from_utf8_lossy(&image.head[5..]).into_owned();
        let body = self.0.0.lock().unwrap().get(&name).cloned().ok_or(Errno::ENOEXEC)?;
        Ok(Box::new(ClosureProgram(body, image.argv)))
    }
}

impl Program for ClosureProgram {
    fn start(self: Box<Self>, start: ProgramStart) {
        std::thread::spawn(move || {
            if let Some(code) = (self.0)(start.task.clone(), self.1) {
                start.task.exit(WaitStatus::Exited(code));
            }
        });
    }
}

/// A VM under test.
pub struct Machine {
    pub kernel: Arc<Kernel>,
    pub init: Handle,
    pub clock: Arc<StillClock>,
    closures: Arc<Closures>,
}

impl Machine {
    pub fn new() -> Machine {
        Machine::with_limits(Limits::default())
    }

    pub fn with_limits(limits: Limits) -> Machine {
        Machine::with(MemoryFs::new(), limits, PolicyConfig::default(), NetworkConfig::default())
    }

    pub fn with(root: Arc<dyn FileSystem>, limits: Limits, policy: PolicyConfig, network: NetworkConfig) -> Machine {
        let clock = Arc::new(StillClock { start: Instant::now(), state: Mutex::default() });
        let kernel = Kernel::new(KernelConfig {
            namespace: Namespace::new(root),
            hostname: "box".into(),
            limits,
            policy,
            timers: Arc::new(StillTimers(clock.clone())),
            clock: clock.clone(),
            random: Arc::new(Counting),
            network: VirtualNetwork::new(network),
        });
        let closures = Arc::new(Closures::default());
        kernel.register_binfmt(Arc::new(ClosureBinfmt(closures.clone())));
        let init = kernel.init();
        for directory in ["/bin", "/tmp"] {
            init.mkdirat(AT_FDCWD, directory.as_bytes(), 0o777).unwrap();
        }
        Machine { kernel, init, clock, closures }
    }

    /// Lets time pass and calls whoever waited for it.
    pub fn advance(&self, by: Duration) {
        let due: Vec<Waker> = {
            let mut state = self.clock.state.lock().unwrap();
            state.passed += by;
            let now = self.clock.start + state.passed;
            state.alarms.values().filter(|(at, _)| *at <= now).map(|(_, waker)| waker.clone()).collect()
        };
        due.into_iter().for_each(Waker::wake);
    }

    /// Alarms that are set.
    pub fn alarms(&self) -> usize {
        self.clock.state.lock().unwrap().alarms.len()
    }

    /// Puts an executable closure at `/bin/NAME`. It answers its exit status, or `None` after a successful execve.
    pub fn program(&self, name: &str, body: impl Fn(Handle, Vec<Vec<u8>>) -> Option<u8> + Send + Sync + 'static) {
        self.closures.0.lock().unwrap().insert(name.to_owned(), Arc::new(body));
        self.file(&format!("/bin/{name}"), format!("prog:{name}").as_bytes(), 0o755);
    }

    /// Writes a file with a mode.
    pub fn file(&self, path: &str, content: &[u8], mode: u32) {
        let fd = self.init.openat(AT_FDCWD, path.as_bytes(), OpenFlags::WRONLY | OpenFlags::CREAT | OpenFlags::TRUNC, 0o600).unwrap();
        assert_eq!(self.init.write(fd, content), Ok(content.len()));
        self.init.fchmod(fd, mode).unwrap();
        self.init.close(fd).unwrap();
    }

    /// A child of pid 1 that the test drives by its handle.
    pub fn process(&self) -> Handle {
        self.init.fork().unwrap()
    }

    /// Starts a program as a child of pid 1.
    pub fn spawn(&self, path: &str, argv: &[&str]) -> Result<Pid> {
        let child = self.init.fork()?;
        let argv: Vec<Vec<u8>> = argv.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        child.execve(AT_FDCWD, path.as_bytes(), &argv, &[])?;
        Ok(child.getpid())
    }

    /// Runs a program to its end.
    pub fn run(&self, path: &str, argv: &[&str]) -> Result<WaitStatus> {
        let pid = self.spawn(path, argv)?;
        Ok(wait(&self.init, WaitTarget::Pid(pid)).unwrap().status)
    }
}

/// Waits for a child.
pub fn wait(task: &Handle, target: WaitTarget) -> Result<Waited> {
    wait_with(task, target, WaitOptions::empty())
}

pub fn wait_with(task: &Handle, target: WaitTarget, options: WaitOptions) -> Result<Waited> {
    block_on(blocking(&**task, WaitOn::Child(target), None, || task.wait4(target, options))).map(Option::unwrap)
}

/// Reads, waiting.
pub fn read(task: &Handle, fd: Fd, buf: &mut [u8]) -> Result<usize> {
    block_on(blocking(&**task, WaitOn::Fd(fd, Events::IN), None, || task.read(fd, buf)))
}

/// Reads to the end, waiting.
pub fn read_to_end(task: &Handle, fd: Fd) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut buf = [0; 1000];
    loop {
        match read(task, fd, &mut buf)? {
            0 => return Ok(all),
            count => all.extend_from_slice(&buf[..count]),
        }
    }
}

/// Writes everything, waiting.
pub fn write_all(task: &Handle, fd: Fd, mut buf: &[u8]) -> Result<()> {
    while !buf.is_empty() {
        let count = block_on(blocking(&**task, WaitOn::Fd(fd, Events::OUT), None, || task.write(fd, buf)))?;
        buf = &buf[count..];
    }
    Ok(())
}

/// Opens, waiting for the other side of a FIFO.
pub fn open(task: &Handle, path: &str, flags: OpenFlags) -> Result<Fd> {
    block_on(blocking(&**task, WaitOn::LastCall, None, || task.openat(AT_FDCWD, path.as_bytes(), flags, 0o666)))
}

/// The content of a file.
pub fn cat(task: &Handle, path: &str) -> Result<String> {
    let fd = task.openat(AT_FDCWD, path.as_bytes(), OpenFlags::empty(), 0)?;
    let content = read_to_end(task, fd)?;
    task.close(fd)?;
    Ok(String::from_utf8_lossy(&content).into_owned())
}
