//! Processes: fork, exec, exit, wait, and their identities and limits.

use crate::{CpuAccount, HostTools, Syscalls};
use agentos_abi::wait::{Rusage, WaitTarget};
use agentos_abi::{Fd, Pid, Resource, Result, Rlimit, WaitOptions, WaitStatus};
use agentos_account::Account;
use std::sync::Arc;

/// What wait4(2) found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waited {
    /// The child.
    pub pid: Pid,
    /// How it ended or changed.
    pub status: WaitStatus,
    /// What it used.
    pub rusage: Rusage,
}

/// Process calls.
pub trait ProcessCalls {
    /// fork(2), vfork(2), and the first half of posix_spawn(3): a child process with a copy of the descriptor table, working
    /// directory, credentials, signal dispositions and limits. Nothing runs in it yet: the engine either runs a copy of the
    /// caller's program in it, or prepares it by calls on the handle and ends with [`execve`](ProcessCalls::execve) (or
    /// [`exit`](ProcessCalls::exit)). Dropping the last handle of a child that runs nothing ends it with SIGKILL.
    ///
    /// # Errors
    /// EAGAIN: the process limit of the VM or of the user.
    fn fork(&self) -> Result<Arc<dyn Syscalls>>;

    /// execve(2), or execveat(2) with EMPTY_PATH. Scripts (`#!`) are followed, the registered [`Binfmt`](crate::Binfmt)s are
    /// asked, and on success the new program has been started in this process: the engine that called leaves the old program
    /// without exiting the process.
    ///
    /// # Errors
    /// E2BIG (arguments and environment over the limit), EACCES, ENOEXEC, ENOENT, ENOTDIR, ELOOP, ENOMEM, EISDIR.
    fn execve(&self, dirfd: Fd, path: &[u8], argv: &[Vec<u8>], envp: &[Vec<u8>]) -> Result<()>;

    /// exit_group(2): closes everything, becomes a zombie, tells the parent. A second call does nothing.
    fn exit(&self, status: WaitStatus);

    /// wait4(2). `None` with NOHANG when no child changed. Errors: ECHILD, EWAIT, EINVAL.
    fn wait4(&self, target: WaitTarget, options: WaitOptions) -> Result<Option<Waited>>;

    /// getpid(2).
    fn getpid(&self) -> Pid;
    /// getppid(2); 0 when the parent is outside.
    fn getppid(&self) -> Pid;
    /// getpgid(2) (0: own). Errors: ESRCH.
    fn getpgid(&self, pid: Pid) -> Result<Pid>;
    /// setpgid(2). Errors: EACCES (child has exec'ed), EINVAL, EPERM, ESRCH.
    fn setpgid(&self, pid: Pid, pgid: Pid) -> Result<()>;
    /// getsid(2). Errors: ESRCH.
    fn getsid(&self, pid: Pid) -> Result<Pid>;
    /// setsid(2). Errors: EPERM for a group leader.
    fn setsid(&self) -> Result<Pid>;

    /// Real, effective and saved user id.
    fn getresuid(&self) -> (u32, u32, u32);
    /// Real, effective and saved group id.
    fn getresgid(&self) -> (u32, u32, u32);
    /// setresuid(2); `None` leaves one. Errors: EPERM.
    fn setresuid(&self, real: Option<u32>, effective: Option<u32>, saved: Option<u32>) -> Result<()>;
    /// setresgid(2); `None` leaves one. Errors: EPERM.
    fn setresgid(&self, real: Option<u32>, effective: Option<u32>, saved: Option<u32>) -> Result<()>;
    /// getgroups(2).
    fn getgroups(&self) -> Vec<u32>;
    /// setgroups(2). Errors: EPERM, EINVAL (over 65536).
    fn setgroups(&self, groups: &[u32]) -> Result<()>;

    /// prlimit64(2) of this process (`pid` 0 or own; others EPERM): sets `new` when given, answers the old value.
    fn prlimit(&self, pid: Pid, resource: Resource, new: Option<Rlimit>) -> Result<Rlimit>;
    /// getrusage(2): own, or that of waited-for children.
    fn getrusage(&self, children: bool) -> Rusage;
    /// getpriority(2) of this process, -20 to 19.
    fn nice(&self) -> i32;
    /// setpriority(2) of this process. Errors: EACCES to lower it below its value.
    fn set_nice(&self, value: i32) -> Result<()>;
    /// Sets the name that /proc/PID/comm shows (PR_SET_NAME), cut to 15 bytes.
    fn set_comm(&self, name: &[u8]);

    /// Charges (or with a negative count gives back) bytes of program memory to the VM. Errors: ENOMEM over `maxMemoryMb`;
    /// giving back never fails. What a process still owes when its engine drops it must be given back by the engine.
    fn charge_memory(&self, bytes: i64) -> Result<()>;
    /// Adds consumed CPU time, for rusage and the CPU share. Engines call it when a program yields.
    fn charge_cpu(&self, user: std::time::Duration);
    /// The CPU account of the VM, the same for all its processes: engines share the CPUs out by it and pause whom it tells to.
    fn cpu_account(&self) -> &Arc<CpuAccount>;
    /// The account of the VM, the same for all its processes: for memory of an engine that belongs to no single process.
    fn account(&self) -> &Arc<Account>;

    /// Whether this process may call a host tool, by the policy of class `tool`. Host tools ask before each call.
    ///
    /// # Errors
    /// EACCES: refused. EWAIT while somebody outside is asked: wait as with any call ([`WaitOn::Signal`](crate::WaitOn) does)
    /// and ask again with the same names.
    fn check_tool(&self, toolkit: &str, tool: &str) -> Result<()>;
    /// The host tools of the VM, when it has any.
    fn host_tools(&self) -> Option<Arc<dyn HostTools>>;
}
