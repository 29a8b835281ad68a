//! One JSON-RPC connection: matches answers with requests, hands the rest to a [`Peer`].
//!
//! Three tasks per connection: one reads lines, one writes them, one ends the agent when asked. All queues are bounded; what an
//! agent sends too much of waits in its pipe, and the agent with it.

use super::protocol::{self, Message, RpcError};
use super::transport::{Ended, Transport};
use crate::host;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};

/// Longest line that an agent may send, in bytes. A longer one ends the connection.
pub const MAX_LINE_BYTES: usize = 16 << 20;
/// Most requests of the host that wait for an answer.
pub const MAX_PENDING_REQUESTS: usize = 256;
/// Most requests of the agent that the host works on; further lines wait in the pipe.
pub const MAX_INCOMING_REQUESTS: usize = 64;
/// Most lines that wait to be written.
const OUTGOING_LINES: usize = 256;

/// Whoever handles what an agent sends on its own account. Called in the order of arrival; must not block.
pub trait Peer: Send + Sync + 'static {
    /// The agent tells something.
    fn notification(&self, method: String, params: Value);
    /// The agent asks something.
    fn request(&self, request: IncomingRequest);
    /// A line that is not part of the protocol.
    fn stray(&self, reason: &str, line: &[u8]);
    /// The agent has ended. Nothing follows.
    fn ended(&self, ended: &Ended);
}

/// A request of the agent. Dropping it unanswered tells the agent so.
pub struct IncomingRequest {
    /// What is asked.
    pub method: String,
    /// Parameters; `Null` when absent.
    pub params: Value,
    id: Value,
    outgoing: mpsc::Sender<Vec<u8>>,
    _slot: tokio::sync::OwnedSemaphorePermit,
    answered: bool,
}

impl IncomingRequest {
    /// Answers.
    pub fn answer(mut self, outcome: Result<Value, RpcError>) {
        self.send(&outcome);
    }

    fn send(&mut self, outcome: &Result<Value, RpcError>) {
        self.answered = true;
        let (line, outgoing) = (protocol::response(&self.id, outcome), self.outgoing.clone());
        if let Err(mpsc::error::TrySendError::Full(line)) = outgoing.try_send(line) {
            // At most MAX_INCOMING_REQUESTS of these exist.
            host::runtime().spawn(async move { outgoing.send(line).await });
        }
    }
}

impl Drop for IncomingRequest {
    fn drop(&mut self) {
        if !self.answered {
            self.send(&Err(RpcError::new(protocol::INTERNAL_ERROR, "the request was given up")));
        }
    }
}

/// Why a request got no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestError {
    /// The agent refused.
    Refused(RpcError),
    /// The agent has ended.
    Ended(Ended),
    /// [`MAX_PENDING_REQUESTS`] wait already.
    TooMany,
}

/// The host's end. Dropping it ends the agent.
pub struct Connection {
    outgoing: mpsc::Sender<Vec<u8>>,
    pending: Arc<Mutex<Pending>>,
    close: Arc<Notify>,
    ended: watch::Receiver<Option<Ended>>,
}

#[derive(Default)]
struct Pending {
    last_id: u64,
    waiting: HashMap<u64, oneshot::Sender<Result<Value, RequestError>>>,
    ended: Option<Ended>,
}

impl Connection {
    /// Starts the tasks of a connection over `transport`.
    pub fn start<T: Transport>(transport: T, peer: Arc<dyn Peer>) -> Connection {
        let transport = Arc::new(transport);
        let (outgoing, lines) = mpsc::channel(OUTGOING_LINES);
        let (tell_end, ended) = watch::channel(None);
        let (pending, close) = (Arc::new(Mutex::new(Pending::default())), Arc::new(Notify::new()));
        let reader = Reader { pending: pending.clone(), peer, outgoing: outgoing.downgrade(), slots: Arc::new(Semaphore::new(MAX_INCOMING_REQUESTS)) };
        host::runtime().spawn(write_lines(transport.clone(), lines));
        host::runtime().spawn(close_when_asked(transport.clone(), close.clone(), ended.clone()));
        host::runtime().spawn(async move {
            reader.read_lines(&*transport).await;
            let end = transport.ended().await;
            reader.finish(&end);
            let _ = tell_end.send(Some(end));
        });
        Connection { outgoing, pending, close, ended }
    }

