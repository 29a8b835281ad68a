//! Programs that the host starts: `exec`, `execFile`, `spawn`.
//!
//! A started program is a child of process 1. The host holds its end of the pipes as descriptors of process 1 and waits for
//! them with the one wait loop, like any program.

use crate::error::{Error, Result};
use crate::host;
use agentos_abi::wait::WaitTarget;
use agentos_abi::{Errno, Events, Fd, OpenFlags, Pid, Resource, Signal, WaitOptions, WaitStatus};
use agentos_kernel::Kernel;
use agentos_kernel::policy::Scope;
use agentos_syscall::{Syscalls, WaitOn, Waited, blocking};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Most bytes read from a pipe at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Default for [`ExecOptions::max_output_bytes`], per stream.
pub const DEFAULT_MAX_OUTPUT_BYTES: usize = 16 << 20;
/// How long a program may go on after the timeout's SIGTERM before SIGKILL.
const TERM_GRACE: Duration = Duration::from_secs(2);

/// How to start a program.
#[derive(Clone)]
pub struct SpawnOptions {
    /// File to execute: a path, or a name that is looked up in PATH.
    pub program: String,
    /// Arguments, the program's name first.
    pub argv: Vec<String>,
    /// Environment, complete.
    pub env: Vec<(String, String)>,
    /// Working directory.
    pub cwd: String,
    /// User and group.
    pub ids: (u32, u32),
    /// Standard input is /dev/null instead of a pipe.
    pub null_stdin: bool,
    /// Under what policy.
    pub entry: Entry,
}

/// What stands between the host and a program that it starts.
#[derive(Clone)]
pub struct Entry {
    /// The VM's.
    pub kernel: Arc<Kernel>,
    /// What the program may do; the VM's scope when absent.
    pub scope: Option<Arc<Scope>>,
    /// Names of the variables that come from outside the VM, which the policy of class `env` is about.
    pub outside: BTreeSet<String>,
}

/// A started program. Dropping it leaves the program running; it is waited for all the same, so that it leaves no zombie.
pub struct Process {
    init: Arc<dyn Syscalls>,
    child: Arc<Child>,
    stdin: Option<HostEnd>,
    stdout: HostEnd,
    stderr: HostEnd,
}

/// A child of process 1, to be waited for once, however many ask.
pub(crate) struct Child {
    init: Arc<dyn Syscalls>,
    pid: Pid,
    outcome: Mutex<Option<Result<Waited, Errno>>>,
}

impl Child {
    pub(crate) fn new(init: &Arc<dyn Syscalls>, pid: Pid) -> Arc<Child> {
        Arc::new(Child { init: init.clone(), pid, outcome: Mutex::default() })
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// EWAIT while it runs.
    fn try_wait(&self) -> Result<Waited, Errno> {
        let mut outcome = self.outcome.lock();
        if let Some(known) = *outcome {
            return known;
        }
        let result = match self.init.wait4(WaitTarget::Pid(self.pid), WaitOptions::empty()) {
            Ok(None) | Err(Errno::EWAIT) => return Err(Errno::EWAIT),
            Ok(Some(waited)) => Ok(waited),
            Err(errno) => Err(errno),
        };
        *outcome = Some(result);
        result
    }

    pub(crate) async fn wait(&self) -> Result<Waited, Errno> {
        blocking(&*self.init, WaitOn::Child(WaitTarget::Pid(self.pid)), None, || self.try_wait()).await
    }

    /// Waits for it on the host threads, so that it stays no zombie that nobody asks for.
    pub(crate) fn wait_in_background(self: &Arc<Self>) {
        let child = self.clone();
        host::runtime().spawn(async move {
            let _ = child.wait().await;
        });
    }
}

/// A descriptor of process 1 that closes itself.
pub(crate) struct HostEnd {
    init: Arc<dyn Syscalls>,
    /// Locked for the time of a call, which never waits: once closed, the number may belong to the pipe of another program.
    fd: RwLock<Fd>,
    closed: watch::Sender<bool>,
}

impl HostEnd {
    pub(crate) fn new(init: &Arc<dyn Syscalls>, fd: Fd) -> HostEnd {
        HostEnd { init: init.clone(), fd: RwLock::new(fd), closed: watch::Sender::new(false) }
    }

    pub(crate) fn close(&self) {
        let fd = std::mem::replace(&mut *self.fd.write(), -1);
        if fd >= 0 {
            let _ = self.init.close(fd);
            self.closed.send_replace(true);
        }
    }

