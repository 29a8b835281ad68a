//! Functions on descriptors.

use super::{WasiCall, layout};
use crate::call::Wait;
use crate::linux::calls::io::{gather, iovecs, write_all};
use crate::memory::Record;
use agentos_abi::fcntl::Fcntl;
use agentos_abi::ioctl::Ioctl;
use agentos_abi::{AtFlags, Errno, Events, FileType, OpenFlags, Result};

/// The preopened root directory.
pub(super) const ROOT_FD: i32 = 3;
/// Bytes that one fd_write moves at most; the caller goes on with the rest.
const MAX_WRITE: usize = 1 << 20;

const RIGHT_READ: u64 = 1 << 1;
const RIGHT_SEEK: u64 = 1 << 2;
const RIGHT_TELL: u64 = 1 << 5;
const RIGHT_WRITE: u64 = 1 << 6;
/// Every right that preview 1 names.
const ALL_RIGHTS: u64 = (1 << 30) - 1;

/// The name of the preopened directory, while it is open.
const ROOT_NAME: &[u8] = b"/";

/// EBADF unless the descriptor is the preopened one.
fn preopened(call: &WasiCall<'_>) -> Result<()> {
    if call.fd(0) == ROOT_FD && !call.state.closed_preopen { Ok(()) } else { Err(Errno::EBADF) }
}

pub(super) fn fd_prestat_get(call: &mut WasiCall<'_>) -> Result<i32> {
    preopened(call)?;
    call.mem.put(call.word(1), &Record::default().u32(0).u32(ROOT_NAME.len() as u32).0)?;
    Ok(0)
}

pub(super) fn fd_prestat_dir_name(call: &mut WasiCall<'_>) -> Result<i32> {
    preopened(call)?;
    if (call.word(2) as usize) < ROOT_NAME.len() {
        return Err(Errno::ENAMETOOLONG);
    }
    call.mem.put(call.word(1), ROOT_NAME)?;
    Ok(0)
}

pub(super) fn fd_close(call: &mut WasiCall<'_>) -> Result<i32> {
    call.task.close(call.fd(0))?;
    call.state.closed_preopen |= call.fd(0) == ROOT_FD;
    Ok(0)
}

pub(super) fn fd_renumber(call: &mut WasiCall<'_>) -> Result<i32> {
    let (from, to) = (call.fd(0), call.fd(1));
    // Unlike dup2, both must be open.
    call.task.fcntl(to, Fcntl::GetFd)?;
    call.task.dup3(from, to, false)?;
    if from != to {
        call.task.close(from)?;
        call.state.closed_preopen |= from == ROOT_FD || to == ROOT_FD;
    }
    Ok(0)
}

pub(super) fn fd_sync(call: &mut WasiCall<'_>) -> Result<i32> {
    call.task.fsync(call.fd(0))?;
    Ok(0)
}

/// A hint; only the descriptor is checked.
pub(super) fn fd_advise(call: &mut WasiCall<'_>) -> Result<i32> {
    call.task.fcntl(call.fd(0), Fcntl::GetFd)?;
    Ok(0)
}

pub(super) fn fd_allocate(call: &mut WasiCall<'_>) -> Result<i32> {
    call.task.fallocate(call.fd(0), 0, call.args[1], call.args[2])?;
    Ok(0)
}

/// `fdstat`: type, flags, rights. Rights only tell what the access mode and the kind of file allow.
pub(super) fn fd_fdstat_get(call: &mut WasiCall<'_>) -> Result<i32> {
    let fd = call.fd(0);
    let flags = OpenFlags::from_bits_truncate(call.task.fcntl(fd, Fcntl::GetFl)? as u32);
    let kind = call.task.fstat(fd)?.file_type;
    let mut rights = ALL_RIGHTS;
    if !flags.readable() {
        rights &= !RIGHT_READ;
    }
    if !flags.writable() {
        rights &= !RIGHT_WRITE;
    }
    // This is how a C library knows a terminal.
    if kind == FileType::CharDevice && call.task.ioctl(fd, Ioctl::GetTermios).is_ok() {
        rights &= !(RIGHT_SEEK | RIGHT_TELL);
    }
    let record = Record::with_size(24).bytes(&[layout::file_type(kind), 0]).u16(layout::fd_flags(flags)).pad_to(8).u64(rights).u64(ALL_RIGHTS);
    call.mem.put(call.word(1), &record.0)?;
    Ok(0)
}

