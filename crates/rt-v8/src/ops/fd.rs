//! Functions of `node:fs` that take a descriptor: the number is the kernel's.

use super::{guard, guard_async};
use crate::fs::tree::READ_FILE_MAX;
use crate::fs::{fs_stat, set_time};
use crate::kernel::{Kernel, wait_if_full};
use agentos_abi::{AtFlags, Errno, Events, Fd, OpenFlags};
use agentos_syscall::{Syscalls, WaitOn};
use deno_core::{JsBuffer, OpDecl, OpState, op2};
use deno_node::ops::fs::NodeFsStat;
use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::rc::Rc;

fn kernel(state: &OpState) -> Kernel {
    state.borrow::<Kernel>().clone()
}

fn shared(state: &Rc<RefCell<OpState>>) -> Kernel {
    kernel(&state.borrow())
}

/// Runs a call that does not wait.
fn call<T>(kernel: &Kernel, body: impl FnOnce(&dyn Syscalls) -> agentos_abi::Result<T>) -> io::Result<T> {
    guard(|| Ok(body(&**kernel.task()?)?))
}

fn open(kernel: &Kernel, path: &str, flags: i32, mode: u32) -> io::Result<Fd> {
    guard(|| kernel.open(Path::new(path), OpenFlags::from_bits_truncate(flags.cast_unsigned()), mode))
}

#[op2(fast)]
#[smi]
fn op_fd_open_sync(state: &mut OpState, #[string] path: &str, #[smi] flags: i32, #[smi] mode: u32) -> Result<Fd, io::Error> {
    open(&kernel(state), path, flags, mode)
}

#[op2]
#[smi]
async fn op_fd_open(state: Rc<RefCell<OpState>>, #[string] path: String, #[smi] flags: i32, #[smi] mode: u32) -> Result<Fd, io::Error> {
    open(&shared(&state), &path, flags, mode)
}

#[op2(fast)]
fn op_fd_close(state: &mut OpState, #[smi] fd: Fd) -> Result<(), io::Error> {
    call(&kernel(state), |task| task.close(fd))
}

/// A position from JavaScript: negative means "where the descriptor stands".
fn position(at: i64) -> Option<u64> {
    u64::try_from(at).ok()
}

fn count(n: usize) -> io::Result<u32> {
    u32::try_from(n).map_err(|_| Errno::EOVERFLOW.into())
}

#[op2(fast)]
#[smi]
fn op_fd_read_sync(state: &mut OpState, #[smi] fd: Fd, #[buffer] buf: &mut [u8], #[bigint] at: i64) -> Result<u32, io::Error> {
    let kernel = kernel(state);
    guard(|| {
        count(match position(at) {
            Some(at) => kernel.task()?.pread(fd, buf, at)?,
            None => kernel.read(fd, buf)?,
        })
    })
}

#[op2]
#[smi]
async fn op_fd_read(state: Rc<RefCell<OpState>>, #[smi] fd: Fd, #[buffer] mut buf: JsBuffer, #[bigint] at: i64) -> Result<u32, io::Error> {
    let kernel = shared(&state);
    guard_async(async {
        count(match position(at) {
            Some(at) => kernel.task()?.pread(fd, &mut buf, at)?,
            None => kernel.wait_async(WaitOn::Fd(fd, Events::IN), None, |task| task.read(fd, &mut buf)).await?,
        })
    })
    .await
}

/// Writes all of `buf`, as upstream's does; a write that stores nothing ends it, so that no device can make this loop for ever.
fn write_at(kernel: &Kernel, fd: Fd, buf: &[u8], mut at: u64) -> io::Result<u32> {
    let mut done = 0;
    while done < buf.len() {
        match kernel.task()?.pwrite(fd, &buf[done..], at)? {
            0 => break,
            n => {
                done += n;
                at = at.checked_add(n as u64).ok_or(Errno::EFBIG)?;
            }
        }
    }
    count(done)
}

#[op2(fast)]
#[smi]
fn op_fd_write_sync(state: &mut OpState, #[smi] fd: Fd, #[buffer] buf: &[u8], #[number] at: i64) -> Result<u32, io::Error> {
    let kernel = kernel(state);
    guard(|| match position(at) {
        Some(at) => write_at(&kernel, fd, buf, at),
        None => {
            let mut done = 0;
            while done < buf.len() {
                match kernel.wait(WaitOn::Fd(fd, Events::OUT), None, |task| task.write(fd, &buf[done..]))? {
                    0 => break,
                    n => done += n,
                }
            }
            count(done)
        }
    })
}

