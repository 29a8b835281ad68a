//! Descriptors: duplication, flags, locks, pipes, ioctl(2).

use crate::call::{Call, Wait};
use crate::linux::layout;
use crate::memory::Record;
use agentos_abi::fcntl::{Fcntl, LockKind, LockOwner};
use agentos_abi::ioctl::{Ioctl, IoctlReply, TermiosWhen};
use agentos_abi::{Errno, FdFlags, OpenFlags, Result};

/// close(2).
pub(crate) fn close(call: &mut Call<'_>) -> Result<i32> {
    call.task.close(call.int(0))?;
    Ok(0)
}

/// close_range(2) with CLOSE_RANGE_UNSHARE (no effect: tables are never shared) and CLOSE_RANGE_CLOEXEC.
pub(crate) fn close_range(call: &mut Call<'_>) -> Result<i32> {
    if call.args[2] & !6 != 0 || call.args[0] > call.args[1] {
        return Err(Errno::EINVAL);
    }
    let bound = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    call.task.close_range(bound(call.args[0]), bound(call.args[1]), call.args[2] & 4 != 0)?;
    Ok(0)
}

/// dup(2).
pub(crate) fn dup(call: &mut Call<'_>) -> Result<i32> {
    call.task.dup(call.int(0))
}

/// dup3(2): EINVAL for equal numbers.
pub(crate) fn dup3(call: &mut Call<'_>) -> Result<i32> {
    let flags = call.open_flags(2, OpenFlags::CLOEXEC)?;
    if call.args[0] == call.args[1] {
        return Err(Errno::EINVAL);
    }
    call.task.dup3(call.int(0), call.int(1), flags.contains(OpenFlags::CLOEXEC))
}

/// pipe2(2).
pub(crate) fn pipe2(call: &mut Call<'_>) -> Result<i32> {
    let flags = call.open_flags(1, OpenFlags::CLOEXEC | OpenFlags::NONBLOCK | OpenFlags::DIRECT)?;
    call.mem.slice_mut(call.args[0], 8)?;
    let (read, write) = call.task.pipe2(flags)?;
    call.mem.put(call.args[0], &Record::default().i32(read).i32(write).0)?;
    Ok(0)
}

/// fsync(2), fdatasync(2), sync_file_range(2), syncfs(2).
pub(crate) fn fsync(call: &mut Call<'_>) -> Result<i32> {
    call.task.fsync(call.int(0))?;
    Ok(0)
}

/// flock(2).
pub(crate) fn flock(call: &mut Call<'_>) -> Result<i32> {
    const LOCK_NB: u32 = 4;
    let kind = match call.args[1] & !LOCK_NB {
        1 => LockKind::Shared,
        2 => LockKind::Exclusive,
        8 => LockKind::Unlock,
        _ => return Err(Errno::EINVAL),
    };
    call.waits_for(Wait::LastCall);
    call.task.flock(call.int(0), kind, call.args[1] & LOCK_NB == 0)?;
    Ok(0)
}

/// fcntl(2).
pub(crate) fn fcntl(call: &mut Call<'_>) -> Result<i32> {
    let (fd, value) = (call.int(0), call.args[2]);
    let command = match call.args[1] {
        0 => Fcntl::Dup { min: value as i32, cloexec: false },
        1030 => Fcntl::Dup { min: value as i32, cloexec: true },
        1 => Fcntl::GetFd,
        2 => Fcntl::SetFd(FdFlags::from_bits_truncate(value)),
        3 => Fcntl::GetFl,
        4 => Fcntl::SetFl(OpenFlags::from_bits_truncate(value)),
        1031 => Fcntl::SetPipeSize(value),
        1032 => Fcntl::GetPipeSize,
        5 | 12 => return get_lock(call, LockOwner::Process),
        6 | 13 => return set_lock(call, LockOwner::Process, false),
        7 | 14 => return set_lock(call, LockOwner::Process, true),
        36 => return get_lock(call, LockOwner::Description),
        37 => return set_lock(call, LockOwner::Description, false),
        38 => return set_lock(call, LockOwner::Description, true),
        _ => return Err(Errno::EINVAL),
    };
    call.task.fcntl(fd, command)
}

/// F_UNLCK, `l_type` of a lock that does not exist.
const F_UNLCK: u16 = 2;

/// F_GETLK: what stands in the way replaces the record, or its type becomes F_UNLCK.
fn get_lock(call: &mut Call<'_>, owner: LockOwner) -> Result<i32> {
    let (fd, at) = (call.int(0), call.args[2]);
    let Flock { kind, start, len } = flock_record(call, owner)?;
    match call.task.find_lock(fd, owner, kind, (start, len))? {
        None => call.mem.put(at, &F_UNLCK.to_le_bytes())?,
        Some(found) => {
            let kind = if found.kind == LockKind::Exclusive { 1 } else { 0 };
            let record = Record::with_size(FLOCK_BYTES).u16(kind).u16(0).u32(0).u64(found.start).u64(found.len).i32(found.pid);
            call.mem.put(at, &record.0)?;
        }
    }
    Ok(0)
}

