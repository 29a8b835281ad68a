//! The few functions on sockets that preview 1 has: they work on sockets that a program has inherited.

use super::WasiCall;
use super::descriptor::write_gathered;
use super::layout;
use crate::call::Wait;
use crate::linux::calls::io::iovecs;
use agentos_abi::socket::Shutdown;
use agentos_abi::{Errno, Events, OpenFlags, Result};

pub(super) fn sock_accept(call: &mut WasiCall<'_>) -> Result<i32> {
    let fd = call.fd(0);
    let flags = layout::open_flags(call.word(1))? & OpenFlags::NONBLOCK;
    call.waits_for(Wait::Fd(fd, Events::READ));
    call.mem.slice_mut(call.word(2), 4)?;
    let (new, _) = call.task.accept(fd, flags | OpenFlags::CLOEXEC)?;
    call.put_word(2, new as u32)
}

pub(super) fn sock_recv(call: &mut WasiCall<'_>) -> Result<i32> {
    const PEEK: u32 = 1;
    let (fd, flags) = (call.fd(0), call.word(3));
    call.waits_for(Wait::Fd(fd, Events::READ));
    let (base, len) = iovecs(&call.mem, call.word(1), call.word(2))?.first().copied().unwrap_or_default();
    let received = call.task.recvmsg(fd, call.mem.slice_mut(base, len)?, flags & PEEK != 0, false)?;
    call.put_word(4, received.len as u32)?;
    call.mem.put(call.word(5), &u16::from(received.truncated).to_le_bytes())?;
    Ok(0)
}

pub(super) fn sock_send(call: &mut WasiCall<'_>) -> Result<i32> {
    let (fd, task) = (call.fd(0), call.task);
    call.waits_for(Wait::Fd(fd, Events::WRITE));
    write_gathered(call, 4, |part| task.sendmsg(fd, part, None, &[], false, false))
}

pub(super) fn sock_shutdown(call: &mut WasiCall<'_>) -> Result<i32> {
    let how = match call.word(1) {
        1 => Shutdown::Read,
        2 => Shutdown::Write,
        3 => Shutdown::Both,
        _ => return Err(Errno::EINVAL),
    };
    call.task.shutdown(call.fd(0), how)?;
    Ok(0)
}
