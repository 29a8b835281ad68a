//! The socket: what socket(2) makes, and what a descriptor of it does as a [`File`].
//!
//! [`Socket`] is one type for all families; what differs is behind [`Protocol`], one file each. Both share a [`Common`].

mod mailbox;
mod options;
mod tcp;
mod tcp_connect;
mod udp;
mod unix_datagram;
mod unix_stream;

pub(crate) use mailbox::{Mailbox, Sender};
pub(crate) use options::Options;
pub(crate) use tcp::Tcp;
pub(crate) use udp::{Udp, UdpOffer};
pub(crate) use unix_datagram::UnixDatagram;
pub(crate) use unix_stream::UnixStream;

use crate::Address;
use crate::stack::Stack;
use agentos_abi::ioctl::{Ioctl, IoctlReply};
use agentos_abi::socket::{Family, Shutdown, SockAddr, SockOpt, SocketType};
use agentos_abi::{Errno, Events, FileType, Mode, Pid, Result, Stat, Timespec};
use agentos_vfs::{File, FileContext};
use agentos_waiter::WaitQueue;
use std::any::Any;
use std::sync::Arc;

/// Device number that fstat(2) shows for every socket, as Linux' sockfs has one of its own.
const SOCKFS_DEV: u64 = 8;

/// Open file descriptions that travel in a message (SCM_RIGHTS). The network only carries them.
pub type Rights = Vec<Arc<dyn Any + Send + Sync>>;

/// What [`Socket::receive`] got.
#[derive(Default)]
pub struct Message {
    /// Bytes stored.
    pub len: usize,
    /// Sender of a datagram.
    pub from: Option<SockAddr>,
    /// The datagram was longer than the buffer (MSG_TRUNC); the rest is lost.
    pub truncated: bool,
    /// Open file descriptions that came along.
    pub rights: Rights,
}

/// What a protocol knows of its socket.
pub(crate) struct Common {
    /// Unique in the VM; the inode number that fstat(2) shows.
    pub(crate) id: u64,
    pub(crate) family: Family,
    pub(crate) kind: SocketType,
    pub(crate) owner: Pid,
    pub(crate) options: Options,
    /// Where tasks wait for this socket.
    pub(crate) queue: WaitQueue,
    pub(crate) stack: Arc<Stack>,
}

impl Drop for Common {
    fn drop(&mut self) {
        self.stack.forget_socket(self.id);
    }
}

/// One kind of socket. No method waits; each is called without a lock of the caller.
pub(crate) trait Protocol: Send + Sync {
    fn bind(&self, addr: &Address, privileged: bool) -> Result<()>;

    fn listen(&self, backlog: usize) -> Result<()> {
        let _ = backlog;
        Err(Errno::EOPNOTSUPP)
    }

    fn accept(&self) -> Result<Arc<Socket>> {
        Err(Errno::EOPNOTSUPP)
    }

    fn connect(&self, addr: &Address) -> Result<()>;

    fn local(&self) -> SockAddr;
    fn peer(&self) -> Result<SockAddr>;
    fn send(&self, buf: &[u8], to: Option<&Address>, rights: Rights) -> Result<usize>;
    fn receive(&self, buf: &mut [u8], peek: bool) -> Result<Message>;
    fn shutdown(&self, how: Shutdown) -> Result<()>;
    fn poll(&self) -> Events;
    fn take_error(&self) -> Option<Errno>;

    fn listening(&self) -> bool {
        false
    }

    /// Whether connect(2) has been started and has not ended.
    fn connecting(&self) -> bool {
        false
    }

    /// Bytes to read without waiting (FIONREAD).
    fn queued(&self) -> Result<usize>;

    /// Bytes that the other side has not read yet (TIOCOUTQ).
    fn unsent(&self) -> usize {
        0
    }

    /// An option was set.
    fn option_changed(&self) {}

    /// Ends everything: the last descriptor is gone, or the VM is.
    fn close(&self);
}

/// A socket. Dropping the last reference closes it.
pub struct Socket {
    common: Arc<Common>,
    protocol: Box<dyn Protocol>,
}

impl Socket {
    pub(crate) fn new(common: Arc<Common>, protocol: Box<dyn Protocol>) -> Arc<Socket> {
        let socket = Arc::new(Socket { common, protocol });
        socket.common.stack.remember_socket(socket.common.id, &socket);
        socket
    }

    /// Family of its addresses.
    pub fn family(&self) -> Family {
        self.common.family
    }

    /// Its type.
    pub fn kind(&self) -> SocketType {
        self.common.kind
    }

    /// bind(2). `privileged` is CAP_NET_BIND_SERVICE.
    ///
    /// # Errors
    /// EADDRINUSE, EADDRNOTAVAIL (not an address of this machine, or no free port), EACCES (a port below 1024), EINVAL (bound
    /// already), EAFNOSUPPORT (an address of another family).
    pub fn bind(&self, addr: &Address, privileged: bool) -> Result<()> {
        self.protocol.bind(addr, privileged)
    }

    /// listen(2). `backlog` below 0 counts as the largest, as on Linux.
    ///
    /// # Errors
    /// EOPNOTSUPP (datagrams), EINVAL (connected; an unbound Unix socket), EADDRINUSE.
    pub fn listen(&self, backlog: i32) -> Result<()> {
        let most = self.common.stack.limits.backlog;
        self.protocol.listen(usize::try_from(backlog).unwrap_or(most).min(most))
    }

    /// accept(2).
    ///
    /// # Errors
    /// EWAIT, EINVAL (does not listen), EOPNOTSUPP (datagrams).
    pub fn accept(&self) -> Result<Arc<Socket>> {
        self.protocol.accept()
    }

