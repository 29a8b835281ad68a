//! Sessions and their controlling terminals (setsid(2)).

use super::Table;
use crate::tty::Tty;
use agentos_abi::{Errno, Pid, Result};
use std::sync::Arc;

impl Table {
    /// setsid(2). Errors: EPERM for the leader of a group.
    pub(crate) fn new_session(&mut self, caller: Pid) -> Result<Pid> {
        self.get(caller)?;
        if self.iter().any(|(_, e)| e.group == caller) {
            return Err(Errno::EPERM);
        }
        let entry = self.get_mut(caller)?;
        entry.group = caller;
        entry.session = caller;
        Ok(caller)
    }

    /// The controlling terminal of a session.
    pub(crate) fn terminal(&self, session: Pid) -> Option<&Arc<Tty>> {
        self.terminals.get(&session)
    }

    /// Gives a session a terminal; answers the group in the foreground. The caller has checked that both are free.
    pub(crate) fn attach_terminal(&mut self, session: Pid, tty: Arc<Tty>) {
        self.terminals.insert(session, tty);
    }

    /// Takes the terminal of a session away.
    pub(crate) fn detach_terminal(&mut self, session: Pid) -> Option<Arc<Tty>> {
        self.terminals.remove(&session)
    }
}
