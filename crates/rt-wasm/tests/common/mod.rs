//! A VM with the GNU programs, for tests: run a command, get its output and status.

#![allow(dead_code, reason = "each test binary uses a part")]

use agentos_abi::fcntl::{AT_FDCWD, Fcntl};
use agentos_abi::wait::WaitTarget;
use agentos_abi::{Errno, Events, Fd, OpenFlags, Timespec, WaitOptions, WaitStatus};
use agentos_kernel::policy::PolicyConfig;
use agentos_kernel::{Clock, Kernel, KernelConfig, Limits, Random};
use agentos_net::{NetworkConfig, VirtualNetwork};
use agentos_rt_wasm::{WasmConfig, WasmEngine};
use agentos_syscall::{Syscalls, Timers, WaitOn, block_on, blocking};
use agentos_vfs::Namespace;
use std::any::Any;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::task::Waker;
use std::time::{Duration, Instant, SystemTime};

pub mod guest;
mod image;
mod timers;

/// One engine for all tests of a binary, as in a host process. Compiled code is kept beside the build's other output.
pub static ENGINE: LazyLock<Arc<WasmEngine>> = LazyLock::new(|| {
    let config = WasmConfig { cache_dir: Some(cache_dir()), max_instances: 600, ..WasmConfig::default() };
    WasmEngine::new(config).expect("the host has address space and threads")
});

fn cache_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled")
}

/// A VM.
pub struct Vm {
    pub kernel: Arc<Kernel>,
}

/// What a command left.
#[derive(Debug, PartialEq, Eq)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub status: WaitStatus,
}

impl Output {
    /// The status as a shell shows it.
    pub fn code(&self) -> i32 {
        self.status.shell_code()
    }
}

struct HostClock;

