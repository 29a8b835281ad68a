//! Ports of one protocol on the VM's loopback interface.

use agentos_abi::{Errno, Result};
use agentos_waiter::WaitQueue;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// First and last port handed out to sockets that ask for none (Linux: net.ipv4.ip_local_port_range).
const EPHEMERAL: (u16, u16) = (32_768, 60_999);

/// What a socket said before it was bound.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BindFlags {
    /// SO_REUSEADDR
    pub(crate) reuse_addr: bool,
    /// SO_REUSEPORT
    pub(crate) reuse_port: bool,
    /// An AF_INET6 socket that leaves IPv4 alone (IPV6_V6ONLY).
    pub(crate) v6_only: bool,
}

/// A table of ports. `T` is what a bound socket offers to others: its listener, its mailbox.
pub(crate) struct PortTable<T> {
    /// TCP: of sockets that share a port by SO_REUSEADDR, one may listen.
    exclusive: bool,
    ports: Mutex<Ports<T>>,
    /// Notified when what is offered has changed.
    changed: WaitQueue,
}

struct Ports<T> {
    by_port: BTreeMap<u16, Vec<Entry<T>>>,
    next_ephemeral: u16,
}

struct Entry<T> {
    socket: u64,
    ip: IpAddr,
    flags: BindFlags,
    offer: Option<T>,
}

impl<T: Clone> PortTable<T> {
    pub(crate) fn new(exclusive: bool) -> Arc<PortTable<T>> {
        Arc::new(PortTable { exclusive, ports: Mutex::new(Ports { by_port: BTreeMap::new(), next_ephemeral: EPHEMERAL.0 }), changed: WaitQueue::new() })
    }

    /// Notified with IN when a listener appears or goes.
    pub(crate) fn changed(&self) -> &WaitQueue {
        &self.changed
    }

    /// Binds `socket`. Port 0 takes a free one.
    ///
    /// # Errors
    /// EADDRINUSE.
    pub(crate) fn bind(self: &Arc<Self>, socket: u64, addr: SocketAddr, flags: BindFlags) -> Result<PortLease<T>> {
        let mut ports = self.ports.lock();
        let entry = Entry { socket, ip: addr.ip(), flags, offer: None };
        let port = if addr.port() == 0 { ports.ephemeral(&entry).ok_or(Errno::EADDRINUSE)? } else { addr.port() };
        let list = ports.by_port.entry(port).or_default();
        if list.iter().any(|other| other.conflicts(&entry, self.exclusive)) {
            return Err(Errno::EADDRINUSE);
        }
        list.push(entry);
        Ok(PortLease { table: self.clone(), socket, local: SocketAddr::new(addr.ip(), port) })
    }

    /// What is offered at `to`: the most specific binding wins.
    pub(crate) fn find(&self, to: SocketAddr) -> Option<T> {
        let ports = self.ports.lock();
        let offers = ports.by_port.get(&to.port())?.iter().filter(|entry| entry.offer.is_some());
        offers.filter_map(|entry| entry.rank(to.ip()).map(|rank| (rank, entry))).max_by_key(|(rank, _)| *rank)?.1.offer.clone()
    }

    /// All offers, with the address they are bound to.
    pub(crate) fn offers(&self) -> Vec<(SocketAddr, T)> {
        let ports = self.ports.lock();
        let entries = ports.by_port.iter().flat_map(|(&port, list)| list.iter().map(move |entry| (SocketAddr::new(entry.ip, port), &entry.offer)));
        entries.filter_map(|(addr, offer)| Some((addr, offer.clone()?))).collect()
    }
}

impl<T> Ports<T> {
    fn ephemeral(&mut self, wanted: &Entry<T>) -> Option<u16> {
        for _ in EPHEMERAL.0..=EPHEMERAL.1 {
            let port = self.next_ephemeral;
            self.next_ephemeral = if port == EPHEMERAL.1 { EPHEMERAL.0 } else { port + 1 };
            // A port that was asked for by nobody must be nobody's, whatever options allow to share.
            if !self.by_port.get(&port).is_some_and(|list| list.iter().any(|other| other.overlaps(wanted))) {
                return Some(port);
            }
        }
        None
    }
}

impl<T> Entry<T> {
    /// How well a binding fits a destination; `None`: not at all.
    fn rank(&self, to: IpAddr) -> Option<u8> {
        match self.ip {
            ip if ip == to => Some(3),
            ip if ip.is_unspecified() && ip.is_ipv4() == to.is_ipv4() => Some(2),
            IpAddr::V6(ip) if ip.is_unspecified() && !self.flags.v6_only => Some(1),
            _ => None,
        }
    }

    fn covers(&self, ip: IpAddr) -> bool {
        self.rank(ip).is_some()
    }

    fn overlaps(&self, other: &Entry<T>) -> bool {
        // Two wildcards of different families meet unless the IPv6 one is v6 only: `covers` sees 0.0.0.0 as an IPv4 address.
        self.covers(other.ip) || other.covers(self.ip)
    }

    /// Whether both cannot be bound to one port.
    fn conflicts(&self, other: &Entry<T>, exclusive: bool) -> bool {
        let shared =
            (self.flags.reuse_addr && other.flags.reuse_addr && !(exclusive && self.offer.is_some())) || (self.flags.reuse_port && other.flags.reuse_port);
        self.overlaps(other) && !shared
    }
}

/// A binding; dropping it frees the port.
pub(crate) struct PortLease<T: Clone> {
    table: Arc<PortTable<T>>,
    socket: u64,
    local: SocketAddr,
}

