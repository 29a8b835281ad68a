//! What open(2) yields: the operations behind an open file description.

use agentos_abi::ioctl::{Ioctl, IoctlReply};
use agentos_abi::{Errno, Events, Pid, Result, Stat};
use agentos_waiter::WaitQueue;
use std::any::Any;

/// Who performs an ioctl: terminals check sessions and groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileContext {
    /// The calling process.
    pub pid: Pid,
    /// Its process group.
    pub pgid: Pid,
    /// Its session.
    pub sid: Pid,
    /// Super-user.
    pub privileged: bool,
}

/// An open file: regular, directory, pipe, socket, terminal or device. No method ever waits.
///
/// The offset and the status flags live in the kernel's open file description, which passes the offset in. Streams
/// ([`File::seekable`] false) ignore it.
pub trait File: Send + Sync + Any {
    /// Reads at `offset`. 0 is end of file.
    ///
    /// # Errors
    /// EWAIT when nothing is there yet; EISDIR, EIO, EINVAL, ENOTCONN.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize>;

    /// Writes at `offset`; `append` means at the end, whatever `offset` says (one step with the write). Answers the bytes
    /// written and the offset after them.
    ///
    /// # Errors
    /// EWAIT when there is no room; EPIPE (the kernel raises SIGPIPE), EFBIG, ENOSPC, EINVAL, EISDIR.
    fn write_at(&self, buf: &[u8], offset: u64, append: bool) -> Result<(usize, u64)>;

    /// Whether lseek(2), pread(2) and pwrite(2) make sense.
    fn seekable(&self) -> bool;

    /// What the file is ready for now.
    fn poll(&self) -> Events;

    /// Where to wait for a change of [`File::poll`]. `None`: always ready.
    fn wait_queue(&self) -> Option<&WaitQueue>;

    /// Attributes for fstat(2) of files without an inode in the tree (pipes, sockets). Files with one answer `None`.
    fn stat(&self) -> Option<Stat> {
        None
    }

    /// A request to a device. Errors: ENOTTY when it means nothing here.
    fn ioctl(&self, request: Ioctl, context: &FileContext) -> Result<IoctlReply> {
        let _ = (request, context);
        Err(Errno::ENOTTY)
    }

    /// A terminal gets the caller before each read and write, to do job control: `Err(EWAIT)` after it sent SIGTTIN or SIGTTOU.
    fn check_access(&self, write: bool, context: &FileContext) -> Result<()> {
        let _ = (write, context);
        Ok(())
    }

    /// fsync(2), fdatasync(2).
    fn sync(&self) -> Result<()> {
        Ok(())
    }

    /// Whether the descriptor shows as a terminal.
    fn is_terminal(&self) -> bool {
        false
    }

    /// For the kernel's own kinds (pipes, sockets, epoll).
    fn as_any(&self) -> &dyn Any;
}
