//! Sockets: families, types, addresses and options (socket(2), ip(7), unix(7)).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// AF_UNIX (1)
    Unix,
    /// AF_INET (2)
    Inet,
    /// AF_INET6 (10)
    Inet6,
}

/// Socket type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketType {
    /// SOCK_STREAM (1)
    Stream,
    /// SOCK_DGRAM (2)
    Dgram,
    /// SOCK_SEQPACKET (5)
    SeqPacket,
}

/// SOCK_NONBLOCK, or-ed into the type.
pub const SOCK_NONBLOCK: u32 = 0o4000;
/// SOCK_CLOEXEC, or-ed into the type.
pub const SOCK_CLOEXEC: u32 = 0o2000000;
/// Longest path of a Unix socket in bytes.
pub const UNIX_PATH_MAX: usize = 108;

/// A socket address, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SockAddr {
    /// AF_UNIX: empty is unnamed, a leading NUL is the abstract name space, else a path.
    Unix(Vec<u8>),
    /// AF_INET, AF_INET6.
    Inet(SocketAddr),
}

impl SockAddr {
    /// The unspecified address of a family.
    pub fn unspecified(family: Family) -> SockAddr {
        match family {
            Family::Unix => SockAddr::Unix(Vec::new()),
            Family::Inet => SockAddr::Inet(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)),
            Family::Inet6 => SockAddr::Inet(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0)),
        }
    }
}

/// `how` of shutdown(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// SHUT_RD
    Read,
    /// SHUT_WR
    Write,
    /// SHUT_RDWR
    Both,
}

/// Options of getsockopt(2) and setsockopt(2) that mean something here; others are EINVAL or accepted silently as Linux would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SockOpt {
    /// SO_TYPE (read only)
    Type,
    /// SO_ERROR (read only, clears)
    Error,
    /// SO_REUSEADDR
    ReuseAddr,
    /// SO_REUSEPORT
    ReusePort,
    /// SO_KEEPALIVE
    KeepAlive,
    /// SO_BROADCAST
    Broadcast,
    /// SO_SNDBUF in bytes
    SendBuffer,
    /// SO_RCVBUF in bytes
    ReceiveBuffer,
    /// SO_ACCEPTCONN (read only)
    Listening,
    /// SO_LINGER: seconds, -1 off
    Linger,
    /// SO_DOMAIN (read only)
    Domain,
    /// TCP_NODELAY
    NoDelay,
    /// IPV6_V6ONLY
    V6Only,
}