impl Clock for HostClock {
    fn realtime(&self) -> Timespec {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").into()
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

impl agentos_vfs::Clock for HostClock {
    fn now(&self) -> Timespec {
        Clock::realtime(self)
    }
}

/// Not random, but different each time.
struct Counter(std::sync::atomic::AtomicU64);

impl Random for Counter {
    fn fill(&self, buf: &mut [u8]) {
        for chunk in buf.chunks_mut(8) {
            let n = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, std::sync::atomic::Ordering::Relaxed);
            chunk.copy_from_slice(&n.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Timers on a thread of their own.
struct ThreadTimers;

impl Timers for ThreadTimers {
    fn wake_at(&self, at: Instant, waker: Waker) -> Box<dyn Any + Send> {
        timers::wake_at(at, waker)
    }
}

impl Vm {
    /// Boots with the programs and a writable /tmp.
    pub fn boot() -> Vm {
        Vm::with_limits(Limits::default())
    }

    /// The same with other bounds.
    pub fn with_limits(limits: Limits) -> Vm {
        Vm::with_engine(ENGINE.clone(), limits)
    }

    /// The same with an engine of its own.
    pub fn with_engine(engine: Arc<WasmEngine>, limits: Limits) -> Vm {
        let kernel = Kernel::new(KernelConfig {
            namespace: Namespace::new(image::root()),
            hostname: "vm".into(),
            limits,
            policy: PolicyConfig::default(),
            timers: Arc::new(ThreadTimers),
            clock: Arc::new(HostClock),
            random: Arc::new(Counter(0.into())),
            network: VirtualNetwork::new(NetworkConfig::default()),
        });
        kernel.register_binfmt(engine);
        image::mount(&kernel, Arc::new(HostClock));
        Vm { kernel }
    }

    /// Writes a file.
    pub fn write(&self, path: &str, content: &[u8], mode: u32) {
        let init = self.kernel.init();
        let flags = OpenFlags::WRONLY | OpenFlags::CREAT | OpenFlags::TRUNC | OpenFlags::CLOEXEC;
        let fd = init.openat(AT_FDCWD, path.as_bytes(), flags, mode).expect("a place to write");
        let mut rest = content;
        while !rest.is_empty() {
            let n = init.write(fd, rest).expect("room");
            rest = &rest[n..];
        }
        init.close(fd).expect("open");
    }

    /// Starts a program without any descriptors but those of pid 1 and waits for it.
    pub fn spawn_and_wait(&self, argv: &[&str]) -> WaitStatus {
        let init = self.kernel.init();
        let child = init.fork().expect("a process");
        let pid = child.getpid();
        let argv: Vec<Vec<u8>> = argv.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        child.execve(AT_FDCWD, &argv[0].clone(), &argv, &[b"PATH=/usr/bin".to_vec()]).expect("a program");
        drop(child);
        wait(&*init, pid)
    }

    /// Runs a script with bash.
    pub fn sh(&self, script: &str) -> Output {
        self.run(&["/bin/bash", "-c", script], b"")
    }

    /// Runs a program, which gets `input` on its standard input.
    pub fn run(&self, argv: &[&str], input: &[u8]) -> Output {
        let init = self.kernel.init();
        let high = |fd| init.fcntl(fd, Fcntl::Dup { min: 100, cloexec: true }).and_then(|to| init.close(fd).map(|()| to)).expect("a descriptor");
        let pipe = || init.pipe2(OpenFlags::CLOEXEC).map(|(read, write)| (high(read), high(write))).expect("a pipe");
        let (stdin, stdout, stderr) = (pipe(), pipe(), pipe());
        let child = init.fork().expect("a process");
        let pid = child.getpid();
        for (to, from) in [stdin.0, stdout.1, stderr.1].into_iter().enumerate() {
            child.dup3(from, to as Fd, false).expect("a descriptor");
        }
        let argv: Vec<Vec<u8>> = argv.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        let envp = ["PATH=/usr/bin", "HOME=/tmp", "LC_ALL=C.UTF-8"].map(|entry| entry.as_bytes().to_vec());
        child.chdir(b"/tmp").expect("/tmp");
        child.execve(AT_FDCWD, &argv[0].clone(), &argv, &envp).expect("a program");
        drop(child);
        for fd in [stdin.0, stdout.1, stderr.1] {
            init.close(fd).expect("open");
        }
        let (stdout, stderr, status) = std::thread::scope(|scope| {
            let task = &*init;
            scope.spawn(move || feed(task, stdin.1, input));
            let out = scope.spawn(move || drain(task, stdout.0));
            let err = scope.spawn(move || drain(task, stderr.0));
            let status = wait(task, pid);
            (out.join().expect("text"), err.join().expect("text"), status)
        });
        Output { stdout, stderr, status }
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.kernel.shutdown();
    }
}

fn feed(task: &dyn Syscalls, fd: Fd, mut input: &[u8]) {
    while !input.is_empty() {
        match block_on(blocking(task, WaitOn::Fd(fd, Events::WRITE), None, || task.write(fd, input))) {
            Ok(n) => input = &input[n..],
            Err(_) => break,
        }
    }
    task.close(fd).expect("open");
}

fn drain(task: &dyn Syscalls, fd: Fd) -> String {
    let mut all = Vec::new();
    let mut buf = vec![0; 65536];
    loop {
        match block_on(blocking(task, WaitOn::Fd(fd, Events::READ), None, || task.read(fd, &mut buf))) {
            Ok(0) => break,
            Ok(n) => all.extend_from_slice(&buf[..n]),
            Err(errno) => panic!("read: {errno}"),
        }
    }
    task.close(fd).expect("open");
    String::from_utf8_lossy(&all).into_owned()
}

fn wait(task: &dyn Syscalls, pid: i32) -> WaitStatus {
    let target = WaitTarget::Pid(pid);
    let deadline = Instant::now() + Duration::from_secs(60);
    match block_on(blocking(task, WaitOn::Child(target), Some(deadline), || task.wait4(target, WaitOptions::empty()))) {
        Ok(Some(waited)) => waited.status,
        Err(Errno::ETIMEDOUT) => {
            task.kill(pid, Some(agentos_abi::Signal::SIGKILL)).expect("the process");
            panic!("the command did not end in time")
        }
        other => panic!("wait4: {other:?}"),
    }
}
