//! Processes: fork, exec, exit, wait, and their identities and limits.

use crate::task::Task;
use crate::timer;
use agentos_abi::wait::{Rusage, WaitTarget};
use agentos_abi::{Errno, Fd, Pid, Resource, Result, Rlimit, Signal, WaitOptions, WaitStatus};
use agentos_account::{Account, Limit};
use agentos_policy::{Class, Operation};
use agentos_syscall::{CpuAccount, HostTools, ProcessCalls, Syscalls, Waited};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl ProcessCalls for Task {
    fn fork(&self) -> Result<Arc<dyn Syscalls>> {
        Ok(Arc::new(self.kernel.fork(&self.process)?))
    }

    fn execve(&self, dirfd: Fd, path: &[u8], argv: &[Vec<u8>], envp: &[Vec<u8>]) -> Result<()> {
        self.exec(dirfd, path, argv, envp)
    }

    fn exit(&self, status: WaitStatus) {
        self.kernel.end(self.pid(), status);
    }

    fn wait4(&self, target: WaitTarget, options: WaitOptions) -> Result<Option<Waited>> {
        self.process.alive()?;
        self.kernel.with_table(|table, effects| table.wait(self.pid(), target, options, effects))
    }

    fn getpid(&self) -> Pid {
        self.pid()
    }

    fn getppid(&self) -> Pid {
        self.kernel.lock_table().get(self.pid()).map_or(0, |entry| entry.parent)
    }

    fn getpgid(&self, pid: Pid) -> Result<Pid> {
        self.kernel.lock_table().get(self.or_own(pid)).map(|entry| entry.group)
    }

    fn setpgid(&self, pid: Pid, pgid: Pid) -> Result<()> {
        self.process.alive()?;
        self.kernel.with_table(|table, _| table.set_group(self.pid(), pid, pgid))
    }

    fn getsid(&self, pid: Pid) -> Result<Pid> {
        self.kernel.lock_table().get(self.or_own(pid)).map(|entry| entry.session)
    }

    fn setsid(&self) -> Result<Pid> {
        self.process.alive()?;
        self.kernel.with_table(|table, _| table.new_session(self.pid()))
    }

    fn getresuid(&self) -> (u32, u32, u32) {
        let cred = self.process.credentials.read();
        (cred.ruid, cred.euid, cred.suid)
    }

    fn getresgid(&self) -> (u32, u32, u32) {
        let cred = self.process.credentials.read();
        (cred.rgid, cred.egid, cred.sgid)
    }

    fn setresuid(&self, real: Option<u32>, effective: Option<u32>, saved: Option<u32>) -> Result<()> {
        self.process.alive()?;
        self.process.credentials.write().set_uids(real, effective, saved)
    }

    fn setresgid(&self, real: Option<u32>, effective: Option<u32>, saved: Option<u32>) -> Result<()> {
        self.process.alive()?;
        self.process.credentials.write().set_gids(real, effective, saved)
    }

    fn getgroups(&self) -> Vec<u32> {
        self.process.credentials.read().groups.to_vec()
    }

    fn setgroups(&self, groups: &[u32]) -> Result<()> {
        self.process.alive()?;
        self.process.credentials.write().set_groups(groups)
    }

    fn prlimit(&self, pid: Pid, resource: Resource, new: Option<Rlimit>) -> Result<Rlimit> {
        self.process.alive()?;
        if self.or_own(pid) != self.pid() {
            return Err(Errno::EPERM);
        }
        let privileged = self.process.credentials.read().privileged();
        let mut limits = self.process.rlimits.write();
        let old = limits.get(resource);
        if let Some(new) = new {
            limits.set(resource, new, privileged)?;
            if resource == Resource::Fsize {
                self.process.file_size_limit.store(new.soft, Ordering::Relaxed);
            }
        }
        Ok(old)
    }

    fn getrusage(&self, children: bool) -> Rusage {
        if children {
            return self.kernel.lock_table().get(self.pid()).map_or(Rusage::default(), |entry| entry.child_usage);
        }
        self.process.usage.rusage()
    }

    fn nice(&self) -> i32 {
        self.process.nice.load(Ordering::Relaxed)
    }

    fn set_nice(&self, value: i32) -> Result<()> {
        self.process.alive()?;
        let value = value.clamp(-20, 19);
        if value < self.nice() && !self.process.credentials.read().privileged() {
            return Err(Errno::EACCES);
        }
        self.process.nice.store(value, Ordering::Relaxed);
        Ok(())
    }

    fn set_comm(&self, name: &[u8]) {
        self.process.exec_info.lock().set_comm(name);
    }

    fn charge_memory(&self, bytes: i64) -> Result<()> {
        if let Ok(taken) = u64::try_from(bytes) {
            self.kernel.account().charge(Limit::Memory, taken)?;
            self.process.usage.add_memory(taken);
            return Ok(());
        }
        // Never more than this process was charged, so that an engine's mistake cannot widen the VM's limit.
        let returned = self.process.usage.remove_memory(bytes.unsigned_abs());
        self.kernel.account().release(Limit::Memory, returned);
        Ok(())
    }

    fn charge_cpu(&self, user: Duration) {
        let total = self.process.usage.add_cpu(user);
        self.kernel.cpu.charge(user);
        timer::count_cpu(&self.kernel, &self.process, user);
        let limit = self.process.rlimits.read().get(Resource::Cpu);
        if limit.soft == Rlimit::INFINITY || total.as_secs() < limit.soft {
            return;
        }
        // setrlimit(2): SIGXCPU at the soft limit and each second beyond it, SIGKILL at the hard one.
        if total.as_secs() >= limit.hard {
            self.raise(Signal::SIGKILL);
        } else if total.saturating_sub(user).as_secs() < total.as_secs() {
            self.raise(Signal::SIGXCPU);
        }
    }

    fn cpu_account(&self) -> &Arc<CpuAccount> {
        &self.kernel.cpu
    }

    fn account(&self) -> &Arc<Account> {
        self.kernel.account()
    }

    fn check_tool(&self, toolkit: &str, tool: &str) -> Result<()> {
        self.process.alive()?;
        self.may(Class::Tool, Operation::Call, || Ok(vec![format!("{toolkit}.{tool}").into_bytes()]))
    }

    fn host_tools(&self) -> Option<Arc<dyn HostTools>> {
        self.kernel.host_tools.get().cloned()
    }
}

impl Task {
    fn or_own(&self, pid: Pid) -> Pid {
        if pid == 0 { self.pid() } else { pid }
    }
}
