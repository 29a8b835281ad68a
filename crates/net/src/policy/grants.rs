//! Which names a VM has looked up to which addresses.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a look-up speaks for an address. Programs keep addresses longer than any TTL says.
const LIFETIME: Duration = Duration::from_secs(3600);
/// Most addresses remembered; the one that would expire first goes.
const ADDRESSES_MAX: usize = 1024;
/// Most names remembered of one address (one server of a large network carries many); the oldest goes.
const NAMES_MAX: usize = 16;

/// A name that led to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) name: Arc<str>,
    /// The owner of the VM said so, not a resolver.
    pub(super) trusted: bool,
    until: Instant,
}

/// The memory of look-ups.
#[derive(Default)]
pub(super) struct Grants(HashMap<IpAddr, Vec<Grant>>);

impl Grants {
    /// `name` led to `ip`.
    pub(super) fn add(&mut self, ip: IpAddr, name: &str, trusted: bool, now: Instant) {
        if !self.0.contains_key(&ip) && self.0.len() >= ADDRESSES_MAX {
            self.make_room(now);
        }
        let list = self.0.entry(ip).or_default();
        list.retain(|grant| *grant.name != *name && grant.until > now);
        if list.len() >= NAMES_MAX {
            list.remove(0);
        }
        list.push(Grant { name: name.into(), trusted, until: now + LIFETIME });
    }

    /// The names that speak for `ip`.
    pub(super) fn of(&self, ip: IpAddr, now: Instant) -> Vec<Grant> {
        self.0.get(&ip).into_iter().flatten().filter(|grant| grant.until > now).cloned().collect()
    }

    fn make_room(&mut self, now: Instant) {
        let last = |list: &Vec<Grant>| list.iter().map(|grant| grant.until).max();
        self.0.retain(|_, list| last(list).is_some_and(|until| until > now));
        if self.0.len() >= ADDRESSES_MAX
            && let Some(oldest) = self.0.iter().min_by_key(|(_, list)| last(list)).map(|(ip, _)| *ip)
        {
            self.0.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn ip(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn a_grant_expires() {
        let (mut grants, start) = (Grants::default(), Instant::now());
        grants.add(ip(1), "a.example", false, start);
        assert_eq!(grants.of(ip(1), start + LIFETIME / 2).len(), 1);
        assert_eq!(grants.of(ip(1), start + LIFETIME), []);
        assert_eq!(grants.of(ip(2), start), []);
    }

    #[test]
    fn addresses_and_names_are_bounded_and_the_oldest_go() {
        let (mut grants, start) = (Grants::default(), Instant::now());
        for number in 0..2000 {
            grants.add(ip(number), "a.example", false, start + Duration::from_millis(number.into()));
        }
        assert_eq!(grants.0.len(), 1024);
        assert_eq!(grants.of(ip(975), start), []);
        assert_eq!(grants.of(ip(976), start).len(), 1);
        for number in 0..100 {
            grants.add(ip(1999), &format!("{number}.example"), false, start);
        }
        let names: Vec<String> = grants.of(ip(1999), start).iter().map(|grant| grant.name.to_string()).collect();
        assert_eq!((names.len(), names[0].as_str(), names[15].as_str()), (16, "84.example", "99.example"));
    }
}
