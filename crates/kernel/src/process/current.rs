//! Which process a thread is making a call for (Linux' `current`), so that /proc/self can lead somewhere.
//!
//! Set for the time of a path walk only; inode methods have no other way to learn who asks.

use agentos_abi::Pid;
use std::cell::Cell;

thread_local! {
    static CURRENT: Cell<Pid> = const { Cell::new(0) };
}

/// Restores the previous process when dropped.
pub(crate) struct Entered(Pid);

/// Makes `pid` current on this thread until the guard is dropped.
pub(crate) fn enter(pid: Pid) -> Entered {
    Entered(CURRENT.replace(pid))
}

/// The current process; 0 outside any call.
pub(crate) fn pid() -> Pid {
    CURRENT.get()
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}
