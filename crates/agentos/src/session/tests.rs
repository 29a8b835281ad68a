//! Sessions against a scripted agent in memory.

use super::connection::{MAX_LINE_BYTES, MAX_PENDING_REQUESTS};
use super::transport::{Ended, Transport};
use super::*;
use crate::error::{Error, Result};
use crate::host;
use agentos_abi::Errno;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// The host's end of an agent in memory.
struct Memory {
    from_agent: tokio::sync::Mutex<mpsc::Receiver<Vec<u8>>>,
    to_agent: mpsc::Sender<Vec<u8>>,
    closed: watch::Sender<bool>,
    ended: Ended,
}

impl Transport for Memory {
    async fn read(&self) -> Result<Vec<u8>, Errno> {
        let (mut chunks, mut closed) = (self.from_agent.lock().await, self.closed.subscribe());
        tokio::select! {
            chunk = chunks.recv() => Ok(chunk.unwrap_or_default()),
            _ = closed.wait_for(|closed| *closed) => Ok(Vec::new()),
        }
    }
    async fn write(&self, bytes: &[u8]) -> Result<(), Errno> {
        self.to_agent.send(bytes.to_vec()).await.map_err(|_| Errno::EPIPE)
    }
    async fn ended(&self) -> Ended {
        self.ended.clone()
    }
    async fn close(&self) {
        self.closed.send_replace(true);
    }
}

/// The agent's end.
struct Agent {
    lines: mpsc::Receiver<Vec<u8>>,
    out: mpsc::Sender<Vec<u8>>,
}

impl Agent {
    async fn next(&mut self) -> Value {
        let line = self.lines.recv().await.expect("the host ended the connection");
        serde_json::from_slice(&line).expect("the host sent no JSON")
    }
    async fn expect(&mut self, method: &str) -> Value {
        let message = self.next().await;
        assert_eq!(message["method"], method, "{message}");
        message
    }
    async fn raw(&self, bytes: impl Into<Vec<u8>>) {
        let _ = self.out.send(bytes.into()).await;
    }
    async fn send(&self, message: Value) {
        self.raw(format!("{message}\n")).await;
    }
    async fn answer(&self, request: &Value, result: Value) {
        self.send(json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })).await;
    }
    async fn update(&self, update: Value) {
        self.send(json!({ "jsonrpc": "2.0", "method": "session/update", "params": { "sessionId": "s1", "update": update } })).await;
    }
    async fn say(&self, text: &str) {
        self.update(json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": text } })).await;
    }
    /// Asks the host and gives its answer.
    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.send(json!({ "jsonrpc": "2.0", "id": "a1", "method": method, "params": params })).await;
        let answer = self.next().await;
        assert_eq!(answer["id"], "a1", "{answer}");
        answer
    }
    async fn greet(&mut self) {
        let request = self.expect("initialize").await;
        assert_eq!(request["params"]["clientCapabilities"]["terminal"], false);
        self.answer(&request, json!({ "protocolVersion": 1, "agentCapabilities": { "sessionCapabilities": { "close": {} } } })).await;
        let request = self.expect("session/new").await;
        assert_eq!(request["params"]["cwd"], "/home/user");
        let modes = json!({ "currentModeId": "ask", "availableModes": [{ "id": "ask" }, { "id": "code" }] });
        let model = json!([{ "id": "m", "category": "model", "options": [{ "value": "big" }, { "value": "small" }], "currentValue": "big" }]);
        self.answer(&request, json!({ "sessionId": "s1", "modes": modes, "configOptions": model })).await;
    }
}

#[derive(Default)]
struct Tree(Mutex<BTreeMap<String, Vec<u8>>>);

impl ClientFiles for Tree {
    fn read(&self, path: &str) -> Result<Vec<u8>> {
        self.0.lock().get(path).cloned().ok_or_else(|| Error::syscall(Errno::ENOENT, "open", Some(path)))
    }
    fn write(&self, path: &str, content: &[u8]) -> Result<()> {
        self.0.lock().insert(path.to_owned(), content.to_vec());
        Ok(())
    }
}

fn pair(ended: Ended) -> (Memory, Agent) {
    let (to_agent, lines) = mpsc::channel(1024);
    let (out, from_agent) = mpsc::channel(1024);
    let memory = Memory { from_agent: tokio::sync::Mutex::new(from_agent), to_agent, closed: watch::channel(false).0, ended };
    (memory, Agent { lines, out })
}

fn setup(permissions: PermissionPolicy) -> Setup {
    Setup { agent: "test".into(), cwd: "/home/user".into(), permissions, ..Setup::default() }
}

