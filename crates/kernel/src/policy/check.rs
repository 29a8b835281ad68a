//! The one way to a decision.

use super::audit::AuditRecord;
use super::question::{Found, Question, Reply};
use super::scope::{Said, Scope};
use crate::kernel::Kernel;
use crate::process::Process;
use crate::task::Task;
use agentos_abi::{Errno, Pid, Result};
use agentos_net::Judgement;
use agentos_policy::{Class, Mode, Operation};
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

/// One thing that a call is about to do, and what the rules say of it.
pub(super) struct Want {
    pub(super) class: Class,
    pub(super) operation: Operation,
    pub(super) object: Vec<u8>,
    pub(super) said: Said,
}

impl Kernel {
    /// Decides on all that one call is about to do. A call that is let through after questions has taken their answers; a call
    /// that has to wait has taken none.
    ///
    /// # Errors
    /// EACCES; EWAIT while a question is open.
    pub(super) fn decide(self: &Arc<Self>, process: &Arc<Process>, scope: &Arc<Scope>, wants: &[Want]) -> Result<()> {
        if let Some(want) = wants.iter().find(|want| want.said.mode == Mode::Deny) {
            self.record(process.pid, scope, want, None, false);
            return Err(Errno::EACCES);
        }
        let mut answers = Vec::new();
        let mut open = false;
        for want in wants.iter().filter(|want| want.said.mode == Mode::Ask) {
            // An answer is taken before memory is asked: "always" is both.
            let found = self.questions.find(process.pid, want.operation, &want.object);
            if found == Found::Nothing && scope.remembers(want.operation, &want.object) {
                continue;
            }
            match if found == Found::Nothing { self.ask(process, scope, want) } else { found } {
                Found::Answered(id, reply) => answers.push((want, id, reply)),
                Found::Open => open = true,
                Found::Nothing => {
                    self.record(process.pid, scope, want, None, false);
                    return Err(Errno::EACCES);
                }
            }
        }
        let rejected = answers.iter().any(|(_, _, reply)| *reply == Reply::Reject);
        if open && !rejected {
            return Err(Errno::EWAIT);
        }
        for (want, id, reply) in answers {
            self.questions.take(id);
            self.record(process.pid, scope, want, Some(reply), !rejected && reply != Reply::Reject);
        }
        if rejected {
            return Err(Errno::EACCES);
        }
        // What only a default allows is no decision worth a record: there are thousands in every program's start.
        for want in wants.iter().filter(|want| want.said.mode == Mode::Allow && want.said.ruled) {
            self.record(process.pid, scope, want, None, true);
        }
        Ok(())
    }

    /// Opens the question about `want`; [`Found::Nothing`] when there are too many.
    fn ask(self: &Arc<Self>, process: &Arc<Process>, scope: &Arc<Scope>, want: &Want) -> Found {
        let question = Question {
            id: 0,
            class: want.class,
            operation: want.operation,
            object: want.object.clone(),
            why: want.said.why.clone(),
            pid: process.pid,
            argv: process.exec_info.lock().cmdline.split_inclusive(|b| *b == 0).map(|arg| arg[..arg.len() - 1].to_vec()).collect(),
            session: scope.session().cloned(),
        };
        let Some(question) = self.questions.open(question, process, scope) else { return Found::Nothing };
        if let Some(reply) = self.policy.auto_reply {
            self.questions.answer(question.id, reply);
            return Found::Answered(question.id, reply);
        }
        let expiry = Waker::from(Arc::new(Expiry { kernel: Arc::downgrade(self), id: question.id }));
        if let Some(at) = self.clock.monotonic().checked_add(self.policy.timeout) {
            self.questions.set_timer(question.id, self.timers.wake_at(at, expiry));
        }
        if let Some(listener) = &self.policy.listener {
            listener.asked(&question);
        }
        Found::Open
    }

    /// Puts a process that runs nothing yet into a scope, which its children inherit. Errors: ESRCH.
    pub fn enter_scope(&self, pid: Pid, scope: Arc<Scope>) -> Result<()> {
        let process = self.lock_table().get(pid)?.process.clone();
        *process.scope.write() = Some(scope);
        Ok(())
    }

    /// How long a question stays open.
    pub fn permission_timeout(&self) -> std::time::Duration {
        self.policy.timeout
    }

    /// The scope of the VM.
    pub fn scope(&self) -> &Arc<Scope> {
        &self.policy.scope
    }

    /// Whether a variable of that name may be given to a process from outside.
    ///
    /// # Errors
    /// EACCES, ESRCH, EWAIT as with [`agentos_syscall::ProcessCalls::check_tool`].
    pub fn may_pass(self: &Arc<Self>, pid: Pid, name: &str) -> Result<()> {
        let process = self.lock_table().get(pid)?.process.clone();
        Task::new(self.clone(), process).may(Class::Env, Operation::Pass, || Ok(vec![name.as_bytes().to_vec()]))
    }

