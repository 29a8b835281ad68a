//! Names in the file tree and attributes of files.

use crate::call::{Call, Wait, count};
use crate::linux::layout;
use crate::memory::Record;
use agentos_abi::time::SetTime;
use agentos_abi::{AtFlags, Dirent, Errno, OpenFlags, RenameFlags, Result, Timespec};

/// Extended attributes are not supported by any file system.
pub(crate) fn no_xattr(_call: &mut Call<'_>) -> Result<i32> {
    Err(Errno::EOPNOTSUPP)
}

/// getcwd(2): answers the length with the NUL.
pub(crate) fn getcwd(call: &mut Call<'_>) -> Result<i32> {
    let mut path = call.task.getcwd()?;
    path.push(0);
    if path.len() > call.len(1) {
        return Err(Errno::ERANGE);
    }
    call.mem.put(call.args[0], &path)?;
    count(path.len())
}

/// openat(2). Unknown flags are ignored, as Linux does.
pub(crate) fn openat(call: &mut Call<'_>) -> Result<i32> {
    let flags = OpenFlags::from_bits_truncate(call.args[2]);
    // FIFOs wait for the other end.
    call.waits_for(Wait::LastCall);
    call.task.openat(call.int(0), call.path(1)?, flags, call.args[3])
}

/// openat2(2): `struct open_how` is flags, mode, resolve; 64 bits each.
pub(crate) fn openat2(call: &mut Call<'_>) -> Result<i32> {
    if call.args[3] < 24 {
        return Err(Errno::EINVAL);
    }
    let how = call.args[2];
    let word = |n: u32| call.mem.u64(how.checked_add(n).ok_or(Errno::EFAULT)?);
    let (flags, mode, resolve) = (word(0)?, word(8)?, word(16)?);
    let flags = u32::try_from(flags).ok().and_then(OpenFlags::from_bits).ok_or(Errno::EINVAL)?;
    if resolve != 0 || mode & !0o7777 != 0 {
        return Err(Errno::EINVAL);
    }
    call.waits_for(Wait::LastCall);
    call.task.openat(call.int(0), call.path(1)?, flags, mode as u32)
}

/// mkdirat(2).
pub(crate) fn mkdirat(call: &mut Call<'_>) -> Result<i32> {
    call.task.mkdirat(call.int(0), call.path(1)?, call.args[2])?;
    Ok(0)
}

/// mknodat(2).
pub(crate) fn mknodat(call: &mut Call<'_>) -> Result<i32> {
    call.task.mknodat(call.int(0), call.path(1)?, call.args[2], call.args[3].into())?;
    Ok(0)
}

/// unlinkat(2).
pub(crate) fn unlinkat(call: &mut Call<'_>) -> Result<i32> {
    let flags = call.at_flags(2, AtFlags::REMOVEDIR)?;
    call.task.unlinkat(call.int(0), call.path(1)?, flags)?;
    Ok(0)
}

/// symlinkat(2).
pub(crate) fn symlinkat(call: &mut Call<'_>) -> Result<i32> {
    call.task.symlinkat(call.path(0)?, call.int(1), call.path(2)?)?;
    Ok(0)
}

/// linkat(2).
pub(crate) fn linkat(call: &mut Call<'_>) -> Result<i32> {
    let flags = call.at_flags(4, AtFlags::SYMLINK_FOLLOW | AtFlags::EMPTY_PATH)?;
    call.task.linkat(call.int(0), call.path(1)?, call.int(2), call.path(3)?, flags)?;
    Ok(0)
}

/// renameat(2).
pub(crate) fn renameat(call: &mut Call<'_>) -> Result<i32> {
    call.task.renameat(call.int(0), call.path(1)?, call.int(2), call.path(3)?, RenameFlags::empty())?;
    Ok(0)
}

/// renameat2(2).
pub(crate) fn renameat2(call: &mut Call<'_>) -> Result<i32> {
    let flags = RenameFlags::from_bits(call.args[4]).ok_or(Errno::EINVAL)?;
    call.task.renameat(call.int(0), call.path(1)?, call.int(2), call.path(3)?, flags)?;
    Ok(0)
}

/// readlinkat(2): cut to the buffer, without a NUL.
pub(crate) fn readlinkat(call: &mut Call<'_>) -> Result<i32> {
    if call.int(3) <= 0 {
        return Err(Errno::EINVAL);
    }
    let target = call.task.readlinkat(call.int(0), call.path(1)?)?;
    let len = target.len().min(call.len(3));
    call.mem.put(call.args[2], &target[..len])?;
    count(len)
}

