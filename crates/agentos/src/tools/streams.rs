//! The standard streams of a tool's process.

use agentos_abi::{Errno, Events, Fd, FileType, Result};
use agentos_syscall::{Attention, Syscalls, WaitOn, blocking};
use std::future::{Future, poll_fn};
use std::task::Poll;

/// Bytes that are read of a JSON argument.
pub const MAX_INPUT: usize = 16 << 20;

/// Writes all of `bytes`.
///
/// # Errors
/// Those of write(2); EINTR when the process has ended.
pub async fn write_all(task: &dyn Syscalls, fd: Fd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let written = blocking(task, WaitOn::Fd(fd, Events::WRITE), None, || task.write(fd, bytes)).await?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Reads to the end.
///
/// # Errors
/// Those of read(2); EFBIG beyond [`MAX_INPUT`].
pub async fn read_to_end(task: &dyn Syscalls, fd: Fd) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match blocking(task, WaitOn::Fd(fd, Events::READ), None, || task.read(fd, &mut chunk)).await? {
            0 => return Ok(all),
            n if all.len() + n > MAX_INPUT => return Err(Errno::EFBIG),
            n => all.extend_from_slice(&chunk[..n]),
        }
    }
}

/// Whether a descriptor is a file or a pipe, rather than a terminal or /dev/null.
pub fn is_piped(task: &dyn Syscalls, fd: Fd) -> bool {
    task.fstat(fd).is_ok_and(|stat| matches!(stat.file_type, FileType::Regular | FileType::Fifo | FileType::Socket))
}

/// `work`, unless the process ends before: then `None`, and the work is dropped.
pub async fn while_alive<T>(task: &dyn Syscalls, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut guard = None;
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(done));
        }
        // Registered before looking, so that an end in between calls the waker.
        guard = task.wait_register(&WaitOn::Signal, None, cx.waker()).ok();
        if guard.is_none() || task.attention().has(Attention::EXITED) { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}
