//! What a machine tells its owner: questions, decisions, limits that are nearly reached.

use crate::session::log::EventLog;
use agentos_account::Warning;
use agentos_kernel::policy::{AuditRecord, PolicyListener, Question, Reply};
use serde::Serialize;
use serde_json::{Value, json};

/// An event of a machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum VmEvent {
    /// A process waits for an answer.
    PermissionRequest {
        /// The question.
        #[serde(flatten)]
        request: Value,
    },
    /// A question is over.
    PermissionAnswer {
        /// The question.
        id: String,
        /// The answer; absent when the process has ended.
        #[serde(skip_serializing_if = "Option::is_none")]
        reply: Option<&'static str>,
    },
    /// A decision was made.
    Audit {
        /// The decision.
        #[serde(flatten)]
        record: Value,
    },
    /// A limit is nearly reached.
    LimitWarning {
        /// Name of the option.
        limit: &'static str,
        /// What is in use, in the option's unit.
        used: f64,
        /// What the option says.
        configured: f64,
    },
    /// The machine was disposed. Always the last event.
    VmShutdown,
}

/// The events of a machine, as the kernel tells them.
#[derive(Default)]
pub struct Events {
    /// All of them.
    pub log: EventLog,
}

impl Events {
    /// A limit is nearly reached.
    pub fn warn(&self, warning: Warning) {
        let number = |value| warning.limit.in_option_unit(value);
        self.log.push(&VmEvent::LimitWarning { limit: warning.limit.option(), used: number(warning.used), configured: number(warning.max) });
    }
}

impl PolicyListener for Events {
    fn asked(&self, question: &Question) {
        self.log.push(&VmEvent::PermissionRequest { request: request(question) });
    }

    fn settled(&self, id: u64, reply: Option<Reply>) {
        self.log.push(&VmEvent::PermissionAnswer { id: id.to_string(), reply: reply.map(Reply::name) });
    }

    fn decided(&self, record: &AuditRecord) {
        self.log.push(&VmEvent::Audit { record: audit_entry(record) });
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A question as the API shows it.
pub fn request(question: &Question) -> Value {
    json!({
        "id": question.id.to_string(),
        "class": question.class.name(),
        "operation": question.operation.name(),
        "object": text(&question.object),
        "why": question.why,
        "pid": question.pid,
        "argv": question.argv.iter().map(|arg| text(arg)).collect::<Vec<_>>(),
        "sessionId": question.session.as_deref(),
    })
}

/// A decision as the API shows it.
pub fn audit_entry(record: &AuditRecord) -> Value {
    json!({
        "decision": record.seq,
        "decidedAt": record.time.as_nanos() as f64 / 1e6,
        "class": record.class.name(),
        "operation": record.operation.name(),
        "object": text(&record.object),
        "mode": record.mode.name(),
        "reply": record.reply.map(Reply::name),
        "allowed": record.allowed,
        "why": record.why,
        "pid": record.pid,
        "sessionId": record.session.as_deref(),
        "suppressed": record.suppressed,
    })
}
