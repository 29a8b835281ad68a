//! The numbered log of what happened in a session, and its subscribers.
//!
//! A subscriber is only told that there is something new and then reads from the log at its own pace, so that a slow one loses
//! nothing and makes nobody else wait; what it can fall behind is bounded by the log.

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

/// Most events kept; the oldest go first.
pub const MAX_LOG_EVENTS: usize = 10_000;
/// Most bytes of JSON kept; the oldest events go first.
pub const MAX_LOG_BYTES: usize = 32 << 20;

/// What happened.
#[derive(Clone, Debug, Serialize, PartialEq)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum EventBody {
    /// The host sent a prompt.
    Prompt {
        /// Content blocks.
        prompt: Value,
    },
    /// The agent reports progress (`session/update`).
    Update {
        /// The update as sent: `{ "sessionUpdate": "agent_message_chunk", ... }`.
        update: Value,
    },
    /// The agent finished a prompt.
    Stop {
        /// Why.
        stop_reason: String,
        /// Token counts, as sent.
        #[serde(skip_serializing_if = "Option::is_none")]
        usage: Option<Value>,
    },
    /// The agent asks whether it may go on.
    PermissionRequest {
        /// Names the request in `respondPermission`.
        id: String,
        /// The call that waits, as sent.
        tool_call: Value,
        /// The ways to answer, as sent.
        options: Value,
    },
    /// A permission request was answered, by the policy or by the host.
    PermissionAnswer {
        /// The request.
        id: String,
        /// The option that was chosen; absent when the request was cancelled.
        #[serde(skip_serializing_if = "Option::is_none")]
        option_id: Option<String>,
    },
    /// A notification that the host does not know.
    Notification {
        /// Its method.
        method: String,
        /// Its parameters.
        params: Value,
    },
    /// The agent broke the protocol.
    Error {
        /// What was wrong.
        message: String,
        /// The start of the line.
        line: String,
    },
    /// The agent has ended. Always the last event.
    Exit {
        /// Exit status as a shell shows it.
        exit_code: Option<i32>,
        /// Signal that killed it.
        signal: Option<String>,
    },
}

/// An event of the log.
#[derive(Debug)]
pub struct Event {
    /// Its number, from 1.
    pub seq: u64,
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// `{ "seq", "time", "type", ... }`.
    pub json: String,
}

#[derive(Serialize)]
struct Line<'a, B> {
    seq: u64,
    time: u64,
    #[serde(flatten)]
    body: &'a B,
}

/// Told that events arrived. Called under no lock of the log; may be called once for several events.
pub type Listener = Arc<dyn Fn() + Send + Sync>;

/// The log of one session.
#[derive(Default)]
pub struct EventLog {
    kept: Mutex<Kept>,
    listeners: Arc<Listeners>,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    last_seq: u64,
}

#[derive(Default)]
struct Listeners(Mutex<(u64, BTreeMap<u64, Listener>)>);

/// Ends a subscription when dropped.
pub struct Subscription {
    listeners: Weak<Listeners>,
    id: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let listener = self.listeners.upgrade().and_then(|listeners| listeners.0.lock().1.remove(&self.id));
        drop(listener);
    }
}

impl EventLog {
    /// Appends an event and tells the subscribers.
    pub fn push<B: Serialize>(&self, body: &B) {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        {
            let mut kept = self.kept.lock();
            kept.last_seq += 1;
            let seq = kept.last_seq;
            // Fails only for maps whose keys are no strings; there are none.
            let json = serde_json::to_string(&Line { seq, time, body }).unwrap_or_default();
            kept.bytes += json.len();
            kept.events.push_back(Arc::new(Event { seq, time_ms: time, json }));
            while kept.events.len() > MAX_LOG_EVENTS || kept.bytes > MAX_LOG_BYTES && kept.events.len() > 1 {
                let Some(oldest) = kept.events.pop_front() else { break };
                kept.bytes -= oldest.json.len();
            }
        }
        let listeners: Vec<Listener> = self.listeners.0.lock().1.values().cloned().collect();
        listeners.iter().for_each(|listener| listener());
    }

    /// Up to `max` events with numbers above `since`, oldest first.
    pub fn since(&self, since: u64, max: usize) -> Vec<Arc<Event>> {
        let kept = self.kept.lock();
        let first = kept.events.front().map_or(0, |event| event.seq);
        let skip = since.saturating_add(1).saturating_sub(first).min(kept.events.len() as u64);
        kept.events.iter().skip(skip as usize).take(max).cloned().collect()
    }

    /// Calls `listener` after each new event until the subscription is dropped.
    pub fn subscribe(&self, listener: Listener) -> Subscription {
        let mut listeners = self.listeners.0.lock();
        listeners.0 += 1;
        let id = listeners.0;
        listeners.1.insert(id, listener);
        Subscription { listeners: Arc::downgrade(&self.listeners), id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn event(text: &str) -> EventBody {
        EventBody::Error { message: text.to_owned(), line: String::new() }
    }

    fn seqs(log: &EventLog, since: u64) -> Vec<u64> {
        log.since(since, usize::MAX).iter().map(|event| event.seq).collect()
    }

    #[test]
    fn events_are_numbered_from_one_and_read_after_a_number() {
        let log = EventLog::default();
        assert!(seqs(&log, 0).is_empty());
        ["a", "b", "c"].iter().for_each(|text| log.push(&event(text)));
        assert_eq!(seqs(&log, 0), [1, 2, 3]);
        assert_eq!(seqs(&log, 2), [3]);
        assert!(seqs(&log, u64::MAX).is_empty());
        assert_eq!(log.since(0, 2).len(), 2);
        let json: Value = serde_json::from_str(&log.since(2, 1)[0].json).unwrap();
        assert_eq!((&json["seq"], &json["type"], &json["message"]), (&3.into(), &"error".into(), &"c".into()));
    }

    #[test]
    fn the_oldest_events_go_when_there_are_too_many() {
        let log = EventLog::default();
        (0..MAX_LOG_EVENTS + 5).for_each(|_| log.push(&event("x")));
        let kept = seqs(&log, 0);
        assert_eq!((kept.len(), kept[0]), (MAX_LOG_EVENTS, 6));
        assert_eq!(seqs(&log, 3)[0], 6, "a reader that fell behind goes on with what is left");
    }

    #[test]
    fn the_oldest_events_go_when_they_are_too_large() {
        let log = EventLog::default();
        let large = "x".repeat(MAX_LOG_BYTES / 2);
        (0..3).for_each(|_| log.push(&event(&large)));
        assert_eq!(seqs(&log, 0), [3]);
    }

    #[test]
    fn a_dropped_subscription_is_not_told() {
        let (log, count) = (EventLog::default(), Arc::new(AtomicUsize::new(0)));
        let counter = count.clone();
        let subscription = log.subscribe(Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        }));
        log.push(&event("a"));
        drop(subscription);
        log.push(&event("b"));
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }
}