async fn connect(permissions: PermissionPolicy) -> (Arc<AgentSession>, Agent) {
    let ended = Ended { exit_code: Some(3), signal: None, stderr: "out of cheese\n".into() };
    let (memory, mut agent) = pair(ended);
    let (session, ()) = tokio::join!(AgentSession::start(memory, Arc::new(Tree::default()), setup(permissions)), agent.greet());
    (Arc::new(session.expect("the session starts")), agent)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    host::runtime().block_on(future)
}

fn text(text: &str) -> Value {
    json!([{ "type": "text", "text": text }])
}

/// Event types, with the numbers checked.
fn types(session: &AgentSession) -> Vec<String> {
    let events = session.events(0, usize::MAX);
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq));
    events.iter().map(|event| serde_json::from_str::<Value>(&event.json).unwrap()["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_prompt_answers_with_everything_the_agent_said() {
    run(async {
        let (session, mut agent) = connect(PermissionPolicy::Auto).await;
        let work = async {
            let request = agent.expect("session/prompt").await;
            assert_eq!(request["params"], json!({ "sessionId": "s1", "prompt": text("hi") }));
            agent.say("Hello, ").await;
            agent.update(json!({ "sessionUpdate": "a_kind_of_the_future", "x": [1] })).await;
            agent.say("world").await;
            agent.answer(&request, json!({ "stopReason": "end_turn", "usage": { "inputTokens": 3 } })).await;
        };
        let (result, ()) = tokio::join!(session.prompt(text("hi")), work);
        let expected = PromptResult { stop_reason: "end_turn".into(), text: "Hello, world".into(), usage: Some(json!({ "inputTokens": 3 })) };
        assert_eq!(result, Ok(expected));
        assert_eq!(types(&session), ["prompt", "update", "update", "update", "stop"]);
        let unknown: Value = serde_json::from_str(&session.events(2, 1)[0].json).unwrap();
        assert_eq!(unknown["update"], json!({ "sessionUpdate": "a_kind_of_the_future", "x": [1] }), "unknown kinds pass unchanged");
        assert_eq!(session.transcript().len(), 2);
    });
}

#[test]
fn chunks_of_the_pipe_need_not_be_lines() {
    run(async {
        let (session, mut agent) = connect(PermissionPolicy::Auto).await;
        let work = async {
            let request = agent.expect("session/prompt").await;
            let line = format!("\r\n\n{}\n", json!({ "jsonrpc": "2.0", "id": request["id"], "result": { "stopReason": "end_turn" } }));
            for byte in line.bytes() {
                agent.raw([byte]).await;
            }
        };
        assert_eq!(tokio::join!(session.prompt(text("hi")), work).0.unwrap().stop_reason, "end_turn");
    });
}

#[test]
fn what_is_no_protocol_becomes_an_event() {
    run(async {
        let (session, mut agent) = connect(PermissionPolicy::Auto).await;
        let work = async {
            let request = agent.expect("session/prompt").await;
            agent.raw("debug: hello\n").await;
            agent.raw(vec![0xff, 0xfe, b'\n']).await;
            agent.send(json!({ "jsonrpc": "2.0", "id": 4711, "result": {} })).await;
            agent.send(json!({ "jsonrpc": "2.0", "method": "_vendor/thing", "params": 7 })).await;
            agent.answer(&request, json!({ "stopReason": "end_turn" })).await;
        };
        tokio::join!(session.prompt(text("hi")), work).0.unwrap();
        assert_eq!(types(&session), ["prompt", "error", "error", "notification", "stop"]);
    });
}

#[test]
fn an_endless_line_ends_the_agent() {
    run(async {
        let (session, mut agent) = connect(PermissionPolicy::Auto).await;
        let work = async {
            agent.expect("session/prompt").await;
            let part = vec![b'x'; MAX_LINE_BYTES / 16];
            for _ in 0..=16 {
                agent.raw(part.clone()).await;
            }
        };
        assert_eq!(tokio::join!(session.prompt(text("hi")), work).0.unwrap_err().code, "ERR_AGENTOS_AGENT_FAILED");
        assert_eq!(types(&session), ["prompt", "error", "exit"]);
    });
}

#[test]
fn an_agent_that_ends_fails_its_prompt_with_its_last_words() {
    run(async {
        let (session, mut agent) = connect(PermissionPolicy::Auto).await;
        let work = async {
            agent.expect("session/prompt").await;
            drop(agent);
        };
        let error = tokio::join!(session.prompt(text("hi")), work).0.unwrap_err();
        assert_eq!(error.code, "ERR_AGENTOS_AGENT_FAILED");
        assert_eq!(error.message, "agent test exited with status 3; its standard error ends with: out of cheese (session/prompt)");
        assert_eq!(types(&session), ["prompt", "exit"]);
        assert_eq!(session.prompt(text("again")).await.unwrap_err().code, "ERR_AGENTOS_AGENT_FAILED");
    });
}

#[test]
fn an_agent_that_does_not_start_says_why() {
    let cases: [(Option<Value>, &str); 4] = [
        (None, "exited with status 1; its standard error ends with: no such model"),
        (Some(json!({ "result": { "protocolVersion": 9 } })), "speaks version 9"),
        (Some(json!({ "result": "what?" })), "answered initialize with something else"),
        (Some(json!({ "error": { "code": -32000, "message": "log in first" } })), "log in first (code -32000)"),
    ];
    for (answer, expected) in cases {
        run(async {
            let (memory, mut agent) = pair(Ended { exit_code: Some(1), signal: None, stderr: "no such model".into() });
            let work = async move {
                let request = agent.expect("initialize").await;
                if let Some(mut answer) = answer {
                    answer["jsonrpc"] = "2.0".into();
                    answer["id"] = request["id"].clone();
                    agent.send(answer).await;
                }
            };
            let (session, ()) = tokio::join!(AgentSession::start(memory, Arc::new(Tree::default()), setup(PermissionPolicy::Auto)), work);
            let error = session.err().expect("it must not start");
            assert_eq!(error.code, "ERR_AGENTOS_AGENT_FAILED");
            assert!(error.message.contains(expected), "{}", error.message);
        });
    }
}

#[test]
fn an_error_of_the_agent_is_told_with_its_reason() {
    run(async {
        let (session, mut agent) = connect(PermissionPolicy::Auto).await;
        let work = async {
            let request = agent.expect("session/prompt").await;
            agent.send(json!({ "jsonrpc": "2.0", "id": request["id"], "error": { "code": -32603, "message": "Internal error", "data": { "details": "overloaded" } } })).await;
        };
        let error = tokio::join!(session.prompt(text("hi")), work).0.unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.message.as_str()),
            ("ERR_AGENTOS_AGENT_ERROR", "agent test failed in session/prompt: Internal error: overloaded (code -32603)")
        );
    });
}

