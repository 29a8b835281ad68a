//! The way out of a VM over the host's sockets: what `agentos-net` asks for after its policy has allowed it.
//!
//! The only crate that may touch the host's network. No thread and, once a connection is made, no task belongs to one: its
//! readiness comes from the runtime's reactor straight into the wait queue of the VM's socket, and its bytes stay in the
//! host's socket buffers until a program takes them, which is what pushes back on the other side.

mod error;
mod stream;

use agentos_abi::{Errno, Result};
use agentos_net::egress::{Egress, EgressStream, LookupDone};
use agentos_waiter::WaitQueue;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use stream::HostStream;
use tokio::runtime::Handle;

/// How long a connection may take to be made, unless told otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The host's network. Checks nothing: the virtual network's policy has.
pub struct HostEgress {
    runtime: Handle,
    connect_timeout: Duration,
}

impl HostEgress {
    /// An egress that runs on `runtime`, which must drive I/O and time and outlive the VM.
    pub fn new(runtime: Handle) -> Arc<HostEgress> {
        HostEgress::with_connect_timeout(runtime, CONNECT_TIMEOUT)
    }

    /// The same with another bound on connecting; ETIMEDOUT beyond.
    pub fn with_connect_timeout(runtime: Handle, connect_timeout: Duration) -> Arc<HostEgress> {
        Arc::new(HostEgress { runtime, connect_timeout })
    }
}

impl Egress for HostEgress {
    fn connect(&self, to: SocketAddr, queue: &WaitQueue) -> Result<Box<dyn EgressStream>> {
        Ok(Box::new(HostStream::connect(&self.runtime, to, queue, self.connect_timeout)))
    }

    /// Asks getaddrinfo(3) on a blocking thread; the virtual network bounds how many at a time.
    fn resolve(&self, name: &str, done: LookupDone) {
        let name = name.to_string();
        self.runtime.spawn(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            done(found.map(|addresses| distinct(addresses.map(|addr| addr.ip()))).map_err(|failure| lookup_errno(&failure)));
        });
    }
}

fn distinct(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut list = Vec::new();
    for address in addresses {
        if !list.contains(&address) {
            list.push(address);
        }
    }
    list
}

/// The standard library tells EAI_NONAME from EAI_AGAIN by the text of gai_strerror(3) only.
fn lookup_errno(failure: &std::io::Error) -> Errno {
    if failure.raw_os_error().is_some() || failure.to_string().contains("Temporary failure") { Errno::EIO } else { Errno::ENOENT }
}
