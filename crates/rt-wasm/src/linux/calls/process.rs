//! Processes: start, vfork, exec, exit, wait, identities, limits.

use crate::call::{Action, Call, Wait, count};
use crate::executor;
use crate::linux::layout;
use crate::memory::Record;
use agentos_abi::fcntl::AT_FDCWD;
use agentos_abi::wait::{Rusage, WaitTarget};
use agentos_abi::{AtFlags, ClockId, Errno, Resource, Result, Rlimit, WaitOptions, WaitStatus};
use agentos_syscall::Waited;
use std::time::Duration;

/// Bytes of arguments and environment that execve(2) collects before E2BIG; the kernel's own limit may be lower.
const MAX_ARG_BYTES: usize = 2 << 20;

/// Entries of the auxiliary vector: AT_PAGESZ, AT_CLKTCK, AT_UID, AT_EUID, AT_GID, AT_EGID, AT_SECURE, AT_RANDOM, AT_EXECFN, end.
const AUX_ENTRIES: usize = 10;
/// Bytes of randomness that AT_RANDOM points to.
const RANDOM_BYTES: usize = 16;

/// Where the parts of the start block lie, from its begin: the pointers, then randomness, then strings.
fn start_sizes(call: &Call<'_>) -> (usize, usize) {
    let image = &call.image;
    let words = 1 + image.argv.len() + 1 + image.envp.len() + 1 + 2 * AUX_ENTRIES;
    let strings: usize = image.argv.iter().chain(&image.envp).map(|s| s.len() + 1).sum();
    (words * 4, words * 4 + RANDOM_BYTES + image.path.len() + 1 + strings)
}

/// The first call of a program: tells where its pending word is, learns how large the start block is.
pub(crate) fn start_size(call: &mut Call<'_>) -> Result<i32> {
    call.mem.slice_mut(call.args[0], 4)?;
    call.state.pending_word = call.args[0];
    // Rounded up, with room for the alignment that the program's stack wants.
    count(start_sizes(call).1.next_multiple_of(16) + 64)
}

/// The second call: stores argc, argv, envp and the auxiliary vector as Linux puts them on a new stack.
pub(crate) fn start_block(call: &mut Call<'_>) -> Result<i32> {
    let (pointers, size) = start_sizes(call);
    let base = call.args[0];
    call.mem.slice_mut(base, size)?;
    let image = std::mem::take(call.image);
    let address = |offset: usize| base.wrapping_add(offset as u32);
    let mut record = Record::with_size(size).u32(image.argv.len() as u32);
    let mut strings = vec![0; RANDOM_BYTES];
    call.task.getrandom(&mut strings);
    let mut add = |string: &[u8]| {
        let at = address(pointers + strings.len());
        strings.extend_from_slice(string);
        strings.push(0);
        at
    };
    for list in [&image.argv, &image.envp] {
        for string in list {
            record = record.u32(add(string));
        }
        record = record.u32(0);
    }
    let path = add(&image.path);
    let ((uid, euid, _), (gid, egid, _)) = (call.task.getresuid(), call.task.getresgid());
    let aux: [(u32, u32); AUX_ENTRIES] =
        [(6, 4096), (17, 100), (11, uid), (12, euid), (13, gid), (14, egid), (23, 0), (25, address(pointers)), (31, path), (0, 0)];
    for (key, value) in aux {
        record = record.u32(key).u32(value);
    }
    call.mem.put(base, &record.bytes(&strings).0)?;
    Ok(0)
}

/// The first half of vfork: from here on calls are the child's, in the parent's instance, until execve or exit.
pub(crate) fn vfork_enter(call: &mut Call<'_>) -> Result<i32> {
    if call.in_vfork {
        return Err(Errno::EAGAIN);
    }
    let child = call.task.fork()?;
    let pid = child.getpid();
    call.state.action = Some(Action::EnterChild(child));
    Ok(pid)
}

/// clone(2) as a raw call.
pub(crate) fn clone(_call: &mut Call<'_>) -> Result<i32> {
    Err(Errno::ENOSYS)
}

