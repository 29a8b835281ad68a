//! The time that file systems stamp files with.

use agentos_abi::Timespec;

/// A source of wall-clock time. Drivers are given one, so that a VM decides what time it is.
pub trait Clock: Send + Sync {
    /// CLOCK_REALTIME, now.
    fn now(&self) -> Timespec;
}
