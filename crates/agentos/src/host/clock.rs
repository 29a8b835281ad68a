//! The host's clocks and randomness, as the kernel's traits.

use agentos_abi::Timespec;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The host's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostClock;

impl HostClock {
    fn realtime() -> Timespec {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(Timespec::default(), Timespec::from)
    }
}

impl agentos_kernel::Clock for HostClock {
    fn realtime(&self) -> Timespec {
        HostClock::realtime()
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

impl agentos_vfs::Clock for HostClock {
    fn now(&self) -> Timespec {
        HostClock::realtime()
    }
}

/// The host's random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostRandom;

impl agentos_kernel::Random for HostRandom {
    fn fill(&self, buf: &mut [u8]) {
        // The host's getrandom(2) does not fail once it is seeded; a VM without randomness would be worse than none.
        if let Err(error) = getrandom::fill(buf) {
            panic!("the host has no randomness: {error}");
        }
    }
}
