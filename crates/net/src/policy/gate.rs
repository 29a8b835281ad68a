//! The policy in force: rules, what this VM has looked up, and the audit hook.

use super::grants::Grants;
use super::rules::{Decision, Mode, Policy, Subject, Verdict};
use crate::config::OnDecision;
use agentos_abi::{Errno, Result};
use parking_lot::Mutex;
use std::net::{IpAddr, SocketAddr};
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

    /// Whether the VM may connect to `to`, in its canonical form.
    ///
    /// # Errors
    /// EACCES; ECONNREFUSED for a loopback address that no rule names: it is the VM's own, and nobody listens there.
    pub(crate) fn connect(&self, to: SocketAddr) -> Result<()> {
        let (mode, name) = self.judge(to);
        if to.ip().is_loopback() && matches!(self.policy.judge_address(to), Verdict::Default(_)) && name.is_none() {
            return Err(Errno::ECONNREFUSED);
        }
        self.report(Subject::Connect { to, name }, mode)
    }

    /// Whether the VM may look `name` up. Errors: EACCES.
    pub(crate) fn resolve(&self, name: &str) -> Result<()> {
        let mode = if self.policy.allows_name(name) { Mode::Allow } else { Mode::Deny };
        self.report(Subject::Resolve { name: name.to_string() }, mode)
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
    fn judge(&self, to: SocketAddr) -> (Mode, Option<String>) {
        let mut denied = None;
        for grant in self.grants.lock().of(to.ip(), Instant::now()) {
            match self.policy.judge_named(&grant.name, to, grant.trusted) {
                Mode::Allow => return (Mode::Allow, Some(grant.name.to_string())),
                Mode::Deny => denied = Some(grant.name.to_string()),
            }
        }
        match self.policy.judge_address(to) {
            Verdict::Rule(mode) => (mode, None),
            // The default is about destinations that nothing is known of; a name that is denied here is something.
            Verdict::Default(mode) if denied.is_none() => (mode, None),
            Verdict::Default(_) => (Mode::Deny, denied),
        }
    }

    fn report(&self, subject: Subject, mode: Mode) -> Result<()> {
        if let Some(hook) = &self.on_decision {
            hook(&Decision { subject, mode });
        }
        match mode {
            Mode::Allow => Ok(()),
            Mode::Deny => Err(Errno::EACCES),
        }
    }
}