/// exit_group(2).
pub(crate) fn exit(call: &mut Call<'_>) -> Result<i32> {
    let status = WaitStatus::Exited(call.args[0] as u8);
    call.state.action = Some(if call.in_vfork {
        call.task.exit(status);
        Action::LeaveChild
    } else {
        Action::Exit(status)
    });
    Ok(0)
}

/// execve(2).
pub(crate) fn execve(call: &mut Call<'_>) -> Result<i32> {
    exec(call, AT_FDCWD, 0)
}

/// execveat(2).
pub(crate) fn execveat(call: &mut Call<'_>) -> Result<i32> {
    let flags = call.at_flags(4, AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW)?;
    if flags.contains(AtFlags::SYMLINK_NOFOLLOW) {
        return Err(Errno::EINVAL);
    }
    if call.path(1)?.is_empty() && !flags.contains(AtFlags::EMPTY_PATH) {
        return Err(Errno::ENOENT);
    }
    exec(call, call.int(0), 1)
}

/// `at` is the register of the path; arguments and environment follow. In a vfork child success returns to the parent.
fn exec(call: &mut Call<'_>, dirfd: i32, at: usize) -> Result<i32> {
    let mut budget = MAX_ARG_BYTES;
    let argv = call.mem.strings(call.args[at + 1], &mut budget)?;
    let envp = call.mem.strings(call.args[at + 2], &mut budget)?;
    let path = call.path(at)?;
    if !call.in_vfork {
        call.task.charge_cpu(executor::take_slice());
    }
    call.task.execve(dirfd, path, &argv, &envp)?;
    call.state.action = Some(if call.in_vfork { Action::LeaveChild } else { Action::Replaced });
    Ok(0)
}

/// wait4(2).
pub(crate) fn wait4(call: &mut Call<'_>) -> Result<i32> {
    let target = match call.int(0) {
        -1 => WaitTarget::Any,
        0 => WaitTarget::Group(call.task.getpgid(0)?),
        i32::MIN => return Err(Errno::ESRCH),
        pid if pid < 0 => WaitTarget::Group(-pid),
        pid => WaitTarget::Pid(pid),
    };
    let allowed = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
    let options = WaitOptions::from_bits(call.args[2]).filter(|o| allowed.contains(*o)).ok_or(Errno::EINVAL)?;
    // A child is waited for once: the results must have a place before it is.
    if call.args[1] != 0 {
        call.mem.slice_mut(call.args[1], 4)?;
    }
    if call.args[3] != 0 {
        call.mem.slice_mut(call.args[3], 72)?;
    }
    call.waits_for(Wait::Child(target));
    let Some(Waited { pid, status, rusage }) = call.task.wait4(target, options)? else { return Ok(0) };
    if call.args[1] != 0 {
        call.mem.put(call.args[1], &status.raw().to_le_bytes())?;
    }
    if call.args[3] != 0 {
        call.mem.put(call.args[3], &layout::rusage(&rusage))?;
    }
    Ok(pid)
}