#[test]
fn a_second_prompt_waits_its_turn() {
    run(async {
        let (session, mut agent) = connect(PermissionPolicy::Auto).await;
        let work = async {
            let request = agent.expect("session/prompt").await;
            assert_eq!(session.prompt(text("me too")).await.unwrap_err().code, "ERR_AGENTOS_SESSION_BUSY");
            agent.answer(&request, json!({ "stopReason": "end_turn" })).await;
        };
        tokio::join!(session.prompt(text("hi")), work).0.unwrap();
    });
}

#[test]
fn cancel_reaches_the_agent_and_its_questions() {
    run(async {
        let (session, mut agent) = connect(PermissionPolicy::Ask).await;
        let work = async {
            let request = agent.expect("session/prompt").await;
            let options = json!([{ "optionId": "y", "name": "Yes", "kind": "allow_once" }]);
            agent.send(json!({ "jsonrpc": "2.0", "id": 9, "method": "session/request_permission", "params": { "toolCall": {}, "options": options } })).await;
            while !types(&session).contains(&"permissionRequest".to_owned()) {
                tokio::task::yield_now().await;
            }
            session.cancel().await;
            let (one, other) = (agent.next().await, agent.next().await);
            let (cancel, answer) = if one["method"].is_string() { (one, other) } else { (other, one) };
            assert_eq!((&cancel["method"], &cancel["params"]["sessionId"]), (&json!("session/cancel"), &json!("s1")));
            assert_eq!(answer["result"]["outcome"]["outcome"], "cancelled");
            agent.answer(&request, json!({ "stopReason": "cancelled" })).await;
        };
        assert_eq!(tokio::join!(session.prompt(text("hi")), work).0.unwrap().stop_reason, "cancelled");
        session.cancel().await;
        assert!(agent.lines.try_recv().is_err(), "nothing to cancel, nothing sent");
    });
}

