//! How a virtual network is set up, and every bound it keeps.

use crate::egress::Egress;
use crate::policy::{Decision, Policy};
use agentos_account::Account;
use std::net::IpAddr;
use std::sync::Arc;

/// Hears of every decision of the policy, for an audit log. Called from any thread; must not block.
pub type OnDecision = Arc<dyn Fn(&Decision) + Send + Sync>;

/// What a [`crate::VirtualNetwork`] is made of. The default denies everything and knows no way out.
#[derive(Clone, Default)]
pub struct NetworkConfig {
    /// Which names and addresses outside the VM may be reached.
    pub policy: Policy,
    /// The way out. Without one, allowed destinations are ENETUNREACH.
    pub egress: Option<Arc<dyn Egress>>,
    /// Names with fixed addresses, found before any resolver. `localhost` is always there.
    pub hosts: Vec<(String, IpAddr)>,
    /// Called with each decision.
    pub on_decision: Option<OnDecision>,
    /// Where sockets and the memory of their buffers are charged.
    pub account: Arc<Account>,
    /// The bounds.
    pub limits: Limits,
}

/// Bounds of one VM's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in the buffers of all sockets inside the VM. ENOBUFS beyond.
    pub buffer_bytes: usize,
    /// TCP connections to the outside, those being made included. ENOBUFS beyond.
    pub egress_connections: usize,
    /// TCP connections to the outside that are being made. EAGAIN beyond.
    pub pending_connects: usize,
    /// Longest queue of connections that wait to be accepted, whatever listen(2) asks for (Linux: net.core.somaxconn).
    pub backlog: usize,
    /// Host names being looked up at the same time. EAGAIN beyond.
    pub lookups: usize,
    /// Open file descriptions in flight in Unix sockets. ETOOMANYREFS on Linux; ENOBUFS here, which programs know better.
    pub rights_in_flight: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { buffer_bytes: 64 << 20, egress_connections: 512, pending_connects: 64, backlog: 4096, lookups: 32, rights_in_flight: 4096 }
    }
}

/// Most descriptors in one message (Linux: SCM_MAX_FD). EINVAL beyond.
pub const RIGHTS_PER_MESSAGE_MAX: usize = 253;
