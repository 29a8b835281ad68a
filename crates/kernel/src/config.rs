//! What a kernel is given from outside: its file tree, its clocks, its randomness, its network.

use crate::limits::Limits;
use crate::policy::PolicyConfig;
use agentos_abi::Timespec;
use agentos_net::Network;
use agentos_syscall::Timers;
use agentos_vfs::Namespace;
use std::sync::Arc;
use std::time::Instant;

/// The clocks of the host, as far as a VM may see them.
pub trait Clock: Send + Sync {
    /// Time since the epoch (CLOCK_REALTIME).
    fn realtime(&self) -> Timespec;
    /// A clock that never goes back (CLOCK_MONOTONIC counts from the kernel's start).
    fn monotonic(&self) -> Instant;
}

/// A source of cryptographic random bytes.
pub trait Random: Send + Sync {
    /// Fills all of `buf`.
    fn fill(&self, buf: &mut [u8]);
}

/// Everything that [`Kernel::new`](crate::Kernel::new) needs.
pub struct KernelConfig {
    /// The file tree, root mounted.
    pub namespace: Arc<Namespace>,
    /// Initial host name, at most 64 bytes.
    pub hostname: String,
    /// Bounds of the whole VM.
    pub limits: Limits,
    /// What processes may do.
    pub policy: PolicyConfig,
    /// Timers for deadlines and setitimer(2).
    pub timers: Arc<dyn Timers>,
    /// Clocks.
    pub clock: Arc<dyn Clock>,
    /// Randomness of getrandom(2) and /dev/urandom.
    pub random: Arc<dyn Random>,
    /// The network that socket(2) reaches.
    pub network: Arc<dyn Network>,
}
