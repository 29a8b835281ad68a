//! Sockets and names.

use crate::fd::Description;
use crate::task::Task;
use agentos_abi::fcntl::OpenFlags;
use agentos_abi::socket::{Family, Shutdown, SockAddr, SockOpt, SocketType};
use agentos_abi::{Errno, Events, Fd, Result, Signal};
use agentos_net::{Address, NAME_SERVER, RIGHTS_PER_MESSAGE_MAX, Rights, Socket, asked_name};
use agentos_syscall::{AddrInfo, NetCalls, Received, SendTarget, WaitGuard};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Waker;

impl NetCalls for Task {
    fn socket(&self, family: Family, kind: SocketType, protocol: i32, flags: OpenFlags) -> Result<Fd> {
        let flags = socket_flags(flags)?;
        self.process.files.read().check_room(self.file_limit())?;
        let socket = self.kernel.network.socket(family, kind, protocol, self.pid())?;
        self.install(socket, None, flags)
    }

    fn socketpair(&self, kind: SocketType, flags: OpenFlags) -> Result<(Fd, Fd)> {
        let flags = socket_flags(flags)?;
        self.process.alive()?;
        let (one, two) = self.kernel.network.socketpair(kind, self.pid())?;
        self.install_pair((one, flags), (two, flags))
    }

    fn bind(&self, fd: Fd, addr: &SockAddr) -> Result<()> {
        self.with_socket(fd, |_, socket| self.bind_socket(socket, addr))
    }

    fn listen(&self, fd: Fd, backlog: i32) -> Result<()> {
        self.with_socket(fd, |_, socket| socket.listen(backlog))
    }

    fn accept(&self, fd: Fd, flags: OpenFlags) -> Result<(Fd, SockAddr)> {
        let flags = socket_flags(flags)?;
        let accepted = self.with_socket(fd, |description, socket| {
            // Before a connection is taken: an accept(2) that fails for want of a descriptor leaves it in the queue.
            self.process.files.read().check_room(self.file_limit())?;
            description.wait_or_again(socket.accept())
        })?;
        let peer = accepted.peer().unwrap_or(SockAddr::unspecified(accepted.family()));
        Ok((self.install(accepted, None, flags)?, peer))
    }

    fn connect(&self, fd: Fd, addr: &SockAddr) -> Result<()> {
        self.with_socket(fd, |description, socket| {
            let addr = self.peer_address(socket, addr)?;
            let going_on = socket.connecting();
            if let (Address::Inet(to), false) = (&addr, going_on) {
                self.may_connect(*to)?;
            }
            match socket.connect(&addr) {
                Err(Errno::EWAIT) if !description.flags().contains(OpenFlags::NONBLOCK) => Err(Errno::EWAIT),
                Err(Errno::EWAIT) if socket.family() == Family::Unix => Err(Errno::EAGAIN),
                Err(Errno::EWAIT) if going_on => Err(Errno::EALREADY),
                Err(Errno::EWAIT) => Err(Errno::EINPROGRESS),
                done => done,
            }
        })
    }

    fn getsockname(&self, fd: Fd) -> Result<SockAddr> {
        self.with_socket(fd, |_, socket| Ok(socket.local()))
    }

    fn getpeername(&self, fd: Fd) -> Result<SockAddr> {
        self.with_socket(fd, |_, socket| socket.peer())
    }

    fn sendmsg(&self, fd: Fd, buf: &[u8], to: SendTarget<'_>, fds: &[Fd], dont_wait: bool, no_signal: bool) -> Result<usize> {
        self.with_socket(fd, |description, socket| {
            let to = to.map(|addr| self.peer_address(socket, addr)).transpose()?;
            self.may_send(socket, to.as_ref(), buf)?;
            let sent = socket.send(buf, to.as_ref(), self.rights(fds)?);
            // Only streams are pipes in this respect (socket(7)).
            if sent == Err(Errno::EPIPE) && !no_signal && socket.kind() == SocketType::Stream {
                self.raise(Signal::SIGPIPE);
            }
            wait_or_again(description, sent, dont_wait)
        })
    }

