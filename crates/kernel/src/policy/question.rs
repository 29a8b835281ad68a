//! Questions to somebody outside, and the processes that wait for the answers.

use super::scope::Scope;
use crate::process::Process;
use agentos_abi::{Events, Pid};
use agentos_policy::{Class, Operation};
use parking_lot::Mutex;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// Most questions open in a VM. What would be one more is refused (EACCES).
pub const MAX_OPEN_QUESTIONS: usize = 64;
/// Most questions, open or answered and not yet acted upon, of one process. What would be one more is refused (EACCES).
pub const MAX_OPEN_QUESTIONS_OF_PROCESS: usize = 16;

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Yes, this time.
    Once,
    /// Yes, and do not ask again for the same operation on the same object.
    Always,
    /// No.
    Reject,
}

impl Reply {
    /// As it is written in the API.
    pub fn name(self) -> &'static str {
        match self {
            Reply::Once => "once",
            Reply::Always => "always",
            Reply::Reject => "reject",
        }
    }
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Names it in the answer; unique in the VM.
    pub id: u64,
    /// What kind of object.
    pub class: Class,
    /// What is to be done to it.
    pub operation: Operation,
    /// Its name.
    pub object: Vec<u8>,
    /// Which rule says "ask".
    pub why: String,
    /// The process.
    pub pid: Pid,
    /// Its arguments.
    pub argv: Vec<Vec<u8>>,
    /// The session that it belongs to.
    pub session: Option<Arc<str>>,
}

/// What a call finds when it looks for its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nobody asked yet.
    Nothing,
    /// No answer yet.
    Open,
    /// The answer, not yet taken.
    Answered(u64, Reply),
}

struct Entry {
    question: Question,
    reply: Option<Reply>,
    process: Weak<Process>,
    scope: Arc<Scope>,
    /// Ends the question when its time is over; let go with the answer.
    timer: Option<Box<dyn Any + Send>>,
}

/// All questions of a VM that a process still has to act upon. Its lock is a leaf.
#[derive(Default)]
pub(crate) struct Questions(Mutex<Table>);

#[derive(Default)]
struct Table {
    last_id: u64,
    entries: BTreeMap<u64, Entry>,
}

impl Questions {
    pub(super) fn find(&self, pid: Pid, operation: Operation, object: &[u8]) -> Found {
        let table = self.0.lock();
        let same = |entry: &&Entry| entry.question.pid == pid && entry.question.operation == operation && entry.question.object == object;
        match table.entries.values().find(same) {
            None => Found::Nothing,
            Some(Entry { reply: None, .. }) => Found::Open,
            Some(Entry { question, reply: Some(reply), .. }) => Found::Answered(question.id, *reply),
        }
    }

    /// Takes an answer that a call has acted upon.
    pub(super) fn take(&self, id: u64) {
        let entry = self.0.lock().entries.remove(&id);
        drop(entry);
    }

    /// Opens a question, whose number it sets; `None` when there are too many.
    pub(super) fn open(&self, mut question: Question, process: &Arc<Process>, scope: &Arc<Scope>) -> Option<Question> {
        let mut table = self.0.lock();
        let open = table.entries.values().filter(|entry| entry.reply.is_none()).count();
        let own = table.entries.values().filter(|entry| entry.question.pid == question.pid).count();
        if open >= MAX_OPEN_QUESTIONS || own >= MAX_OPEN_QUESTIONS_OF_PROCESS {
            return None;
        }
        table.last_id += 1;
        question.id = table.last_id;
        let entry = Entry { question: question.clone(), reply: None, process: Arc::downgrade(process), scope: scope.clone(), timer: None };
        table.entries.insert(question.id, entry);
        Some(question)
    }

    /// Gives an open question the timer that will end it.
    pub(super) fn set_timer(&self, id: u64, timer: Box<dyn Any + Send>) {
        let mut table = self.0.lock();
        if let Some(entry) = table.entries.get_mut(&id).filter(|entry| entry.reply.is_none()) {
            entry.timer = Some(timer);
        }
    }

    /// Answers an open question; false when there is none of that number. The process tries its call again.
    pub(super) fn answer(&self, id: u64, reply: Reply) -> bool {
        let (process, timer) = {
            let mut table = self.0.lock();
            let Some(entry) = table.entries.get_mut(&id).filter(|entry| entry.reply.is_none()) else { return false };
            entry.reply = Some(reply);
            if reply == Reply::Always {
                entry.scope.remember(entry.question.operation, &entry.question.object);
            }
            (entry.process.upgrade(), entry.timer.take())
        };
        drop(timer);
        if let Some(process) = process {
            // Every wait of a process listens here, whatever else it waits for.
            process.events.notify(Events::IN | Events::PRI);
        }
        true
    }

    /// Forgets the questions of a process that has ended; answers the numbers of those that were open.
    pub(super) fn forget(&self, pid: Pid) -> Vec<u64> {
        let gone: Vec<Entry> = {
            let mut table = self.0.lock();
            let ids: Vec<u64> = table.entries.values().filter(|entry| entry.question.pid == pid).map(|entry| entry.question.id).collect();
            ids.iter().filter_map(|id| table.entries.remove(id)).collect()
        };
        gone.iter().filter(|entry| entry.reply.is_none()).map(|entry| entry.question.id).collect()
    }

    /// The open questions, oldest first.
    pub(super) fn list(&self) -> Vec<Question> {
        self.0.lock().entries.values().filter(|entry| entry.reply.is_none()).map(|entry| entry.question.clone()).collect()
    }
}
