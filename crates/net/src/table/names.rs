//! Names of Unix sockets: abstract ones, and inodes that stand for a path.

use crate::address::{Address, InodeKey};
use crate::listener::Listener;
use crate::socket::Mailbox;
use agentos_abi::socket::SocketType;
use agentos_abi::{Errno, Result};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// What identifies a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum NameKey {
    Abstract(Vec<u8>),
    Inode(InodeKey),
}

impl NameKey {
    /// The key of an address. Errors: EINVAL for one that names nothing.
    pub(crate) fn of(addr: &Address) -> Result<NameKey> {
        match addr {
            Address::Abstract(name) => Ok(NameKey::Abstract(name.clone())),
            Address::Path { inode, .. } => Ok(NameKey::Inode(*inode)),
            Address::Unnamed | Address::Inet(_) => Err(Errno::EINVAL),
        }
    }
}

/// What a named socket offers.
#[derive(Clone)]
pub(crate) enum UnixTarget {
    /// Bound, and not listening.
    Silent(SocketType),
    /// Listening.
    Listener(SocketType, Arc<Listener>),
    /// Takes datagrams.
    Mailbox(Arc<Mailbox>),
}

impl UnixTarget {
    pub(crate) fn kind(&self) -> SocketType {
        match self {
            UnixTarget::Silent(kind) | UnixTarget::Listener(kind, _) => *kind,
            UnixTarget::Mailbox(_) => SocketType::Dgram,
        }
    }
}

/// All names of a VM.
#[derive(Default)]
pub(crate) struct NameTable {
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    bound: HashMap<NameKey, (u64, UnixTarget)>,
    next_automatic: u32,
}

impl NameTable {
    /// Gives `socket` the name `addr`; [`Address::Unnamed`] picks an abstract one of five hexadecimal digits, as Linux does.
    ///
    /// # Errors
    /// EADDRINUSE (abstract), EINVAL (no Unix address), ENOSPC (no automatic name is left).
    pub(crate) fn bind(self: &Arc<Self>, socket: u64, addr: &Address, target: UnixTarget) -> Result<NameLease> {
        let mut names = self.names.lock();
        let name = if *addr == Address::Unnamed { Address::Abstract(names.automatic()?) } else { addr.clone() };
        let key = NameKey::of(&name)?;
        match names.bound.entry(key.clone()) {
            // The kernel has made the inode a moment ago: an older binding belongs to an unlinked one whose number came again.
            Entry::Occupied(mut old) if matches!(key, NameKey::Inode(_)) => {
                old.insert((socket, target));
            }
            Entry::Occupied(_) => return Err(Errno::EADDRINUSE),
            Entry::Vacant(free) => {
                free.insert((socket, target));
            }
        }
        Ok(NameLease { table: self.clone(), socket, key, name })
    }

    /// Who has a name.
    pub(crate) fn find(&self, key: &NameKey) -> Option<UnixTarget> {
        self.names.lock().bound.get(key).map(|(_, target)| target.clone())
    }
}

impl Names {
    fn automatic(&mut self) -> Result<Vec<u8>> {
        for _ in 0..=0xfffff {
            let name = format!("{:05x}", self.next_automatic & 0xfffff).into_bytes();
            self.next_automatic = self.next_automatic.wrapping_add(1);
            if !self.bound.contains_key(&NameKey::Abstract(name.clone())) {
                return Ok(name);
            }
        }
        Err(Errno::ENOSPC)
    }
}

/// A name in use; dropping it frees the name. The inode of a path stays, as on Linux.
pub(crate) struct NameLease {
    table: Arc<NameTable>,
    socket: u64,
    key: NameKey,
    name: Address,
}

impl NameLease {
    /// The name.
    pub(crate) fn name(&self) -> &Address {
        &self.name
    }

    /// Changes what the name leads to.
    pub(crate) fn offer(&self, target: UnixTarget) {
        let mut names = self.table.names.lock();
        if let Some(entry) = names.bound.get_mut(&self.key).filter(|(socket, _)| *socket == self.socket) {
            let old = std::mem::replace(&mut entry.1, target);
            drop(names);
            drop(old);
        }
    }
}

impl Drop for NameLease {
    fn drop(&mut self) {
        let mut names = self.table.names.lock();
        let own = names.bound.get(&self.key).is_some_and(|(socket, _)| *socket == self.socket);
        let gone = if own { names.bound.remove(&self.key) } else { None };
        drop(names);
        drop(gone);
    }
}