    fn recvmsg(&self, fd: Fd, buf: &mut [u8], peek: bool, dont_wait: bool) -> Result<Received> {
        let message = self.with_socket(fd, |description, socket| wait_or_again(description, socket.receive(buf, peek), dont_wait))?;
        let fds = self.install_rights(message.rights);
        Ok(Received { len: message.len, from: message.from, truncated: message.truncated, fds })
    }

    fn shutdown(&self, fd: Fd, how: Shutdown) -> Result<()> {
        self.with_socket(fd, |_, socket| socket.shutdown(how))
    }

    fn getsockopt(&self, fd: Fd, option: SockOpt) -> Result<i32> {
        self.with_socket(fd, |_, socket| socket.option(option))
    }

    fn setsockopt(&self, fd: Fd, option: SockOpt, value: i32) -> Result<()> {
        self.with_socket(fd, |_, socket| socket.set_option(option, value))
    }

    fn resolve(&self, name: &str) -> Result<AddrInfo> {
        self.process.alive()?;
        let known = if name.parse::<IpAddr>().is_ok() { Vec::new() } else { self.hosts_entry(name) };
        if known.is_empty() {
            self.may_resolve(name)?;
        }
        let addresses = if known.is_empty() { self.kernel.network.resolve(name)? } else { known };
        Ok(AddrInfo { addresses })
    }
}

impl Task {
    /// Runs `call` on the socket behind a descriptor. Errors: EBADF, ENOTSOCK.
    fn with_socket<R>(&self, fd: Fd, call: impl FnOnce(&Description, &Socket) -> Result<R>) -> Result<R> {
        let description = self.usable(fd)?;
        let socket = description.file.as_any().downcast_ref::<Socket>().ok_or(Errno::ENOTSOCK)?;
        call(&description, socket)
    }

    /// The policy of what is sent without a connection: its destination, and the names that the VM's name server is asked for.
    fn may_send(&self, socket: &Socket, to: Option<&Address>, buf: &[u8]) -> Result<()> {
        if socket.kind() != SocketType::Dgram || socket.family() == Family::Unix {
            return Ok(());
        }
        let to = match (to, socket.peer()) {
            (Some(Address::Inet(to)), _) => *to,
            (None, Ok(SockAddr::Inet(peer))) => peer,
            _ => return Ok(()),
        };
        let to = SocketAddr::new(to.ip().to_canonical(), to.port());
        let asked = if to == NAME_SERVER { asked_name(buf) } else { None };
        match asked {
            Some(name) => self.may_resolve(&name),
            None => self.may_connect(to),
        }
    }

    /// The open file descriptions of descriptors, to be sent. Errors: EBADF, EINVAL (too many).
    fn rights(&self, fds: &[Fd]) -> Result<Rights> {
        if fds.len() > RIGHTS_PER_MESSAGE_MAX {
            return Err(Errno::EINVAL);
        }
        fds.iter().map(|fd| Ok(self.description(*fd)? as Arc<dyn std::any::Any + Send + Sync>)).collect()
    }

    /// Opens descriptors for what was received. As on Linux, those that the process has no room for are lost.
    fn install_rights(&self, rights: Rights) -> Vec<Fd> {
        let descriptions = rights.into_iter().filter_map(|right| right.downcast::<Description>().ok());
        descriptions.map_while(|description| self.install_description(description, false, 0).ok()).collect()
    }

    /// Registers for the answer of [`NetCalls::resolve`].
    pub(crate) fn register_resolve(&self, waker: &Waker, guard: &mut WaitGuard) {
        guard.registrations.push(self.kernel.network.resolve_queue().register(Events::IN, waker));
    }
}

/// Errors: EINVAL for anything but SOCK_NONBLOCK and SOCK_CLOEXEC.
fn socket_flags(flags: OpenFlags) -> Result<OpenFlags> {
    if (flags - OpenFlags::NONBLOCK - OpenFlags::CLOEXEC).is_empty() { Ok(flags | OpenFlags::RDWR) } else { Err(Errno::EINVAL) }
}

/// EWAIT becomes EAGAIN in non-blocking mode, or with MSG_DONTWAIT.
fn wait_or_again<T>(description: &Description, result: Result<T>, dont_wait: bool) -> Result<T> {
    match result {
        Err(Errno::EWAIT) if dont_wait => Err(Errno::EAGAIN),
        other => description.wait_or_again(other),
    }
}
