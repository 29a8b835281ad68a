//! The policy in force: rules, what this VM has looked up, and the audit hook.

use super::grants::Grants;
use super::rules::{Decision, Mode, Policy, Subject, Verdict};
use crate::config::OnDecision;
use crate::network::Judgement;
use agentos_abi::{Errno, Result};
use parking_lot::Mutex;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

/// Decides on every destination outside the VM.
pub(crate) struct Gate {
    policy: Policy,
    on_decision: Option<OnDecision>,
    grants: Mutex<Grants>,
}

impl Gate {
    pub(crate) fn new(policy: Policy, on_decision: Option<OnDecision>) -> Gate {
        Gate { policy, on_decision, grants: Mutex::default() }
    }

    /// Whether the VM may connect to `to`, in its canonical form. Where the policy says "ask", the kernel has asked: nothing else
    /// makes sockets connect.
    ///
    /// # Errors
    /// EACCES; ECONNREFUSED for a loopback address that no rule names: it is the VM's own, and nobody listens there.
    pub(crate) fn connect(&self, to: SocketAddr) -> Result<()> {
        let (mode, name) = self.judge(&self.policy, to);
        if to.ip().is_loopback() && !self.names_loopback(to) && name.is_none() {
            return Err(Errno::ECONNREFUSED);
        }
        self.report(Subject::Connect { to, name }, mode)
    }

    /// Whether some rule is about this loopback address, which then is the host's where the VM does not use it.
    pub(crate) fn names_loopback(&self, to: SocketAddr) -> bool {
        matches!(self.policy.judge_address(to), Verdict::Rule(_)) || !self.grants.lock().of(to.ip(), Instant::now()).is_empty()
    }

    /// Whether the VM may look `name` up; "ask" as with [`Gate::connect`]. Errors: EACCES.
    pub(crate) fn resolve(&self, name: &str) -> Result<()> {
        self.report(Subject::Resolve { name: name.to_string() }, self.policy.judge_name(name))
    }

    /// What the VM's policy and those of `narrower` together say of a connection, and the name that spoke.
    pub(crate) fn judge_connect(&self, narrower: &[Arc<Policy>], to: SocketAddr) -> Judgement {
        let (own, name) = self.judge(&self.policy, to);
        narrower
            .iter()
            .map(|policy| self.judge(policy, to))
            .fold(Judgement { mode: own, own, name }, |all, (mode, name)| if mode > all.mode { Judgement { mode, name, ..all } } else { all })
    }

    /// The same of a look-up.
    pub(crate) fn judge_resolve(&self, narrower: &[Arc<Policy>], name: &str) -> Judgement {
        let own = self.policy.judge_name(name);
        Judgement { mode: narrower.iter().map(|policy| policy.judge_name(name)).fold(own, Mode::strictest), own, name: None }
    }

    /// Of the addresses of an allowed name, keeps those that could be connected to, and remembers that the name led there.
    /// `trusted`: the owner of the VM configured the addresses.
    ///
    /// # Errors
    /// EACCES: none is left.
    pub(crate) fn admit(&self, name: &str, addresses: &[IpAddr], trusted: bool) -> Result<Vec<IpAddr>> {
        let canonical = addresses.iter().map(IpAddr::to_canonical);
        let shown: Vec<IpAddr> = canonical.filter(|&ip| trusted || self.policy.shows(name, ip, trusted)).collect();
        if shown.is_empty() {
            return self.report(Subject::Resolve { name: name.to_string() }, Mode::Deny).map(|()| shown);
        }
        let mut grants = self.grants.lock();
        shown.iter().for_each(|&ip| grants.add(ip, name, trusted, Instant::now()));
        Ok(shown)
    }

    /// The verdict on a connection, and the name that gave it.
    fn judge(&self, policy: &Policy, to: SocketAddr) -> (Mode, Option<String>) {
        // The name that is judged most mildly speaks for the address: it may have led there.
        let grants = self.grants.lock().of(to.ip(), Instant::now());
        let best = grants.iter().map(|grant| (policy.judge_named(&grant.name, to, grant.trusted), &grant.name)).min_by_key(|(mode, _)| *mode);
        match (best, policy.judge_address(to)) {
            (Some((mode, name)), _) if mode != Mode::Deny => (mode, Some(name.to_string())),
            (_, Verdict::Rule(mode)) => (mode, None),
            (None, Verdict::Default(mode)) => (mode, None),
            // The default is about destinations that nothing is known of; a name that is denied here is something.
            (Some((_, name)), Verdict::Default(_)) => (Mode::Deny, Some(name.to_string())),
        }
    }

    fn report(&self, subject: Subject, mode: Mode) -> Result<()> {
        if let Some(hook) = &self.on_decision {
            hook(&Decision { subject, mode });
        }
        match mode {
            Mode::Allow | Mode::Ask => Ok(()),
            Mode::Deny => Err(Errno::EACCES),
        }
    }
}
