//! Reading, writing and moving data.

use crate::call::{Call, Wait, count};
use crate::memory::Guest;
use agentos_abi::fcntl::Fcntl;
use agentos_abi::poll::PollFd;
use agentos_abi::{Errno, Events, Fd, FileType, Result};

/// Buffers of one vectored call (IOV_MAX).
const IOV_MAX: u32 = 1024;
/// Most bytes that one call moves (Linux' MAX_RW_COUNT).
const MAX_RW_COUNT: usize = 0x7fff_f000;
/// A vectored write up to this many bytes is made in one piece, so that it is atomic where a write is.
const GATHER_BYTES: usize = 64 << 10;

/// read(2).
pub(crate) fn read(call: &mut Call<'_>) -> Result<i32> {
    let fd = call.int(0);
    let len = call.len(2).min(MAX_RW_COUNT);
    call.waits_for(Wait::Fd(fd, Events::READ));
    count(call.task.read(fd, call.mem.slice_mut(call.args[1], len)?)?)
}

/// write(2).
pub(crate) fn write(call: &mut Call<'_>) -> Result<i32> {
    let fd = call.int(0);
    let len = call.len(2).min(MAX_RW_COUNT);
    call.waits_for(Wait::Fd(fd, Events::WRITE));
    let buf = call.mem.slice(call.args[1], len)?;
    write_all(&mut call.state.progress, buf, |part| call.task.write(fd, part))
}

/// Writes what is left of `buf`: in blocking mode a write ends only when all is written. What earlier attempts wrote is in
/// `progress`, and is the answer when an error comes after it.
pub(crate) fn write_all(progress: &mut usize, buf: &[u8], mut write: impl FnMut(&[u8]) -> Result<usize>) -> Result<i32> {
    loop {
        let rest = buf.get(*progress..).unwrap_or_default();
        match write(rest) {
            Ok(n) => {
                *progress += n;
                if n == 0 || *progress >= buf.len() {
                    return count(*progress);
                }
            }
            Err(Errno::EWAIT) => return Err(Errno::EWAIT),
            Err(_) if *progress > 0 => return count(*progress),
            Err(errno) => return Err(errno),
        }
    }
}

/// The buffers of a vectored call, empty ones left out. EINVAL over IOV_MAX or when the lengths overflow; EFAULT when one is
/// not in memory.
pub(crate) fn iovecs(mem: &Guest<'_>, at: u32, n: u32) -> Result<Vec<(u32, usize)>> {
    if n > IOV_MAX {
        return Err(Errno::EINVAL);
    }
    let raw = mem.slice(at, n as usize * 8)?;
    let mut all = Vec::with_capacity(n as usize);
    let mut total = 0_usize;
    for entry in raw.chunks_exact(8) {
        let base = u32::from_le_bytes([entry[0], entry[1], entry[2], entry[3]]);
        let len = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]) as usize;
        if len > MAX_RW_COUNT {
            return Err(Errno::EINVAL);
        }
        let len = len.min(MAX_RW_COUNT - total);
        total += len;
        if len > 0 {
            mem.slice(base, len)?;
            all.push((base, len));
        }
    }
    Ok(all)
}

/// readv(2): fills one buffer after the other as long as data is there.
pub(crate) fn readv(call: &mut Call<'_>) -> Result<i32> {
    let fd = call.int(0);
    call.waits_for(Wait::Fd(fd, Events::READ));
    let task = call.task;
    scatter(call, |buf, _| task.read(fd, buf))
}