/// waitid(2): P_ALL, P_PID, P_PGID.
pub(crate) fn waitid(call: &mut Call<'_>) -> Result<i32> {
    const SIGINFO_BYTES: usize = 128;
    let target = match (call.args[0], call.int(1)) {
        (0, _) => WaitTarget::Any,
        (1, pid @ 1..) => WaitTarget::Pid(pid),
        (2, 0) => WaitTarget::Group(call.task.getpgid(0)?),
        (2, pgid @ 1..) => WaitTarget::Group(pgid),
        _ => return Err(Errno::EINVAL),
    };
    let options = WaitOptions::from_bits(call.args[3]).ok_or(Errno::EINVAL)?;
    if !options.intersects(WaitOptions::EXITED | WaitOptions::UNTRACED | WaitOptions::CONTINUED) {
        return Err(Errno::EINVAL);
    }
    let (info_at, usage_at) = (call.args[2], call.args[4]);
    if info_at != 0 {
        call.mem.slice_mut(info_at, SIGINFO_BYTES)?;
    }
    if usage_at != 0 {
        call.mem.slice_mut(usage_at, 72)?;
    }
    call.waits_for(Wait::Child(target));
    let waited = call.task.wait4(target, options)?;
    if info_at != 0 {
        let record = match &waited {
            None => Record::default(),
            Some(waited) => {
                let (code, status) = match waited.status {
                    WaitStatus::Exited(code) => (1, code.into()),
                    WaitStatus::Signaled { signal, core } => (if core { 3 } else { 2 }, signal.number()),
                    WaitStatus::Stopped(signal) => (5, signal.number()),
                    WaitStatus::Continued => (6, agentos_abi::Signal::SIGCONT.number()),
                };
                Record::default().i32(agentos_abi::Signal::SIGCHLD.number()).i32(0).i32(code).i32(waited.pid).u32(0).i32(status)
            }
        };
        call.mem.put(info_at, &record.pad_to(SIGINFO_BYTES).0)?;
    }
    if let (Some(waited), true) = (waited, usage_at != 0) {
        call.mem.put(usage_at, &layout::rusage(&waited.rusage))?;
    }
    Ok(0)
}

/// getpid(2).
pub(crate) fn getpid(call: &mut Call<'_>) -> Result<i32> {
    Ok(call.task.getpid())
}

/// gettid(2) and set_tid_address(2): the only thread has the process' number.
pub(crate) fn gettid(call: &mut Call<'_>) -> Result<i32> {
    Ok(call.task.getpid())
}

/// getppid(2).
pub(crate) fn getppid(call: &mut Call<'_>) -> Result<i32> {
    Ok(call.task.getppid())
}

/// getpgid(2).
pub(crate) fn getpgid(call: &mut Call<'_>) -> Result<i32> {
    call.task.getpgid(call.int(0))
}

/// setpgid(2).
pub(crate) fn setpgid(call: &mut Call<'_>) -> Result<i32> {
    call.task.setpgid(call.int(0), call.int(1))?;
    Ok(0)
}

/// getsid(2).
pub(crate) fn getsid(call: &mut Call<'_>) -> Result<i32> {
    call.task.getsid(call.int(0))
}

/// setsid(2).
pub(crate) fn setsid(call: &mut Call<'_>) -> Result<i32> {
    call.task.setsid()
}

/// An id as a call's answer.
fn answer(id: u32) -> Result<i32> {
    Ok(id as i32)
}

/// getuid(2).
pub(crate) fn getuid(call: &mut Call<'_>) -> Result<i32> {
    answer(call.task.getresuid().0)
}

/// geteuid(2).
pub(crate) fn geteuid(call: &mut Call<'_>) -> Result<i32> {
    answer(call.task.getresuid().1)
}

/// getgid(2).
pub(crate) fn getgid(call: &mut Call<'_>) -> Result<i32> {
    answer(call.task.getresgid().0)
}

/// getegid(2).
pub(crate) fn getegid(call: &mut Call<'_>) -> Result<i32> {
    answer(call.task.getresgid().1)
}

/// An id, where -1 means "leave it".
fn id(raw: u32) -> Option<u32> {
    (raw != u32::MAX).then_some(raw)
}

/// setuid(2): all three ids for the super-user, else the effective one.
pub(crate) fn setuid(call: &mut Call<'_>) -> Result<i32> {
    let uid = call.args[0];
    let all = (call.task.getresuid().1 == 0).then_some(uid);
    call.task.setresuid(all, Some(uid), all)?;
    Ok(0)
}

/// setgid(2): all three ids for the super-user, else the effective one.
pub(crate) fn setgid(call: &mut Call<'_>) -> Result<i32> {
    let gid = call.args[0];
    let all = (call.task.getresuid().1 == 0).then_some(gid);
    call.task.setresgid(all, Some(gid), all)?;
    Ok(0)
}

/// The saved id after setreuid(2): it follows the effective one when the real one is set, or the effective one changes to
/// something else than the real one.
fn saved_id(real: Option<u32>, effective: Option<u32>, old: (u32, u32, u32)) -> Option<u32> {
    (real.is_some() || effective.is_some_and(|id| id != old.0)).then_some(effective.unwrap_or(old.1))
}