impl<T: Clone> PortLease<T> {
    /// Address and port. The address may be unspecified.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Offers `offer` to those who look for the port.
    ///
    /// # Errors
    /// EADDRINUSE: another socket that shares the port does so already, and does not share that.
    pub(crate) fn offer(&self, offer: T) -> Result<()> {
        let mut ports = self.table.ports.lock();
        let list = ports.by_port.get_mut(&self.local.port()).ok_or(Errno::EINVAL)?;
        let own = list.iter().position(|entry| entry.socket == self.socket).ok_or(Errno::EINVAL)?;
        let taken = |other: &Entry<T>| other.offer.is_some() && other.overlaps(&list[own]) && !(other.flags.reuse_port && list[own].flags.reuse_port);
        if self.table.exclusive && list.iter().any(|other| other.socket != self.socket && taken(other)) {
            return Err(Errno::EADDRINUSE);
        }
        list[own].offer = Some(offer);
        drop(ports);
        self.table.changed.notify(agentos_abi::Events::READ);
        Ok(())
    }
}

impl<T: Clone> Drop for PortLease<T> {
    fn drop(&mut self) {
        let mut ports = self.table.ports.lock();
        let mut gone = None;
        if let Some(list) = ports.by_port.get_mut(&self.local.port()) {
            gone = list.iter().position(|entry| entry.socket == self.socket).map(|at| list.remove(at));
            if list.is_empty() {
                ports.by_port.remove(&self.local.port());
            }
        }
        drop(ports);
        // The offer may own sockets that leave tables when they go, so it is dropped without the lock.
        if gone.is_some_and(|entry| entry.offer.is_some()) {
            self.table.changed.notify(agentos_abi::Events::READ);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn table_with(bound: &[(&str, BindFlags)]) -> (Arc<PortTable<u32>>, Vec<PortLease<u32>>) {
        let table = PortTable::new(true);
        let leases = bound.iter().enumerate().map(|(at, (text, flags))| table.bind(at as u64, addr(text), *flags).unwrap()).collect();
        (table, leases)
    }

    const PLAIN: BindFlags = BindFlags { reuse_addr: false, reuse_port: false, v6_only: false };
    const REUSE: BindFlags = BindFlags { reuse_addr: true, ..PLAIN };
    const SHARE: BindFlags = BindFlags { reuse_port: true, ..PLAIN };
    const V6_ONLY: BindFlags = BindFlags { v6_only: true, ..PLAIN };

    #[test]
    fn bindings_that_overlap_conflict_unless_both_share() {
        let cases = [
            ("127.0.0.1:80", PLAIN, "127.0.0.1:80", PLAIN, false),
            ("127.0.0.1:80", PLAIN, "127.0.0.2:80", PLAIN, true),
            ("0.0.0.0:80", PLAIN, "127.0.0.1:80", PLAIN, false),
            ("[::]:80", PLAIN, "127.0.0.1:80", PLAIN, false),
            ("[::]:80", PLAIN, "0.0.0.0:80", PLAIN, false),
            ("[::]:80", V6_ONLY, "0.0.0.0:80", PLAIN, true),
            ("[::1]:80", PLAIN, "127.0.0.1:80", PLAIN, true),
            ("127.0.0.1:80", REUSE, "127.0.0.1:80", REUSE, true),
            ("127.0.0.1:80", REUSE, "127.0.0.1:80", PLAIN, false),
            ("127.0.0.1:80", SHARE, "127.0.0.1:80", SHARE, true),
            ("127.0.0.1:80", PLAIN, "127.0.0.1:81", PLAIN, true),
        ];
        for (first, first_flags, second, second_flags, fits) in cases {
            let (table, _leases) = table_with(&[(first, first_flags)]);
            let answer = table.bind(99, addr(second), second_flags).map(drop);
            assert_eq!(answer, if fits { Ok(()) } else { Err(Errno::EADDRINUSE) }, "{first} then {second}");
        }
    }

    #[test]
    fn a_listener_does_not_share_its_port_even_with_reuseaddr() {
        let (table, leases) = table_with(&[("127.0.0.1:80", REUSE), ("127.0.0.1:80", REUSE)]);
        leases[0].offer(7).unwrap();
        assert_eq!(leases[1].offer(8), Err(Errno::EADDRINUSE));
        assert_eq!(table.bind(9, addr("0.0.0.0:80"), REUSE).map(drop), Err(Errno::EADDRINUSE));
        drop(leases);
        assert_eq!(table.find(addr("127.0.0.1:80")), None);
        table.bind(9, addr("0.0.0.0:80"), PLAIN).unwrap();
    }

    #[test]
    fn the_most_specific_binding_is_found() {
        let (table, leases) = table_with(&[("[::]:80", V6_ONLY), ("0.0.0.0:80", PLAIN), ("[::]:81", PLAIN), ("127.0.0.1:82", PLAIN)]);
        leases.iter().zip([1, 2, 3, 4]).for_each(|(lease, offer)| lease.offer(offer).unwrap());
        let found = ["[::1]:80", "127.0.0.1:80", "127.0.0.9:81", "127.0.0.2:82", "127.0.0.1:82", "127.0.0.1:83"].map(|to| table.find(addr(to)));
        assert_eq!(found, [Some(1), Some(2), Some(3), None, Some(4), None]);
    }

    #[test]
    fn ephemeral_ports_are_distinct_and_end() {
        let table = PortTable::<u32>::new(true);
        let mut leases = Vec::new();
        while let Ok(lease) = table.bind(leases.len() as u64, addr("127.0.0.1:0"), REUSE) {
            leases.push(lease);
        }
        assert_eq!(leases.len(), 28_232);
        assert_eq!((leases[0].local().port(), leases[28_231].local().port()), (32_768, 60_999));
        leases.remove(5);
        assert_eq!(table.bind(0, addr("127.0.0.1:0"), PLAIN).map(|lease| lease.local().port()), Ok(32_773));
    }
}
