//! Calls about the system as a whole.

use crate::call::{Call, count};
use crate::linux::layout;
use crate::memory::Record;
use agentos_abi::{Errno, Result};

/// Bytes of one getrandom(2) request that are answered at once.
const MAX_RANDOM: usize = 1 << 20;
/// Longest host name (HOST_NAME_MAX).
const HOST_NAME_MAX: usize = 64;

/// For calls that change nothing here.
pub(crate) fn accept(_call: &mut Call<'_>) -> Result<i32> {
    Ok(0)
}

/// For privileged calls.
pub(crate) fn not_permitted(_call: &mut Call<'_>) -> Result<i32> {
    Err(Errno::EPERM)
}

/// For calls that programs probe for and do without.
pub(crate) fn no_system(_call: &mut Call<'_>) -> Result<i32> {
    Err(Errno::ENOSYS)
}

/// sched_getparam(2): priority 0, as SCHED_OTHER has.
pub(crate) fn sched_getparam(call: &mut Call<'_>) -> Result<i32> {
    call.mem.put(call.args[1], &[0; 4])?;
    Ok(0)
}

/// uname(2): six fields of 65 bytes.
pub(crate) fn uname(call: &mut Call<'_>) -> Result<i32> {
    let name = call.task.uname();
    let mut record = Record::with_size(390);
    for (n, field) in [name.sysname, name.nodename, name.release, name.version, name.machine, name.domainname].iter().enumerate() {
        let bytes = field.as_bytes();
        record = record.bytes(&bytes[..bytes.len().min(64)]).pad_to(65 * (n + 1));
    }
    call.mem.put(call.args[0], &record.0)?;
    Ok(0)
}

/// sethostname(2).
pub(crate) fn sethostname(call: &mut Call<'_>) -> Result<i32> {
    let len = call.len(1);
    if len > HOST_NAME_MAX {
        return Err(Errno::EINVAL);
    }
    call.task.sethostname(call.mem.slice(call.args[0], len)?)?;
    Ok(0)
}

/// sysinfo(2).
pub(crate) fn sysinfo(call: &mut Call<'_>) -> Result<i32> {
    call.mem.put(call.args[0], &layout::sysinfo(&call.task.sysinfo()))?;
    Ok(0)
}

/// getrandom(2). Never waits.
pub(crate) fn getrandom(call: &mut Call<'_>) -> Result<i32> {
    // GRND_NONBLOCK, GRND_RANDOM, GRND_INSECURE.
    if call.args[2] & !7 != 0 {
        return Err(Errno::EINVAL);
    }
    let len = call.len(1).min(MAX_RANDOM);
    call.task.getrandom(call.mem.slice_mut(call.args[0], len)?);
    count(len)
}

/// getcpu(2): always the first.
pub(crate) fn getcpu(call: &mut Call<'_>) -> Result<i32> {
    for at in [call.args[0], call.args[1]] {
        if at != 0 {
            call.mem.put(at, &[0; 4])?;
        }
    }
    Ok(0)
}

/// sched_getaffinity(2): as many CPUs as the VM shows. Answers the bytes stored.
pub(crate) fn sched_getaffinity(call: &mut Call<'_>) -> Result<i32> {
    const MASK_BYTES: usize = 8;
    if call.len(1) < MASK_BYTES {
        return Err(Errno::EINVAL);
    }
    let cpus = call.task.sysinfo().cpus.clamp(1, 64);
    call.mem.put(call.args[2], &(u64::MAX >> (64 - cpus)).to_le_bytes())?;
    count(MASK_BYTES)
}