    /// Asks and waits for the answer. Giving up the future gives up the request; the agent is told by `$/cancel_request`.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn request(&self, method: &str, params: &Value) -> Result<Value, RequestError> {
        let (tell, told) = oneshot::channel();
        let id = self.register(tell)?;
        let mut waiting = Waiting { connection: self, id, done: false };
        // Fails only when the writer has ended, and then the reader tells how the agent ended.
        let _ = self.outgoing.send(protocol::request(id, method, params)).await;
        let answer = told.await;
        waiting.done = true;
        answer.unwrap_or_else(|_| Err(RequestError::Ended(Ended::default())))
    }

    fn register(&self, tell: oneshot::Sender<Result<Value, RequestError>>) -> Result<u64, RequestError> {
        let mut pending = self.pending.lock();
        if let Some(ended) = &pending.ended {
            return Err(RequestError::Ended(ended.clone()));
        }
        if pending.waiting.len() >= MAX_PENDING_REQUESTS {
            return Err(RequestError::TooMany);
        }
        pending.last_id += 1;
        let id = pending.last_id;
        pending.waiting.insert(id, tell);
        Ok(id)
    }

    /// Tells the agent something.
    pub async fn notify(&self, method: &str, params: &Value) {
        let _ = self.outgoing.send(protocol::notification(method, params)).await;
    }

    /// Makes the agent end. Returns at once; [`wait`](Connection::wait) tells when it has.
    pub fn close(&self) {
        self.close.notify_one();
    }

    /// Waits for the agent's end.
    pub async fn wait(&self) -> Ended {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or_default(),
            Err(_) => Ended::default(),
        }
    }

    /// How the agent ended; `None` while it runs.
    pub fn end(&self) -> Option<Ended> {
        self.ended.borrow().clone()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close.notify_one();
    }
}

/// A request whose future may be dropped before the answer.
struct Waiting<'a> {
    connection: &'a Connection,
    id: u64,
    done: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.done && self.connection.pending.lock().waiting.remove(&self.id).is_some() {
            // A full queue means that the agent does not read: it would not see this line either.
            let _ = self.connection.outgoing.try_send(protocol::notification("$/cancel_request", &serde_json::json!({ "requestId": self.id })));
        }
    }
}

async fn write_lines<T: Transport>(transport: Arc<T>, mut lines: mpsc::Receiver<Vec<u8>>) {
    while let Some(line) = lines.recv().await {
        if transport.write(&line).await.is_err() {
            // It does not listen any more, so it will never answer.
            return transport.close().await;
        }
    }
}

async fn close_when_asked<T: Transport>(transport: Arc<T>, close: Arc<Notify>, mut ended: watch::Receiver<Option<Ended>>) {
    let asked = tokio::select! {
        () = close.notified() => true,
        _ = ended.wait_for(Option::is_some) => false,
    };
    if asked {
        transport.close().await;
    }
}

struct Reader {
    pending: Arc<Mutex<Pending>>,
    peer: Arc<dyn Peer>,
    /// Weak: the writer must end with the [`Connection`], not with the agent.
    outgoing: mpsc::WeakSender<Vec<u8>>,
    slots: Arc<Semaphore>,
}

impl Reader {
    /// Reads until the agent closes its output or breaks the protocol beyond repair.
    async fn read_lines<T: Transport>(&self, transport: &T) {
        let mut buffer: Vec<u8> = Vec::new();
        loop {
            let chunk = match transport.read().await {
                Ok(chunk) if !chunk.is_empty() => chunk,
                _ => break,
            };
            let mut rest = &chunk[..];
            while let Some(end) = rest.iter().position(|b| *b == b'\n') {
                buffer.extend_from_slice(&rest[..end]);
                rest = &rest[end + 1..];
                self.line(&std::mem::take(&mut buffer)).await;
            }
            if buffer.len() + rest.len() > MAX_LINE_BYTES {
                self.peer.stray(&format!("a line of more than {MAX_LINE_BYTES} bytes"), &buffer);
                return transport.close().await;
            }
            buffer.extend_from_slice(rest);
        }
        if !buffer.is_empty() {
            self.line(&buffer).await;
        }
    }

    async fn line(&self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        match Message::parse(line) {
            Ok(Message::Notification { method, params }) => self.peer.notification(method, params),
            Ok(Message::Request { id, method, params }) => self.request(id, method, params).await,
            Ok(Message::Response { id, outcome }) => {
                let waiting = id.as_u64().and_then(|id| self.pending.lock().waiting.remove(&id));
                // An answer nobody waits for belongs to a request that was given up.
                if let Some(waiting) = waiting {
                    let _ = waiting.send(outcome.map_err(RequestError::Refused));
                }
            }
            Err(reason) => self.peer.stray(&reason, line),
        }
    }

    async fn request(&self, id: Value, method: String, params: Value) {
        let (Ok(slot), Some(outgoing)) = (self.slots.clone().acquire_owned().await, self.outgoing.upgrade()) else { return };
        self.peer.request(IncomingRequest { method, params, id, outgoing, _slot: slot, answered: false });
    }

    fn finish(&self, end: &Ended) {
        let waiting = {
            let mut pending = self.pending.lock();
            pending.ended = Some(end.clone());
            std::mem::take(&mut pending.waiting)
        };
        self.peer.ended(end);
        for (_, tell) in waiting {
            let _ = tell.send(Err(RequestError::Ended(end.clone())));
        }
    }
}
