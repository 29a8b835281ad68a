//! Making a child and starting its program.

use super::{SpawnArgs, Stdio};
use crate::kernel::Kernel;
use agentos_abi::fcntl::{AT_FDCWD, Fcntl};
use agentos_abi::signal::{SigAction, SigHow};
use agentos_abi::socket::SocketType;
use agentos_abi::{Errno, Fd, OpenFlags, Pid, Result, SigSet, Signal};
use agentos_syscall::{Syscalls, WaitOn, block_on, blocking};
use std::io;
use std::sync::Arc;

/// Where programs are looked for when the environment has no PATH.
const DEFAULT_PATH: &str = "/usr/local/bin:/bin:/usr/bin";
/// What a file without a known format is run with, as posix_spawnp(3) does.
const SHELL: &str = "/bin/sh";

/// A started child.
pub(super) struct Started {
    pub pid: Pid,
    /// The parent's ends of its streams, in order.
    pub ends: Vec<Option<Fd>>,
}

/// Descriptors of the parent that are closed when the launch fails.
struct Ends<'a> {
    task: &'a dyn Syscalls,
    /// The child's end (ours until it has its copy), and the parent's.
    list: Vec<(Option<Fd>, Option<Fd>)>,
}

impl Ends<'_> {
    fn close_child_ends(&mut self) {
        for (child, _) in &mut self.list {
            if let Some(fd) = child.take() {
                let _ = self.task.close(fd);
            }
        }
    }
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.close_child_ends();
        for (_, parent) in &mut self.list {
            if let Some(fd) = parent.take() {
                let _ = self.task.close(fd);
            }
        }
    }
}

/// Starts the program.
///
/// # Errors
/// Those of pipe(2), fork(2), chdir(2), setuid(2) and execve(2).
pub(super) fn launch(kernel: &Kernel, args: &SpawnArgs) -> io::Result<Started> {
    let task = kernel.task()?;
    let plan: Vec<Stdio> = [args.stdin, args.stdout, args.stderr].into_iter().chain(args.extra_stdio.iter().copied()).collect();
    let mut ends = Ends { task: &**task, list: Vec::new() };
    for (number, stdio) in plan.iter().enumerate() {
        ends.list.push(make_ends(&**task, number, *stdio)?);
    }
    let child = task.fork()?;
    let pid = child.getpid();
    if let Err(errno) = prepare(&child, args, &plan, &ends).and_then(|()| exec(&child, args)) {
        // The handle's end kills what never ran; nobody else waits for it.
        drop(child);
        let _ = kernel.wait(WaitOn::Child(agentos_abi::wait::WaitTarget::Pid(pid)), None, |task| {
            task.wait4(agentos_abi::wait::WaitTarget::Pid(pid), agentos_abi::WaitOptions::empty())
        });
        return Err(errno.into());
    }
    ends.close_child_ends();
    Ok(Started { pid, ends: ends.list.iter_mut().map(|(_, parent)| parent.take()).collect() })
}

/// The two ends of one stream: the child's and the parent's.
fn make_ends(task: &dyn Syscalls, number: usize, stdio: Stdio) -> Result<(Option<Fd>, Option<Fd>)> {
    if stdio != Stdio::Pipe {
        return Ok((None, None));
    }
    Ok(match number {
        0 => {
            let (read, write) = task.pipe2(OpenFlags::CLOEXEC)?;
            (Some(read), Some(write))
        }
        1 | 2 => {
            let (read, write) = task.pipe2(OpenFlags::CLOEXEC)?;
            (Some(write), Some(read))
        }
        // Both directions are possible from number 3 on.
        _ => {
            let (child, parent) = task.socketpair(SocketType::Stream, OpenFlags::CLOEXEC)?;
            (Some(child), Some(parent))
        }
    })
}

