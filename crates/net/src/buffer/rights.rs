//! Open file descriptions between sendmsg(2) and recvmsg(2).

use crate::RIGHTS_PER_MESSAGE_MAX;
use crate::budget::Budget;
use crate::socket::Rights;
use agentos_abi::{Errno, Result};
use std::sync::Arc;

/// Rights that have left a sender and reached nobody yet; they count against the VM until then.
///
/// Dropping them may close sockets, so it must happen without a lock held.
#[derive(Default)]
pub(crate) struct InFlight {
    rights: Rights,
    budget: Option<Arc<Budget>>,
}

impl InFlight {
    /// Sends rights on their way. Errors: EINVAL (too many in one message), ENOBUFS (too many in the VM).
    pub(crate) fn new(rights: Rights, budget: &Arc<Budget>) -> Result<InFlight> {
        if rights.len() > RIGHTS_PER_MESSAGE_MAX {
            return Err(Errno::EINVAL);
        }
        if rights.is_empty() {
            return Ok(InFlight::default());
        }
        budget.take(rights.len())?;
        Ok(InFlight { rights, budget: Some(budget.clone()) })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rights.is_empty()
    }

    /// A copy for MSG_PEEK, which gives the receiver references of its own.
    pub(crate) fn peek(&self) -> Rights {
        self.rights.clone()
    }

    /// They have arrived.
    pub(crate) fn arrive(mut self) -> Rights {
        self.settle();
        std::mem::take(&mut self.rights)
    }

    fn settle(&mut self) {
        if let Some(budget) = self.budget.take() {
            budget.give(self.rights.len());
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.settle();
    }
}