/// faccessat(2), the call without flags.
pub(crate) fn faccessat(call: &mut Call<'_>) -> Result<i32> {
    access(call, AtFlags::empty())
}

/// faccessat2(2).
pub(crate) fn faccessat2(call: &mut Call<'_>) -> Result<i32> {
    let flags = call.at_flags(3, AtFlags::EACCESS | AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)?;
    access(call, flags)
}

fn access(call: &mut Call<'_>, flags: AtFlags) -> Result<i32> {
    if call.args[2] & !7 != 0 {
        return Err(Errno::EINVAL);
    }
    call.task.faccessat(call.int(0), call.path(1)?, call.args[2], flags)?;
    Ok(0)
}

/// What the calls of the stat family accept.
const STAT_FLAGS: AtFlags = AtFlags::SYMLINK_NOFOLLOW.union(AtFlags::NO_AUTOMOUNT).union(AtFlags::EMPTY_PATH);
/// AT_STATX_FORCE_SYNC and AT_STATX_DONT_SYNC.
const STATX_SYNC: u32 = 0x6000;

/// statx(2).
pub(crate) fn statx(call: &mut Call<'_>) -> Result<i32> {
    call.args[2] &= !STATX_SYNC;
    let flags = call.at_flags(2, STAT_FLAGS)?;
    let stat = call.task.fstatat(call.int(0), call.path(1)?, flags)?;
    call.mem.put(call.args[4], &layout::statx(&stat))?;
    Ok(0)
}

/// fstatat64.
pub(crate) fn fstatat64(call: &mut Call<'_>) -> Result<i32> {
    let flags = call.at_flags(3, STAT_FLAGS)?;
    let stat = call.task.fstatat(call.int(0), call.path(1)?, flags)?;
    call.mem.put(call.args[2], &layout::kstat(&stat))?;
    Ok(0)
}

/// fstat64.
pub(crate) fn fstat64(call: &mut Call<'_>) -> Result<i32> {
    let stat = call.task.fstat(call.int(0))?;
    call.mem.put(call.args[1], &layout::kstat(&stat))?;
    Ok(0)
}

/// statfs64: the size of the record comes second.
pub(crate) fn statfs64(call: &mut Call<'_>) -> Result<i32> {
    let fs = call.task.statfs(call.path(0)?)?;
    put_statfs(call, &fs)
}

/// fstatfs64.
pub(crate) fn fstatfs64(call: &mut Call<'_>) -> Result<i32> {
    let fs = call.task.fstatfs(call.int(0))?;
    put_statfs(call, &fs)
}

fn put_statfs(call: &mut Call<'_>, fs: &agentos_abi::Statfs) -> Result<i32> {
    let record = layout::statfs(fs);
    if call.len(1) < record.len() - 4 {
        return Err(Errno::EINVAL);
    }
    let len = record.len().min(call.len(1));
    call.mem.put(call.args[2], &record[..len])?;
    Ok(0)
}

/// getdents64(2): whole records of `d_ino`, `d_off`, `d_reclen`, `d_type`, name and NUL, each a multiple of 8 bytes.
pub(crate) fn getdents64(call: &mut Call<'_>) -> Result<i32> {
    const HEADER: usize = 19;
    let fd = call.int(0);
    let buf = call.mem.slice_mut(call.args[1], call.len(2))?;
    let (mut done, mut full) = (0, false);
    call.task.getdents(fd, &mut |entry: Dirent<'_>| {
        let len = (HEADER + entry.name.len() + 1).next_multiple_of(8);
        let (Some(space), Ok(reclen)) = (buf.get_mut(done..done + len), u16::try_from(len)) else {
            full = true;
            return false;
        };
        let record = Record::with_size(len).u64(entry.ino).u64(entry.next).u16(reclen).bytes(&[entry.file_type.dirent()]).bytes(entry.name);
        space.copy_from_slice(&record.pad_to(len).0);
        done += len;
        true
    })?;
    // Not even one entry fits.
    if done == 0 && full { Err(Errno::EINVAL) } else { count(done) }
}

/// truncate64.
pub(crate) fn truncate64(call: &mut Call<'_>) -> Result<i32> {
    call.task.truncate(call.path(0)?, call.offset(1)?)?;
    Ok(0)
}