#[op2(async(deferred))]
#[smi]
async fn op_fd_write(state: Rc<RefCell<OpState>>, #[smi] fd: Fd, #[buffer] buf: JsBuffer, #[number] at: i64) -> Result<u32, io::Error> {
    let kernel = shared(&state);
    guard_async(async {
        if let Some(at) = position(at) {
            return write_at(&kernel, fd, &buf, at);
        }
        let mut done = 0;
        while done < buf.len() {
            match kernel.wait_async(WaitOn::Fd(fd, Events::OUT), None, |task| wait_if_full(task.write(fd, &buf[done..]))).await? {
                0 => break,
                n => done += n,
            }
        }
        count(done)
    })
    .await
}

fn seek(kernel: &Kernel, fd: Fd, offset: i64, whence: i32) -> io::Result<u64> {
    call(kernel, |task| task.lseek(fd, offset, whence.cast_unsigned()))
}

#[op2(fast)]
#[number]
fn op_fd_seek_sync(state: &mut OpState, #[smi] fd: Fd, #[number] offset: i64, #[smi] whence: i32) -> Result<u64, io::Error> {
    seek(&kernel(state), fd, offset, whence)
}

#[op2]
#[number]
async fn op_fd_seek(state: Rc<RefCell<OpState>>, #[smi] fd: Fd, #[number] offset: i64, #[smi] whence: i32) -> Result<u64, io::Error> {
    seek(&shared(&state), fd, offset, whence)
}

fn stat(kernel: &Kernel, fd: Fd) -> io::Result<NodeFsStat> {
    call(kernel, |task| task.fstat(fd)).map(|stat| fs_stat(&stat).into())
}

#[op2]
fn op_fd_stat_sync(state: &mut OpState, #[smi] fd: Fd) -> Result<NodeFsStat, io::Error> {
    stat(&kernel(state), fd)
}

#[op2]
async fn op_fd_stat(state: Rc<RefCell<OpState>>, #[smi] fd: Fd) -> Result<NodeFsStat, io::Error> {
    stat(&shared(&state), fd)
}

#[op2(fast)]
fn op_fd_truncate_sync(state: &mut OpState, #[smi] fd: Fd, #[number] len: u64) -> Result<(), io::Error> {
    call(&kernel(state), |task| task.ftruncate(fd, len))
}

#[op2]
async fn op_fd_truncate(state: Rc<RefCell<OpState>>, #[smi] fd: Fd, #[number] len: u64) -> Result<(), io::Error> {
    call(&shared(&state), |task| task.ftruncate(fd, len))
}

#[op2(fast)]
fn op_fd_sync_sync(state: &mut OpState, #[smi] fd: Fd) -> Result<(), io::Error> {
    call(&kernel(state), |task| task.fsync(fd))
}

#[op2]
async fn op_fd_sync(state: Rc<RefCell<OpState>>, #[smi] fd: Fd) -> Result<(), io::Error> {
    call(&shared(&state), |task| task.fsync(fd))
}

fn utimes(kernel: &Kernel, fd: Fd, atime: (i64, u32), mtime: (i64, u32)) -> io::Result<()> {
    call(kernel, |task| task.utimensat(fd, None, set_time(atime.0, atime.1), set_time(mtime.0, mtime.1), AtFlags::empty()))
}

#[op2(fast)]
fn op_fd_utimes_sync(
    state: &mut OpState,
    #[smi] fd: Fd,
    #[number] atime_s: i64,
    #[smi] atime_ns: u32,
    #[number] mtime_s: i64,
    #[smi] mtime_ns: u32,
) -> Result<(), io::Error> {
    utimes(&kernel(state), fd, (atime_s, atime_ns), (mtime_s, mtime_ns))
}

#[op2]
async fn op_fd_utimes(
    state: Rc<RefCell<OpState>>,
    #[smi] fd: Fd,
    #[number] atime_s: i64,
    #[smi] atime_ns: u32,
    #[number] mtime_s: i64,
    #[smi] mtime_ns: u32,
) -> Result<(), io::Error> {
    utimes(&shared(&state), fd, (atime_s, atime_ns), (mtime_s, mtime_ns))
}

#[op2(fast)]
fn op_fd_chmod_sync(state: &mut OpState, #[smi] fd: Fd, #[smi] mode: u32) -> Result<(), io::Error> {
    call(&kernel(state), |task| task.fchmod(fd, mode))
}

