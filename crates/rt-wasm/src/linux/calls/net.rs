//! Sockets.

use crate::call::{Call, Wait, count};
use crate::linux::calls::io::{gather, iovecs};
use crate::linux::layout;
use agentos_abi::socket::{Family, SOCK_CLOEXEC, SOCK_NONBLOCK, Shutdown, SockAddr, SockOpt, SocketType};
use agentos_abi::{Errno, Events, Fd, OpenFlags, Result};
use agentos_syscall::Received;

/// Longest `struct sockaddr` (sockaddr_storage).
const SOCKADDR_MAX: usize = 128;
/// Bytes that one sendmsg(2) or recvmsg(2) with several buffers moves.
const MAX_MESSAGE: usize = 1 << 20;
/// Descriptors of one message (SCM_MAX_FD).
const SCM_MAX_FD: usize = 253;
const MSG_PEEK: u32 = 2;
const MSG_TRUNC: u32 = 0x20;
const MSG_DONTWAIT: u32 = 0x40;
const MSG_WAITALL: u32 = 0x100;
const MSG_NOSIGNAL: u32 = 0x4000;

fn family(raw: u32) -> Result<Family> {
    match raw {
        1 => Ok(Family::Unix),
        2 => Ok(Family::Inet),
        10 => Ok(Family::Inet6),
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

/// A type with its two flags.
fn kind(raw: u32) -> Result<(SocketType, OpenFlags)> {
    let mut flags = OpenFlags::empty();
    flags.set(OpenFlags::NONBLOCK, raw & SOCK_NONBLOCK != 0);
    flags.set(OpenFlags::CLOEXEC, raw & SOCK_CLOEXEC != 0);
    match raw & !(SOCK_NONBLOCK | SOCK_CLOEXEC) {
        1 => Ok((SocketType::Stream, flags)),
        2 => Ok((SocketType::Dgram, flags)),
        5 => Ok((SocketType::SeqPacket, flags)),
        3 => Err(Errno::EPERM),
        _ => Err(Errno::EINVAL),
    }
}

/// socket(2).
pub(crate) fn socket(call: &mut Call<'_>) -> Result<i32> {
    let (family, (kind, flags)) = (family(call.args[0])?, kind(call.args[1])?);
    call.task.socket(family, kind, call.int(2), flags)
}

/// socketpair(2).
pub(crate) fn socketpair(call: &mut Call<'_>) -> Result<i32> {
    let (kind, flags) = kind(call.args[1])?;
    if family(call.args[0])? != Family::Unix {
        return Err(Errno::EOPNOTSUPP);
    }
    call.mem.slice_mut(call.args[3], 8)?;
    let (one, two) = call.task.socketpair(kind, flags)?;
    call.mem.put(call.args[3], &[one.to_le_bytes(), two.to_le_bytes()].concat())?;
    Ok(0)
}

/// The address at `at` of `len` bytes.
fn address(call: &Call<'_>, at: u32, len: u32) -> Result<SockAddr> {
    if len as usize > SOCKADDR_MAX {
        return Err(Errno::EINVAL);
    }
    layout::read_sockaddr(call.mem.slice(at, len as usize)?)
}

/// Stores an address, cut to the length at `len_at`, and its full length there.
fn put_address(call: &mut Call<'_>, at: u32, len_at: u32, addr: &SockAddr) -> Result<()> {
    let room = usize::try_from(call.mem.i32(len_at)?).map_err(|_| Errno::EINVAL)?;
    let raw = layout::sockaddr(addr);
    call.mem.put(at, &raw[..raw.len().min(room)])?;
    call.mem.put(len_at, &(raw.len() as u32).to_le_bytes())
}

/// bind(2).
pub(crate) fn bind(call: &mut Call<'_>) -> Result<i32> {
    call.task.bind(call.int(0), &address(call, call.args[1], call.args[2])?)?;
    Ok(0)
}

/// listen(2).
pub(crate) fn listen(call: &mut Call<'_>) -> Result<i32> {
    call.task.listen(call.int(0), call.int(1))?;
    Ok(0)
}

/// accept(2).
pub(crate) fn accept(call: &mut Call<'_>) -> Result<i32> {
    accept_with(call, OpenFlags::empty())
}

/// accept4(2).
pub(crate) fn accept4(call: &mut Call<'_>) -> Result<i32> {
    let flags = call.open_flags(3, OpenFlags::NONBLOCK | OpenFlags::CLOEXEC)?;
    accept_with(call, flags)
}

fn accept_with(call: &mut Call<'_>, flags: OpenFlags) -> Result<i32> {
    let fd = call.int(0);
    if call.args[1] != 0 {
        call.mem.slice_mut(call.args[2], 4)?;
    }
    call.waits_for(Wait::Fd(fd, Events::READ));
    let (new, peer) = call.task.accept(fd, flags)?;
    if call.args[1] != 0
        && let Err(errno) = put_address(call, call.args[1], call.args[2], &peer)
    {
        call.task.close(new)?;
        return Err(errno);
    }
    Ok(new)
}

/// connect(2).
pub(crate) fn connect(call: &mut Call<'_>) -> Result<i32> {
    let fd = call.int(0);
    let addr = address(call, call.args[1], call.args[2])?;
    call.waits_for(Wait::Fd(fd, Events::WRITE));
    call.task.connect(fd, &addr)?;
    Ok(0)
}

/// getsockname(2).
pub(crate) fn getsockname(call: &mut Call<'_>) -> Result<i32> {
    let addr = call.task.getsockname(call.int(0))?;
    put_address(call, call.args[1], call.args[2], &addr)?;
    Ok(0)
}

/// getpeername(2).
pub(crate) fn getpeername(call: &mut Call<'_>) -> Result<i32> {
    let addr = call.task.getpeername(call.int(0))?;
    put_address(call, call.args[1], call.args[2], &addr)?;
    Ok(0)
}

/// shutdown(2).
pub(crate) fn shutdown(call: &mut Call<'_>) -> Result<i32> {
    let how = match call.args[1] {
        0 => Shutdown::Read,
        1 => Shutdown::Write,
        2 => Shutdown::Both,
        _ => return Err(Errno::EINVAL),
    };
    call.task.shutdown(call.int(0), how)?;
    Ok(0)
}

/// sendto(2).
pub(crate) fn sendto(call: &mut Call<'_>) -> Result<i32> {
    let (fd, flags) = (call.int(0), call.args[3]);
    let to = if call.args[4] == 0 { None } else { Some(address(call, call.args[4], call.args[5])?) };
    let buf = call.mem.slice(call.args[1], call.len(2))?;
    call.state.wait = Wait::Fd(fd, Events::WRITE);
    send_all(call.task.as_ref(), &mut call.state.progress, buf, &Message { fd, to, fds: Vec::new(), flags })
}

struct Message {
    fd: Fd,
    to: Option<SockAddr>,
    fds: Vec<Fd>,
    flags: u32,
}

/// Sends what earlier attempts have left; a blocking send on a stream ends when all is sent.
fn send_all(task: &dyn agentos_syscall::Syscalls, progress: &mut usize, buf: &[u8], message: &Message) -> Result<i32> {
    let (dont_wait, no_signal) = (message.flags & MSG_DONTWAIT != 0, message.flags & MSG_NOSIGNAL != 0);
    loop {
        let rest = buf.get(*progress..).unwrap_or_default();
        // Descriptors travel with the first byte.
        let fds = if *progress == 0 { &message.fds[..] } else { &[] };
        match task.sendmsg(message.fd, rest, message.to.as_ref(), fds, dont_wait, no_signal) {
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

/// recvfrom(2).
pub(crate) fn recvfrom(call: &mut Call<'_>) -> Result<i32> {
    let (fd, flags) = (call.int(0), call.args[3]);
    let len = call.len(2).min(i32::MAX as usize);
    call.waits_for(Wait::Fd(fd, Events::READ));
    let buf = call.mem.slice_mut(call.args[1], len)?;
    let received = receive(call.task.as_ref(), &mut call.state.progress, fd, buf, flags)?;
    if call.args[4] != 0 {
        match &received.from {
            Some(from) => put_address(call, call.args[4], call.args[5], from)?,
            None => call.mem.put(call.args[5], &[0; 4])?,
        }
    }
    count(received.len)
}

/// Receives into what earlier attempts have left of `buf`; with MSG_WAITALL a stream fills it.
fn receive(task: &dyn agentos_syscall::Syscalls, progress: &mut usize, fd: Fd, buf: &mut [u8], flags: u32) -> Result<Received> {
    let (peek, dont_wait) = (flags & MSG_PEEK != 0, flags & MSG_DONTWAIT != 0);
    loop {
        let rest = buf.get_mut(*progress..).unwrap_or_default();
        let room = rest.len();
        match task.recvmsg(fd, rest, peek, dont_wait) {
            Ok(mut received) => {
                *progress += received.len;
                let done = received.len == 0 || received.len >= room || peek || flags & MSG_WAITALL == 0;
                if done || received.from.is_some() || !received.fds.is_empty() {
                    received.len = *progress;
                    return Ok(received);
                }
            }
            Err(Errno::EWAIT) => return Err(Errno::EWAIT),
            Err(_) if *progress > 0 => return Ok(Received { len: *progress, from: None, truncated: false, fds: Vec::new() }),
            Err(errno) => return Err(errno),
        }
    }
}

/// `struct msghdr`: seven words.
struct MsgHdr {
    name: u32,
    name_len: u32,
    iov: u32,
    iov_len: u32,
    control: u32,
    control_len: u32,
}

fn msghdr(call: &Call<'_>) -> Result<MsgHdr> {
    let raw: [u8; 28] = call.mem.array(call.args[1])?;
    let word = |n: usize| u32::from_le_bytes([raw[n], raw[n + 1], raw[n + 2], raw[n + 3]]);
    Ok(MsgHdr { name: word(0), name_len: word(4), iov: word(8), iov_len: word(12), control: word(16), control_len: word(20) })
}

/// Bytes of `struct cmsghdr`: length, level, type.
const CMSG_HEADER: usize = 12;
const SOL_SOCKET: u32 = 1;
const SCM_RIGHTS: u32 = 1;

/// Descriptors in control data. EINVAL for other kinds or a malformed header.
fn rights(raw: &[u8]) -> Result<Vec<Fd>> {
    let mut fds = Vec::new();
    let mut rest = raw;
    while rest.len() >= CMSG_HEADER {
        let word = |n: usize| u32::from_le_bytes([rest[n], rest[n + 1], rest[n + 2], rest[n + 3]]);
        let len = word(0) as usize;
        if len < CMSG_HEADER || len > rest.len() || (word(4), word(8)) != (SOL_SOCKET, SCM_RIGHTS) {
            return Err(Errno::EINVAL);
        }
        fds.extend(rest[CMSG_HEADER..len].chunks_exact(4).map(|fd| i32::from_le_bytes([fd[0], fd[1], fd[2], fd[3]])));
        rest = &rest[len.next_multiple_of(4).min(rest.len())..];
    }
    if fds.len() > SCM_MAX_FD { Err(Errno::EINVAL) } else { Ok(fds) }
}

/// sendmsg(2).
pub(crate) fn sendmsg(call: &mut Call<'_>) -> Result<i32> {
    let (fd, flags, header) = (call.int(0), call.args[2], msghdr(call)?);
    let to = if header.name == 0 { None } else { Some(address(call, header.name, header.name_len)?) };
    let control = if header.control == 0 { 0 } else { header.control_len as usize };
    if control > MAX_MESSAGE {
        return Err(Errno::ENOBUFS);
    }
    let fds = rights(call.mem.slice(header.control, control)?)?;
    let buffers = iovecs(&call.mem, header.iov, header.iov_len)?;
    if buffers.iter().map(|(_, len)| len).sum::<usize>() > MAX_MESSAGE {
        return Err(Errno::EMSGSIZE);
    }
    gather(&mut call.state.scratch, &call.mem, &buffers)?;
    call.state.wait = Wait::Fd(fd, Events::WRITE);
    let message = Message { fd, to, fds, flags };
    send_all(call.task.as_ref(), &mut call.state.progress, &call.state.scratch, &message)
}

/// recvmsg(2).
pub(crate) fn recvmsg(call: &mut Call<'_>) -> Result<i32> {
    let (fd, flags, header) = (call.int(0), call.args[2], msghdr(call)?);
    let buffers = iovecs(&call.mem, header.iov, header.iov_len)?;
    let total = buffers.iter().map(|(_, len)| len).sum::<usize>().min(MAX_MESSAGE);
    call.state.scratch.resize(total, 0);
    call.state.wait = Wait::Fd(fd, Events::READ);
    let received = receive(call.task.as_ref(), &mut call.state.progress, fd, &mut call.state.scratch, flags)?;
    let mut data = call.state.scratch.get(..received.len).unwrap_or_default();
    for (base, len) in buffers {
        let (part, rest) = data.split_at(len.min(data.len()));
        call.mem.put(base, part)?;
        data = rest;
    }
    finish_recvmsg(call, &header, &received)?;
    count(received.len)
}

/// Stores the sender, the control data and the flags.
fn finish_recvmsg(call: &mut Call<'_>, header: &MsgHdr, received: &Received) -> Result<()> {
    const MSG_CTRUNC: u32 = 8;
    let at = call.args[1];
    let field = |n: u32| at.wrapping_add(n);
    if header.name != 0 {
        match &received.from {
            Some(from) => put_address(call, header.name, field(4), from)?,
            None => call.mem.put(field(4), &[0; 4])?,
        }
    }
    let mut flags = if received.truncated { MSG_TRUNC } else { 0 };
    let room = (header.control_len as usize).saturating_sub(CMSG_HEADER) / 4;
    let fits = if header.control == 0 { 0 } else { room.min(received.fds.len()) };
    let mut control = Vec::new();
    if fits > 0 {
        control = [((CMSG_HEADER + 4 * fits) as u32).to_le_bytes(), SOL_SOCKET.to_le_bytes(), SCM_RIGHTS.to_le_bytes()].concat();
        control.extend(received.fds[..fits].iter().flat_map(|fd| fd.to_le_bytes()));
        call.mem.put(header.control, &control)?;
    }
    // What the guest cannot learn of must not stay open.
    for lost in &received.fds[fits..] {
        flags |= MSG_CTRUNC;
        call.task.close(*lost)?;
    }
    call.mem.put(field(20), &(control.len() as u32).to_le_bytes())?;
    call.mem.put(field(24), &flags.to_le_bytes())
}

/// The option of a level and number.
fn option(level: u32, name: u32) -> Option<SockOpt> {
    Some(match (level, name) {
        (1, 2) => SockOpt::ReuseAddr,
        (1, 3) => SockOpt::Type,
        (1, 4) => SockOpt::Error,
        (1, 6) => SockOpt::Broadcast,
        (1, 7) => SockOpt::SendBuffer,
        (1, 8) => SockOpt::ReceiveBuffer,
        (1, 9) => SockOpt::KeepAlive,
        (1, 13) => SockOpt::Linger,
        (1, 15) => SockOpt::ReusePort,
        (1, 30) => SockOpt::Listening,
        (1, 39) => SockOpt::Domain,
        (6, 1) => SockOpt::NoDelay,
        (41, 26) => SockOpt::V6Only,
        _ => return None,
    })
}

/// getsockopt(2).
pub(crate) fn getsockopt(call: &mut Call<'_>) -> Result<i32> {
    let (fd, at, len_at) = (call.int(0), call.args[3], call.args[4]);
    let room = usize::try_from(call.mem.i32(len_at)?).map_err(|_| Errno::EINVAL)?;
    let Some(option) = option(call.args[1], call.args[2]) else {
        call.task.getsockopt(fd, SockOpt::Type)?;
        return Err(Errno::ENOPROTOOPT);
    };
    let value = call.task.getsockopt(fd, option)?;
    let raw = match option {
        // `struct linger`: on or off, and seconds.
        SockOpt::Linger => [i32::from(value >= 0).to_le_bytes(), value.max(0).to_le_bytes()].concat(),
        _ => value.to_le_bytes().to_vec(),
    };
    let len = raw.len().min(room);
    call.mem.put(at, &raw[..len])?;
    call.mem.put(len_at, &(len as u32).to_le_bytes())?;
    Ok(0)
}

/// setsockopt(2). Options that tune what does not exist here are accepted.
pub(crate) fn setsockopt(call: &mut Call<'_>) -> Result<i32> {
    let (fd, at, len) = (call.int(0), call.args[3], call.args[4]);
    let Some(option) = option(call.args[1], call.args[2]) else {
        call.task.getsockopt(fd, SockOpt::Type)?;
        return Ok(0);
    };
    if len < 4 {
        return Err(Errno::EINVAL);
    }
    let mut value = call.mem.i32(at)?;
    if option == SockOpt::Linger {
        if len < 8 {
            return Err(Errno::EINVAL);
        }
        let seconds = call.mem.i32(at.checked_add(4).ok_or(Errno::EFAULT)?)?;
        value = if value == 0 { -1 } else { seconds };
    }
    call.task.setsockopt(fd, option, value)?;
    Ok(0)
}
