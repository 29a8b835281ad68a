//! Functions on paths and directories.

use super::{WasiCall, layout};
use crate::call::Wait;
use crate::memory::Record;
use agentos_abi::{AtFlags, Dirent, Errno, OpenFlags, RenameFlags, Result};

/// Mode of what these functions create, before the umask: preview 1 knows none.
const FILE_MODE: u32 = 0o666;
const DIRECTORY_MODE: u32 = 0o777;
/// `symlink_follow` of `lookupflags`.
const FOLLOW: u32 = 1;

fn nofollow(lookup: u32) -> AtFlags {
    if lookup & FOLLOW == 0 { AtFlags::SYMLINK_NOFOLLOW } else { AtFlags::empty() }
}

pub(super) fn path_open(call: &mut WasiCall<'_>) -> Result<i32> {
    const OFLAGS: [(u32, OpenFlags); 4] = [(1, OpenFlags::CREAT), (2, OpenFlags::DIRECTORY), (4, OpenFlags::EXCL), (8, OpenFlags::TRUNC)];
    const RIGHT_READ: u64 = 1 << 1;
    const RIGHT_WRITE: u64 = 1 << 6;
    const RIGHT_READDIR: u64 = 1 << 14;
    let (lookup, oflags, rights) = (call.word(1), call.word(4), call.args[5]);
    if oflags & !0xf != 0 {
        return Err(Errno::EINVAL);
    }
    let mut flags = layout::open_flags(call.word(7))? | OpenFlags::CLOEXEC;
    for (bit, flag) in OFLAGS {
        if oflags & bit != 0 {
            flags |= flag;
        }
    }
    // Rights stand for the access mode. Directories cannot be opened for writing, whatever rights are asked for.
    if rights & RIGHT_WRITE != 0 && !flags.contains(OpenFlags::DIRECTORY) {
        flags |= if rights & (RIGHT_READ | RIGHT_READDIR) != 0 { OpenFlags::RDWR } else { OpenFlags::WRONLY };
    }
    flags.set(OpenFlags::NOFOLLOW, lookup & FOLLOW == 0);
    call.waits_for(Wait::LastCall);
    call.mem.slice_mut(call.word(8), 4)?;
    let fd = call.task.openat(call.directory(0, 2)?, call.path(2)?, flags, FILE_MODE)?;
    call.put_word(8, fd as u32)
}

pub(super) fn path_create_directory(call: &mut WasiCall<'_>) -> Result<i32> {
    call.task.mkdirat(call.directory(0, 1)?, call.path(1)?, DIRECTORY_MODE)?;
    Ok(0)
}

pub(super) fn path_remove_directory(call: &mut WasiCall<'_>) -> Result<i32> {
    call.task.unlinkat(call.directory(0, 1)?, call.path(1)?, AtFlags::REMOVEDIR)?;
    Ok(0)
}

pub(super) fn path_unlink_file(call: &mut WasiCall<'_>) -> Result<i32> {
    call.task.unlinkat(call.directory(0, 1)?, call.path(1)?, AtFlags::empty())?;
    Ok(0)
}

pub(super) fn path_filestat_get(call: &mut WasiCall<'_>) -> Result<i32> {
    let stat = call.task.fstatat(call.directory(0, 2)?, call.path(2)?, nofollow(call.word(1)))?;
    call.mem.put(call.word(4), &layout::filestat(&stat))?;
    Ok(0)
}

pub(super) fn path_filestat_set_times(call: &mut WasiCall<'_>) -> Result<i32> {
    let (atime, mtime) = layout::set_times(call.args[4], call.args[5], call.word(6))?;
    call.task.utimensat(call.directory(0, 2)?, Some(call.path(2)?), atime, mtime, nofollow(call.word(1)))?;
    Ok(0)
}

pub(super) fn path_link(call: &mut WasiCall<'_>) -> Result<i32> {
    let flags = if call.word(1) & FOLLOW != 0 { AtFlags::SYMLINK_FOLLOW } else { AtFlags::empty() };
    call.task.linkat(call.directory(0, 2)?, call.path(2)?, call.directory(4, 5)?, call.path(5)?, flags)?;
    Ok(0)
}

pub(super) fn path_symlink(call: &mut WasiCall<'_>) -> Result<i32> {
    call.task.symlinkat(call.path(0)?, call.directory(2, 3)?, call.path(3)?)?;
    Ok(0)
}

pub(super) fn path_rename(call: &mut WasiCall<'_>) -> Result<i32> {
    call.task.renameat(call.directory(0, 1)?, call.path(1)?, call.directory(3, 4)?, call.path(4)?, RenameFlags::empty())?;
    Ok(0)
}

pub(super) fn path_readlink(call: &mut WasiCall<'_>) -> Result<i32> {
    let target = call.task.readlinkat(call.directory(0, 1)?, call.path(1)?)?;
    let len = target.len().min(call.word(4) as usize);
    call.mem.put(call.word(3), &target[..len])?;
    call.put_word(5, len as u32)
}

/// Fills the buffer with `dirent`s, the last one perhaps cut; a buffer that is not full means the end.
pub(super) fn fd_readdir(call: &mut WasiCall<'_>) -> Result<i32> {
    let fd = call.fd(0);
    let cookie = i64::try_from(call.args[3]).map_err(|_| Errno::EINVAL)?;
    call.task.lseek(fd, cookie, 0)?;
    let buf = call.mem.slice_mut(call.word(1), call.word(2) as usize)?;
    let mut done = 0;
    call.task.getdents(fd, &mut |entry: Dirent<'_>| {
        let record = Record::with_size(24 + entry.name.len())
            .u64(entry.next)
            .u64(entry.ino)
            .u32(entry.name.len() as u32)
            .bytes(&[layout::file_type(entry.file_type), 0, 0, 0])
            .bytes(entry.name);
        let space = &mut buf[done..];
        let len = record.0.len().min(space.len());
        space[..len].copy_from_slice(&record.0[..len]);
        done += len;
        len == record.0.len() && done < buf.len()
    })?;
    call.put_word(4, done as u32)
}