/// ftruncate64.
pub(crate) fn ftruncate64(call: &mut Call<'_>) -> Result<i32> {
    call.task.ftruncate(call.int(0), call.offset(1)?)?;
    Ok(0)
}

/// fallocate(2).
pub(crate) fn fallocate(call: &mut Call<'_>) -> Result<i32> {
    let (offset, len) = (call.offset(2)?, call.offset(4)?);
    if len == 0 {
        return Err(Errno::EINVAL);
    }
    if offset.checked_add(len).is_none_or(|end| end > i64::MAX as u64) {
        return Err(Errno::EFBIG);
    }
    call.task.fallocate(call.int(0), call.args[1], offset, len)?;
    Ok(0)
}

/// fchmod(2).
pub(crate) fn fchmod(call: &mut Call<'_>) -> Result<i32> {
    call.task.fchmod(call.int(0), call.args[1] & 0o7777)?;
    Ok(0)
}

/// fchmodat(2), the call without flags.
pub(crate) fn fchmodat(call: &mut Call<'_>) -> Result<i32> {
    call.task.fchmodat(call.int(0), call.path(1)?, call.args[2] & 0o7777, AtFlags::empty())?;
    Ok(0)
}

/// fchmodat2(2).
pub(crate) fn fchmodat2(call: &mut Call<'_>) -> Result<i32> {
    let flags = call.at_flags(3, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)?;
    call.task.fchmodat(call.int(0), call.path(1)?, call.args[2] & 0o7777, flags)?;
    Ok(0)
}

/// An id, where -1 means "leave it".
fn id(raw: u32) -> Option<u32> {
    (raw != u32::MAX).then_some(raw)
}

/// fchownat(2).
pub(crate) fn fchownat(call: &mut Call<'_>) -> Result<i32> {
    let flags = call.at_flags(4, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)?;
    call.task.fchownat(call.int(0), call.path(1)?, id(call.args[2]), id(call.args[3]), flags)?;
    Ok(0)
}

/// fchown(2).
pub(crate) fn fchown(call: &mut Call<'_>) -> Result<i32> {
    call.task.fchown(call.int(0), id(call.args[1]), id(call.args[2]))?;
    Ok(0)
}

/// utimensat(2) with 32-bit times.
pub(crate) fn utimensat_time32(call: &mut Call<'_>) -> Result<i32> {
    utimensat(call, false)
}

/// utimensat(2).
pub(crate) fn utimensat_time64(call: &mut Call<'_>) -> Result<i32> {
    utimensat(call, true)
}

fn utimensat(call: &mut Call<'_>, wide: bool) -> Result<i32> {
    let flags = call.at_flags(3, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)?;
    let (atime, mtime) = match call.args[2] {
        0 => (SetTime::Now, SetTime::Now),
        at => (set_time(call, at, wide)?, set_time(call, at.checked_add(if wide { 16 } else { 8 }).ok_or(Errno::EFAULT)?, wide)?),
    };
    let path = match call.args[1] {
        0 => None,
        at => Some(call.mem.path(at)?),
    };
    call.task.utimensat(call.int(0), path, atime, mtime, flags)?;
    Ok(0)
}

/// A time for a file: may lie before 1970, and UTIME_NOW and UTIME_OMIT hide in the nanoseconds.
fn set_time(call: &Call<'_>, at: u32, wide: bool) -> Result<SetTime> {
    const UTIME_NOW: u32 = 0x3fff_ffff;
    const UTIME_OMIT: u32 = 0x3fff_fffe;
    let after = |n: u32| at.checked_add(n).ok_or(Errno::EFAULT);
    let (sec, nsec) = if wide { (call.mem.i64(at)?, call.mem.u32(after(8)?)?) } else { (call.mem.i32(at)?.into(), call.mem.u32(after(4)?)?) };
    match nsec {
        UTIME_NOW => Ok(SetTime::Now),
        UTIME_OMIT => Ok(SetTime::Omit),
        0..1_000_000_000 => Ok(SetTime::At(Timespec { sec, nsec })),
        _ => Err(Errno::EINVAL),
    }
}

/// chdir(2).
pub(crate) fn chdir(call: &mut Call<'_>) -> Result<i32> {
    call.task.chdir(call.path(0)?)?;
    Ok(0)
}

/// fchdir(2).
pub(crate) fn fchdir(call: &mut Call<'_>) -> Result<i32> {
    call.task.fchdir(call.int(0))?;
    Ok(0)
}