    pub(crate) fn get(&self) -> Fd {
        *self.fd.read()
    }

    /// Calls until it need not wait. EBADF once closed, also while it waits.
    async fn call<T>(&self, events: Events, mut call: impl FnMut(Fd) -> Result<T, Errno>) -> Result<T, Errno> {
        let mut closed = self.closed.subscribe();
        let attempt = || match *self.fd.read() {
            -1 => Err(Errno::EBADF),
            fd => call(fd),
        };
        tokio::select! {
            biased;
            done = blocking(&*self.init, WaitOn::Fd(self.get(), events), None, attempt) => done,
            _ = closed.wait_for(|closed| *closed) => Err(Errno::EBADF),
        }
    }

    pub(crate) async fn read(&self, max: usize) -> Result<Vec<u8>, Errno> {
        let mut buf = vec![0; max.min(CHUNK_BYTES)];
        let n = match self.call(Events::READ, |fd| self.init.read(fd, &mut buf)).await {
            // The VM was disposed: process 1 is gone, and its pipes with it.
            Err(Errno::ESRCH) => 0,
            done => done?,
        };
        buf.truncate(n);
        Ok(buf)
    }

    /// Writes all of `data`.
    pub(crate) async fn write(&self, data: &[u8]) -> Result<(), Errno> {
        let mut rest = data;
        while !rest.is_empty() {
            let written = self.call(Events::WRITE, |fd| self.init.write(fd, rest)).await?;
            rest = &rest[written..];
        }
        Ok(())
    }
}

impl Drop for HostEnd {
    fn drop(&mut self) {
        self.close();
    }
}

impl Process {
    /// Starts a program with pipes on its standard streams, in a session of its own. It is waited for whether anybody asks or not.
    ///
    /// # Errors
    /// Those of execve(2), with `syscall` `spawn PROGRAM` in the message as in Node; EAGAIN at the process limit; ENOENT for a
    /// missing working directory.
    pub async fn spawn(init: &Arc<dyn Syscalls>, options: &SpawnOptions) -> Result<Process> {
        let process = Process::start(init, options).await?;
        process.child.wait_in_background();
        Ok(process)
    }

    /// The same for who waits for it at once; dropped before, it is waited for in the background. Waits for nothing but answers to
    /// questions that the policy makes it ask.
    ///
    /// # Errors
    /// As [`spawn`](Process::spawn).
    pub async fn start(init: &Arc<dyn Syscalls>, options: &SpawnOptions) -> Result<Process> {
        let fail = |errno: Errno| Error::syscall(errno, "spawn", Some(&options.program));
        let stdin = if options.null_stdin { None } else { Some(pipe(init).map_err(fail)?) };
        let (out_read, out_write) = pipe(init).map_err(fail)?;
        let (err_read, err_write) = pipe(init).map_err(fail)?;
        let task = init.fork().map_err(fail)?;
        let child = Child::new(init, task.getpid());
        let start = || {
            // Without a pipe, 0 is what process 1 has there: /dev/null.
            let ends = [(stdin.as_ref().map(|(read, _)| read), 0), (Some(&out_write), 1), (Some(&err_write), 2)];
            for (end, fd) in ends {
                if let Some(end) = end {
                    task.dup3(end.get(), fd, false).map_err(fail)?;
                }
            }
            prepare(&*task, options)
        };
        let started = match start() {
            Ok(()) => exec(&task, options).await,
            Err(error) => Err(error),
        };
        if let Err(error) = started {
            task.exit(WaitStatus::Exited(127));
            child.wait_in_background();
            return Err(error);
        }
        Ok(Process { init: init.clone(), child, stdin: stdin.map(|(_, write)| write), stdout: out_read, stderr: err_read })
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        self.child.pid
    }

    /// Writes all of `data` to its standard input.
    ///
    /// # Errors
    /// EPIPE when it closed its end; EBADF after [`close_stdin`](Process::close_stdin), and without a pipe.
    pub async fn write_stdin(&self, data: &[u8]) -> Result<(), Errno> {
        self.stdin.as_ref().ok_or(Errno::EBADF)?.write(data).await
    }

    /// Ends its standard input.
    pub fn close_stdin(&self) {
        if let Some(stdin) = &self.stdin {
            stdin.close();
        }
    }

    /// Reads from its standard output; an empty answer is the end, also that of a disposed VM.
    ///
    /// # Errors
    /// Those of read(2) on a pipe.
    pub async fn read_stdout(&self, max: usize) -> Result<Vec<u8>, Errno> {
        self.stdout.read(max).await
    }

