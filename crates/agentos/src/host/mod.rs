//! What the kernel needs from the host: time, randomness, timers, and threads for what waits.

mod clock;
mod timers;

pub use clock::{HostClock, HostRandom};
pub use timers::HostTimers;

use std::sync::LazyLock;

/// The threads on which host-side waits run (pipes of `exec`, sessions, sockets). Shared by all VMs of the process.
///
/// Two threads: nothing computes here.
pub fn runtime() -> &'static tokio::runtime::Handle {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
        let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("agentos-host").enable_all().build();
        // Fails only when the host cannot start a thread: no VM could run then.
        built.unwrap_or_else(|error| panic!("cannot start host threads: {error}"))
    });
    RUNTIME.handle()
}
