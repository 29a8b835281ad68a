//! What carries the lines of an agent: the standard streams of a process of the VM.

use crate::Process;
use crate::host;
use agentos_abi::{Errno, Signal, WaitStatus};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of standard error kept for error messages.
const STDERR_TAIL_BYTES: usize = 8 * 1024;
/// Most bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// How long an agent may go on after its standard input ended, and again after SIGTERM.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// How an agent ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Exit status as a shell shows it: 128 plus the signal for one that was killed.
    pub exit_code: Option<i32>,
    /// Name of the signal that killed it.
    pub signal: Option<String>,
    /// The last of what it printed on standard error.
    pub stderr: String,
}

impl Ended {
    /// `"exited with status 1; its standard error ends with: ..."`.
    pub fn describe(&self) -> String {
        let how = match (&self.signal, self.exit_code) {
            (Some(signal), _) => format!("was killed by {signal}"),
            (None, Some(code)) => format!("exited with status {code}"),
            (None, None) => "closed the connection".to_owned(),
        };
        match self.stderr.trim() {
            "" => how,
            tail => format!("{how}; its standard error ends with: {tail}"),
        }
    }
}

/// A pair of byte streams with an agent at the far end.
pub trait Transport: Send + Sync + 'static {
    /// The next bytes from the agent; empty at the end.
    fn read(&self) -> impl Future<Output = Result<Vec<u8>, Errno>> + Send;
    /// Sends all of `bytes`.
    fn write(&self, bytes: &[u8]) -> impl Future<Output = Result<(), Errno>> + Send;
    /// Waits for the agent's end.
    fn ended(&self) -> impl Future<Output = Ended> + Send;
    /// Makes the agent end: politely first, then by force.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// An agent that is a process of the VM.
pub struct ProcessTransport {
    process: Arc<Process>,
    stderr: Arc<Mutex<VecDeque<u8>>>,
    drained: tokio::sync::watch::Receiver<bool>,
}

impl ProcessTransport {
    /// Takes over the streams of `process`.
    pub fn new(process: Process) -> ProcessTransport {
        let (process, stderr) = (Arc::new(process), Arc::new(Mutex::new(VecDeque::new())));
        let (done, drained) = tokio::sync::watch::channel(false);
        let (source, tail) = (process.clone(), stderr.clone());
        host::runtime().spawn(async move {
            while let Ok(chunk) = source.read_stderr(CHUNK_BYTES).await {
                if chunk.is_empty() {
                    break;
                }
                keep_tail(&mut tail.lock(), &chunk);
            }
            let _ = done.send(true);
        });
        ProcessTransport { process, stderr, drained }
    }
}

fn keep_tail(tail: &mut VecDeque<u8>, chunk: &[u8]) {
    tail.extend(&chunk[chunk.len().saturating_sub(STDERR_TAIL_BYTES)..]);
    let excess = tail.len().saturating_sub(STDERR_TAIL_BYTES);
    tail.drain(..excess);
}

impl Transport for ProcessTransport {
    async fn read(&self) -> Result<Vec<u8>, Errno> {
        self.process.read_stdout(CHUNK_BYTES).await
    }

    async fn write(&self, bytes: &[u8]) -> Result<(), Errno> {
        self.process.write_stdin(bytes).await
    }

    async fn ended(&self) -> Ended {
        // An agent that closed its output but lives on is of no use either.
        if tokio::time::timeout(CLOSE_GRACE, self.process.wait()).await.is_err() {
            let _ = self.process.kill_group(Signal::SIGKILL);
        }
        let status = self.process.wait().await.ok().map(|waited| waited.status);
        // What it printed last may still be in the pipe; a grandchild may hold the pipe open for ever.
        let _ = tokio::time::timeout(CLOSE_GRACE, self.drained.clone().wait_for(|done| *done)).await;
        let stderr = String::from_utf8_lossy(self.stderr.lock().make_contiguous()).into_owned();
        let signal = match status {
            Some(WaitStatus::Signaled { signal, .. }) => Some(signal.name().to_owned()),
            _ => None,
        };
        Ended { exit_code: status.map(WaitStatus::shell_code), signal, stderr }
    }

    async fn close(&self) {
        self.process.close_stdin();
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            if tokio::time::timeout(CLOSE_GRACE, self.process.wait()).await.is_ok() {
                return;
            }
            let _ = self.process.kill_group(signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_in_words() {
        let cases = [
            (Ended { exit_code: Some(1), signal: None, stderr: "boom\n".into() }, "exited with status 1; its standard error ends with: boom"),
            (Ended { exit_code: Some(137), signal: Some("SIGKILL".into()), stderr: String::new() }, "was killed by SIGKILL"),
            (Ended::default(), "closed the connection"),
        ];
        for (ended, expected) in cases {
            assert_eq!(ended.describe(), expected);
        }
    }

    #[test]
    fn only_the_tail_of_standard_error_is_kept() {
        let mut tail = VecDeque::new();
        keep_tail(&mut tail, &[b'a'; STDERR_TAIL_BYTES]);
        keep_tail(&mut tail, b"end");
        assert_eq!(tail.len(), STDERR_TAIL_BYTES);
        assert!(tail.make_contiguous().ends_with(b"aend"));
        keep_tail(&mut tail, &[b'b'; STDERR_TAIL_BYTES + 5]);
        assert!(tail.iter().all(|b| *b == b'b') && tail.len() == STDERR_TAIL_BYTES);
    }
}
