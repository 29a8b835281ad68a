//! A connected socket of the process as an asynchronous byte stream.

use super::failure::Failure;
use super::limits::CHUNK_BYTES;
use crate::kernel::{Kernel, wait_if_full};
use agentos_abi::socket::Shutdown;
use agentos_abi::{Errno, Events, Fd};
use agentos_syscall::{Attention, Syscalls, WaitGuard, WaitOn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The stream. Dropping it closes the descriptor.
pub struct KernelStream {
    socket: OwnedFd,
    reading: Interest,
    writing: Interest,
}

/// A descriptor of the process that nobody else closes.
pub struct OwnedFd {
    kernel: Kernel,
    fd: Fd,
}

impl OwnedFd {
    /// Takes `fd` over.
    pub fn new(kernel: Kernel, fd: Fd) -> OwnedFd {
        OwnedFd { kernel, fd }
    }

    /// The number, to make calls with while this value lives.
    pub fn fd(&self) -> Fd {
        self.fd
    }
}

impl Drop for OwnedFd {
    fn drop(&mut self) {
        if let Ok(task) = self.kernel.task() {
            // ESRCH when the process has ended: its descriptors are closed then.
            let _ = task.close(self.fd);
        }
    }
}

/// What a direction of the stream waits for.
struct Interest {
    events: Events,
    syscall: &'static str,
    /// Keeps the waker in the kernel's queues until the stream is ready. One per direction: reader and writer may be different
    /// tasks.
    guard: Option<WaitGuard>,
}

impl Interest {
    fn new(events: Events, syscall: &'static str) -> Interest {
        Interest { events, syscall, guard: None }
    }

    /// Try, register, try again, wait.
    fn poll<T>(&mut self, socket: &OwnedFd, cx: &Context<'_>, mut call: impl FnMut(&dyn Syscalls, Fd) -> agentos_abi::Result<T>) -> Poll<io::Result<T>> {
        let result = self.try_or_register(socket, cx, |task| wait_if_full(call(task, socket.fd)));
        if matches!(result, Err(Errno::EWAIT)) {
            return Poll::Pending;
        }
        self.guard = None;
        Poll::Ready(result.map_err(|errno| self.error(errno)))
    }

    fn try_or_register<T>(
        &mut self,
        socket: &OwnedFd,
        cx: &Context<'_>,
        mut call: impl FnMut(&dyn Syscalls) -> agentos_abi::Result<T>,
    ) -> agentos_abi::Result<T> {
        let task = &**socket.kernel.task()?;
        match call(task) {
            Err(Errno::EWAIT) => {}
            done => return done,
        }
        self.guard = Some(task.wait_register(&WaitOn::Fd(socket.fd, self.events), None, cx.waker())?);
        match call(task) {
            Err(Errno::EWAIT) => {}
            done => return done,
        }
        let attention = task.attention();
        if attention.has(Attention::EXITED) {
            return Err(Errno::EINTR);
        }
        if attention.has(Attention::SIGNAL) {
            socket.kernel.collect_signals();
        }
        Err(Errno::EWAIT)
    }

    /// The errno as Node would tell it, under the kind that the HTTP client looks at.
    fn error(&self, errno: Errno) -> io::Error {
        io::Error::new(io::Error::from(errno).kind(), Failure::call(self.syscall, errno))
    }
}

impl KernelStream {
    /// Reads and writes `socket`, which is connected.
    pub fn new(socket: OwnedFd) -> KernelStream {
        KernelStream { socket, reading: Interest::new(Events::IN, "read"), writing: Interest::new(Events::OUT, "write") }
    }
}

impl AsyncRead for KernelStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let room = buf.remaining().min(CHUNK_BYTES);
        let target = buf.initialize_unfilled_to(room);
        let read = std::task::ready!(this.reading.poll(&this.socket, cx, |task, fd| task.read(fd, target)))?;
        // A kernel that claims more than there was room for would make hyper panic.
        buf.advance(read.min(room));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for KernelStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let buf = &buf[..buf.len().min(CHUNK_BYTES)];
        // MSG_NOSIGNAL: Node ignores SIGPIPE, and a closed server must not end the program.
        this.writing.poll(&this.socket, cx, |task, fd| task.sendmsg(fd, buf, None, &[], false, true))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = self.socket.kernel.task().and_then(|task| task.shutdown(self.socket.fd, Shutdown::Write));
        Poll::Ready(match result {
            Ok(()) | Err(Errno::ENOTCONN) => Ok(()),
            Err(errno) => Err(Failure::call("shutdown", errno).into()),
        })
    }
}
