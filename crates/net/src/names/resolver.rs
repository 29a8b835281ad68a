//! Look-ups of host names: each name is asked for once at a time, and its answer kept for a moment.

use crate::egress::Egress;
use crate::network::Judgement;
use crate::policy::{Gate, Policy, is_host_name};
use agentos_abi::{Errno, Events, Result};
use agentos_waiter::WaitQueue;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long addresses are kept.
const FOUND_LIFETIME: Duration = Duration::from_secs(30);
/// How long an error is kept: long enough for everybody who waited to hear of it.
const FAILED_LIFETIME: Duration = Duration::from_secs(2);
/// Most answers kept.
const ANSWERS_MAX: usize = 256;
/// Most addresses of one name.
const ADDRESSES_MAX: usize = 32;
/// Most queries of the name server that wait for one name; more are lost, as datagrams may be.
const WAITING_MAX: usize = 64;

/// Called with the end of a look-up.
pub(crate) type Then = Box<dyn FnOnce(Result<Vec<IpAddr>>) + Send>;

/// The resolver of a VM.
pub(crate) struct Resolver {
    hosts: HashMap<String, Vec<IpAddr>>,
    egress: Option<Arc<dyn Egress>>,
    gate: Arc<Gate>,
    lookups_max: usize,
    names: Mutex<HashMap<String, Entry>>,
    queue: WaitQueue,
}

enum Entry {
    /// Being looked up; who else wants to know.
    Asked(Vec<Then>),
    Answered {
        at: Instant,
        answer: Result<Vec<IpAddr>>,
    },
}

impl Resolver {
    pub(crate) fn new(hosts: &[(String, IpAddr)], egress: Option<Arc<dyn Egress>>, gate: Arc<Gate>, lookups_max: usize) -> Arc<Resolver> {
        let mut table: HashMap<String, Vec<IpAddr>> = HashMap::new();
        for (name, ip) in hosts {
            table.entry(normal(name)).or_default().push(ip.to_canonical());
        }
        Arc::new(Resolver { hosts: table, egress, gate, lookups_max, names: Mutex::default(), queue: WaitQueue::new() })
    }

    /// Notified when a look-up has ended.
    pub(crate) fn queue(&self) -> &WaitQueue {
        &self.queue
    }

    /// The addresses of a name. Errors: EWAIT, ENOENT, EACCES, EIO, EAGAIN.
    pub(crate) fn resolve(self: &Arc<Self>, name: &str) -> Result<Vec<IpAddr>> {
        if let Ok(ip) = name.parse::<IpAddr>() {
            return Ok(vec![ip]);
        }
        let name = normal(name);
        if name == "localhost" || name.ends_with(".localhost") {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        if let Some(addresses) = self.hosts.get(&name) {
            return self.gate.admit(&name, addresses, true);
        }
        if !is_host_name(&name) {
            return Err(Errno::ENOENT);
        }
        match self.known(&name) {
            Some(answer) => answer,
            None => self.look_up(name),
        }
    }

    /// What the policy says of looking a name up; `None` when that asks nobody outside.
    pub(crate) fn judge(&self, narrower: &[Arc<Policy>], name: &str) -> Option<Judgement> {
        let name = normal(name);
        let own = name.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost") || self.hosts.contains_key(&name);
        (!own && is_host_name(&name)).then(|| self.gate.judge_resolve(narrower, &name))
    }

    /// Calls `then` with the addresses of a name, perhaps at once; not at all when too many wait for it.
    pub(crate) fn resolve_then(self: &Arc<Self>, name: &str, then: Then) {
        match self.resolve(name) {
            Err(Errno::EWAIT) => {}
            answer => return then(answer),
        }
        let name = normal(name);
        let mut names = self.names.lock();
        match names.get_mut(&name) {
            Some(Entry::Asked(waiting)) if waiting.len() < WAITING_MAX => waiting.push(then),
            Some(Entry::Asked(_)) | None => {}
            Some(Entry::Answered { answer, .. }) => {
                let answer = answer.clone();
                drop(names);
                then(self.admit(&name, answer));
            }
        }
    }

    /// Forgets everything that is being looked up.
    pub(crate) fn shut_down(&self) {
        let names = std::mem::take(&mut *self.names.lock());
        drop(names);
        self.queue.notify(Events::READ | Events::ALWAYS);
    }

    /// What is known of a name: an answer, or that it is being looked up.
    fn known(&self, name: &str) -> Option<Result<Vec<IpAddr>>> {
        let answer = match self.names.lock().get(name)? {
            Entry::Asked(_) => return Some(Err(Errno::EWAIT)),
            entry @ Entry::Answered { answer, .. } => entry.is_fresh(Instant::now()).then(|| answer.clone())?,
        };
        Some(self.admit(name, answer))
    }

    fn look_up(self: &Arc<Self>, name: String) -> Result<Vec<IpAddr>> {
        self.gate.resolve(&name)?;
        let egress = self.egress.as_ref().ok_or(Errno::EIO)?;
        if !self.begin(&name)? {
            return Err(Errno::EWAIT);
        }
        let (resolver, asked) = (Arc::downgrade(self), name.clone());
        let done = move |answer| {
            if let Some(resolver) = resolver.upgrade() {
                resolver.finish(&asked, answer);
            }
        };
        egress.resolve(&name, Box::new(done));
        // The egress may have answered at once.
        self.known(&name).unwrap_or(Err(Errno::EWAIT))
    }

    /// Notes that a name is being looked up; false when it is already. Errors: EAGAIN.
    fn begin(&self, name: &str) -> Result<bool> {
        let mut names = self.names.lock();
        if matches!(names.get(name), Some(Entry::Asked(_))) {
            return Ok(false);
        }
        if names.values().filter(|entry| matches!(entry, Entry::Asked(_))).count() >= self.lookups_max {
            return Err(Errno::EAGAIN);
        }
        names.insert(name.to_string(), Entry::Asked(Vec::new()));
        Ok(true)
    }

    fn finish(&self, name: &str, answer: Result<Vec<IpAddr>>) {
        let answer = match answer {
            Ok(addresses) if addresses.is_empty() => Err(Errno::ENOENT),
            Ok(addresses) => Ok(addresses.iter().map(IpAddr::to_canonical).take(ADDRESSES_MAX).collect()),
            Err(Errno::ENOENT) => Err(Errno::ENOENT),
            Err(_) => Err(Errno::EIO),
        };
        let now = Instant::now();
        let mut names = self.names.lock();
        if names.len() >= ANSWERS_MAX {
            names.retain(|_, entry| entry.is_fresh(now));
        }
        if names.len() >= ANSWERS_MAX {
            names.retain(|_, entry| matches!(entry, Entry::Asked(_)));
        }
        let waiting = match names.insert(name.to_string(), Entry::Answered { at: now, answer: answer.clone() }) {
            Some(Entry::Asked(waiting)) => waiting,
            _ => Vec::new(),
        };
        drop(names);
        self.queue.notify(Events::READ);
        waiting.into_iter().for_each(|then| then(self.admit(name, answer.clone())));
    }

    fn admit(&self, name: &str, answer: Result<Vec<IpAddr>>) -> Result<Vec<IpAddr>> {
        self.gate.admit(name, &answer?, false)
    }
}

impl Entry {
    fn is_fresh(&self, now: Instant) -> bool {
        match self {
            Entry::Asked(_) => true,
            Entry::Answered { at, answer: Ok(_) } => now < *at + FOUND_LIFETIME,
            Entry::Answered { at, answer: Err(_) } => now < *at + FAILED_LIFETIME,
        }
    }
}

/// Lower case, no final dot.
fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
