//! Addresses as the network takes them: the kernel has walked the paths of Unix sockets already.

use agentos_abi::socket::SockAddr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Identity of the inode that carries the name of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InodeKey {
    /// Device of the inode (`st_dev`).
    pub dev: u64,
    /// Number of the inode (`st_ino`).
    pub ino: u64,
}

/// Where to bind, connect or send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// AF_INET, AF_INET6.
    Inet(SocketAddr),
    /// AF_UNIX without a name: bind(2) picks an abstract one (unix(7), autobind).
    Unnamed,
    /// AF_UNIX, abstract name space; the bytes after the leading NUL.
    Abstract(Vec<u8>),
    /// AF_UNIX, path name space.
    Path {
        /// The socket's inode.
        inode: InodeKey,
        /// The path as the program gave it, which getsockname(2) answers.
        path: Vec<u8>,
    },
}

impl Address {
    /// What a program sees of it.
    pub fn to_sock_addr(&self) -> SockAddr {
        match self {
            Address::Inet(addr) => SockAddr::Inet(*addr),
            Address::Unnamed => SockAddr::Unix(Vec::new()),
            Address::Abstract(name) => SockAddr::Unix([&[0], name.as_slice()].concat()),
            Address::Path { path, .. } => SockAddr::Unix(path.clone()),
        }
    }
}

/// `::ffff:a.b.c.d` as `a.b.c.d`: routing and policy look at one spelling only.
pub(crate) fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

/// The spelling that a socket of the family shows: IPv4 peers of an AF_INET6 socket are mapped (ipv6(7)).
pub(crate) fn shown(addr: SocketAddr, v6: bool) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) if v6 && ip.is_unspecified() => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), addr.port()),
        IpAddr::V4(ip) if v6 => SocketAddr::new(ip.to_ipv6_mapped().into(), addr.port()),
        _ => addr,
    }
}

/// Connecting to the unspecified address means this machine (ip(7)).
pub(crate) fn specified(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), addr.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), addr.port()),
        _ => addr,
    }
}