/// setreuid(2).
pub(crate) fn setreuid(call: &mut Call<'_>) -> Result<i32> {
    let (real, effective) = (id(call.args[0]), id(call.args[1]));
    call.task.setresuid(real, effective, saved_id(real, effective, call.task.getresuid()))?;
    Ok(0)
}

/// setregid(2).
pub(crate) fn setregid(call: &mut Call<'_>) -> Result<i32> {
    let (real, effective) = (id(call.args[0]), id(call.args[1]));
    call.task.setresgid(real, effective, saved_id(real, effective, call.task.getresgid()))?;
    Ok(0)
}

/// setresuid(2).
pub(crate) fn setresuid(call: &mut Call<'_>) -> Result<i32> {
    call.task.setresuid(id(call.args[0]), id(call.args[1]), id(call.args[2]))?;
    Ok(0)
}

/// setresgid(2).
pub(crate) fn setresgid(call: &mut Call<'_>) -> Result<i32> {
    call.task.setresgid(id(call.args[0]), id(call.args[1]), id(call.args[2]))?;
    Ok(0)
}

/// getresuid(2).
pub(crate) fn getresuid(call: &mut Call<'_>) -> Result<i32> {
    put_ids(call, call.task.getresuid())
}

/// getresgid(2).
pub(crate) fn getresgid(call: &mut Call<'_>) -> Result<i32> {
    put_ids(call, call.task.getresgid())
}

fn put_ids(call: &mut Call<'_>, (real, effective, saved): (u32, u32, u32)) -> Result<i32> {
    for (n, id) in [real, effective, saved].into_iter().enumerate() {
        call.mem.put(call.args[n], &id.to_le_bytes())?;
    }
    Ok(0)
}

/// setfsuid(2): follows the effective id, so only answers it.
pub(crate) fn setfsuid(call: &mut Call<'_>) -> Result<i32> {
    geteuid(call)
}

/// setfsgid(2): follows the effective id, so only answers it.
pub(crate) fn setfsgid(call: &mut Call<'_>) -> Result<i32> {
    getegid(call)
}

/// getgroups(2).
pub(crate) fn getgroups(call: &mut Call<'_>) -> Result<i32> {
    let room = usize::try_from(call.int(0)).map_err(|_| Errno::EINVAL)?;
    let groups = call.task.getgroups();
    if room == 0 {
        return count(groups.len());
    }
    if groups.len() > room {
        return Err(Errno::EINVAL);
    }
    let record = groups.iter().fold(Record::default(), |record, gid| record.u32(*gid));
    call.mem.put(call.args[1], &record.0)?;
    count(groups.len())
}

/// setgroups(2).
pub(crate) fn setgroups(call: &mut Call<'_>) -> Result<i32> {
    const NGROUPS_MAX: usize = 65_536;
    let n = call.len(0);
    if n > NGROUPS_MAX {
        return Err(Errno::EINVAL);
    }
    let raw = call.mem.slice(call.args[1], n * 4)?;
    let groups: Vec<u32> = raw.chunks_exact(4).map(|gid| u32::from_le_bytes([gid[0], gid[1], gid[2], gid[3]])).collect();
    call.task.setgroups(&groups)?;
    Ok(0)
}

/// getrlimit(2) with 32-bit values.
pub(crate) fn getrlimit(call: &mut Call<'_>) -> Result<i32> {
    let limit = call.task.prlimit(0, resource(call.args[0])?, None)?;
    let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    call.mem.put(call.args[1], &Record::default().u32(narrow(limit.soft)).u32(narrow(limit.hard)).0)?;
    Ok(0)
}

/// setrlimit(2) with 32-bit values.
pub(crate) fn setrlimit(call: &mut Call<'_>) -> Result<i32> {
    let wide = |value: u32| if value == u32::MAX { Rlimit::INFINITY } else { value.into() };
    let raw = call.mem.u64(call.args[1])?;
    let new = Rlimit { soft: wide(raw as u32), hard: wide((raw >> 32) as u32) };
    call.task.prlimit(0, resource(call.args[0])?, Some(new))?;
    Ok(0)
}

