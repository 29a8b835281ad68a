//! What processes may do beyond their permission bits: the policy of the VM, narrowed for some of its processes.
//!
//! A process has a [`Scope`], inherited by fork(2): the VM's rules, and perhaps a session's or one call's on top. Process 1, which
//! acts for the owner of the VM, has none and may do everything. [`check`] has the one function that every check goes
//! through; [`guard`] is its side towards the file tree. Where the answer is "ask", the call answers EWAIT and a [`Question`]
//! is open until somebody outside answers it or its time is over; then the call, tried again, finds the answer.
//!
//! What a class without rules says is known without naming the object, so that it costs next to nothing.

mod audit;
mod check;
mod guard;
mod question;
mod scope;

pub use audit::{AuditRecord, MAX_AUDIT_RECORDS};
pub use question::{MAX_OPEN_QUESTIONS, MAX_OPEN_QUESTIONS_OF_PROCESS, Question, Reply};
pub use scope::{Rules, Scope, SessionName};

pub(crate) use audit::Audit;
pub(crate) use question::Questions;

use std::sync::Arc;
use std::time::Duration;

/// What the owner of a VM hears of its policy. Called from any thread, also under locks of the kernel: it must not wait and not
/// call the kernel back.
pub trait PolicyListener: Send + Sync {
    /// A process waits for an answer.
    fn asked(&self, question: &Question);
    /// A question is over: it was answered, its time is up, or its process has ended.
    fn settled(&self, id: u64, reply: Option<Reply>);
    /// A decision was made. Rate limited.
    fn decided(&self, record: &AuditRecord);
}

/// How a kernel decides.
#[derive(Clone)]
pub struct PolicyConfig {
    /// The scope of processes that process 1 starts, unless it gives them a narrower one.
    pub scope: Arc<Scope>,
    /// Who is told.
    pub listener: Option<Arc<dyn PolicyListener>>,
    /// How long a question stays open; then the answer is no.
    pub timeout: Duration,
    /// Answers every question at once.
    pub auto_reply: Option<Reply>,
}

/// Time to answer a question, when the owner of the VM says nothing else.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

impl Default for PolicyConfig {
    /// Everything is allowed but what the network's own policy refuses.
    fn default() -> PolicyConfig {
        PolicyConfig { scope: Scope::new(Rules::default()), listener: None, timeout: DEFAULT_TIMEOUT, auto_reply: None }
    }
}
