//! Signals. Handlers run in the guest: after a call its stub sees the pending word, fetches signals with `sigpop` and calls the
//! handlers itself, so that longjmp and fork out of a handler work.

use crate::call::{Call, Wait};
use crate::memory::{Guest, Record};
use crate::process::Process;
use agentos_abi::signal::{Disposition, SigAction, SigHow, SigInfo};
use agentos_abi::{Errno, Result, SigSet, Signal};
use agentos_syscall::Attention;
use wasmtime::Caller;

/// SIG_DFL and SIG_IGN, as handler numbers. Programs are linked so that no function has a table index this low.
const SIG_DFL: u32 = 0;
const SIG_IGN: u32 = 1;

/// The signal of argument `n`.
fn signal(call: &Call<'_>, n: usize) -> Result<Signal> {
    Signal::new(call.int(n)).ok_or(Errno::EINVAL)
}

/// kill(2); signal 0 only checks.
pub(crate) fn kill(call: &mut Call<'_>) -> Result<i32> {
    send(call, call.int(0), 1)
}

/// tkill(2): a process has one thread, with the process' number.
pub(crate) fn tkill(call: &mut Call<'_>) -> Result<i32> {
    thread(call, 0)
}

/// tgkill(2).
pub(crate) fn tgkill(call: &mut Call<'_>) -> Result<i32> {
    if call.args[0] != call.args[1] { Err(Errno::ESRCH) } else { thread(call, 1) }
}

fn thread(call: &mut Call<'_>, at: usize) -> Result<i32> {
    match call.int(at) {
        tid @ 1.. => send(call, tid, at + 1),
        _ => Err(Errno::EINVAL),
    }
}

fn send(call: &mut Call<'_>, pid: i32, at: usize) -> Result<i32> {
    let signal = if call.args[at] == 0 { None } else { Some(signal(call, at)?) };
    call.task.kill(pid, signal)?;
    Ok(0)
}

/// rt_sigqueueinfo(2): process, signal, `siginfo_t` with a code and a value.
pub(crate) fn rt_sigqueueinfo(call: &mut Call<'_>) -> Result<i32> {
    queue(call, 1)
}

/// rt_tgsigqueueinfo(2): the same for the one thread of a process.
pub(crate) fn rt_tgsigqueueinfo(call: &mut Call<'_>) -> Result<i32> {
    if call.args[0] != call.args[1] { Err(Errno::ESRCH) } else { queue(call, 2) }
}

fn queue(call: &mut Call<'_>, at: usize) -> Result<i32> {
    let info: [u8; 24] = call.mem.array(call.args[at + 1])?;
    let word = |n: usize| i32::from_le_bytes([info[n], info[n + 1], info[n + 2], info[n + 3]]);
    let signal = if call.args[at] == 0 { None } else { Some(signal(call, at)?) };
    call.task.sigqueue(call.int(0), signal, word(8), word(20))?;
    Ok(0)
}

/// rt_sigaction(2): handler, flags, restorer (unused), mask of 8 bytes.
pub(crate) fn rt_sigaction(call: &mut Call<'_>) -> Result<i32> {
    let signal = signal(call, 0)?;
    if call.args[3] != 8 {
        return Err(Errno::EINVAL);
    }
    let new = match call.args[1] {
        0 => None,
        at => {
            let raw: [u8; 20] = call.mem.array(at)?;
            let word = |n: usize| u32::from_le_bytes([raw[n], raw[n + 1], raw[n + 2], raw[n + 3]]);
            let disposition = match word(0) {
                SIG_DFL => Disposition::Default,
                SIG_IGN => Disposition::Ignore,
                handler => Disposition::Handler(handler),
            };
            Some(SigAction { disposition, flags: word(4), mask: SigSet(u64::from(word(12)) | u64::from(word(16)) << 32) })
        }
    };
    let old = call.task.sigaction(signal, new)?;
    if call.args[2] != 0 {
        let record = Record::default().u32(handler_number(&old)).u32(old.flags).u32(0).u64(old.mask.0);
        call.mem.put(call.args[2], &record.0)?;
    }
    Ok(0)
}

fn handler_number(action: &SigAction) -> u32 {
    match action.disposition {
        Disposition::Default => SIG_DFL,
        Disposition::Ignore => SIG_IGN,
        Disposition::Handler(handler) => handler,
    }
}

