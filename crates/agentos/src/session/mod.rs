//! Agent sessions: a coding agent of the VM, driven over the Agent Client Protocol (<https://agentclientprotocol.com>, wire version 1).
//!
//! An agent is a program of the VM that speaks JSON-RPC 2.0 on its standard streams, one message per line. The layers, from the
//! bottom: [`transport`] carries bytes, [`connection`] matches requests with answers, [`protocol`] names the messages, and
//! [`AgentSession`] is what the host holds: prompts in, a numbered log of events out ([`log`]).
//!
//! The agent is a guest, so nothing of what it sends is trusted: lines, requests at work and the log are bounded, and what is not
//! JSON-RPC becomes an event, never a fault of the host.
//!
//! Not to be confused with a POSIX session (setsid(2)), which the kernel has.

pub mod connection;
mod create;
pub mod log;
pub mod mcp;
pub mod permission;
pub mod protocol;
mod services;
mod session;
#[cfg(test)]
mod tests;
mod transcript;
pub mod transport;

pub use create::SessionOptions;
pub use log::{Event, EventBody};
pub use permission::{PermissionPolicy, PermissionReply};
pub use services::ClientFiles;
pub use session::{AgentSession, PromptResult, Setup};
pub use transcript::TranscriptEntry;
