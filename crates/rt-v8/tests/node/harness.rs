//! A VM around the engine: a real kernel, a file tree, standard streams as pipes.

use agentos_abi::fcntl::AT_FDCWD;
use agentos_abi::wait::WaitTarget;
use agentos_abi::{AtFlags, Events, Fd, OpenFlags, Pid, Timespec, WaitOptions, WaitStatus};
use agentos_fs_dev::DevFs;
use agentos_fs_tmpfs::Tmpfs;
use agentos_kernel::policy::PolicyConfig;
use agentos_kernel::{Clock, Kernel, KernelConfig, Limit, Limits, Random};
use agentos_net::{NetworkConfig, VirtualNetwork};
use agentos_rt_v8::{NODE_STUB, V8Config, V8Engine};
use agentos_syscall::{Syscalls, Timers, WaitOn, block_on, blocking};
use agentos_vfs::{Cred, MountFlags, Namespace, Quota, Walk};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::task::Waker;
use std::time::{Instant, SystemTime};

struct HostClock;
impl Clock for HostClock {
    fn realtime(&self) -> Timespec {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().into()
    }
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

struct Counter;
impl Random for Counter {
    fn fill(&self, buf: &mut [u8]) {
        buf.iter_mut().enumerate().for_each(|(i, b)| *b = i as u8);
    }
}

/// Timers on one thread.
#[derive(Default)]
struct ThreadTimers(Arc<(Mutex<Table>, Condvar)>);
#[derive(Default)]
struct Table {
    next: u64,
    due: BTreeMap<(Instant, u64), Waker>,
    started: bool,
}
struct Cancel(Arc<(Mutex<Table>, Condvar)>, (Instant, u64));
impl Drop for Cancel {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().due.remove(&self.1);
    }
}
impl Timers for ThreadTimers {
    fn wake_at(&self, at: Instant, waker: Waker) -> Box<dyn std::any::Any + Send> {
        let mut table = self.0.0.lock().unwrap();
        table.next += 1;
        let key = (at, table.next);
        table.due.insert(key, waker);
        if !std::mem::replace(&mut table.started, true) {
            let shared = self.0.clone();
            std::thread::spawn(move || run_timers(&shared));
        }
        self.0.1.notify_one();
        Box::new(Cancel(self.0.clone(), key))
    }
}

fn run_timers(shared: &(Mutex<Table>, Condvar)) {
    let mut table = shared.0.lock().unwrap();
    loop {
        let now = Instant::now();
        let due: Vec<(Instant, u64)> = table.due.range(..(now, u64::MAX)).map(|(k, _)| *k).collect();
        let wakers: Vec<Waker> = due.iter().filter_map(|key| table.due.remove(key)).collect();
        if !wakers.is_empty() {
            drop(table);
            wakers.into_iter().for_each(Waker::wake);
            table = shared.0.lock().unwrap();
            continue;
        }
        let next = table.due.keys().next().map(|(at, _)| at.saturating_duration_since(now));
        table = match next {
            Some(wait) => shared.1.wait_timeout(table, wait).unwrap().0,
            None => shared.1.wait(table).unwrap(),
        };
    }
}

/// The engine, made once; the snapshot is made on first use.
pub fn engine() -> Arc<V8Engine> {
    static ENGINE: OnceLock<Arc<V8Engine>> = OnceLock::new();
    ENGINE
        .get_or_init(|| {
            let file = match std::env::var_os("AGENTOS_V8_SNAPSHOT") {
                Some(path) => std::fs::read(path).expect("the snapshot file"),
                None => made_snapshot(),
            };
            Arc::new(V8Engine::new(V8Config::new(file)).expect("the engine"))
        })
        .clone()
}