fn resource(raw: u32) -> Result<Resource> {
    Resource::from_raw(raw).ok_or(Errno::EINVAL)
}

/// prlimit64(2).
pub(crate) fn prlimit64(call: &mut Call<'_>) -> Result<i32> {
    let resource = resource(call.args[1])?;
    let new = match call.args[2] {
        0 => None,
        at => Some(Rlimit { soft: call.mem.u64(at)?, hard: call.mem.u64(at.checked_add(8).ok_or(Errno::EFAULT)?)? }),
    };
    if call.args[3] != 0 {
        call.mem.slice_mut(call.args[3], 16)?;
    }
    let old = call.task.prlimit(call.int(0), resource, new)?;
    if call.args[3] != 0 {
        call.mem.put(call.args[3], &Record::default().u64(old.soft).u64(old.hard).0)?;
    }
    Ok(0)
}

/// getrusage(2): RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_THREAD.
pub(crate) fn getrusage(call: &mut Call<'_>) -> Result<i32> {
    let children = match call.int(0) {
        0 | 1 => false,
        -1 => true,
        _ => return Err(Errno::EINVAL),
    };
    let usage = usage(call, children);
    call.mem.put(call.args[1], &layout::rusage(&usage))?;
    Ok(0)
}

/// What was used until this moment.
fn usage(call: &Call<'_>, children: bool) -> Rusage {
    if !call.in_vfork {
        call.task.charge_cpu(executor::take_slice());
    }
    call.task.getrusage(children)
}

/// times(2): in ticks of 10 ms; answers the time since boot.
pub(crate) fn times(call: &mut Call<'_>) -> Result<i32> {
    const TICK_MS: u128 = 10;
    let ticks = |t: Duration| (t.as_millis() / TICK_MS) as u32;
    if call.args[0] != 0 {
        let (own, children) = (usage(call, false), usage(call, true));
        let record = Record::default().u32(ticks(own.utime)).u32(ticks(own.stime)).u32(ticks(children.utime)).u32(ticks(children.stime));
        call.mem.put(call.args[0], &record.0)?;
    }
    // Never negative, which would look like an error.
    Ok((ticks(call.task.clock_gettime(ClockId::Boottime).as_duration()) & i32::MAX as u32) as i32)
}

/// umask(2).
pub(crate) fn umask(call: &mut Call<'_>) -> Result<i32> {
    Ok(call.task.umask(call.args[0] & 0o777) as i32)
}

/// Whether PRIO_PROCESS names the caller.
fn is_own(call: &Call<'_>) -> Result<()> {
    match (call.args[0], call.int(1)) {
        (0, 0) => Ok(()),
        (0, pid) if pid == call.task.getpid() => Ok(()),
        (0..=2, _) => Err(Errno::ESRCH),
        _ => Err(Errno::EINVAL),
    }
}

/// getpriority(2): 20 minus the nice value, so that it is positive.
pub(crate) fn getpriority(call: &mut Call<'_>) -> Result<i32> {
    is_own(call)?;
    Ok(20 - call.task.nice())
}

/// setpriority(2).
pub(crate) fn setpriority(call: &mut Call<'_>) -> Result<i32> {
    is_own(call)?;
    call.task.set_nice(call.int(2).clamp(-20, 19))?;
    Ok(0)
}

/// prctl(2).
pub(crate) fn prctl(call: &mut Call<'_>) -> Result<i32> {
    const PR_SET_NAME: u32 = 15;
    match call.args[0] {
        PR_SET_NAME => {
            let name = call.mem.string(call.args[1], 16, Errno::ENAMETOOLONG);
            let name = match name {
                // Longer names are cut.
                Err(Errno::ENAMETOOLONG) => call.mem.slice(call.args[1], 15)?,
                other => other?,
            };
            call.task.set_comm(name);
            Ok(0)
        }
        _ => Err(Errno::EINVAL),
    }
}