    /// Answers a question. False when no question of that number is open: it was answered, its time was over, or its process has
    /// ended.
    pub fn answer(&self, id: u64, reply: Reply) -> bool {
        let answered = self.questions.answer(id, reply);
        if answered && let Some(listener) = &self.policy.listener {
            listener.settled(id, Some(reply));
        }
        answered
    }

    /// The open questions, oldest first.
    pub fn questions(&self) -> Vec<Question> {
        self.questions.list()
    }

    /// The last `limit` decisions, oldest first.
    pub fn audit(&self, limit: usize) -> Vec<AuditRecord> {
        self.audit.last(limit)
    }

    /// Forgets the questions of a process that has ended.
    pub(crate) fn forget_questions(&self, pid: Pid) {
        let Some(listener) = &self.policy.listener else {
            self.questions.forget(pid);
            return;
        };
        for id in self.questions.forget(pid) {
            listener.settled(id, None);
        }
    }

    fn record(&self, pid: Pid, scope: &Scope, want: &Want, reply: Option<Reply>, allowed: bool) {
        let record = AuditRecord {
            seq: 0,
            time: self.clock.realtime(),
            class: want.class,
            operation: want.operation,
            object: want.object.clone(),
            mode: want.said.mode,
            reply,
            allowed,
            why: want.said.why.clone(),
            pid,
            session: scope.session().cloned(),
            suppressed: 0,
        };
        let Some(record) = self.audit.add(record, self.clock.monotonic()) else { return };
        let object = String::from_utf8_lossy(&record.object);
        tracing::debug!(class = record.class.name(), operation = record.operation.name(), %object, allowed, pid, why = %record.why, "decision");
        if let Some(listener) = &self.policy.listener {
            listener.decided(&record);
        }
    }
}

/// Ends a question when its time is over.
struct Expiry {
    kernel: Weak<Kernel>,
    id: u64,
}

impl Wake for Expiry {
    fn wake(self: Arc<Self>) {
        if let Some(kernel) = self.kernel.upgrade() {
            kernel.answer(self.id, Reply::Reject);
        }
    }
}

impl Task {
    /// The scope of the process; `None` for process 1.
    pub(crate) fn scope(&self) -> Option<Arc<Scope>> {
        self.process.scope.read().clone()
    }

    /// Whether this process may do `operation` to an object of a class that is named only if rules want to know.
    ///
    /// # Errors
    /// EACCES, EWAIT.
    pub(crate) fn may(&self, class: Class, operation: Operation, objects: impl FnOnce() -> Result<Vec<Vec<u8>>>) -> Result<()> {
        let Some(scope) = self.scope() else { return Ok(()) };
        if scope.constant(class) == Some(Mode::Allow) {
            return Ok(());
        }
        let want = |object: Vec<u8>| Want { class, operation, said: scope.decide(class, operation, &object), object };
        let wants: Vec<Want> = objects()?.into_iter().map(want).collect();
        self.kernel.decide(&self.process, &scope, &wants)
    }

    /// Whether this process may connect or send to an Internet address.
    ///
    /// # Errors
    /// EACCES, EWAIT. What the VM's own policy refuses is left to the socket, which knows the right errno.
    pub(crate) fn may_connect(&self, to: SocketAddr) -> Result<()> {
        let Some(scope) = self.scope() else { return Ok(()) };
        let Some(judgement) = self.kernel.network.judge_connect(scope.network(), to) else { return Ok(()) };
        let object = match &judgement.name {
            Some(name) => format!("{name}:{} ({})", to.port(), to.ip()),
            None => to.to_string(),
        };
        self.decide_network(&scope, Operation::Connect, object, &judgement)
    }

    /// Whether this process may look a host name up.
    ///
    /// # Errors
    /// EACCES, EWAIT.
    pub(crate) fn may_resolve(&self, name: &str) -> Result<()> {
        let Some(scope) = self.scope() else { return Ok(()) };
        match self.kernel.network.judge_resolve(scope.network(), name) {
            Some(judgement) => self.decide_network(&scope, Operation::Resolve, name.to_owned(), &judgement),
            None => Ok(()),
        }
    }

    fn decide_network(&self, scope: &Arc<Scope>, operation: Operation, object: String, judgement: &Judgement) -> Result<()> {
        let why = match (judgement.mode, judgement.own) {
            (Mode::Allow, _) => String::new(),
            (mode, own) if mode == own => "vm: permissions.network".to_owned(),
            _ => "narrowed: permissions.network".to_owned(),
        };
        let want = Want { class: Class::Network, operation, object: object.into_bytes(), said: Said { mode: judgement.mode, why, ruled: true } };
        let decided = self.kernel.decide(&self.process, scope, &[want]);
        if judgement.own == Mode::Deny { Ok(()) } else { decided }
    }
}
