//! The way out of the VM, as a trait: `agentos-net-host` implements it with real sockets.
//!
//! The virtual network asks only for destinations that the policy has allowed, so an implementation checks nothing.

use agentos_abi::socket::Shutdown;
use agentos_abi::{Errno, Events, Result};
use agentos_waiter::WaitQueue;
use std::net::{IpAddr, SocketAddr};

/// Called once, from any thread, with the end of a look-up. Must not block.
pub type LookupDone = Box<dyn FnOnce(Result<Vec<IpAddr>>) + Send>;

/// Connections and look-ups outside the VM. No method waits.
pub trait Egress: Send + Sync {
    /// Starts a TCP connection. `queue` is notified of every change of [`EgressStream::poll`], its end included.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOBUFS of the host; failures of the connection itself come with [`EgressStream::connected`].
    fn connect(&self, to: SocketAddr, queue: &WaitQueue) -> Result<Box<dyn EgressStream>>;

    /// Looks `name` up, a lower-case host name without a final dot, and calls `done`, perhaps at once: with ENOENT for a name
    /// that does not exist or has no address, EIO when the resolver failed.
    fn resolve(&self, name: &str, done: LookupDone);
}

/// A TCP connection to the outside. Dropping it closes it, also while it is being made.
pub trait EgressStream: Send + Sync {
    /// How connecting stands.
    ///
    /// # Errors
    /// EWAIT while it goes on; then, each time, what it failed with: ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, ETIMEDOUT.
    fn connected(&self) -> Result<()>;

    /// Takes bytes; `peek` leaves them there. 0 is the end.
    ///
    /// # Errors
    /// EWAIT (the queue is notified of IN), ECONNRESET, ETIMEDOUT.
    fn receive(&self, buf: &mut [u8], peek: bool) -> Result<usize>;

    /// Sends bytes, as many as there is room for.
    ///
    /// # Errors
    /// EWAIT (the queue is notified of OUT), EPIPE, ECONNRESET, ETIMEDOUT.
    fn send(&self, buf: &[u8]) -> Result<usize>;

    /// Ends one or both directions. Errors: ENOTCONN.
    fn shutdown(&self, how: Shutdown) -> Result<()>;

    /// What it is ready for, and arranges that the queue hears of what it is not ready for.
    fn poll(&self) -> Events;

    /// SO_ERROR: the pending error, which is cleared.
    fn take_error(&self) -> Option<Errno>;

    /// Bytes that can be read now (FIONREAD); 0 when that cannot be told.
    fn queued(&self) -> usize;

    /// Sets TCP_NODELAY. Failure has no consequence.
    fn set_no_delay(&self, on: bool);
}