    /// Reads from its standard error; an empty answer is the end, also that of a disposed VM.
    ///
    /// # Errors
    /// Those of read(2) on a pipe.
    pub async fn read_stderr(&self, max: usize) -> Result<Vec<u8>, Errno> {
        self.stderr.read(max).await
    }

    /// Waits for its end. Every caller gets the same answer.
    ///
    /// # Errors
    /// ECHILD when the VM was disposed.
    pub async fn wait(&self) -> Result<Waited, Errno> {
        self.child.wait().await
    }

    /// Sends a signal to it.
    ///
    /// # Errors
    /// ESRCH when it has been waited for.
    pub fn kill(&self, signal: Signal) -> Result<(), Errno> {
        self.init.kill(self.pid(), Some(signal))
    }

    /// Sends a signal to its whole process group.
    ///
    /// # Errors
    /// ESRCH when nobody is left.
    pub fn kill_group(&self, signal: Signal) -> Result<(), Errno> {
        self.init.kill(-self.pid(), Some(signal))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.outcome.lock().is_none() {
            self.child.wait_in_background();
        }
    }
}

/// A pipe whose ends close on exec, so that no other child of process 1 keeps them open.
fn pipe(init: &Arc<dyn Syscalls>) -> Result<(HostEnd, HostEnd), Errno> {
    let (read, write) = init.pipe2(OpenFlags::CLOEXEC)?;
    Ok((HostEnd::new(init, read), HostEnd::new(init, write)))
}

/// Session, identity and working directory of a child that does not run yet.
pub(crate) fn prepare(child: &dyn Syscalls, options: &SpawnOptions) -> Result<()> {
    let fail = |errno: Errno| Error::syscall(errno, "spawn", Some(&options.program));
    let (uid, gid) = options.ids;
    child.setsid().map_err(fail)?;
    child.setgroups(&[gid]).map_err(fail)?;
    child.setresgid(Some(gid), Some(gid), Some(gid)).map_err(fail)?;
    child.setresuid(Some(uid), Some(uid), Some(uid)).map_err(fail)?;
    child.umask(0o022);
    // Process 1 may hold thousands of pipes for the host; its children get the usual limit.
    child.prlimit(0, Resource::Nofile, Some(agentos_abi::Rlimit { soft: 1024, hard: 4096 })).map_err(fail)?;
    child.chdir(options.cwd.as_bytes()).map_err(|errno| Error::syscall(errno, "chdir", Some(&options.cwd)))
}

/// execvpe(3): a name without a slash is looked up in the PATH of its environment.
pub(crate) async fn exec(child: &Arc<dyn Syscalls>, options: &SpawnOptions) -> Result<()> {
    if let Some(scope) = &options.entry.scope {
        options.entry.kernel.enter_scope(child.getpid(), scope.clone()).map_err(|errno| Error::syscall(errno, "spawn", Some(&options.program)))?;
    }
    let env = admitted(child, options).await?;
    let argv: Vec<Vec<u8>> = options.argv.iter().map(|a| a.clone().into_bytes()).collect();
    let envp: Vec<Vec<u8>> = env.iter().map(|(k, v)| format!("{k}={v}").into_bytes()).collect();
    let run = async |path: &str| {
        let call = || child.execve(agentos_abi::fcntl::AT_FDCWD, path.as_bytes(), &argv, &envp);
        blocking(&**child, WaitOn::Signal, None, call).await
    };
    let fail = |errno: Errno| Error::syscall(errno, "spawn", Some(&options.program));
    if options.program.is_empty() || options.program.contains('/') {
        return run(&options.program).await.map_err(fail);
    }
    let path = env.iter().rev().find(|(k, _)| k == "PATH").map_or("/usr/local/bin:/usr/bin:/bin", |(_, v)| v);
    let mut worst = Errno::ENOENT;
    for dir in path.split(':') {
        let dir = if dir.is_empty() { "." } else { dir };
        match run(&format!("{dir}/{}", options.program)).await {
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(Errno::EACCES) => worst = Errno::EACCES,
            done => return done.map_err(fail),
        }
    }
    Err(fail(worst))
}

/// The environment without the variables from outside that the policy refuses.
async fn admitted(child: &Arc<dyn Syscalls>, options: &SpawnOptions) -> Result<Vec<(String, String)>> {
    let (kernel, pid) = (&options.entry.kernel, child.getpid());
    let mut env = Vec::with_capacity(options.env.len());
    for (name, value) in &options.env {
        if options.entry.outside.contains(name) {
            match blocking(&**child, WaitOn::Signal, None, || kernel.may_pass(pid, name)).await {
                Ok(()) => {}
                Err(Errno::EACCES) => continue,
                Err(errno) => return Err(Error::syscall(errno, "spawn", Some(&options.program))),
            }
        }
        env.push((name.clone(), value.clone()));
    }
    Ok(env)
}

/// How long and how much a program may run and print.
#[derive(Clone, Debug)]
pub struct ExecOptions {
    /// Given on standard input, which then ends.
    pub stdin: Vec<u8>,
    /// SIGTERM to its process group after this time, SIGKILL a little later.
    pub timeout: Option<Duration>,
    /// Bytes kept of each stream; what follows is read and dropped.
    pub max_output_bytes: usize,
}

impl Default for ExecOptions {
    fn default() -> Self {
        ExecOptions { stdin: Vec::new(), timeout: None, max_output_bytes: DEFAULT_MAX_OUTPUT_BYTES }
    }
}

/// What a finished program left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecResult {
    /// How it ended.
    pub status: WaitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// More was printed than kept.
    pub truncated: bool,
    /// The timeout ended it.
    pub timed_out: bool,
}

