//! Permission requests of an agent: answered by a policy, or by the host.

use super::log::{EventBody, EventLog};
use super::protocol::PermissionOption;
use crate::error::{Error, Result};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// Who answers permission requests.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum PermissionPolicy {
    /// Each request is allowed, once: the VM is the boundary.
    #[default]
    Auto,
    /// Each request is refused.
    Deny,
    /// Each request waits for the host's [`PermissionReply`].
    Ask,
}

/// The host's answer.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum PermissionReply {
    /// This call may go on.
    Once,
    /// This and all calls like it.
    Always,
    /// This call must not go on.
    Reject,
}

/// The option that says `reply`, or the nearest milder one. `None` when the agent offered none: the request is then cancelled.
///
/// "Once" never becomes "always" of its own, except where the agent offers nothing else.
fn choose(reply: PermissionReply, options: &[PermissionOption]) -> Option<&PermissionOption> {
    let wanted = match reply {
        PermissionReply::Once => ["allow_once", "allow_always"],
        PermissionReply::Always => ["allow_always", "allow_once"],
        PermissionReply::Reject => ["reject_once", "reject_always"],
    };
    wanted.iter().find_map(|kind| options.iter().find(|option| option.kind == *kind))
}

/// The answer to the agent: `{ outcome: { outcome, optionId? } }`.
pub fn outcome(option_id: Option<&str>) -> Value {
    match option_id {
        Some(id) => json!({ "outcome": { "outcome": "selected", "optionId": id } }),
        None => json!({ "outcome": { "outcome": "cancelled" } }),
    }
}

/// The requests of one session that wait for the host.
#[derive(Default)]
pub struct Permissions {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    last_id: u64,
    requests: BTreeMap<String, Open>,
}

struct Open {
    options: Vec<PermissionOption>,
    tell: oneshot::Sender<Option<String>>,
}

/// How a request goes on.
pub enum Decision {
    /// Answered: the option, or cancelled.
    Now(Option<String>),
    /// The host will answer the request of this name; an error means that it was cancelled.
    Later(String, oneshot::Receiver<Option<String>>),
}

impl Permissions {
    /// Decides a request, or keeps it for the host. Both are told in `log`.
    pub fn decide(&self, policy: PermissionPolicy, tool_call: &Value, options: &Value, choices: Vec<PermissionOption>, log: &EventLog) -> Decision {
        let (tell, told) = oneshot::channel();
        let reply = match policy {
            PermissionPolicy::Auto => Some(PermissionReply::Once),
            PermissionPolicy::Deny => Some(PermissionReply::Reject),
            PermissionPolicy::Ask => None,
        };
        let chosen = reply.map(|reply| choose(reply, &choices).map(|option| option.option_id.clone()));
        let id = {
            let mut waiting = self.waiting.lock();
            waiting.last_id += 1;
            let id = format!("permission-{}", waiting.last_id);
            if chosen.is_none() {
                waiting.requests.insert(id.clone(), Open { options: choices, tell });
            }
            id
        };
        log.push(&EventBody::PermissionRequest { id: id.clone(), tool_call: tool_call.clone(), options: options.clone() });
        match chosen {
            Some(option_id) => {
                log.push(&EventBody::PermissionAnswer { id, option_id: option_id.clone() });
                Decision::Now(option_id)
            }
            None => Decision::Later(id, told),
        }
    }

    /// Answers a request that waits.
    ///
    /// # Errors
    /// `ERR_AGENTOS_UNKNOWN_PERMISSION` when no such request waits: it was answered, or its prompt was cancelled.
    pub fn respond(&self, id: &str, reply: PermissionReply, log: &EventLog) -> Result<()> {
        let open = self.waiting.lock().requests.remove(id);
        let Some(open) = open else {
            return Err(Error::new("ERR_AGENTOS_UNKNOWN_PERMISSION", format!("no permission request {id:?} waits for an answer")));
        };
        let option_id = choose(reply, &open.options).map(|option| option.option_id.clone());
        log.push(&EventBody::PermissionAnswer { id: id.to_owned(), option_id: option_id.clone() });
        let _ = open.tell.send(option_id);
        Ok(())
    }

    /// Cancels all requests that wait.
    pub fn cancel_all(&self, log: &EventLog) {
        let requests = std::mem::take(&mut self.waiting.lock().requests);
        for (id, open) in requests {
            log.push(&EventBody::PermissionAnswer { id, option_id: None });
            let _ = open.tell.send(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(kinds: &[&str]) -> Vec<PermissionOption> {
        kinds.iter().map(|kind| PermissionOption { option_id: format!("id-{kind}"), kind: (*kind).to_owned() }).collect()
    }

    #[test]
    fn a_reply_takes_the_option_that_says_so() {
        use PermissionReply::{Always, Once, Reject};
        let all = ["reject_always", "reject_once", "allow_always", "allow_once"];
        let cases: [(PermissionReply, &[&str], Option<&str>); 8] = [
            (Once, &all, Some("id-allow_once")),
            (Always, &all, Some("id-allow_always")),
            (Reject, &all, Some("id-reject_once")),
            (Once, &["allow_always"], Some("id-allow_always")),
            (Always, &["allow_once"], Some("id-allow_once")),
            (Reject, &["reject_always"], Some("id-reject_always")),
            (Once, &["reject_once"], None),
            (Reject, &["allow_once"], None),
        ];
        for (reply, kinds, expected) in cases {
            let options = options(kinds);
            assert_eq!(choose(reply, &options).map(|option| option.option_id.as_str()), expected, "{reply:?} of {kinds:?}");
        }
    }

    #[test]
    fn a_policy_answers_at_once() {
        let (permissions, log) = (Permissions::default(), EventLog::default());
        for (policy, expected) in [(PermissionPolicy::Auto, "id-allow_once"), (PermissionPolicy::Deny, "id-reject_once")] {
            let decision = permissions.decide(policy, &Value::Null, &Value::Null, options(&["allow_once", "reject_once"]), &log);
            assert!(matches!(decision, Decision::Now(Some(id)) if id == expected), "{policy:?}");
        }
        assert_eq!(log.since(0, 9).len(), 4, "question and answer are told");
    }

    #[test]
    fn a_question_waits_for_the_host_and_is_answered_once() {
        let (permissions, log) = (Permissions::default(), EventLog::default());
        let Decision::Later(_, mut told) = permissions.decide(PermissionPolicy::Ask, &Value::Null, &Value::Null, options(&["allow_once"]), &log) else {
            panic!("the host must be asked");
        };
        assert!(told.try_recv().is_err());
        permissions.respond("permission-1", PermissionReply::Once, &log).unwrap();
        assert_eq!(told.try_recv(), Ok(Some("id-allow_once".to_owned())));
        assert_eq!(permissions.respond("permission-1", PermissionReply::Once, &log).unwrap_err().code, "ERR_AGENTOS_UNKNOWN_PERMISSION");
    }

    #[test]
    fn cancelling_answers_what_waits() {
        let (permissions, log) = (Permissions::default(), EventLog::default());
        let Decision::Later(_, mut told) = permissions.decide(PermissionPolicy::Ask, &Value::Null, &Value::Null, options(&["allow_once"]), &log) else {
            panic!("the host must be asked");
        };
        permissions.cancel_all(&log);
        assert_eq!(told.try_recv(), Ok(None));
    }
}
