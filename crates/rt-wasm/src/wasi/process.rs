//! Arguments, environment, clocks, randomness, exit.

use super::{WasiCall, layout};
use crate::call::Action;
use crate::memory::Record;
use agentos_abi::{ClockId, Errno, Result, Signal, WaitStatus};

/// Bytes of one random_get that are made at a time.
const RANDOM_CHUNK: usize = 64 << 10;

/// Number and total size, with a NUL each, of a list of strings.
fn sizes(call: &mut WasiCall<'_>, list: &[Vec<u8>]) -> Result<i32> {
    let bytes: usize = list.iter().map(|s| s.len() + 1).sum();
    call.put_word(0, list.len() as u32)?;
    call.put_word(1, bytes as u32)
}

/// Stores strings at argument 1 and pointers to them at argument 0.
fn strings(call: &mut WasiCall<'_>, list: &[Vec<u8>]) -> Result<i32> {
    let (pointers_at, strings_at) = (call.word(0), call.word(1));
    let (mut pointers, mut strings) = (Record::default(), Vec::new());
    for string in list {
        pointers = pointers.u32(strings_at.wrapping_add(strings.len() as u32));
        strings.extend_from_slice(string);
        strings.push(0);
    }
    call.mem.put(pointers_at, &pointers.0)?;
    call.mem.put(strings_at, &strings)?;
    Ok(0)
}

pub(super) fn args_sizes_get(call: &mut WasiCall<'_>) -> Result<i32> {
    let list = call.image.argv.clone();
    sizes(call, &list)
}

pub(super) fn args_get(call: &mut WasiCall<'_>) -> Result<i32> {
    let list = call.image.argv.clone();
    strings(call, &list)
}

pub(super) fn environ_sizes_get(call: &mut WasiCall<'_>) -> Result<i32> {
    let list = call.image.envp.clone();
    sizes(call, &list)
}

pub(super) fn environ_get(call: &mut WasiCall<'_>) -> Result<i32> {
    let list = call.image.envp.clone();
    strings(call, &list)
}

/// A `clockid`: realtime, monotonic, process and thread CPU time.
pub(super) fn clock(id: u32) -> Result<ClockId> {
    match id {
        0 => Ok(ClockId::Realtime),
        1 => Ok(ClockId::Monotonic),
        2 => Ok(ClockId::ProcessCpu),
        3 => Ok(ClockId::ThreadCpu),
        _ => Err(Errno::EINVAL),
    }
}

pub(super) fn clock_res_get(call: &mut WasiCall<'_>) -> Result<i32> {
    clock(call.word(0))?;
    call.put_long(1, 1)
}

pub(super) fn clock_time_get(call: &mut WasiCall<'_>) -> Result<i32> {
    let now = call.task.clock_gettime(clock(call.word(0))?);
    call.put_long(2, layout::nanos(now))
}

pub(super) fn random_get(call: &mut WasiCall<'_>) -> Result<i32> {
    let (at, len) = (call.word(0), call.word(1) as usize);
    for chunk in call.mem.slice_mut(at, len)?.chunks_mut(RANDOM_CHUNK) {
        call.task.getrandom(chunk);
    }
    Ok(0)
}

pub(super) fn sched_yield(_call: &mut WasiCall<'_>) -> Result<i32> {
    Ok(0)
}

pub(super) fn proc_raise(call: &mut WasiCall<'_>) -> Result<i32> {
    let signal = Signal::new(call.word(0) as i32).ok_or(Errno::EINVAL)?;
    call.task.kill(call.task.getpid(), Some(signal))?;
    Ok(0)
}

pub(super) fn proc_exit(call: &mut WasiCall<'_>) -> Result<i32> {
    call.state.action = Some(Action::Exit(WaitStatus::Exited(call.word(0) as u8)));
    Ok(0)
}
