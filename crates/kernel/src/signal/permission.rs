//! Who may signal whom (kill(2), "For a process to have permission").

use crate::process::Credentials;
use agentos_abi::Signal;

/// Whether `from` may send `signal` to a process with credentials `to`. SIGCONT passes within a session.
pub(crate) fn may_signal(from: &Credentials, to: &Credentials, signal: Option<Signal>, same_session: bool) -> bool {
    from.euid == 0
        || from.euid == to.ruid
        || from.euid == to.suid
        || from.ruid == to.ruid
        || from.ruid == to.suid
        || (same_session && signal == Some(Signal::SIGCONT))
}
