//! Errors of the host's sockets as errno numbers of the guest, which are Linux' on every host.

use agentos_abi::Errno;
use std::io::{Error, ErrorKind};

/// The errno of an error.
pub(crate) fn errno(error: &Error) -> Errno {
    match error.kind() {
        ErrorKind::ConnectionRefused => Errno::ECONNREFUSED,
        ErrorKind::ConnectionReset => Errno::ECONNRESET,
        ErrorKind::ConnectionAborted => Errno::ECONNABORTED,
        ErrorKind::NotConnected => Errno::ENOTCONN,
        ErrorKind::AddrInUse => Errno::EADDRINUSE,
        ErrorKind::AddrNotAvailable => Errno::EADDRNOTAVAIL,
        ErrorKind::NetworkUnreachable => Errno::ENETUNREACH,
        ErrorKind::HostUnreachable => Errno::EHOSTUNREACH,
        ErrorKind::NetworkDown => Errno::ENETDOWN,
        ErrorKind::BrokenPipe => Errno::EPIPE,
        ErrorKind::TimedOut => Errno::ETIMEDOUT,
        ErrorKind::WouldBlock => Errno::EWAIT,
        ErrorKind::OutOfMemory => Errno::ENOBUFS,
        // The host's firewall, not the VM's policy; Linux says EPERM or EACCES too.
        ErrorKind::PermissionDenied => Errno::EACCES,
        _ => Errno::EIO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_meaning() {
        let cases = [(111, Errno::ECONNREFUSED), (104, Errno::ECONNRESET), (101, Errno::ENETUNREACH), (113, Errno::EHOSTUNREACH), (110, Errno::ETIMEDOUT)];
        for (number, expected) in cases {
            assert_eq!(errno(&Error::from_raw_os_error(number)), expected);
        }
        // Out of descriptors is the host's trouble; the guest must not take it for its own.
        assert_eq!(errno(&Error::from_raw_os_error(24)), Errno::EIO);
    }
}
