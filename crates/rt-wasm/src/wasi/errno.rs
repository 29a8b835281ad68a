//! Error numbers of preview 1, which count differently from Linux'.

use agentos_abi::Errno;

/// Linux errors in the order of preview 1's numbers, from 1 on; EIO stands in for those that the kernel never answers.
const ORDER: [Errno; 75] = [
    Errno::E2BIG,
    Errno::EACCES,
    Errno::EADDRINUSE,
    Errno::EADDRNOTAVAIL,
    Errno::EAFNOSUPPORT,
    Errno::EAGAIN,
    Errno::EALREADY,
    Errno::EBADF,
    UNUSED, // badmsg
    Errno::EBUSY,
    Errno::ECANCELED,
    Errno::ECHILD,
    Errno::ECONNABORTED,
    Errno::ECONNREFUSED,
    Errno::ECONNRESET,
    Errno::EDEADLK,
    Errno::EDESTADDRREQ,
    Errno::EDOM,
    Errno::EDQUOT,
    Errno::EEXIST,
    Errno::EFAULT,
    Errno::EFBIG,
    Errno::EHOSTUNREACH,
    UNUSED, // idrm
    Errno::EILSEQ,
    Errno::EINPROGRESS,
    Errno::EINTR,
    Errno::EINVAL,
    Errno::EIO,
    Errno::EISCONN,
    Errno::EISDIR,
    Errno::ELOOP,
    Errno::EMFILE,
    Errno::EMLINK,
    Errno::EMSGSIZE,
    UNUSED, // multihop
    Errno::ENAMETOOLONG,
    Errno::ENETDOWN,
    UNUSED, // netreset
    Errno::ENETUNREACH,
    Errno::ENFILE,
    Errno::ENOBUFS,
    Errno::ENODEV,
    Errno::ENOENT,
    Errno::ENOEXEC,
    Errno::ENOLCK,
    UNUSED, // nolink
    Errno::ENOMEM,
    UNUSED, // nomsg
    Errno::ENOPROTOOPT,
    Errno::ENOSPC,
    Errno::ENOSYS,
    Errno::ENOTCONN,
    Errno::ENOTDIR,
    Errno::ENOTEMPTY,
    UNUSED, // notrecoverable
    Errno::ENOTSOCK,
    Errno::EOPNOTSUPP,
    Errno::ENOTTY,
    Errno::ENXIO,
    Errno::EOVERFLOW,
    UNUSED, // ownerdead
    Errno::EPERM,
    Errno::EPIPE,
    Errno::EPROTO,
    Errno::EPROTONOSUPPORT,
    Errno::EPROTOTYPE,
    Errno::ERANGE,
    Errno::EROFS,
    Errno::ESPIPE,
    Errno::ESRCH,
    Errno::ESTALE,
    Errno::ETIMEDOUT,
    Errno::ETXTBSY,
    Errno::EXDEV,
];

/// A number of preview 1 that no error of ours maps to.
const UNUSED: Errno = Errno::from_raw(0);
/// `intr` and `io` of preview 1.
const INTR: i32 = 27;
const IO: i32 = 29;

/// The number of an error.
pub(super) fn number(errno: Errno) -> i32 {
    if errno == Errno::ERESTARTSYS {
        return INTR;
    }
    ORDER.iter().position(|known| *known == errno).and_then(|at| i32::try_from(at + 1).ok()).unwrap_or(IO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_specification() {
        for (errno, expected) in [
            (Errno::E2BIG, 1),
            (Errno::EBADF, 8),
            (Errno::EINTR, INTR),
            (Errno::EIO, IO),
            (Errno::ENOENT, 44),
            (Errno::ENOTSUP, 58),
            (Errno::EPIPE, 64),
            (Errno::EXDEV, 75),
            (Errno::ETIME, IO),
        ] {
            assert_eq!(number(errno), expected, "{errno}");
        }
    }
}
