//! One TCP connection of the host.

use crate::error::errno;
use agentos_abi::socket::Shutdown;
use agentos_abi::{Errno, Events, Result};
use agentos_net::egress::EgressStream;
use agentos_waiter::WaitQueue;
use parking_lot::Mutex;
use socket2::SockRef;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// Most bytes that FIONREAD counts: it looks at them.
const QUEUED_MAX: usize = 64 << 10;

/// A connection, from connect(2) on.
pub(crate) struct HostStream {
    outcome: Arc<OnceLock<Result<TcpStream>>>,
    connecting: AbortHandle,
    /// Wake the guest's tasks that wait to read and to write. The reactor keeps one of each per connection, once it has been
    /// asked and until it has called it.
    readable: Waker,
    writable: Waker,
    no_delay: AtomicBool,
    write_shut: AtomicBool,
    /// An error that looking at the socket took out of it (poll must not swallow it).
    error: Mutex<Option<Errno>>,
}

/// Notifies a wait queue.
struct Notify {
    queue: WaitQueue,
    events: Events,
}

impl Wake for Notify {
    fn wake(self: Arc<Self>) {
        self.queue.notify(self.events);
    }
}

const ENDED: Events = Events::READ.union(Events::WRITE).union(Events::RDHUP).union(Events::HUP);

impl HostStream {
    /// Starts connecting.
    pub(crate) fn connect(runtime: &Handle, to: SocketAddr, queue: &WaitQueue, timeout: Duration) -> HostStream {
        let outcome = Arc::new(OnceLock::new());
        let (result, done) = (outcome.clone(), queue.clone());
        let task = runtime.spawn(async move {
            let connected = match tokio::time::timeout(timeout, TcpStream::connect(to)).await {
                Ok(connected) => connected.map_err(|error| errno(&error)),
                Err(_) => Err(Errno::ETIMEDOUT),
            };
            let _ = result.set(connected);
            done.notify(Events::READ | Events::WRITE | Events::ALWAYS);
        });
        let notify = |events| Waker::from(Arc::new(Notify { queue: queue.clone(), events }));
        HostStream {
            outcome,
            connecting: task.abort_handle(),
            readable: notify(Events::READ | Events::RDHUP | Events::ALWAYS),
            writable: notify(Events::WRITE | Events::ALWAYS),
            no_delay: AtomicBool::new(false),
            write_shut: AtomicBool::new(false),
            error: Mutex::new(None),
        }
    }

    /// Errors: EWAIT while connecting, what connecting failed with.
    fn stream(&self) -> Result<&TcpStream> {
        match self.outcome.get() {
            None => Err(Errno::EWAIT),
            Some(Ok(stream)) => Ok(stream),
            Some(Err(errno)) => Err(*errno),
        }
    }

    /// Looks at what has arrived, or arranges to be woken. Errors: EWAIT, what the connection failed with.
    fn peek(&self, stream: &TcpStream, buf: &mut [u8]) -> Result<usize> {
        match stream.poll_peek(&mut Context::from_waker(&self.readable), &mut ReadBuf::new(buf)) {
            Poll::Pending => Err(Errno::EWAIT),
            Poll::Ready(seen) => seen.map_err(|error| errno(&error)),
        }
    }

    /// Tries until it works or the reactor has been asked to wake.
    fn or_wake<T>(&self, mut call: impl FnMut() -> std::io::Result<T>, ready: impl Fn() -> Poll<std::io::Result<()>>) -> Result<T> {
        if let Some(errno) = self.error.lock().take() {
            return Err(errno);
        }
        loop {
            match call().map_err(|error| errno(&error)) {
                Err(Errno::EWAIT) => {}
                done => return done,
            }
            match ready() {
                Poll::Pending => return Err(Errno::EWAIT),
                Poll::Ready(ready) => ready.map_err(|error| errno(&error))?,
            }
        }
    }
}

impl EgressStream for HostStream {
    fn connected(&self) -> Result<()> {
        let stream = self.stream()?;
        // The option may have been set before there was a socket.
        let _ = stream.set_nodelay(self.no_delay.load(Relaxed));
        Ok(())
    }

    fn receive(&self, buf: &mut [u8], peek: bool) -> Result<usize> {
        let stream = self.stream()?;
        if peek {
            let error = self.error.lock().take();
            return error.map_or_else(|| self.peek(stream, buf), Err);
        }
        self.or_wake(|| stream.try_read(buf), || stream.poll_read_ready(&mut Context::from_waker(&self.readable)))
    }

    fn send(&self, buf: &[u8]) -> Result<usize> {
        let stream = self.stream()?;
        self.or_wake(|| stream.try_write(buf), || stream.poll_write_ready(&mut Context::from_waker(&self.writable)))
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        let stream = self.stream().map_err(|_| Errno::ENOTCONN)?;
        let host = match how {
            Shutdown::Read => std::net::Shutdown::Read,
            Shutdown::Write => std::net::Shutdown::Write,
            Shutdown::Both => std::net::Shutdown::Both,
        };
        SockRef::from(stream).shutdown(host).map_err(|error| errno(&error))?;
        if how != Shutdown::Read {
            self.write_shut.store(true, Relaxed);
        }
        self.readable.wake_by_ref();
        self.writable.wake_by_ref();
        Ok(())
    }

    fn poll(&self) -> Events {
        let stream = match self.stream() {
            Ok(stream) => stream,
            Err(Errno::EWAIT) => return Events::empty(),
            Err(_) => return ENDED | Events::ERR,
        };
        if self.error.lock().is_some() {
            return ENDED | Events::ERR;
        }
        let write_shut = self.write_shut.load(Relaxed);
        let mut events = match self.peek(stream, &mut [0]) {
            Ok(0) if write_shut => Events::READ | Events::RDHUP | Events::HUP,
            Ok(0) => Events::READ | Events::RDHUP,
            Ok(_) => Events::READ,
            Err(Errno::EWAIT) => Events::empty(),
            Err(errno) => {
                *self.error.lock() = Some(errno);
                return ENDED | Events::ERR;
            }
        };
        if write_shut || stream.poll_write_ready(&mut Context::from_waker(&self.writable)).is_ready() {
            events |= Events::WRITE;
        }
        events
    }

    fn take_error(&self) -> Option<Errno> {
        let stream = self.stream().ok()?;
        let pending = self.error.lock().take();
        pending.or_else(|| stream.take_error().ok().flatten().map(|error| errno(&error)))
    }

    fn queued(&self) -> usize {
        let Ok(stream) = self.stream() else { return 0 };
        if self.error.lock().is_some() {
            return 0;
        }
        match self.peek(stream, &mut vec![0; QUEUED_MAX]) {
            Ok(len) => len,
            Err(Errno::EWAIT) => 0,
            Err(errno) => {
                *self.error.lock() = Some(errno);
                0
            }
        }
    }

    fn set_no_delay(&self, on: bool) {
        self.no_delay.store(on, Relaxed);
        if let Ok(stream) = self.stream() {
            let _ = stream.set_nodelay(on);
        }
    }
}

impl Drop for HostStream {
    fn drop(&mut self) {
        self.connecting.abort();
    }
}
