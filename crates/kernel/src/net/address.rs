//! From the addresses of programs to those of the network: paths of Unix sockets are walked here.

use crate::task::Task;
use agentos_abi::fcntl::{AT_FDCWD, W_OK};
use agentos_abi::socket::{Family, SockAddr, UNIX_PATH_MAX};
use agentos_abi::{Errno, FileType, Result};
use agentos_net::{Address, InodeKey, Socket};
use agentos_vfs::Path;

impl Task {
    /// bind(2). A path becomes an inode of type socket, cut by the umask.
    ///
    /// # Errors
    /// EADDRINUSE (the path exists), those of the walk and of [`Socket::bind`].
    pub(crate) fn bind_socket(&self, socket: &Socket, addr: &SockAddr) -> Result<()> {
        let privileged = self.process.credentials.read().privileged();
        let path = match named(socket, addr)? {
            Named::Address(addr) => return socket.bind(&addr, privileged),
            Named::Path(path) => path,
        };
        let umask = self.fs()?.umask;
        let mode = FileType::Socket.bits() | 0o777;
        let made = self.walk(AT_FDCWD, path, |walk| walk.mknod(path, mode, 0, umask));
        let place = made.map_err(|errno| if errno == Errno::EEXIST { Errno::EADDRINUSE } else { errno })?;
        let bound = key(&place).and_then(|inode| socket.bind(&Address::Path { inode, path: path.to_vec() }, privileged));
        if bound.is_err() {
            // The name leads nowhere then; should somebody have removed it already, that is as well.
            let _ = self.walk(AT_FDCWD, path, |walk| walk.unlink(path));
        }
        bound
    }

    /// The address to connect or send to. For a path: write permission on the socket.
    ///
    /// # Errors
    /// ECONNREFUSED (no socket), EACCES, EINVAL, those of the walk.
    pub(crate) fn peer_address(&self, socket: &Socket, addr: &SockAddr) -> Result<Address> {
        let path = match named(socket, addr)? {
            Named::Address(Address::Unnamed) => return Err(Errno::EINVAL),
            Named::Address(addr) => return Ok(addr),
            Named::Path(path) => path,
        };
        let place = self.walk(AT_FDCWD, path, |walk| walk.resolve(path, true))?;
        place.permission(&self.cred(), W_OK)?;
        if place.file_type() != FileType::Socket {
            return Err(Errno::ECONNREFUSED);
        }
        Ok(Address::Path { inode: key(&place)?, path: path.to_vec() })
    }
}

enum Named<'a> {
    Address(Address),
    Path(&'a [u8]),
}

/// Errors: EINVAL for a Unix socket and an Internet address, EAFNOSUPPORT the other way round.
fn named<'a>(socket: &Socket, addr: &'a SockAddr) -> Result<Named<'a>> {
    match (addr, socket.family()) {
        (SockAddr::Inet(_), Family::Unix) => Err(Errno::EINVAL),
        (SockAddr::Inet(addr), _) => Ok(Named::Address(Address::Inet(*addr))),
        (SockAddr::Unix(_), Family::Inet | Family::Inet6) => Err(Errno::EAFNOSUPPORT),
        (SockAddr::Unix(name), _) if name.len() > UNIX_PATH_MAX => Err(Errno::EINVAL),
        (SockAddr::Unix(name), _) => Ok(match name.split_first() {
            None => Named::Address(Address::Unnamed),
            Some((0, name)) => Named::Address(Address::Abstract(name.to_vec())),
            // sun_path ends at a NUL or at the end of the address.
            Some(_) => Named::Path(name.split(|&byte| byte == 0).next().unwrap_or_default()),
        }),
    }
}

fn key(place: &Path) -> Result<InodeKey> {
    place.stat().map(|stat| InodeKey { dev: stat.dev, ino: stat.ino })
}