/// Bytes of `struct flock` without its tail padding: type and whence (16 bits each), padding, start and length (64 bits each), pid.
const FLOCK_BYTES: usize = 28;

struct Flock {
    kind: LockKind,
    start: u64,
    len: u64,
}

/// The lock that argument 2 describes, from the begin of the file.
fn flock_record(call: &Call<'_>, owner: LockOwner) -> Result<Flock> {
    let (fd, at) = (call.int(0), call.args[2]);
    let raw: [u8; FLOCK_BYTES] = call.mem.array(at)?;
    let long = |n: usize| i64::from_le_bytes([raw[n], raw[n + 1], raw[n + 2], raw[n + 3], raw[n + 4], raw[n + 5], raw[n + 6], raw[n + 7]]);
    // The caller of F_OFD_* shows that it knows what it asks for.
    if owner == LockOwner::Description && raw[24..] != [0; 4] {
        return Err(Errno::EINVAL);
    }
    let kind = match u16::from_le_bytes([raw[0], raw[1]]) {
        0 => LockKind::Shared,
        1 => LockKind::Exclusive,
        F_UNLCK => LockKind::Unlock,
        _ => return Err(Errno::EINVAL),
    };
    let base = match u16::from_le_bytes([raw[2], raw[3]]) {
        0 => 0,
        1 => call.task.lseek(fd, 0, 1)?,
        2 => call.task.fstat(fd)?.size,
        _ => return Err(Errno::EINVAL),
    };
    let start = i64::try_from(base).ok().and_then(|base| base.checked_add(long(8))).ok_or(Errno::EOVERFLOW)?;
    // A negative length means the bytes before the start.
    let len = long(16);
    let (start, len) = if len < 0 { (start.checked_add(len).ok_or(Errno::EINVAL)?, len.unsigned_abs()) } else { (start, len.unsigned_abs()) };
    Ok(Flock { kind, start: u64::try_from(start).map_err(|_| Errno::EINVAL)?, len })
}

fn set_lock(call: &mut Call<'_>, owner: LockOwner, wait: bool) -> Result<i32> {
    let Flock { kind, start, len } = flock_record(call, owner)?;
    call.waits_for(Wait::LastCall);
    call.task.record_lock(call.int(0), owner, kind, (start, len), wait)?;
    Ok(0)
}

/// ioctl(2).
pub(crate) fn ioctl(call: &mut Call<'_>) -> Result<i32> {
    const FIONCLEX: u32 = 0x5450;
    const FIOCLEX: u32 = 0x5451;
    let (fd, number, argument) = (call.int(0), call.args[1], call.args[2]);
    let request = match number {
        FIOCLEX | FIONCLEX => {
            let flags = if number == FIOCLEX { FdFlags::CLOEXEC } else { FdFlags::empty() };
            return call.task.fcntl(fd, Fcntl::SetFd(flags));
        }
        0x5402 => Ioctl::SetTermios(TermiosWhen::Now, layout::read_termios(&call.mem, argument)?),
        0x5403 => Ioctl::SetTermios(TermiosWhen::Drain, layout::read_termios(&call.mem, argument)?),
        0x5404 => Ioctl::SetTermios(TermiosWhen::Flush, layout::read_termios(&call.mem, argument)?),
        0x5410 => Ioctl::SetForegroundGroup(call.mem.i32(argument)?),
        0x5412 => Ioctl::PushInput(call.mem.array::<1>(argument)?[0]),
        0x5414 => Ioctl::SetWinsize(layout::read_winsize(&call.mem, argument)?),
        0x5421 => Ioctl::SetNonblocking(call.mem.i32(argument)? != 0),
        0x4004_5431 => Ioctl::LockPty(call.mem.i32(argument)? != 0),
        _ => match Ioctl::from_raw(number, argument as i32) {
            Some(request) => request,
            None => {
                // A bad descriptor comes before an unknown request.
                call.task.fcntl(fd, Fcntl::GetFd)?;
                return Err(Errno::ENOTTY);
            }
        },
    };
    match call.task.ioctl(fd, request)? {
        IoctlReply::Done => {}
        IoctlReply::Int(value) => call.mem.put(argument, &value.to_le_bytes())?,
        IoctlReply::Termios(termios) => call.mem.put(argument, &layout::termios(&termios))?,
        IoctlReply::Winsize(winsize) => call.mem.put(argument, &layout::winsize(&winsize))?,
    }
    Ok(0)
}