pub(super) fn fd_fdstat_set_flags(call: &mut WasiCall<'_>) -> Result<i32> {
    let flags = layout::open_flags(call.word(1))?;
    call.task.fcntl(call.fd(0), Fcntl::SetFl(flags))?;
    Ok(0)
}

/// Rights are not enforced, so giving some up changes nothing.
pub(super) fn fd_fdstat_set_rights(call: &mut WasiCall<'_>) -> Result<i32> {
    fd_advise(call)
}

pub(super) fn fd_filestat_get(call: &mut WasiCall<'_>) -> Result<i32> {
    let stat = call.task.fstat(call.fd(0))?;
    call.mem.put(call.word(1), &layout::filestat(&stat))?;
    Ok(0)
}

pub(super) fn fd_filestat_set_size(call: &mut WasiCall<'_>) -> Result<i32> {
    call.task.ftruncate(call.fd(0), call.args[1])?;
    Ok(0)
}

pub(super) fn fd_filestat_set_times(call: &mut WasiCall<'_>) -> Result<i32> {
    let (atime, mtime) = layout::set_times(call.args[1], call.args[2], call.word(3))?;
    call.task.utimensat(call.fd(0), None, atime, mtime, AtFlags::empty())?;
    Ok(0)
}

pub(super) fn fd_seek(call: &mut WasiCall<'_>) -> Result<i32> {
    if call.word(2) > 2 {
        return Err(Errno::EINVAL);
    }
    let position = call.task.lseek(call.fd(0), call.args[1] as i64, call.word(2))?;
    call.put_long(3, position)
}

pub(super) fn fd_tell(call: &mut WasiCall<'_>) -> Result<i32> {
    let position = call.task.lseek(call.fd(0), 0, 1)?;
    call.put_long(1, position)
}

/// Reads into the buffers of arguments 1 and 2 one after the other and stores the count at argument `answer`.
fn read_into(call: &mut WasiCall<'_>, answer: usize, mut read: impl FnMut(&mut [u8], usize) -> Result<usize>) -> Result<i32> {
    let mut done = 0;
    for (base, len) in iovecs(&call.mem, call.word(1), call.word(2))? {
        match read(call.mem.slice_mut(base, len)?, done) {
            Ok(n) => {
                done += n;
                if n < len {
                    break;
                }
            }
            Err(_) if done > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    call.put_word(answer, done as u32)
}

pub(super) fn fd_read(call: &mut WasiCall<'_>) -> Result<i32> {
    let (fd, task) = (call.fd(0), call.task);
    call.waits_for(Wait::Fd(fd, Events::READ));
    read_into(call, 3, |buf, _| task.read(fd, buf))
}

pub(super) fn fd_pread(call: &mut WasiCall<'_>) -> Result<i32> {
    let (fd, task, offset) = (call.fd(0), call.task, call.args[3]);
    read_into(call, 4, |buf, done| task.pread(fd, buf, offset.saturating_add(done as u64)))
}

/// Gathers the buffers of arguments 1 and 2 into the scratch buffer.
fn gathered(call: &mut WasiCall<'_>) -> Result<()> {
    let mut buffers = iovecs(&call.mem, call.word(1), call.word(2))?;
    let mut room = MAX_WRITE;
    for (_, len) in &mut buffers {
        *len = (*len).min(room);
        room -= *len;
    }
    gather(&mut call.state.scratch, &call.mem, &buffers)
}

/// Writes the gathered buffers and stores the count at argument `answer`; interrupted, what has been written counts.
pub(super) fn write_gathered(call: &mut WasiCall<'_>, answer: usize, write: impl FnMut(&[u8]) -> Result<usize>) -> Result<i32> {
    if let Some(end) = call.state.end {
        return match call.state.progress {
            0 => Err(end),
            done => call.put_word(answer, done as u32),
        };
    }
    call.state.sees_end = true;
    gathered(call)?;
    let done = write_all(&mut call.state.progress, &call.state.scratch, write)?;
    call.put_word(answer, done as u32)
}

pub(super) fn fd_write(call: &mut WasiCall<'_>) -> Result<i32> {
    let (fd, task) = (call.fd(0), call.task);
    call.waits_for(Wait::Fd(fd, Events::WRITE));
    write_gathered(call, 3, |part| task.write(fd, part))
}

pub(super) fn fd_pwrite(call: &mut WasiCall<'_>) -> Result<i32> {
    gathered(call)?;
    let done = call.task.pwrite(call.fd(0), &call.state.scratch, call.args[3])?;
    call.put_word(4, done as u32)
}
