//! Who may do what: rules over named objects, compiled once and evaluated for every check.
//!
//! A [`Policy`] is of one [`Class`]. It has a default and rules in order; **the last rule that speaks of the operation and the
//! object decides**, and where none does, the default. So a list reads like a .gitignore: the general first, exceptions after.
//! Rules of different places (the VM's, a session's, one call's) are not merged but asked one after the other, and
//! [`Mode::strictest`] decides: a narrower place can take away, never give.
//!
//! Nothing here knows processes, files or sockets: objects are bytes. The kernel resolves them first (symbolic links, mounts,
//! host names). Network rules have patterns of their own, which the network's crate evaluates.

mod compile;
mod operation;
mod pattern;
mod trie;

pub use compile::{Defect, MAX_PATTERNS, MAX_RULES, Policy, RuleText, Verdict};
pub use operation::{Class, Operation, Operations};

/// What a policy says. The order is that of strictness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Let through.
    Allow,
    /// Somebody outside decides, each time.
    Ask,
    /// Refuse.
    #[default]
    Deny,
}

impl Mode {
    /// The stricter of the two.
    #[must_use]
    pub fn strictest(self, other: Mode) -> Mode {
        self.max(other)
    }

    /// As it is written in options.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Allow => "allow",
            Mode::Ask => "ask",
            Mode::Deny => "deny",
        }
    }
}
