//! Rules in order, and the verdict over them.

use super::pattern::{Pattern, PatternError};
use super::reach::is_public;
pub use agentos_policy::Mode;
use agentos_policy::{Operation, Operations};
use std::net::{IpAddr, SocketAddr};

/// One rule: what to do with destinations that match any of its patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    mode: Mode,
    operations: Operations,
    patterns: Vec<Pattern>,
    private: bool,
}

impl Rule {
    /// Reads a rule. Patterns are `host[:port]`, where host is a name, `*.name`, `*`, `localhost`, an address or an address range.
    ///
    /// # Errors
    /// The first pattern that cannot be read.
    pub fn parse<S: AsRef<str>>(mode: Mode, patterns: &[S]) -> Result<Rule, PatternError> {
        Ok(Rule {
            mode,
            operations: Operations::ALL,
            patterns: patterns.iter().map(|text| Pattern::parse(text.as_ref())).collect::<Result<_, _>>()?,
            private: false,
        })
    }

    /// Makes the rule about these operations only.
    pub fn about(self, operations: Operations) -> Rule {
        Rule { operations, ..self }
    }

    /// Lets the names of an `Allow` rule lead to addresses that are not public as well.
    pub fn with_private(self, private: bool) -> Rule {
        Rule { private, ..self }
    }
}

/// An ordered list of rules. The default denies everything; a default of [`Mode::Allow`] or [`Mode::Ask`] covers public addresses
/// only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    default: Mode,
    rules: Vec<Rule>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// To look up a host name.
    Resolve {
        /// The name.
        name: String,
    },
    /// To connect.
    Connect {
        /// The destination.
        to: SocketAddr,
        /// The looked-up name that spoke for or against it, if one did.
        name: Option<String>,
    },
}

/// A decision, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What was asked for.
    pub subject: Subject,
    /// The answer.
    pub mode: Mode,
}

/// What the rules say of one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A rule matched.
    Rule(Mode),
    /// None did: the default of the policy.
    Default(Mode),
}

impl Policy {
    /// A policy; the last matching rule wins.
    pub fn new(default: Mode, rules: Vec<Rule>) -> Policy {
        Policy { default, rules }
    }

    /// Whether `name` may be looked up: the mildest of what is said of its ports.
    pub(crate) fn judge_name(&self, name: &str) -> Mode {
        self.ports().map(|port| self.verdict_by_name(name, port)).min().unwrap_or(self.default)
    }

    /// The ports between which no verdict changes: it does only where a range of some pattern begins or has just ended.
    fn ports(&self) -> impl Iterator<Item = u16> {
        let edges = self.rules.iter().flat_map(|rule| &rule.patterns).map(Pattern::ports).flat_map(|(first, last)| [Some(first), last.checked_add(1)]);
        std::iter::once(Some(1)).chain(edges).flatten()
    }

    fn verdict_by_name(&self, name: &str, port: u16) -> Mode {
        let last = self.last_match(Operation::Resolve, |pattern| pattern.matches_name(name, port));
        last.map_or(self.default, |rule| rule.mode)
    }

    /// The verdict on an address that no name is known for.
    pub(crate) fn judge_address(&self, to: SocketAddr) -> Verdict {
        match self.last_match(Operation::Connect, |pattern| pattern.matches_address(to)) {
            Some(rule) => Verdict::Rule(rule.mode),
            None if is_public(to.ip()) => Verdict::Default(self.default),
            None => Verdict::Default(Mode::Deny),
        }
    }

    /// The verdict on an address that `name` was looked up to. Rules on the address count as well. `trusted`: the name was
    /// configured by the owner of the VM, not by whoever runs its domain.
    pub(crate) fn judge_named(&self, name: &str, to: SocketAddr, trusted: bool) -> Mode {
        let reaches = |rule: &Rule| trusted || rule.private || is_public(to.ip()) || rule.patterns.iter().any(|pattern| pattern.matches_address(to));
        match self.last_match(Operation::Connect, |pattern| pattern.matches_name(name, to.port()) || pattern.matches_address(to)) {
            Some(rule) if reaches(rule) => rule.mode,
            None if is_public(to.ip()) => self.default,
            _ => Mode::Deny,
        }
    }

    /// Whether looking `name` up may show `ip`: some port of it could be connected to.
    pub(crate) fn shows(&self, name: &str, ip: IpAddr, trusted: bool) -> bool {
        self.ports().any(|port| self.judge_named(name, SocketAddr::new(ip, port), trusted) != Mode::Deny)
    }

    fn last_match(&self, operation: Operation, matches: impl Fn(&Pattern) -> bool) -> Option<&Rule> {
        self.rules.iter().rev().find(|rule| rule.operations.has(operation) && rule.patterns.iter().any(&matches))
    }
}