/// A snapshot made by this very binary, in a process of its own: making one and opening one do not go together in one.
fn made_snapshot() -> Vec<u8> {
    let path = std::env::temp_dir().join(format!("agentos-rt-v8-{}.snapshot", std::process::id()));
    let tool = option_env!("CARGO_BIN_EXE_snapshot").expect("set AGENTOS_V8_SNAPSHOT: only tests know where the tool is");
    let status = std::process::Command::new(tool).arg(&path).stdout(std::process::Stdio::null()).status().expect("the snapshot tool");
    assert!(status.success(), "the snapshot tool failed");
    let file = std::fs::read(&path).expect("its output");
    let _ = std::fs::remove_file(path);
    file
}

/// What a program did.
#[derive(Debug)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub status: WaitStatus,
}

/// The same clock, as file systems want it.
impl agentos_vfs::Clock for HostClock {
    fn now(&self) -> Timespec {
        self.realtime()
    }
}

/// A VM with `/usr/bin/node`, /dev and an empty `/home/user`.
pub struct Vm {
    pub kernel: Arc<Kernel>,
    pub init: Arc<dyn Syscalls>,
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.kernel.shutdown();
    }
}

impl Vm {
    pub fn new() -> Vm {
        let vm = Vm::boot();
        for dir in ["/usr", "/usr/bin", "/etc", "/home", "/home/user", "/tmp", "/dev"] {
            vm.init.mkdirat(AT_FDCWD, dir.as_bytes(), 0o755).unwrap();
        }
        vm.init.fchownat(AT_FDCWD, b"/home/user", Some(1000), Some(1000), AtFlags::empty()).unwrap();
        vm.init.fchmodat(AT_FDCWD, b"/tmp", 0o1777, AtFlags::empty()).unwrap();
        vm.mount_dev();
        // What the VM opens for programs must not land on 0, 1 and 2: pid 1 has no descriptors.
        for _ in 0..3 {
            vm.init.openat(AT_FDCWD, b"/dev/null", OpenFlags::RDWR, 0).unwrap();
        }
        vm.write("/usr/bin/node", NODE_STUB, 0o755);
        vm.write("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nagent:x:1000:1000:Agent:/home/user:/bin/sh\n", 0o644);
        vm
    }

    fn boot() -> Vm {
        let fs = Tmpfs::new(Arc::new(HostClock), Arc::new(Quota::new(1 << 30, 1 << 20)));
        let kernel = Kernel::new(KernelConfig {
            namespace: Namespace::new(fs),
            hostname: "vm".into(),
            limits: Limits::bounded(Limit::Memory, 4 << 30),
            policy: PolicyConfig::default(),
            timers: Arc::new(ThreadTimers::default()),
            clock: Arc::new(HostClock),
            random: Arc::new(Counter),
            network: VirtualNetwork::new(NetworkConfig::default()),
        });
        kernel.register_binfmt(engine());
        Vm { init: kernel.init(), kernel }
    }

    fn mount_dev(&self) {
        let ns = self.kernel.namespace();
        let (root, cred) = (ns.root(), Cred::root());
        let at = Walk { ns, root: &root, base: &root, cred: &cred }.resolve(b"/dev", true).unwrap();
        ns.mount(&at, DevFs::new(&self.kernel, Arc::new(Counter), &HostClock), MountFlags::empty(), "dev").unwrap();
    }

    pub fn write(&self, path: &str, data: &[u8], mode: u32) {
        let fd = self.init.openat(AT_FDCWD, path.as_bytes(), OpenFlags::WRONLY | OpenFlags::CREAT | OpenFlags::TRUNC, mode).unwrap();
        let mut rest = data;
        while !rest.is_empty() {
            rest = &rest[self.init.write(fd, rest).unwrap()..];
        }
        self.init.close(fd).unwrap();
    }

