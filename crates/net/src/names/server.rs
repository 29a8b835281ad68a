//! The name server inside the VM, at the address that /etc/resolv.conf names. C libraries ask it, so that their programs resolve
//! names under the same policy as everybody else. Over UDP only.

use super::message::Query;
use super::resolver::Resolver;
use crate::address::shown;
use crate::buffer::{InFlight, Record};
use crate::socket::{Mailbox, Sender};
use agentos_abi::socket::SockAddr;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Where the name server is, unless a process of the VM is bound there.
pub const NAME_SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)), 53);

/// The name server of a VM.
pub(crate) struct NameServer {
    pub(crate) resolver: Arc<Resolver>,
}

impl NameServer {
    /// Answers `query` into the asking socket's mailbox, once the answer is known. What is no question gets none.
    pub(crate) fn ask(&self, query: &[u8], mailbox: &Arc<Mailbox>, v6: bool) {
        let Some(query) = Query::parse(query) else { return };
        let mailbox = Arc::downgrade(mailbox);
        let name = query.name.clone();
        let respond = move |query: &Query, addresses: &_| {
            if let Some(mailbox) = mailbox.upgrade() {
                let from = Some(SockAddr::Inet(shown(NAME_SERVER, v6)));
                let record = Record { data: query.answer(addresses).into(), from, rights: InFlight::default() };
                // A full mailbox loses datagrams; that of a closed socket is no more.
                let _ = mailbox.deliver(&Sender::Inet(NAME_SERVER), record, None);
            }
        };
        if query.wants_addresses() {
            self.resolver.resolve_then(&name, Box::new(move |addresses| respond(&query, &addresses)));
        } else {
            respond(&query, &Ok(Vec::new()));
        }
    }
}