/// rt_sigprocmask(2).
pub(crate) fn rt_sigprocmask(call: &mut Call<'_>) -> Result<i32> {
    let new = match call.args[1] {
        0 => None,
        at => {
            let set = call.sigset(at, call.args[3])?;
            let how = match call.args[0] {
                0 => SigHow::Block,
                1 => SigHow::Unblock,
                2 => SigHow::SetMask,
                _ => return Err(Errno::EINVAL),
            };
            Some((how, set))
        }
    };
    let old = call.task.sigprocmask(new);
    if call.args[2] != 0 {
        call.mem.put(call.args[2], &old.0.to_le_bytes())?;
    }
    Ok(0)
}

/// rt_sigpending(2).
pub(crate) fn rt_sigpending(call: &mut Call<'_>) -> Result<i32> {
    if call.args[1] > 8 {
        return Err(Errno::EINVAL);
    }
    let pending = call.task.sigpending().0.to_le_bytes();
    call.mem.put(call.args[0], &pending[..call.len(1)])?;
    Ok(0)
}

/// rt_sigsuspend(2): ends with EINTR, and the old mask comes back with the signal.
pub(crate) fn rt_sigsuspend(call: &mut Call<'_>) -> Result<i32> {
    if call.state.first {
        let mask = call.sigset(call.args[0], call.args[1])?;
        call.task.set_temporary_mask(mask);
    }
    if call.state.end.is_some() || call.task.attention().has(Attention::SIGNAL) {
        return Err(Errno::EINTR);
    }
    call.state.sees_end = true;
    call.waits_for(Wait::Signal);
    Err(Errno::EWAIT)
}

/// rt_sigtimedwait(2).
pub(crate) fn rt_sigtimedwait_time64(call: &mut Call<'_>) -> Result<i32> {
    sigtimedwait(call, true)
}

/// rt_sigtimedwait(2) with 32-bit times.
pub(crate) fn rt_sigtimedwait_time32(call: &mut Call<'_>) -> Result<i32> {
    sigtimedwait(call, false)
}

fn sigtimedwait(call: &mut Call<'_>, wide: bool) -> Result<i32> {
    let set = call.sigset(call.args[0], call.args[3])?;
    if call.args[2] != 0 {
        let time = call.timespec(call.args[2], wide)?;
        call.deadline_after(time.as_duration());
    }
    match call.task.sigtimedwait(set) {
        Ok((signal, info)) => {
            if call.args[1] != 0 {
                call.mem.put(call.args[1], &siginfo(signal, &info))?;
            }
            Ok(signal.number())
        }
        Err(Errno::EWAIT) => match call.state.end {
            Some(Errno::ETIMEDOUT) => Err(Errno::EAGAIN),
            Some(_) => Err(Errno::EINTR),
            None => {
                call.state.sees_end = true;
                call.waits_for(Wait::SignalIn(set));
                Err(Errno::EWAIT)
            }
        },
        Err(errno) => Err(errno),
    }
}

/// Size of `siginfo_t`.
const SIGINFO_BYTES: usize = 128;

/// `siginfo_t`: signal, errno, code, then for kill and SIGCHLD pid, uid and status.
pub(crate) fn siginfo(signal: Signal, info: &SigInfo) -> Vec<u8> {
    Record::with_size(SIGINFO_BYTES).i32(signal.number()).i32(0).i32(info.code).i32(info.pid).u32(info.uid).i32(info.status).pad_to(SIGINFO_BYTES).0
}

/// The import `sigpop(record)`: stores the next signal that has a handler and answers 1, or clears the pending word and
/// answers 0. The record is signal, handler, flags, the mask to restore, `siginfo_t`.
pub(crate) fn sigpop(mut caller: Caller<'_, Process>, at: u32) -> i32 {
    let Some(memory) = caller.data().memory else { return 0 };
    let (bytes, process) = memory.data_and_store_mut(&mut caller);
    let mut mem = Guest(bytes);
    match process.task.take_signal() {
        Some(delivered) => {
            let record = Record::with_size(20 + SIGINFO_BYTES)
                .i32(delivered.signal.number())
                .u32(handler_number(&delivered.action))
                .u32(delivered.action.flags)
                .u64(delivered.old_mask.0)
                .bytes(&siginfo(delivered.signal, &delivered.info));
            // A bad pointer loses the signal; the guest's own stub passes it.
            i32::from(mem.put(at, &record.0).is_ok())
        }
        None => {
            let word = process.call.pending_word;
            if word != 0 {
                let _ = mem.put(word, &[0; 4]);
            }
            0
        }
    }
}