#[op2]
async fn op_fd_chmod(state: Rc<RefCell<OpState>>, #[smi] fd: Fd, #[smi] mode: u32) -> Result<(), io::Error> {
    call(&shared(&state), |task| task.fchmod(fd, mode))
}

/// An owner from JavaScript: -1 leaves it.
fn owner(id: u32) -> Option<u32> {
    (id != u32::MAX).then_some(id)
}

#[op2(fast)]
fn op_fd_chown_sync(state: &mut OpState, #[smi] fd: Fd, #[smi] uid: u32, #[smi] gid: u32) -> Result<(), io::Error> {
    call(&kernel(state), |task| task.fchown(fd, owner(uid), owner(gid)))
}

#[op2]
async fn op_fd_chown(state: Rc<RefCell<OpState>>, #[smi] fd: Fd, #[smi] uid: u32, #[smi] gid: u32) -> Result<(), io::Error> {
    call(&shared(&state), |task| task.fchown(fd, owner(uid), owner(gid)))
}

#[op2]
#[buffer]
fn op_fd_read_file_sync(state: &mut OpState, #[smi] fd: Fd) -> Result<Vec<u8>, io::Error> {
    let kernel = kernel(state);
    guard(|| Ok(kernel.read_to_end(fd, READ_FILE_MAX)?))
}

#[op2]
#[buffer]
async fn op_fd_read_file(state: Rc<RefCell<OpState>>, #[smi] fd: Fd) -> Result<Vec<u8>, io::Error> {
    let kernel = shared(&state);
    guard_async(async { Ok(kernel.read_to_end_async(fd, READ_FILE_MAX).await?) }).await
}

/// libuv's `uv_stream_set_blocking`: answers 0 or a negative errno.
#[op2(fast)]
#[smi]
fn op_fd_set_blocking(state: &mut OpState, #[smi] fd: Fd, blocking: bool) -> i32 {
    let set = |task: &dyn Syscalls| {
        let flags = OpenFlags::from_bits_truncate(task.fcntl(fd, agentos_abi::fcntl::Fcntl::GetFl)?.cast_unsigned());
        let mut wanted = flags & OpenFlags::SETTABLE;
        wanted.set(OpenFlags::NONBLOCK, !blocking);
        task.fcntl(fd, agentos_abi::fcntl::Fcntl::SetFl(wanted))
    };
    match kernel(state).task().and_then(|task| set(&**task)) {
        Ok(_) => 0,
        Err(errno) => -errno.raw(),
    }
}

#[op2]
fn op_fd_pipe(state: &mut OpState) -> Result<(Fd, Fd), io::Error> {
    call(&kernel(state), |task| task.pipe2(OpenFlags::CLOEXEC))
}

pub(super) fn replacements() -> Vec<(&'static str, OpDecl)> {
    vec![
        ("op_node_open_sync", op_fd_open_sync()),
        ("op_node_open", op_fd_open()),
        ("op_node_fs_close", op_fd_close()),
        ("op_node_fs_read_sync", op_fd_read_sync()),
        ("op_node_fs_read_deferred", op_fd_read()),
        ("op_node_fs_write_sync", op_fd_write_sync()),
        ("op_node_fs_write_deferred", op_fd_write()),
        ("op_node_fs_seek_sync", op_fd_seek_sync()),
        ("op_node_fs_seek", op_fd_seek()),
        ("op_node_fs_fstat_sync", op_fd_stat_sync()),
        ("op_node_fs_fstat", op_fd_stat()),
        ("op_node_fs_ftruncate_sync", op_fd_truncate_sync()),
        ("op_node_fs_ftruncate", op_fd_truncate()),
        ("op_node_fs_fsync_sync", op_fd_sync_sync()),
        ("op_node_fs_fsync", op_fd_sync()),
        ("op_node_fs_fdatasync_sync", op_fd_sync_sync()),
        ("op_node_fs_fdatasync", op_fd_sync()),
        ("op_node_fs_futimes_sync", op_fd_utimes_sync()),
        ("op_node_fs_futimes", op_fd_utimes()),
        ("op_node_fs_fchmod_sync", op_fd_chmod_sync()),
        ("op_node_fs_fchmod", op_fd_chmod()),
        ("op_node_fs_fchown_sync", op_fd_chown_sync()),
        ("op_node_fs_fchown", op_fd_chown()),
        ("op_node_fs_read_file_sync", op_fd_read_file_sync()),
        ("op_node_fs_read_file", op_fd_read_file()),
        ("op_node_fd_set_blocking", op_fd_set_blocking()),
        ("op_node_create_pipe", op_fd_pipe()),
    ]
}
