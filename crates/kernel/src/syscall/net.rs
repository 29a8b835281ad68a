//! Sockets and names.

use crate::task::Task;
use agentos_abi::fcntl::OpenFlags;
use agentos_abi::socket::{Family, Shutdown, SockAddr, SockOpt, SocketType};
use agentos_abi::{Errno, Fd, Result};
use agentos_syscall::{AddrInfo, NetCalls, Received, SendTarget, WaitGuard};
use std::task::Waker;

impl NetCalls for Task {
    fn socket(&self, _family: Family, _kind: SocketType, _protocol: i32, _flags: OpenFlags) -> Result<Fd> {
        Err(Errno::EAFNOSUPPORT)
    }

    fn socketpair(&self, _kind: SocketType, _flags: OpenFlags) -> Result<(Fd, Fd)> {
        Err(Errno::EAFNOSUPPORT)
    }

    fn bind(&self, fd: Fd, _addr: &SockAddr) -> Result<()> {
        self.no_socket(fd)
    }

    fn listen(&self, fd: Fd, _backlog: i32) -> Result<()> {
        self.no_socket(fd)
    }

    fn accept(&self, fd: Fd, _flags: OpenFlags) -> Result<(Fd, SockAddr)> {
        self.no_socket(fd)
    }

    fn connect(&self, fd: Fd, _addr: &SockAddr) -> Result<()> {
        self.no_socket(fd)
    }

    fn getsockname(&self, fd: Fd) -> Result<SockAddr> {
        self.no_socket(fd)
    }

    fn getpeername(&self, fd: Fd) -> Result<SockAddr> {
        self.no_socket(fd)
    }

    fn sendmsg(&self, fd: Fd, _buf: &[u8], _to: SendTarget<'_>, _fds: &[Fd], _dont_wait: bool, _no_signal: bool) -> Result<usize> {
        self.no_socket(fd)
    }

    fn recvmsg(&self, fd: Fd, _buf: &mut [u8], _peek: bool, _dont_wait: bool) -> Result<Received> {
        self.no_socket(fd)
    }

    fn shutdown(&self, fd: Fd, _how: Shutdown) -> Result<()> {
        self.no_socket(fd)
    }

    fn getsockopt(&self, fd: Fd, _option: SockOpt) -> Result<i32> {
        self.no_socket(fd)
    }

    fn setsockopt(&self, fd: Fd, _option: SockOpt, _value: i32) -> Result<()> {
        self.no_socket(fd)
    }

    fn resolve(&self, _name: &str) -> Result<AddrInfo> {
        Err(Errno::EACCES)
    }
}

impl Task {
    fn no_socket<T>(&self, fd: Fd) -> Result<T> {
        self.usable(fd)?;
        Err(Errno::ENOTSOCK)
    }

    /// Registers for the answer of [`NetCalls::resolve`].
    pub(crate) fn register_resolve(&self, _name: &str, _waker: &Waker, _guard: &mut WaitGuard) -> Result<()> {
        Ok(())
    }
}
