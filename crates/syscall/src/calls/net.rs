//! Sockets and names.

use agentos_abi::fcntl::OpenFlags;
use agentos_abi::socket::{Family, Shutdown, SockAddr, SockOpt, SocketType};
use agentos_abi::{Fd, Result};
use std::net::IpAddr;

/// Where sendto(2) sends.
pub type SendTarget<'a> = Option<&'a SockAddr>;

/// What recvmsg(2) got.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes stored.
    pub len: usize,
    /// Sender, for datagrams.
    pub from: Option<SockAddr>,
    /// The datagram was longer (MSG_TRUNC).
    pub truncated: bool,
    /// Descriptors that came along (SCM_RIGHTS), installed already.
    pub fds: Vec<Fd>,
}

/// A resolved name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddrInfo {
    /// Addresses, preferred first.
    pub addresses: Vec<IpAddr>,
}

/// Network calls. Everything is denied until the VM's policy allows it: EACCES for a denied destination.
pub trait NetCalls {
    /// socket(2). Flags: NONBLOCK, CLOEXEC. Errors: EAFNOSUPPORT, EPROTONOSUPPORT, EMFILE, EACCES.
    fn socket(&self, family: Family, kind: SocketType, protocol: i32, flags: OpenFlags) -> Result<Fd>;
    /// socketpair(2), Unix only.
    fn socketpair(&self, kind: SocketType, flags: OpenFlags) -> Result<(Fd, Fd)>;
    /// bind(2). Errors: EADDRINUSE, EADDRNOTAVAIL, EINVAL, EACCES.
    fn bind(&self, fd: Fd, addr: &SockAddr) -> Result<()>;
    /// listen(2).
    fn listen(&self, fd: Fd, backlog: i32) -> Result<()>;
    /// accept4(2): EWAIT when there is none.
    fn accept(&self, fd: Fd, flags: OpenFlags) -> Result<(Fd, SockAddr)>;
    /// connect(2): EWAIT while it goes on (call again to learn the end), EINPROGRESS in non-blocking mode.
    /// Errors: ECONNREFUSED, EACCES (policy), ENETUNREACH, ETIMEDOUT, EISCONN, EALREADY.
    fn connect(&self, fd: Fd, addr: &SockAddr) -> Result<()>;
    /// getsockname(2).
    fn getsockname(&self, fd: Fd) -> Result<SockAddr>;
    /// getpeername(2). Errors: ENOTCONN, ENOTSOCK.
    fn getpeername(&self, fd: Fd) -> Result<SockAddr>;
    /// sendto(2) and sendmsg(2). `fds` travel over a Unix socket. MSG_DONTWAIT as `dont_wait`, MSG_NOSIGNAL as `no_signal`.
    fn sendmsg(&self, fd: Fd, buf: &[u8], to: SendTarget<'_>, fds: &[Fd], dont_wait: bool, no_signal: bool) -> Result<usize>;
    /// recvfrom(2) and recvmsg(2); `peek` is MSG_PEEK.
    fn recvmsg(&self, fd: Fd, buf: &mut [u8], peek: bool, dont_wait: bool) -> Result<Received>;
    /// shutdown(2).
    fn shutdown(&self, fd: Fd, how: Shutdown) -> Result<()>;
    /// getsockopt(2), as an `int`.
    fn getsockopt(&self, fd: Fd, option: SockOpt) -> Result<i32>;
    /// setsockopt(2), as an `int`.
    fn setsockopt(&self, fd: Fd, option: SockOpt, value: i32) -> Result<()>;
    /// Resolves a host name by /etc/hosts and the policy's resolver: EWAIT until the answer is there (ask again, wait with
    /// [`crate::WaitOn::Resolve`]). Errors: ENOENT (no such name), EACCES (policy), EIO.
    fn resolve(&self, name: &str) -> Result<AddrInfo>;
}