    /// Starts a program in /home/user with pipes as its standard streams.
    pub fn spawn(&self, argv: &[&str], env: &[&str]) -> Child {
        let pipes: Vec<(Fd, Fd)> = (0..3).map(|_| self.init.pipe2(OpenFlags::CLOEXEC).unwrap()).collect();
        let child = self.init.fork().unwrap();
        for (fd, end) in [(0, pipes[0].0), (1, pipes[1].1), (2, pipes[2].1)] {
            child.dup3(end, fd, false).unwrap();
        }
        for (read, write) in &pipes {
            child.close(*read).unwrap();
            child.close(*write).unwrap();
        }
        for end in [pipes[0].0, pipes[1].1, pipes[2].1] {
            self.init.close(end).unwrap();
        }
        child.chdir(b"/home/user").unwrap();
        child.setresgid(Some(1000), Some(1000), Some(1000)).unwrap();
        child.setresuid(Some(1000), Some(1000), Some(1000)).unwrap();
        let bytes = |list: &[&str]| list.iter().map(|s| s.as_bytes().to_vec()).collect::<Vec<_>>();
        let mut envp = bytes(&["HOME=/home/user", "PATH=/usr/bin:/bin", "USER=agent"]);
        envp.extend(bytes(env));
        child.execve(AT_FDCWD, argv[0].as_bytes(), &bytes(argv), &envp).unwrap();
        Child { init: self.init.clone(), pid: child.getpid(), stdin: pipes[0].1, stdout: pipes[1].0, stderr: pipes[2].0 }
    }

    /// Runs a program to its end.
    pub fn run(&self, argv: &[&str], stdin: &str) -> Output {
        let child = self.spawn(argv, &[]);
        child.write_all(stdin.as_bytes());
        child.finish()
    }

    /// Runs `node` with the arguments.
    pub fn node(&self, args: &[&str]) -> Output {
        let mut argv = vec!["/usr/bin/node"];
        argv.extend(args);
        self.run(&argv, "")
    }
}

/// A running program.
pub struct Child {
    pub init: Arc<dyn Syscalls>,
    pub pid: Pid,
    pub stdin: Fd,
    pub stdout: Fd,
    pub stderr: Fd,
}

impl Child {
    pub fn write_all(&self, mut data: &[u8]) {
        while !data.is_empty() {
            match block_on(blocking(&*self.init, WaitOn::Fd(self.stdin, Events::OUT), None, || self.init.write(self.stdin, data))) {
                Ok(n) => data = &data[n..],
                Err(_) => return,
            }
        }
    }

    pub fn close_stdin(&self) {
        let _ = self.init.close(self.stdin);
    }

    /// Reads standard output up to and with the next line end.
    pub fn read_line(&self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while let Ok(1) = block_on(blocking(&*self.init, WaitOn::Fd(self.stdout, Events::IN), None, || self.init.read(self.stdout, &mut byte))) {
            line.push(byte[0]);
            if byte[0] == b'\n' {
                break;
            }
        }
        String::from_utf8_lossy(&line).into_owned()
    }

    pub fn wait(&self) -> WaitStatus {
        let target = WaitTarget::Pid(self.pid);
        block_on(blocking(&*self.init, WaitOn::Child(target), None, || self.init.wait4(target, WaitOptions::empty()))).unwrap().unwrap().status
    }

    /// Ends its input, reads all output, waits.
    pub fn finish(self) -> Output {
        self.close_stdin();
        let read = |fd: Fd| {
            let init = self.init.clone();
            std::thread::spawn(move || read_to_end(&*init, fd))
        };
        let (stdout, stderr) = (read(self.stdout), read(self.stderr));
        let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
        Output { stdout, stderr, status: self.wait() }
    }
}

fn read_to_end(init: &dyn Syscalls, fd: Fd) -> String {
    let mut data = Vec::new();
    let mut buf = vec![0; 65536];
    while let Ok(n) = block_on(blocking(init, WaitOn::Fd(fd, Events::IN), None, || init.read(fd, &mut buf))) {
        if n == 0 {
            break;
        }
        data.extend_from_slice(&buf[..n]);
    }
    let _ = init.close(fd);
    String::from_utf8_lossy(&data).into_owned()
}