/// Which stream a chunk came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Called with each chunk as it arrives; the next one is read when the future has finished.
pub type OnChunk = Arc<dyn Fn(Stream, Vec<u8>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What was kept of one stream.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    truncated: bool,
}

impl Process {
    /// Feeds the input, collects the output, and waits for the end of the program and of both streams.
    ///
    /// After a timeout the streams may still be held open by a program that left the process group: then what was printed so
    /// far is the answer.
    ///
    /// # Errors
    /// ECHILD or ESRCH when the VM was disposed meanwhile.
    pub async fn run(&self, options: &ExecOptions, on_chunk: Option<&OnChunk>) -> Result<ExecResult, Errno> {
        let (out, err) = (Mutex::new(Kept::default()), Mutex::new(Kept::default()));
        let feed = async {
            // EPIPE: the program did not want all of its input, as with `yes | head`. EBADF: it has /dev/null.
            let _ = self.write_stdin(&options.stdin).await;
            self.close_stdin();
            pending::<Infallible>().await
        };
        let collect = async {
            let stdout = self.drain(Stream::Stdout, &out, options, on_chunk);
            let stderr = self.drain(Stream::Stderr, &err, options, on_chunk);
            tokio::try_join!(stdout, stderr)?;
            self.wait().await
        };
        let timed_out = AtomicBool::new(false);
        let waited = tokio::select! {
            waited = collect => waited?,
            never = feed => match never {},
            () = self.end_after(options.timeout, &timed_out) => self.wait().await?,
        };
        let (out, err) = (out.into_inner(), err.into_inner());
        let truncated = out.truncated || err.truncated;
        Ok(ExecResult { status: waited.status, stdout: out.bytes, stderr: err.bytes, truncated, timed_out: timed_out.into_inner() })
    }

    /// After `timeout` ends the process group, politely first; returns when that has been given its time.
    async fn end_after(&self, timeout: Option<Duration>, timed_out: &AtomicBool) {
        let Some(timeout) = timeout else { return pending().await };
        sleep(timeout).await;
        timed_out.store(true, Ordering::Relaxed);
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            // ESRCH: it has just ended.
            let _ = self.kill_group(signal);
            sleep(TERM_GRACE).await;
        }
    }

    async fn drain(&self, stream: Stream, kept: &Mutex<Kept>, options: &ExecOptions, on_chunk: Option<&OnChunk>) -> Result<(), Errno> {
        let end = if stream == Stream::Stdout { &self.stdout } else { &self.stderr };
        loop {
            let chunk = end.read(CHUNK_BYTES).await?;
            if chunk.is_empty() {
                return Ok(());
            }
            {
                let mut kept = kept.lock();
                let room = options.max_output_bytes - kept.bytes.len();
                kept.truncated |= chunk.len() > room;
                kept.bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            if let Some(tell) = on_chunk {
                tell(stream, chunk).await;
            }
        }
    }
}

/// Sleeps by the clock of the host threads, on whichever thread the caller is.
fn sleep(time: Duration) -> tokio::time::Sleep {
    let _context = host::runtime().enter();
    tokio::time::sleep(time)
}

/// Runs a future of this module on the host threads.
pub fn on_host<F: Future<Output: Send + 'static> + Send + 'static>(future: F) -> tokio::task::JoinHandle<F::Output> {
    host::runtime().spawn(future)
}