/// What happens in the child between fork(2) and execve(2).
fn prepare(child: &Arc<dyn Syscalls>, args: &SpawnArgs, plan: &[Stdio], ends: &Ends<'_>) -> Result<()> {
    let count = Fd::try_from(plan.len()).map_err(|_| Errno::EMFILE)?;
    let mut sources = Vec::new();
    for (number, stdio) in plan.iter().enumerate() {
        let source = match stdio {
            Stdio::Pipe => ends.list.get(number).and_then(|(child_end, _)| *child_end),
            Stdio::Inherit => Fd::try_from(number).ok(),
            Stdio::Fd(fd) => Some(*fd),
            // From number 3 on, no stream is no descriptor.
            Stdio::Null if number > 2 => None,
            Stdio::Null => Some(child.openat(AT_FDCWD, b"/dev/null", OpenFlags::RDWR | OpenFlags::CLOEXEC, 0)?),
        };
        // Moved out of the way first: a source may be the target of another.
        sources.push(source.map(|fd| child.fcntl(fd, Fcntl::Dup { min: count, cloexec: true })).transpose()?);
    }
    for (number, source) in sources.into_iter().enumerate() {
        if let (Some(source), Ok(target)) = (source, Fd::try_from(number)) {
            child.dup3(source, target, false)?;
            child.close(source)?;
        }
    }
    if args.detached {
        child.setsid()?;
    }
    if let Some(gid) = args.gid {
        child.setresgid(Some(gid), Some(gid), Some(gid))?;
    }
    if let Some(uid) = args.uid {
        child.setresuid(Some(uid), Some(uid), Some(uid))?;
    }
    if let Some(cwd) = &args.cwd {
        child.chdir(cwd.as_bytes())?;
    }
    // As libuv: a child starts with default actions and nothing blocked, whatever this process made of its signals.
    for number in 1..=31 {
        if let Some(signal) = Signal::new(number).filter(|signal| !SigSet::UNBLOCKABLE.contains(*signal)) {
            child.sigaction(signal, Some(SigAction::default()))?;
        }
    }
    child.sigprocmask(Some((SigHow::SetMask, SigSet::default())));
    Ok(())
}

/// execvpe(3) with the child's PATH.
fn exec(child: &Arc<dyn Syscalls>, args: &SpawnArgs) -> Result<()> {
    let mut argv = vec![args.argv0.as_deref().unwrap_or(&args.cmd).as_bytes().to_vec()];
    argv.extend(args.args.iter().map(|arg| arg.as_bytes().to_vec()));
    let envp: Vec<Vec<u8>> = args.env.iter().map(|(name, value)| format!("{name}={value}").into_bytes()).collect();
    if argv.iter().chain(&envp).any(|text| text.contains(&0)) {
        return Err(Errno::EINVAL);
    }
    if args.cmd.is_empty() {
        return Err(Errno::ENOENT);
    }
    if args.cmd.contains('/') {
        return exec_file(child, &args.cmd, &argv, &envp);
    }
    let path = args.env.iter().find(|(name, _)| name == "PATH").map_or(DEFAULT_PATH, |(_, value)| value.as_str());
    let mut denied = false;
    for directory in path.split(':') {
        let file = if directory.is_empty() { format!("./{}", args.cmd) } else { format!("{directory}/{}", args.cmd) };
        match exec_file(child, &file, &argv, &envp) {
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ENAMETOOLONG) => {}
            Err(Errno::EACCES) => denied = true,
            done => return done,
        }
    }
    Err(if denied { Errno::EACCES } else { Errno::ENOENT })
}

fn exec_file(child: &Arc<dyn Syscalls>, file: &str, argv: &[Vec<u8>], envp: &[Vec<u8>]) -> Result<()> {
    // The policy may ask somebody outside first.
    let execve = |file: &str, argv: &[Vec<u8>]| block_on(blocking(&**child, WaitOn::Signal, None, || child.execve(AT_FDCWD, file.as_bytes(), argv, envp)));
    match execve(file, argv) {
        Err(Errno::ENOEXEC) => {
            let mut shell = vec![SHELL.as_bytes().to_vec(), file.as_bytes().to_vec()];
            shell.extend(argv.iter().skip(1).cloned());
            execve(SHELL, &shell)
        }
        done => done,
    }
}