#[test]
fn permission_requests_are_answered_by_policy_or_host() {
    let options = json!([{ "optionId": "y", "name": "Yes", "kind": "allow_once" }, { "optionId": "n", "name": "No", "kind": "reject_once" }]);
    for (policy, reply, expected) in [
        (PermissionPolicy::Auto, None, "y"),
        (PermissionPolicy::Deny, None, "n"),
        (PermissionPolicy::Ask, Some(PermissionReply::Once), "y"),
        (PermissionPolicy::Ask, Some(PermissionReply::Reject), "n"),
    ] {
        run(async {
            let (session, mut agent) = connect(policy).await;
            let (asked, inbox) = tokio::sync::oneshot::channel();
            let (asked, answering) = (Mutex::new(Some(asked)), Arc::downgrade(&session));
            let _subscription = session.subscribe(Arc::new(move || {
                let types = answering.upgrade().map(|session| types(&session)).unwrap_or_default();
                if types.iter().any(|kind| kind == "permissionRequest")
                    && let Some(asked) = asked.lock().take()
                {
                    let _ = asked.send(());
                }
            }));
            let host = async {
                inbox.await.unwrap();
                if let Some(reply) = reply {
                    session.respond_permission("permission-1", reply).unwrap();
                }
            };
            let params = json!({ "sessionId": "s1", "toolCall": { "toolCallId": "1" }, "options": options });
            let (answer, ()) = tokio::join!(agent.ask("session/request_permission", params), host);
            assert_eq!(answer["result"], json!({ "outcome": { "outcome": "selected", "optionId": expected } }), "{policy:?}");
            assert_eq!(types(&session), ["permissionRequest", "permissionAnswer"]);
        });
    }
}

#[test]
fn files_are_served_and_terminals_are_not() {
    run(async {
        let (session, mut agent) = connect(PermissionPolicy::Auto).await;
        let written = agent.ask("fs/write_text_file", json!({ "sessionId": "s1", "path": "/f", "content": "x\n" })).await;
        assert_eq!(written["result"], json!({}));
        let read = agent.ask("fs/read_text_file", json!({ "sessionId": "s1", "path": "/f" })).await;
        assert_eq!(read["result"]["content"], "x\n");
        assert_eq!(agent.ask("terminal/create", json!({ "command": "sh" })).await["error"]["code"], -32601);
        assert_eq!(agent.ask("session/request_permission", json!({})).await["error"]["code"], -32602);
        drop(session);
    });
}

#[test]
fn modes_and_models_are_checked_against_what_the_agent_offers() {
    run(async {
        let (session, mut agent) = connect(PermissionPolicy::Auto).await;
        let error = session.set_mode("fly").await.unwrap_err();
        assert_eq!(error.message, "option mode: got \"fly\"; accepted: one of ask, code");
        assert_eq!(session.set_model("huge").await.unwrap_err().code, "ERR_AGENTOS_INVALID_OPTION");
        let work = async {
            let request = agent.expect("session/set_mode").await;
            assert_eq!(request["params"], json!({ "sessionId": "s1", "modeId": "code" }));
            agent.answer(&request, json!({})).await;
            let request = agent.expect("session/set_config_option").await;
            assert_eq!(request["params"], json!({ "sessionId": "s1", "configId": "m", "value": "small" }));
            agent.answer(&request, json!({ "configOptions": [{ "id": "m", "currentValue": "small" }] })).await;
        };
        let change = async {
            session.set_mode("code").await.unwrap();
            session.set_model("small").await.unwrap();
        };
        tokio::join!(change, work);
        let state = session.describe();
        assert_eq!((&state["modes"]["currentModeId"], &state["configOptions"][0]["currentValue"]), (&json!("code"), &json!("small")));
    });
}

#[test]
fn close_tells_the_agent_and_may_be_called_twice() {
    run(async {
        let (session, mut agent) = connect(PermissionPolicy::Auto).await;
        let work = async {
            let request = agent.expect("session/close").await;
            agent.answer(&request, Value::Null).await;
        };
        tokio::join!(session.close(), work);
        session.close().await;
        assert_eq!(types(&session), ["exit"]);
        assert_eq!(session.prompt(text("hi")).await.unwrap_err().code, "ERR_AGENTOS_SESSION_CLOSED");
    });
}

#[test]
fn a_dropped_session_ends_its_agent() {
    run(async {
        let (session, mut agent) = connect(PermissionPolicy::Auto).await;
        drop(session);
        assert!(agent.lines.recv().await.is_none(), "the host's end closes");
    });
}

#[test]
fn a_request_that_is_given_up_frees_its_place() {
    run(async {
        let (session, mut agent) = connect(PermissionPolicy::Auto).await;
        for _ in 0..MAX_PENDING_REQUESTS + 1 {
            let prompt = session.prompt(text("hi"));
            tokio::select! {
                biased;
                _ = prompt => panic!("nobody answers"),
                _ = agent.expect("session/prompt") => {}
            }
            assert_eq!(agent.next().await["method"], "$/cancel_request");
        }
    });
}