    /// connect(2). Called again after EWAIT it answers how the attempt ended: once Ok, then EISCONN; or the error, once.
    /// [`Socket::connecting`] tells a caller in non-blocking mode, before the call, EALREADY from EINPROGRESS.
    ///
    /// # Errors
    /// EWAIT, ECONNREFUSED, EACCES (policy), ENETUNREACH, EHOSTUNREACH, ETIMEDOUT, EISCONN, EADDRNOTAVAIL, EAGAIN
    /// ([`crate::Limits::pending_connects`]), ENOBUFS ([`crate::Limits::egress_connections`]), EPROTOTYPE, EAFNOSUPPORT, EOPNOTSUPP.
    pub fn connect(&self, addr: &Address) -> Result<()> {
        self.protocol.connect(addr)
    }

    /// Whether a connect(2) goes on.
    pub fn connecting(&self) -> bool {
        self.protocol.connecting()
    }

    /// getsockname(2).
    pub fn local(&self) -> SockAddr {
        self.protocol.local()
    }

    /// getpeername(2). Errors: ENOTCONN.
    pub fn peer(&self) -> Result<SockAddr> {
        self.protocol.peer()
    }

    /// sendmsg(2). `rights` travel over Unix sockets only.
    ///
    /// # Errors
    /// EWAIT, EPIPE, ECONNRESET, ENOTCONN, EDESTADDRREQ, EMSGSIZE, EISCONN, ECONNREFUSED, ENOBUFS
    /// ([`crate::Limits::buffer_bytes`], [`crate::Limits::rights_in_flight`]), EACCES (policy), ENETUNREACH, EINVAL (too many rights).
    pub fn send(&self, buf: &[u8], to: Option<&Address>, rights: Rights) -> Result<usize> {
        self.protocol.send(buf, to, rights)
    }

    /// recvmsg(2). `peek` (MSG_PEEK) leaves the bytes there.
    ///
    /// # Errors
    /// EWAIT, ENOTCONN, ECONNRESET, ECONNREFUSED, EINVAL.
    pub fn receive(&self, buf: &mut [u8], peek: bool) -> Result<Message> {
        self.protocol.receive(buf, peek)
    }

    /// shutdown(2). Errors: ENOTCONN.
    pub fn shutdown(&self, how: Shutdown) -> Result<()> {
        self.protocol.shutdown(how)
    }

    /// getsockopt(2), as an `int`.
    ///
    /// # Errors
    /// ENOPROTOOPT, EOPNOTSUPP (an option of another family's level).
    pub fn option(&self, option: SockOpt) -> Result<i32> {
        self.check_level(option)?;
        Ok(match option {
            SockOpt::Type => match self.kind() {
                SocketType::Stream => 1,
                SocketType::Dgram => 2,
                SocketType::SeqPacket => 5,
            },
            SockOpt::Domain => match self.family() {
                Family::Unix => 1,
                Family::Inet => 2,
                Family::Inet6 => 10,
            },
            SockOpt::Error => self.protocol.take_error().map_or(0, Errno::raw),
            SockOpt::Listening => i32::from(self.protocol.listening()),
            stored => self.common.options.get(stored).ok_or(Errno::ENOPROTOOPT)?,
        })
    }

    /// setsockopt(2), as an `int`.
    ///
    /// # Errors
    /// ENOPROTOOPT (read only), EOPNOTSUPP (an option of another family's level).
    pub fn set_option(&self, option: SockOpt, value: i32) -> Result<()> {
        self.check_level(option)?;
        self.common.options.set(option, value)?;
        self.protocol.option_changed();
        Ok(())
    }

    pub(crate) fn close(&self) {
        self.protocol.close();
    }

    fn check_level(&self, option: SockOpt) -> Result<()> {
        let fits = match option {
            SockOpt::NoDelay => self.family() != Family::Unix && self.kind() == SocketType::Stream,
            SockOpt::V6Only => self.family() == Family::Inet6,
            _ => true,
        };
        match (fits, self.family()) {
            (true, _) => Ok(()),
            (false, Family::Unix) => Err(Errno::EOPNOTSUPP),
            (false, _) => Err(Errno::ENOPROTOOPT),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.protocol.close();
    }
}

impl File for Socket {
    fn read_at(&self, buf: &mut [u8], _offset: u64) -> Result<usize> {
        self.receive(buf, false).map(|message| message.len)
    }

    fn write_at(&self, buf: &[u8], offset: u64, _append: bool) -> Result<(usize, u64)> {
        self.send(buf, None, Rights::new()).map(|len| (len, offset))
    }

    fn seekable(&self) -> bool {
        false
    }

    fn poll(&self) -> Events {
        self.protocol.poll()
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.common.queue)
    }

    fn stat(&self) -> Option<Stat> {
        let never = Timespec::default();
        Some(Stat {
            dev: SOCKFS_DEV,
            ino: self.common.id,
            file_type: FileType::Socket,
            mode: Mode::RWXU | Mode::RWXG | Mode::RWXO,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            size: 0,
            blksize: 4096,
            blocks: 0,
            atime: never,
            mtime: never,
            ctime: never,
            btime: never,
        })
    }

    fn ioctl(&self, request: Ioctl, _context: &FileContext) -> Result<IoctlReply> {
        let count = |bytes: usize| IoctlReply::Int(i32::try_from(bytes).unwrap_or(i32::MAX));
        match request {
            Ioctl::InputQueue => self.protocol.queued().map(count),
            Ioctl::OutputQueue => Ok(count(self.protocol.unsent())),
            _ => Err(Errno::ENOTTY),
        }
    }

    fn sync(&self) -> Result<()> {
        Err(Errno::EINVAL)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
