//! What all sockets of a VM share: tables, budgets and the list of living sockets.

use crate::budget::Budget;
use crate::config::{Limits, NetworkConfig};
use crate::egress::Egress;
use crate::listener::Listener;
use crate::names::{NameServer, Resolver};
use crate::policy::Gate;
use crate::socket::{Common, Options, Socket, UdpOffer};
use crate::table::{NameTable, PortTable};
use agentos_abi::socket::{Family, SocketType};
use agentos_abi::{Errno, Pid, Result};
use agentos_account::{Account, Limit};
use agentos_waiter::WaitQueue;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

pub(crate) struct Stack {
    pub(crate) limits: Limits,
    /// Bytes in socket buffers.
    pub(crate) buffers: Arc<Budget>,
    /// Open file descriptions in flight.
    pub(crate) rights: Arc<Budget>,
    /// Connections to the outside.
    pub(crate) egress_connections: Arc<Budget>,
    /// Those of them that are being made.
    pub(crate) pending_connects: Arc<Budget>,
    pub(crate) tcp: Arc<PortTable<Arc<Listener>>>,
    pub(crate) udp: Arc<PortTable<UdpOffer>>,
    pub(crate) names: Arc<NameTable>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) egress: Option<Arc<dyn Egress>>,
    pub(crate) name_server: NameServer,
    account: Arc<Account>,
    living: Mutex<HashMap<u64, Weak<Socket>>>,
    next_id: AtomicU64,
    down: AtomicBool,
}

impl Stack {
    pub(crate) fn new(config: NetworkConfig) -> Stack {
        let limits = config.limits;
        let budget = |most, beyond| Arc::new(Budget::new(most, beyond));
        let gate = Arc::new(Gate::new(config.policy, config.on_decision));
        let resolver = Resolver::new(&config.hosts, config.egress.clone(), gate.clone(), limits.lookups);
        Stack {
            limits,
            buffers: Arc::new(Budget::new(limits.buffer_bytes, Errno::ENOBUFS).of_memory(config.account.clone())),
            rights: budget(limits.rights_in_flight, Errno::ENOBUFS),
            egress_connections: budget(limits.egress_connections, Errno::ENOBUFS),
            pending_connects: budget(limits.pending_connects, Errno::EAGAIN),
            tcp: PortTable::new(true),
            udp: PortTable::new(false),
            names: Arc::default(),
            gate,
            egress: config.egress,
            name_server: NameServer { resolver },
            account: config.account,
            living: Mutex::default(),
            next_id: AtomicU64::new(1),
            down: AtomicBool::new(false),
        }
    }

    /// The common part of a new socket. Errors: ENFILE, ENETDOWN.
    pub(crate) fn new_socket(self: &Arc<Self>, family: Family, kind: SocketType, owner: Pid) -> Result<Arc<Common>> {
        if self.down.load(Relaxed) {
            return Err(Errno::ENETDOWN);
        }
        self.account.charge(Limit::Sockets, 1)?;
        let id = self.next_id.fetch_add(1, Relaxed);
        Ok(Arc::new(Common { id, family, kind, owner, options: Options::default(), queue: WaitQueue::new(), stack: self.clone() }))
    }

    pub(crate) fn remember_socket(&self, id: u64, socket: &Arc<Socket>) {
        self.living.lock().insert(id, Arc::downgrade(socket));
    }

    pub(crate) fn forget_socket(&self, id: u64) {
        self.living.lock().remove(&id);
        self.account.release(Limit::Sockets, 1);
    }

    /// Closes every socket, whoever still holds it.
    pub(crate) fn shut_down(&self) {
        self.down.store(true, Relaxed);
        // Closing drops messages, and with them perhaps sockets, which take the list's lock to leave it.
        let living: Vec<Arc<Socket>> = self.living.lock().values().filter_map(Weak::upgrade).collect();
        for socket in living {
            socket.close();
        }
        self.name_server.resolver.shut_down();
    }
}