fn scatter(call: &mut Call<'_>, mut read: impl FnMut(&mut [u8], usize) -> Result<usize>) -> Result<i32> {
    let buffers = iovecs(&call.mem, call.args[1], call.args[2])?;
    if buffers.is_empty() {
        return count(read(&mut [], 0)?);
    }
    let mut done = 0;
    for (base, len) in buffers {
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
    count(done)
}

/// writev(2).
pub(crate) fn writev(call: &mut Call<'_>) -> Result<i32> {
    let fd = call.int(0);
    call.waits_for(Wait::Fd(fd, Events::WRITE));
    let buffers = iovecs(&call.mem, call.args[1], call.args[2])?;
    let total: usize = buffers.iter().map(|(_, len)| len).sum();
    match buffers[..] {
        [] => count(call.task.write(fd, &[])?),
        [(base, len)] => {
            let buf = call.mem.slice(base, len)?;
            write_all(&mut call.state.progress, buf, |part| call.task.write(fd, part))
        }
        _ if total <= GATHER_BYTES => {
            gather(&mut call.state.scratch, &call.mem, &buffers)?;
            let (scratch, progress) = (&call.state.scratch, &mut call.state.progress);
            write_all(progress, scratch, |part| call.task.write(fd, part))
        }
        _ => write_each(call, fd, &buffers),
    }
}

/// Copies buffers into one.
pub(crate) fn gather(scratch: &mut Vec<u8>, mem: &Guest<'_>, buffers: &[(u32, usize)]) -> Result<()> {
    scratch.clear();
    for (base, len) in buffers {
        scratch.extend_from_slice(mem.slice(*base, *len)?);
    }
    Ok(())
}

/// A large vectored write, buffer by buffer.
fn write_each(call: &mut Call<'_>, fd: Fd, buffers: &[(u32, usize)]) -> Result<i32> {
    let mut before = 0;
    for (base, len) in buffers {
        let end = before + len;
        if call.state.progress < end {
            let buf = call.mem.slice(*base, *len)?;
            let mut here = call.state.progress - before;
            let result = write_all(&mut here, buf, |part| call.task.write(fd, part));
            call.state.progress = before + here;
            match result {
                Err(errno) if errno == Errno::EWAIT || call.state.progress == 0 => return Err(errno),
                _ if call.state.progress < end => break,
                _ => {}
            }
        }
        before = end;
    }
    count(call.state.progress)
}

/// pread64(2).
pub(crate) fn pread64(call: &mut Call<'_>) -> Result<i32> {
    let (fd, offset) = (call.int(0), call.offset(3)?);
    let len = call.len(2).min(MAX_RW_COUNT);
    count(call.task.pread(fd, call.mem.slice_mut(call.args[1], len)?, offset)?)
}

/// pwrite64(2).
pub(crate) fn pwrite64(call: &mut Call<'_>) -> Result<i32> {
    let (fd, offset) = (call.int(0), call.offset(3)?);
    let len = call.len(2).min(MAX_RW_COUNT);
    count(call.task.pwrite(fd, call.mem.slice(call.args[1], len)?, offset)?)
}

/// preadv(2).
pub(crate) fn preadv(call: &mut Call<'_>) -> Result<i32> {
    let (fd, offset, task) = (call.int(0), call.offset(3)?, call.task);
    scatter(call, |buf, done| task.pread(fd, buf, offset.saturating_add(done as u64)))
}

/// pwritev(2).
pub(crate) fn pwritev(call: &mut Call<'_>) -> Result<i32> {
    let (fd, offset) = (call.int(0), call.offset(3)?);
    let buffers = iovecs(&call.mem, call.args[1], call.args[2])?;
    let mut done = 0;
    for (base, len) in buffers {
        match call.task.pwrite(fd, call.mem.slice(base, len)?, offset.saturating_add(done as u64)) {
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
    count(done)
}

/// preadv2(2): offset -1 means the current position; no flags.
pub(crate) fn preadv2(call: &mut Call<'_>) -> Result<i32> {
    match (call.args[5], call.long(3)) {
        (0, -1) => readv(call),
        (0, _) => preadv(call),
        _ => Err(Errno::EOPNOTSUPP),
    }
}

/// pwritev2(2): offset -1 means the current position; no flags.
pub(crate) fn pwritev2(call: &mut Call<'_>) -> Result<i32> {
    match (call.args[5], call.long(3)) {
        (0, -1) => writev(call),
        (0, _) => pwritev(call),
        _ => Err(Errno::EOPNOTSUPP),
    }
}

/// _llseek(2): the high half of the offset comes first, the answer is stored.
pub(crate) fn llseek(call: &mut Call<'_>) -> Result<i32> {
    let offset = (u64::from(call.args[2]) | u64::from(call.args[1]) << 32) as i64;
    call.mem.slice_mut(call.args[3], 8)?;
    let position = call.task.lseek(call.int(0), offset, call.args[4])?;
    call.mem.put(call.args[3], &position.to_le_bytes())?;
    Ok(0)
}

const SPLICE_F_NONBLOCK: u32 = 2;
/// MOVE, NONBLOCK, MORE, GIFT.
const SPLICE_FLAGS: u32 = 15;

/// splice(2).
pub(crate) fn splice(call: &mut Call<'_>) -> Result<i32> {
    let (from, to, len, flags) = (call.int(0), call.int(2), call.len(4).min(MAX_RW_COUNT), call.args[5]);
    if flags & !SPLICE_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    let (mut from_offset, mut to_offset) = (load_offset(call, call.args[1])?, load_offset(call, call.args[3])?);
    let entry = |fd, events| PollFd { fd, events, revents: Events::empty() };
    call.waits_for(Wait::Poll(vec![entry(from, Events::READ), entry(to, Events::WRITE)]));
    let moved = call.task.splice(from, from_offset.as_mut(), to, to_offset.as_mut(), len, flags & SPLICE_F_NONBLOCK != 0)?;
    for (at, offset) in [(call.args[1], from_offset), (call.args[3], to_offset)] {
        if let Some(offset) = offset {
            call.mem.put(at, &offset.to_le_bytes())?;
        }
    }
    count(moved)
}

/// tee(2).
pub(crate) fn tee(call: &mut Call<'_>) -> Result<i32> {
    let (from, to, len, flags) = (call.int(0), call.int(1), call.len(2).min(MAX_RW_COUNT), call.args[3]);
    if flags & !SPLICE_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    let entry = |fd, events| PollFd { fd, events, revents: Events::empty() };
    call.waits_for(Wait::Poll(vec![entry(from, Events::READ), entry(to, Events::WRITE)]));
    count(call.task.tee(from, to, len, flags & SPLICE_F_NONBLOCK != 0)?)
}

/// vmsplice(2): pages are copied, so it is writev(2) on the writing end of a pipe and readv(2) on the other.
pub(crate) fn vmsplice(call: &mut Call<'_>) -> Result<i32> {
    if call.args[3] & !SPLICE_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    let fd = call.int(0);
    if call.task.fstat(fd)?.file_type != FileType::Fifo {
        return Err(Errno::EBADF);
    }
    let writes = call.task.fcntl(fd, Fcntl::GetFl)? & 3 != 0;
    if writes { writev(call) } else { readv(call) }
}

/// The offset that `at` points to; a null pointer is none.
fn load_offset(call: &Call<'_>, at: u32) -> Result<Option<u64>> {
    match at {
        0 => Ok(None),
        at => u64::try_from(call.mem.i64(at)?).map(Some).map_err(|_| Errno::EINVAL),
    }
}

/// sendfile64(2).
pub(crate) fn sendfile64(call: &mut Call<'_>) -> Result<i32> {
    let (to, from) = (call.int(0), call.int(1));
    move_range(call, from, 2, to, None, call.len(3))
}

/// copy_file_range(2).
pub(crate) fn copy_file_range(call: &mut Call<'_>) -> Result<i32> {
    if call.args[5] != 0 {
        return Err(Errno::EINVAL);
    }
    let (from, to) = (call.int(0), call.int(2));
    move_range(call, from, 1, to, Some(3), call.len(4))
}

/// Moves bytes inside the kernel. `from_at` and `to_at` say which arguments point to offsets; null means the descriptor's own.
fn move_range(call: &mut Call<'_>, from: Fd, from_at: usize, to: Fd, to_at: Option<usize>, len: usize) -> Result<i32> {
    let at = (call.args[from_at], to_at.map_or(0, |n| call.args[n]));
    let (mut from_offset, mut to_offset) = (load_offset(call, at.0)?, load_offset(call, at.1)?);
    let entry = |fd, events| PollFd { fd, events, revents: Events::empty() };
    call.waits_for(Wait::Poll(vec![entry(from, Events::READ), entry(to, Events::WRITE)]));
    let moved = call.task.copy_range(from, from_offset.as_mut(), to, to_offset.as_mut(), len.min(MAX_RW_COUNT))?;
    for (at, offset) in [(at.0, from_offset), (at.1, to_offset)] {
        if let Some(offset) = offset {
            call.mem.put(at, &offset.to_le_bytes())?;
        }
    }
    count(moved)
}
