//! One pattern of a rule: `host[:port]`.

use super::reach::is_public;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a pattern's host part says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    /// `*`: every name, and every public address.
    Any,
    /// `example.com`
    Name(String),
    /// `*.example.com`: names that end in `.example.com`, at any depth.
    Suffix(String),
    /// `localhost`: 127.0.0.1 and ::1.
    Localhost,
    /// `10.0.0.0/8`; a single address has the full length.
    Net { address: IpAddr, prefix: u8 },
}

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    host: Host,
    /// First and last port.
    ports: (u16, u16),
}

/// A pattern that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    pattern: String,
    reason: &'static str,
}

impl PatternError {
    /// The pattern as it was given.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "network pattern {:?}: {}; accepted are \"example.com\", \"*.example.com\", \"*\", \"localhost\", an address (\"192.0.2.1\", \"[2001:db8::1]\") or a range \
             (\"10.0.0.0/8\", \"[fc00::/7]\"), each with an optional \":443\", \":8000-8999\" or \":*\"",
            self.pattern, self.reason
        )
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    /// Reads a pattern.
    pub(crate) fn parse(text: &str) -> Result<Pattern, PatternError> {
        let fail = |reason| PatternError { pattern: text.to_string(), reason };
        let (host, port) = split(text).map_err(fail)?;
        Ok(Pattern { host: parse_host(host).map_err(fail)?, ports: parse_ports(port).map_err(fail)? })
    }

    /// Whether the pattern speaks of this name and port. `name` is in lower case.
    pub(crate) fn matches_name(&self, name: &str, port: u16) -> bool {
        self.has_port(port)
            && match &self.host {
                Host::Any => true,
                Host::Name(own) => own == name,
                Host::Suffix(suffix) => name.len() > suffix.len() && name.ends_with(suffix.as_str()),
                Host::Localhost | Host::Net { .. } => false,
            }
    }

    /// Whether the pattern speaks of this address literally.
    pub(crate) fn matches_address(&self, addr: SocketAddr) -> bool {
        self.has_port(addr.port())
            && match self.host {
                Host::Any => is_public(addr.ip()),
                Host::Localhost => addr.ip() == Ipv4Addr::LOCALHOST || addr.ip() == Ipv6Addr::LOCALHOST,
                Host::Net { address, prefix } => in_net(addr.ip(), address, prefix),
                Host::Name(_) | Host::Suffix(_) => false,
            }
    }

    /// A port of the pattern: with the edges of its range, enough to find every change of a rule list's verdict over ports.
    pub(crate) fn ports(&self) -> (u16, u16) {
        self.ports
    }

    fn has_port(&self, port: u16) -> bool {
        (self.ports.0..=self.ports.1).contains(&port)
    }
}

/// Host and port part; brackets hold an IPv6 address, whose colons would be ambiguous.
fn split(text: &str) -> Result<(&str, Option<&str>), &'static str> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("the bracket is not closed")?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err("only a port may follow the bracket"),
        };
    }
    if text.contains("//") {
        return Err("a URL is not a pattern: give host and port only");
    }
    match text.matches(':').count() {
        0 => Ok((text, None)),
        1 => Ok(text.split_once(':').map(|(host, port)| (host, Some(port))).unwrap_or((text, None))),
        _ => Ok((text, None)),
    }
}

fn parse_ports(port: Option<&str>) -> Result<(u16, u16), &'static str> {
    const REASON: &str = "the port is no number from 1 to 65535, no range and not \"*\"";
    let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
        true => text.parse::<u16>().ok().filter(|&port| port != 0).ok_or(REASON),
        false => Err(REASON),
    };
    match port {
        None | Some("*") => Ok((0, u16::MAX)),
        Some(text) => match text.split_once('-') {
            None => number(text).map(|port| (port, port)),
            Some((first, last)) => match (number(first)?, number(last)?) {
                (first, last) if first <= last => Ok((first, last)),
                _ => Err("the port range is empty"),
            },
        },
    }
}

fn parse_host(host: &str) -> Result<Host, &'static str> {
    if host == "*" {
        return Ok(Host::Any);
    }
    if let Some((address, prefix)) = host.split_once('/') {
        let address: IpAddr = address.parse().map_err(|_| "what precedes the slash is no address")?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.parse::<u8>().ok().filter(|&bits| bits <= longest).ok_or("the prefix length is out of range")?;
        return if in_net(address, masked(address, prefix), 128) { Ok(Host::Net { address, prefix }) } else { Err("the address has bits beyond the prefix") };
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        let address = address.to_canonical();
        return Ok(Host::Net { address, prefix: if address.is_ipv4() { 32 } else { 128 } });
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if name == "localhost" {
        return Ok(Host::Localhost);
    }
    let (plain, wild) = name.strip_prefix("*.").map_or((name.as_str(), false), |rest| (rest, true));
    check_name(plain)?;
    Ok(if wild { Host::Suffix(format!(".{plain}")) } else { Host::Name(name) })
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("the host is empty");
    }
    if !name.is_ascii() {
        return Err("write an international name in its ASCII form (xn--...)");
    }
    if !is_host_name(name) {
        return Err("this is no host name (a \"*\" may only stand for the first labels)");
    }
    // 10.1, 0x7f.1 and 2130706433 are addresses to some resolvers and names to others; nobody means them as a rule.
    match name.rsplit('.').next() {
        Some(last) if last.bytes().all(|b| b.is_ascii_digit()) => Err("this is neither a host name nor a whole address"),
        _ => Ok(()),
    }
}

/// Whether `name` can be a host name: labels of letters, digits, `-` and `_`, at most 63 bytes each and 253 together.
pub(crate) fn is_host_name(name: &str) -> bool {
    let label = |label: &str| !label.is_empty() && label.len() <= 63 && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    name.len() <= 253 && name.split('.').all(label)
}

fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

fn mask(prefix: u8) -> u128 {
    // A shift by 128 is not defined; it stands for an empty prefix.
    u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0)
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let kept = bits(address).0 & mask(prefix);
    match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits((kept >> 96) as u32)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(kept)),
    }
}

fn in_net(address: IpAddr, net: IpAddr, prefix: u8) -> bool {
    address.is_ipv4() == net.is_ipv4() && (bits(address).0 ^ bits(net).0) & mask(prefix) == 0
}
