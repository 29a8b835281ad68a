//! What the VM may reach outside itself: an ordered list of rules over host names and addresses, denied by default.
//!
//! The last matching rule wins. Names are checked when they are looked up, and connections are checked on the address: it must
//! match a rule literally, or come from an allowed name that this VM has looked up. An address that is not public (loopback,
//! private, link-local, metadata services) is never reached through a name unless the rule says so, because whoever owns the
//! name chooses the address (DNS rebinding). A policy that allows by default does so for public addresses only, and cannot
//! keep a program from a denied name's address that it knows otherwise.

mod gate;
mod grants;
mod pattern;
mod reach;
mod rules;

pub(crate) use gate::Gate;
pub use pattern::PatternError;
pub(crate) use pattern::is_host_name;
pub use rules::{Decision, Mode, Policy, Rule, Subject};
