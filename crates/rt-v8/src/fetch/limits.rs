//! Bounds of what a program's requests hold outside its heap.

use super::failure::Failure;
use agentos_abi::Errno;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections of an isolate, idle ones included. Further requests wait for one to end, as a browser's do.
pub const CONNECTIONS: usize = 128;

/// How long a connection stays open for the next request to the same server, as undici's `keepAliveTimeout`.
pub const IDLE: Duration = Duration::from_secs(4);

/// Requests that are being sent or wait to be. ENOBUFS above.
pub const REQUESTS: usize = 4096;

/// Bytes of headers and bodies of those requests. ENOBUFS above.
pub const REQUEST_BYTES: usize = 256 << 20;

/// Bytes of a response's status line and headers, and what HTTP/1.1 buffers of a body nobody reads. Node allows 16 KiB, browsers
/// 256 KiB.
pub const RESPONSE_HEAD_BYTES: usize = 128 << 10;

/// Headers of a response.
pub const RESPONSE_HEADERS: usize = 512;

/// Bytes that a server may send on an HTTP/2 stream before the program has read them.
pub const STREAM_WINDOW_BYTES: u32 = 512 << 10;

/// As [`STREAM_WINDOW_BYTES`], for all streams of a connection.
pub const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// Bytes read from or written to a socket, or passed on from a body, at once.
pub const CHUNK_BYTES: usize = 64 << 10;

/// Size of a file of certificates.
pub const CERTIFICATE_FILE_BYTES: usize = 4 << 20;

/// Headers of a request.
pub const REQUEST_HEADERS: usize = 1024;

/// What the requests of an isolate hold now, whichever client sends them.
pub struct Budget {
    requests: AtomicUsize,
    bytes: AtomicUsize,
    /// One permit per connection.
    connections: Arc<Semaphore>,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { requests: AtomicUsize::new(0), bytes: AtomicUsize::new(0), connections: Arc::new(Semaphore::new(CONNECTIONS)) }
    }
}

/// A request's part of a [`Budget`]; dropping it gives it back.
pub struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// Waits for a free connection.
    ///
    /// # Errors
    /// ENOBUFS when there will be none.
    pub async fn connection(&self) -> Result<OwnedSemaphorePermit, Failure> {
        self.connections.clone().acquire_owned().await.map_err(|_| Failure::call("connect", Errno::ENOBUFS))
    }

    /// Accounts for a request.
    ///
    /// # Errors
    /// ENOBUFS above [`REQUESTS`] or [`REQUEST_BYTES`].
    pub fn charge(self: &Arc<Budget>, bytes: usize) -> Result<Charge, Failure> {
        // The charge is made first, so that failing gives both back.
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let charge = Charge { budget: self.clone(), bytes };
        if self.requests.load(Ordering::Relaxed) > REQUESTS || self.bytes.load(Ordering::Relaxed) > REQUEST_BYTES {
            return Err(Failure::call("write", Errno::ENOBUFS));
        }
        Ok(charge)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.requests.fetch_sub(1, Ordering::Relaxed);
        self.budget.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_above_the_bytes_of_an_isolate_is_refused_until_others_end() {
        let budget = Arc::new(Budget::default());
        let first = budget.charge(REQUEST_BYTES).unwrap();
        assert_eq!(budget.charge(1).err().unwrap().code, "ENOBUFS");
        drop(first);
        budget.charge(REQUEST_BYTES).unwrap();
        assert_eq!(budget.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_request_above_the_count_of_an_isolate_is_refused() {
        let budget = Arc::new(Budget::default());
        let held: Vec<Charge> = (0..REQUESTS).map(|_| budget.charge(0).unwrap()).collect();
        assert!(budget.charge(0).is_err());
        drop(held);
        assert_eq!(budget.requests.load(Ordering::Relaxed), 0);
    }
}
