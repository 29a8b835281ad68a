//! UDP sockets on the VM's loopback interface. There is no way out for datagrams.

use super::mailbox::{Mailbox, Sender};
use super::tcp::{Tcp, bind_flags, bindable, outgoing};
use super::tcp_connect::is_own;
use super::{Common, Message, Protocol, Rights};
use crate::Address;
use crate::address::{shown, specified};
use crate::buffer::{InFlight, Record};
use crate::names::NAME_SERVER;
use crate::table::PortLease;
use agentos_abi::socket::{Family, Shutdown, SockAddr};
use agentos_abi::{Errno, Events, Result};
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Longest datagram in bytes: 65535 less the headers of IPv4 and UDP.
const DATAGRAM_MAX: usize = 65_507;

/// What a bound UDP socket offers.
#[derive(Clone)]
pub(crate) struct UdpOffer {
    pub(crate) mailbox: Arc<Mailbox>,
    /// Senders' addresses are shown in the IPv6 way.
    pub(crate) v6: bool,
}

/// A UDP socket.
pub(crate) struct Udp {
    common: Arc<Common>,
    mailbox: Arc<Mailbox>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lease: Option<PortLease<UdpOffer>>,
    peer: Option<SocketAddr>,
    write_shut: bool,
}

impl Udp {
    pub(crate) fn new(common: Arc<Common>) -> Udp {
        let mailbox = Mailbox::new(&common);
        Udp { common, mailbox, state: Mutex::default() }
    }

    fn is_v6(&self) -> bool {
        self.common.family == Family::Inet6
    }

    /// Binds to `addr`, or keeps the binding there is.
    fn lease<'a>(&self, state: &'a mut State, addr: SocketAddr) -> Result<&'a PortLease<UdpOffer>> {
        let lease = match state.lease.take() {
            Some(lease) => lease,
            None => {
                let lease = self.common.stack.udp.bind(self.common.id, addr, bind_flags(&self.common))?;
                lease.offer(UdpOffer { mailbox: self.mailbox.clone(), v6: self.is_v6() })?;
                lease
            }
        };
        Ok(state.lease.insert(lease))
    }

    fn any(&self) -> SocketAddr {
        let ip = if self.is_v6() { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { Ipv4Addr::UNSPECIFIED.into() };
        SocketAddr::new(ip, 0)
    }

    /// Hands a datagram to whoever is bound to `to`. Like the network it stands for, it is silent about those it loses.
    fn carry(&self, from: SocketAddr, to: SocketAddr, buf: &[u8], connected: bool) -> Result<()> {
        let stack = &self.common.stack;
        if let Some(offer) = stack.udp.find(to) {
            let record = Record { data: buf.into(), from: Some(SockAddr::Inet(shown(from, offer.v6))), rights: InFlight::default() };
            return match offer.mailbox.deliver(&Sender::Inet(from), record, None) {
                Err(Errno::ENOBUFS) => Err(Errno::ENOBUFS),
                _ => Ok(()),
            };
        }
        if to == NAME_SERVER {
            stack.name_server.ask(buf, &self.mailbox, self.is_v6());
            return Ok(());
        }
        if connected {
            // The port is unreachable, which a connected socket hears of at its next call (udp(7)).
            self.mailbox.fail(Errno::ECONNREFUSED);
        }
        Ok(())
    }
}

impl Protocol for Udp {
    fn bind(&self, addr: &Address, privileged: bool) -> Result<()> {
        let addr = bindable(Tcp::own_family(&self.common, addr)?, privileged)?;
        let mut state = self.state.lock();
        if state.lease.is_some() {
            return Err(Errno::EINVAL);
        }
        self.lease(&mut state, addr).map(drop)
    }

    /// Sends nothing, so that the policy has no say: resolvers connect to far addresses to learn their own.
    fn connect(&self, addr: &Address) -> Result<()> {
        let to = specified(Tcp::own_family(&self.common, addr)?);
        if to.is_ipv6() && !is_own(to.ip()) {
            return Err(Errno::ENETUNREACH);
        }
        let mut state = self.state.lock();
        self.lease(&mut state, self.any())?;
        state.peer = Some(to);
        self.mailbox.only_from(Some(Sender::Inet(to)));
        Ok(())
    }

    fn local(&self) -> SockAddr {
        let state = self.state.lock();
        let Some(local) = state.lease.as_ref().map(PortLease::local) else { return SockAddr::unspecified(self.common.family) };
        let ip = match state.peer {
            Some(peer) if local.ip().is_unspecified() => outgoing(peer.ip()),
            _ => local.ip(),
        };
        SockAddr::Inet(shown(SocketAddr::new(ip, local.port()), self.is_v6()))
    }

    fn peer(&self) -> Result<SockAddr> {
        self.state.lock().peer.map(|peer| SockAddr::Inet(shown(peer, self.is_v6()))).ok_or(Errno::ENOTCONN)
    }

    fn send(&self, buf: &[u8], to: Option<&Address>, rights: Rights) -> Result<usize> {
        drop(rights);
        if let Some(errno) = self.mailbox.take_error() {
            return Err(errno);
        }
        let (from, to, connected) = {
            let mut state = self.state.lock();
            if state.write_shut {
                return Err(Errno::EPIPE);
            }
            let to = match to {
                Some(addr) => specified(Tcp::own_family(&self.common, addr)?),
                None => state.peer.ok_or(Errno::EDESTADDRREQ)?,
            };
            let local = self.lease(&mut state, self.any())?.local();
            let ip = if local.ip().is_unspecified() { outgoing(to.ip()) } else { local.ip() };
            (SocketAddr::new(ip, local.port()), to, state.peer == Some(to))
        };
        if buf.len() > DATAGRAM_MAX {
            return Err(Errno::EMSGSIZE);
        }
        if to.port() == 0 {
            return Err(Errno::EINVAL);
        }
        if !is_own(to.ip()) {
            self.common.stack.gate.connect(to)?;
            return Err(Errno::ENETUNREACH);
        }
        self.carry(from, to, buf, connected).map(|()| buf.len())
    }

    fn receive(&self, buf: &mut [u8], peek: bool) -> Result<Message> {
        self.mailbox.receive(buf, peek)
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        let mut state = self.state.lock();
        if state.peer.is_none() {
            return Err(Errno::ENOTCONN);
        }
        state.write_shut |= how != Shutdown::Read;
        drop(state);
        if how != Shutdown::Write {
            self.mailbox.shut();
        }
        Ok(())
    }

    fn poll(&self) -> Events {
        self.mailbox.poll() | Events::WRITE
    }

    fn take_error(&self) -> Option<Errno> {
        self.mailbox.take_error()
    }

    fn queued(&self) -> Result<usize> {
        Ok(self.mailbox.queued())
    }

    fn close(&self) {
        let lease = self.state.lock().lease.take();
        drop(lease);
        self.mailbox.close();
    }
}
