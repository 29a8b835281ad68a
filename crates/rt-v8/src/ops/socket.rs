//! Sockets of `node:net`, by the kernel's network calls. Results as in [`super::stream`].

use super::stream::{no_wait, number, stream};
use super::{guard, guard_async};
use crate::kernel::Kernel;
use agentos_abi::fcntl::OpenFlags;
use agentos_abi::socket::{Family, SockAddr, SockOpt, SocketType};
use agentos_abi::{Errno, Events};
use agentos_syscall::WaitOn;
use deno_core::{OpDecl, OpState, ResourceId, op2};
use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// An address as `socket.address()` shows it.
#[derive(serde::Serialize)]
struct Address {
    address: String,
    port: u16,
    family: &'static str,
}

/// An address, or a negative errno.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum AddressOrErrno {
    Address(Address),
    Errno(i32),
}

fn ip(address: &str, port: u32) -> io::Result<SockAddr> {
    // A zone (`fe80::1%lo`) means nothing on a network with one link.
    let host = address.split('%').next().unwrap_or(address);
    let host: IpAddr = host.parse().map_err(|_| Errno::EINVAL)?;
    Ok(SockAddr::Inet(SocketAddr::new(host, u16::try_from(port).map_err(|_| Errno::EINVAL)?)))
}

#[op2(fast)]
#[smi]
fn op_socket_new(state: &mut OpState, #[string] family: &str) -> i32 {
    let family = match family {
        "IPv4" => Family::Inet,
        "IPv6" => Family::Inet6,
        _ => Family::Unix,
    };
    let kernel = state.borrow::<Kernel>().clone();
    number(guard(|| Ok(kernel.task()?.socket(family, SocketType::Stream, 0, OpenFlags::CLOEXEC)?)).map(|fd| usize::try_from(fd).unwrap_or(0)))
}

#[op2(fast)]
#[smi]
fn op_socket_bind(state: &mut OpState, #[smi] rid: ResourceId, #[string] address: &str, #[smi] port: u32, v6_only: bool) -> i32 {
    number(guard(|| {
        let stream = stream(state, rid)?;
        let task = stream.kernel().task()?;
        let address = ip(address, port)?;
        // As libuv: a listening port can be taken again while old connections linger.
        task.setsockopt(stream.fd()?, SockOpt::ReuseAddr, 1)?;
        if matches!(address, SockAddr::Inet(SocketAddr::V6(_))) {
            task.setsockopt(stream.fd()?, SockOpt::V6Only, i32::from(v6_only))?;
        }
        task.bind(stream.fd()?, &address)?;
        Ok(0)
    }))
}

#[op2(fast)]
#[smi]
fn op_socket_bind_path(state: &mut OpState, #[smi] rid: ResourceId, #[string] path: &str) -> i32 {
    number(guard(|| {
        let stream = stream(state, rid)?;
        stream.kernel().task()?.bind(stream.fd()?, &SockAddr::Unix(path.as_bytes().to_vec()))?;
        Ok(0)
    }))
}

#[op2(fast)]
#[smi]
fn op_socket_listen(state: &mut OpState, #[smi] rid: ResourceId, #[smi] backlog: i32) -> i32 {
    number(guard(|| {
        let stream = stream(state, rid)?;
        stream.kernel().task()?.listen(stream.fd()?, backlog)?;
        Ok(0)
    }))
}

/// The descriptor of a new connection; -EAGAIN when there is none.
#[op2(fast)]
#[smi]
fn op_socket_accept(state: &mut OpState, #[smi] rid: ResourceId) -> i32 {
    number(guard(|| {
        let stream = stream(state, rid)?;
        let (fd, _) = no_wait(stream.kernel().task()?.accept(stream.fd()?, OpenFlags::CLOEXEC))?;
        Ok(usize::try_from(fd).unwrap_or(0))
    }))
}

async fn connect(state: Rc<RefCell<OpState>>, rid: ResourceId, address: io::Result<SockAddr>) -> i32 {
    let stream = stream(&state.borrow(), rid);
    number(
        guard_async(async {
            let (stream, address) = (stream?, address?);
            let fd = stream.fd()?;
            stream.kernel().wait_async(WaitOn::Fd(fd, Events::OUT), None, |task| task.connect(fd, &address)).await?;
            Ok(0)
        })
        .await,
    )
}

#[op2]
#[smi]
async fn op_socket_connect(state: Rc<RefCell<OpState>>, #[smi] rid: ResourceId, #[string] address: String, #[smi] port: u32) -> i32 {
    connect(state, rid, ip(&address, port)).await
}

#[op2]
#[smi]
async fn op_socket_connect_path(state: Rc<RefCell<OpState>>, #[smi] rid: ResourceId, #[string] path: String) -> i32 {
    connect(state, rid, Ok(SockAddr::Unix(path.into_bytes()))).await
}

#[op2]
#[serde]
fn op_socket_address(state: &mut OpState, #[smi] rid: ResourceId, peer: bool) -> AddressOrErrno {
    let found = guard(|| {
        let stream = stream(state, rid)?;
        let task = stream.kernel().task()?;
        Ok(if peer { task.getpeername(stream.fd()?)? } else { task.getsockname(stream.fd()?)? })
    });
    match found {
        Ok(SockAddr::Inet(address)) => AddressOrErrno::Address(Address {
            address: address.ip().to_string(),
            port: address.port(),
            family: if address.is_ipv4() { "IPv4" } else { "IPv6" },
        }),
        Ok(SockAddr::Unix(_)) => AddressOrErrno::Errno(-Errno::EOPNOTSUPP.raw()),
        Err(error) => AddressOrErrno::Errno(-Errno::from(error).raw()),
    }
}

#[op2(fast)]
#[smi]
fn op_socket_set_option(state: &mut OpState, #[smi] rid: ResourceId, #[string] name: &str, #[smi] value: i32) -> i32 {
    let option = match name {
        "nodelay" => SockOpt::NoDelay,
        "keepalive" => SockOpt::KeepAlive,
        _ => SockOpt::Linger,
    };
    number(guard(|| {
        let stream = stream(state, rid)?;
        stream.kernel().task()?.setsockopt(stream.fd()?, option, value)?;
        Ok(0)
    }))
}

pub(super) fn own() -> Vec<OpDecl> {
    vec![
        op_socket_new(),
        op_socket_bind(),
        op_socket_bind_path(),
        op_socket_listen(),
        op_socket_accept(),
        op_socket_connect(),
        op_socket_connect_path(),
        op_socket_address(),
        op_socket_set_option(),
    ]
}
