//! Calls in flight: numbers, answers, cancellation.

use agentos_abi::OpenFlags;
use agentos_abi::fcntl::AT_FDCWD;
use agentos_syscall::{HostTools, Syscalls, ToolAnswers, ToolCall, ToolRefusal, ToolReply};
use agentos_tools::{Toolkits, finish};
use parking_lot::Mutex;
use serde_json::Map;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::mpsc;

/// Calls of one VM that have not been answered.
pub const MAX_CALLS: usize = 256;
/// Pieces of an answer that wait for their reader; the host waits before it gives more.
const MAX_WAITING: usize = 2;
/// Bytes of /proc/PID/environ that are looked at.
const MAX_ENVIRONMENT: usize = 1 << 20;

/// The functions of the host. Both are called from any thread and must not block.
pub trait Host: Send + Sync {
    /// Makes a call. Answers go to [`Calls::reply`].
    fn call(&self, id: u64, call: ToolCall);
    /// Nobody waits for this call any more.
    fn cancel(&self, id: u64);
}

/// The host tools of a VM.
pub struct Calls {
    this: Weak<Calls>,
    kits: Toolkits,
    host: OnceLock<Arc<dyn Host>>,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, mpsc::Sender<ToolReply>>>,
}

impl Calls {
    /// For these toolkits. Calls fail until there is a host.
    pub fn new(kits: Toolkits) -> Arc<Calls> {
        Arc::new_cyclic(|this| Calls { this: this.clone(), kits, host: OnceLock::new(), next: AtomicU64::new(1), waiting: Mutex::default() })
    }

    /// Gives the functions; a second host is ignored.
    pub fn set_host(&self, host: Arc<dyn Host>) {
        let _ = self.host.set(host);
    }

    /// The toolkits.
    pub fn kits(&self) -> &Toolkits {
        &self.kits
    }

    /// A piece of an answer, from the host. Waits while the reader is behind. `false`: nobody reads any more.
    pub async fn reply(&self, id: u64, reply: ToolReply) -> bool {
        let Some(sender) = self.sender(id, &reply) else { return false };
        sender.send(reply).await.is_ok()
    }

    /// The end of an answer, without waiting. `false`: nobody reads any more.
    pub fn end(self: &Arc<Self>, id: u64, end: ToolReply) -> bool {
        let Some(sender) = self.sender(id, &end) else { return false };
        match sender.try_send(end) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(end)) => {
                // Pieces still wait for their reader.
                crate::host::runtime().spawn(async move { sender.send(end).await });
                true
            }
        }
    }

    fn sender(&self, id: u64, reply: &ToolReply) -> Option<mpsc::Sender<ToolReply>> {
        let mut waiting = self.waiting.lock();
        match reply {
            ToolReply::Chunk(_) => waiting.get(&id).cloned(),
            ToolReply::End(_) => waiting.remove(&id),
        }
    }

    /// Makes a call whose arguments have been checked.
    pub fn begin(self: &Arc<Self>, call: ToolCall) -> Result<Answers, ToolRefusal> {
        let Some(host) = self.host.get() else { return Err(ToolRefusal::Busy) };
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        {
            let mut waiting = self.waiting.lock();
            if waiting.len() >= MAX_CALLS {
                return Err(ToolRefusal::Busy);
            }
            waiting.insert(id, sender);
        }
        host.call(id, call);
        Ok(Answers { calls: self.clone(), id, receiver, ended: false })
    }
}

impl HostTools for Calls {
    fn keys(&self, toolkit: &str) -> Option<Vec<String>> {
        Some(self.kits.get(toolkit)?.tools.iter().map(|tool| tool.spec.key.clone()).collect())
    }

    fn call(&self, caller: &Arc<dyn Syscalls>, toolkit: &str, tool: &str, arguments: &str) -> Result<Box<dyn ToolAnswers>, ToolRefusal> {
        let kit = self.kits.get(toolkit).ok_or_else(|| ToolRefusal::Unknown(format!("no toolkit {toolkit:?}")))?;
        let found = kit.find(tool).ok_or_else(|| ToolRefusal::Unknown(format!("toolkit {toolkit:?} has no tool {tool:?}")))?;
        let arguments = finish(kit, found, Map::new(), Some(arguments)).map_err(|usage| {
            let first = usage.0.split_once(": ").map_or(usage.0.as_str(), |(_, rest)| rest);
            ToolRefusal::Arguments(first.split("\nUsage:").next().unwrap_or(first).to_owned())
        })?;
        let call = request(caller, toolkit, &found.spec.key, arguments.to_string());
        let this = self.this.upgrade().ok_or(ToolRefusal::Busy)?;
        this.begin(call).map(|answers| Box::new(answers) as Box<dyn ToolAnswers>)
    }
}

/// A call in the name of a process.
pub fn request(caller: &Arc<dyn Syscalls>, toolkit: &str, tool: &str, arguments: String) -> ToolCall {
    let cwd = caller.getcwd().map(|path| String::from_utf8_lossy(&path).into_owned()).unwrap_or_default();
    ToolCall { toolkit: toolkit.into(), tool: tool.into(), arguments, pid: caller.getpid(), cwd, env: environment(&**caller) }
}

/// The environment that the process was started with.
fn environment(task: &dyn Syscalls) -> Vec<(String, String)> {
    let Ok(fd) = task.openat(AT_FDCWD, b"/proc/self/environ", OpenFlags::CLOEXEC, 0) else { return Vec::new() };
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    while bytes.len() < MAX_ENVIRONMENT {
        match task.read(fd, &mut chunk) {
            Ok(n) if n > 0 => bytes.extend_from_slice(&chunk[..n]),
            _ => break,
        }
    }
    let _ = task.close(fd);
    pairs(bytes.split(|byte| *byte == 0))
}

/// `NAME=value` strings as pairs.
pub fn pairs<'a>(strings: impl Iterator<Item = &'a [u8]>) -> Vec<(String, String)> {
    strings.filter_map(|text| String::from_utf8_lossy(text).split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}

/// The answers to one call; dropped early, the call is cancelled.
pub struct Answers {
    calls: Arc<Calls>,
    id: u64,
    receiver: mpsc::Receiver<ToolReply>,
    ended: bool,
}

impl ToolAnswers for Answers {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<ToolReply>> + Send + '_>> {
        Box::pin(async {
            let reply = self.receiver.recv().await;
            self.ended |= !matches!(reply, Some(ToolReply::Chunk(_)));
            reply
        })
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.calls.waiting.lock().remove(&self.id);
        if let Some(host) = self.calls.host.get() {
            host.cancel(self.id);
        }
    }
}
