//! One conversation with one agent process.

use super::connection::{Connection, IncomingRequest, Peer, RequestError};
use super::log::{Event, EventBody, EventLog, Listener, Subscription};
use super::permission::{self, Decision, PermissionPolicy, PermissionReply, Permissions};
use super::protocol::{INVALID_PARAMS, Initialized, METHOD_NOT_FOUND, NewSession, PROTOCOL_VERSION, PermissionParams, Prompted, RpcError, initialize_params};
use super::services::{self, ClientFiles};
use super::transcript::{self, TranscriptEntry};
use super::transport::{Ended, Transport};
use crate::error::{Error, Result};
use crate::host;
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long an agent may take to answer `initialize`, and again for `session/new`.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an agent may take to answer `session/close`.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of an answer's text that [`PromptResult::text`] holds; the events have all of it.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// Most bytes of a stray line that its event shows.
const STRAY_LINE_BYTES: usize = 512;

/// What a new session starts with.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The agent's name, for messages.
    pub agent: String,
    /// Absolute working directory in the VM.
    pub cwd: String,
    /// Servers of the Model Context Protocol, in the agent protocol's own form.
    pub mcp_servers: Vec<Value>,
    /// Added to the agent's own instructions, by agents that know how (`_meta.additionalInstructions`).
    pub additional_instructions: Option<String>,
    /// Who answers permission requests.
    pub permissions: PermissionPolicy,
    /// How long the host may take to answer one; then the answer is no.
    pub permission_timeout: Option<Duration>,
}

/// What a prompt came to.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptResult {
    /// `"end_turn"`, `"max_tokens"`, `"max_turn_requests"`, `"refusal"`, `"cancelled"`.
    pub stop_reason: String,
    /// Everything the agent said.
    pub text: String,
    /// Token counts, as the agent tells them.
    pub usage: Option<Value>,
}

/// A conversation. Dropping it ends the agent.
pub struct AgentSession {
    connection: Connection,
    inner: Arc<Inner>,
    initialized: Initialized,
    id: String,
}

struct Inner {
    agent: String,
    policy: PermissionPolicy,
    permission_timeout: Option<Duration>,
    me: Weak<Inner>,
    log: EventLog,
    permissions: Permissions,
    files: Arc<dyn ClientFiles>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    prompting: bool,
    closed: bool,
    /// What the agent said since the last prompt.
    answer: String,
    modes: Value,
    config_options: Value,
}

impl AgentSession {
    /// Introduces the host to the agent at the far end of `transport` and opens a conversation.
    ///
    /// # Errors
    /// `ERR_AGENTOS_AGENT_FAILED` when the agent ends, says nothing for a minute, refuses, or speaks another protocol version.
    pub async fn start<T: Transport>(transport: T, files: Arc<dyn ClientFiles>, setup: Setup) -> Result<AgentSession> {
        let inner = Arc::new_cyclic(|me| Inner {
            me: me.clone(),
            agent: setup.agent.clone(),
            policy: setup.permissions,
            permission_timeout: setup.permission_timeout,
            log: EventLog::default(),
            permissions: Permissions::default(),
            files,
            state: Mutex::default(),
        });
        let connection = Connection::start(transport, inner.clone());
        let start = Start { connection: &connection, inner: &inner };
        let initialized: Initialized = start.request("initialize", &initialize_params()).await?;
        if initialized.protocol_version != PROTOCOL_VERSION {
            let message =
                format!("agent {} speaks version {} of the Agent Client Protocol, wanted {PROTOCOL_VERSION}", setup.agent, initialized.protocol_version);
            return Err(Error::new("ERR_AGENTOS_AGENT_FAILED", message));
        }
        let mut params = json!({ "cwd": setup.cwd, "mcpServers": setup.mcp_servers });
        if let Some(text) = &setup.additional_instructions {
            params["_meta"] = json!({ "additionalInstructions": text });
        }
        let new: NewSession = start.request("session/new", &params).await?;
        {
            let mut state = inner.state.lock();
            state.modes = new.modes;
            state.config_options = new.config_options;
        }
        Ok(AgentSession { connection, inner, initialized, id: new.session_id })
    }

    /// The agent's name for the conversation.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The agent's name, as in `createSession`.
    pub fn agent(&self) -> &str {
        &self.inner.agent
    }

    /// What the agent said about itself, its modes and its settings: `{ agentInfo, agentCapabilities, modes, configOptions }`.
    pub fn describe(&self) -> Value {
        let state = self.inner.state.lock();
        json!({
            "agentInfo": self.initialized.agent_info,
            "agentCapabilities": self.initialized.agent_capabilities,
            "modes": state.modes,
            "configOptions": state.config_options,
        })
    }

    /// Sends a prompt (content blocks of the protocol) and waits until the agent has finished with it. Dropping the future cancels it.
    ///
    /// # Errors
    /// `ERR_AGENTOS_SESSION_BUSY` while another prompt is at work; `ERR_AGENTOS_SESSION_CLOSED` after [`close`](Self::close);
    /// `ERR_AGENTOS_AGENT_FAILED` when the agent ended; `ERR_AGENTOS_AGENT_ERROR` with what the agent says when it failed.
    pub async fn prompt(&self, blocks: Value) -> Result<PromptResult> {
        let _busy = Busy::start(self)?;
        self.inner.log.push(&EventBody::Prompt { prompt: blocks.clone() });
        let answer = self.request("session/prompt", json!({ "prompt": blocks })).await?;
        let prompted: Prompted = decode(&self.inner.agent, "session/prompt", &answer)?;
        self.inner.log.push(&EventBody::Stop { stop_reason: prompted.stop_reason.clone(), usage: prompted.usage.clone() });
        let text = std::mem::take(&mut self.inner.state.lock().answer);
        Ok(PromptResult { stop_reason: prompted.stop_reason, text, usage: prompted.usage })
    }

    /// Asks the agent to stop; its prompt then resolves with `"cancelled"`. Does nothing when no prompt is at work.
    pub async fn cancel(&self) {
        if self.inner.state.lock().prompting {
            self.connection.notify("session/cancel", &json!({ "sessionId": self.id })).await;
            self.inner.permissions.cancel_all(&self.inner.log);
        }
    }

    /// Changes the agent's mode.
    ///
    /// # Errors
    /// `ERR_AGENTOS_INVALID_OPTION` when the agent has no such mode; as [`prompt`](Self::prompt).
    pub async fn set_mode(&self, mode: &str) -> Result<()> {
        let modes = self.inner.state.lock().modes.clone();
        if modes.is_null() {
            return self.set_option_of_category("mode", mode).await;
        }
        let known = names(&modes["availableModes"], "id");
        if !known.iter().any(|id| id == mode) {
            return Err(Error::option("mode", format_args!("{mode:?}"), &one_of(&known)));
        }
        self.request("session/set_mode", json!({ "modeId": mode })).await?;
        self.inner.state.lock().modes["currentModeId"] = mode.into();
        Ok(())
    }

    /// Changes the agent's model.
    ///
    /// # Errors
    /// `ERR_AGENTOS_INVALID_OPTION` when the agent has no such model; as [`prompt`](Self::prompt).
    pub async fn set_model(&self, model: &str) -> Result<()> {
        self.set_option_of_category("model", model).await
    }

    async fn set_option_of_category(&self, category: &str, value: &str) -> Result<()> {
        let options = self.inner.state.lock().config_options.clone();
        let found = options.as_array().and_then(|options| options.iter().find(|o| o["category"] == category || o["id"] == category));
        let Some(option) = found else {
            return Err(Error::new("ERR_AGENTOS_UNSUPPORTED", format!("agent {} has no setting for its {category}", self.inner.agent)));
        };
        let known = names(&option["options"], "value");
        if !known.iter().any(|known| known == value) {
            return Err(Error::option(category, format_args!("{value:?}"), &one_of(&known)));
        }
        let answer = self.request("session/set_config_option", json!({ "configId": option["id"], "value": value })).await?;
        if answer["configOptions"].is_array() {
            self.inner.state.lock().config_options = answer["configOptions"].clone();
        }
        Ok(())
    }

    /// Answers a permission request of policy [`PermissionPolicy::Ask`].
    ///
    /// # Errors
    /// `ERR_AGENTOS_UNKNOWN_PERMISSION` when no such request waits.
    pub fn respond_permission(&self, id: &str, reply: PermissionReply) -> Result<()> {
        self.inner.permissions.respond(id, reply, &self.inner.log)
    }

    /// Up to `max` events with numbers above `since`, oldest first.
    pub fn events(&self, since: u64, max: usize) -> Vec<Arc<Event>> {
        self.inner.log.since(since, max)
    }

    /// Calls `listener` whenever there are new events.
    pub fn subscribe(&self, listener: Listener) -> Subscription {
        self.inner.log.subscribe(listener)
    }

    /// The conversation so far, as far as the log reaches back.
    pub fn transcript(&self) -> Vec<TranscriptEntry> {
        let events: Vec<Value> = self.events(0, usize::MAX).iter().filter_map(|event| serde_json::from_str(&event.json).ok()).collect();
        transcript::fold(&events)
    }

    /// Ends the conversation and the agent, and waits for that. May be called again.
    pub async fn close(&self) {
        let first = !std::mem::replace(&mut self.inner.state.lock().closed, true);
        self.inner.permissions.cancel_all(&self.inner.log);
        if first && self.initialized.can_close() && self.connection.end().is_none() {
            let params = json!({ "sessionId": self.id });
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.connection.request("session/close", &params)).await;
        }
        self.connection.close();
        self.connection.wait().await;
    }

    /// Waits for the agent's end.
    pub async fn wait(&self) -> Ended {
        self.connection.wait().await
    }

    /// A request of this conversation.
    async fn request(&self, method: &str, mut params: Value) -> Result<Value> {
        params["sessionId"] = self.id.as_str().into();
        self.connection.request(method, &params).await.map_err(|error| self.inner.fail(method, error))
    }
}

/// The first two requests, which are bounded in time.
struct Start<'a> {
    connection: &'a Connection,
    inner: &'a Inner,
}

impl Start<'_> {
    async fn request<T: DeserializeOwned>(&self, method: &str, params: &Value) -> Result<T> {
        let Ok(answer) = tokio::time::timeout(START_TIMEOUT, self.connection.request(method, params)).await else {
            let message = format!("agent {} did not answer {method} within {} s", self.inner.agent, START_TIMEOUT.as_secs());
            return Err(Error::new("ERR_AGENTOS_AGENT_FAILED", message));
        };
        let answer = answer.map_err(|error| Error { code: "ERR_AGENTOS_AGENT_FAILED".to_owned(), ..self.inner.fail(method, error) })?;
        decode(&self.inner.agent, method, &answer)
    }
}

fn decode<T: DeserializeOwned>(agent: &str, method: &str, answer: &Value) -> Result<T> {
    T::deserialize(answer).map_err(|error| Error::new("ERR_AGENTOS_AGENT_FAILED", format!("agent {agent} answered {method} with something else: {error}")))
}

/// The strings under `key` of a list.
fn names(list: &Value, key: &str) -> Vec<String> {
    list.as_array().map_or(&[][..], Vec::as_slice).iter().filter_map(|item| item[key].as_str()).map(str::to_owned).collect()
}

fn one_of(names: &[String]) -> String {
    match names {
        [] => "nothing: the agent offers no choice".to_owned(),
        names => format!("one of {}", names.join(", ")),
    }
}

/// Marks the session as answering a prompt; cancels the prompt when its future is dropped.
struct Busy<'a>(&'a AgentSession);

impl<'a> Busy<'a> {
    fn start(session: &'a AgentSession) -> Result<Busy<'a>> {
        let mut state = session.inner.state.lock();
        if state.closed {
            return Err(session.inner.closed());
        }
        if state.prompting {
            return Err(Error::new("ERR_AGENTOS_SESSION_BUSY", "the session is still answering a prompt; wait for it or cancel it"));
        }
        state.prompting = true;
        state.answer.clear();
        Ok(Busy(session))
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.inner.state.lock().prompting = false;
        self.0.inner.permissions.cancel_all(&self.0.inner.log);
    }
}

impl Inner {
    fn closed(&self) -> Error {
        Error::new("ERR_AGENTOS_SESSION_CLOSED", format!("this session with agent {} is closed; create a new one", self.agent))
    }

    fn fail(&self, method: &str, error: RequestError) -> Error {
        match error {
            RequestError::Ended(_) if self.state.lock().closed => self.closed(),
            RequestError::Ended(ended) => Error::new("ERR_AGENTOS_AGENT_FAILED", format!("agent {} {} ({method})", self.agent, ended.describe())),
            RequestError::Refused(error) => {
                Error::new("ERR_AGENTOS_AGENT_ERROR", format!("agent {} failed in {method}: {} (code {})", self.agent, error.describe(), error.code))
            }
            RequestError::TooMany => Error::new("EAGAIN", format!("agent {}: too many requests wait for an answer ({method})", self.agent)),
        }
    }

    fn update(&self, mut params: Value) {
        let update = params["update"].take();
        {
            let mut state = self.state.lock();
            match update["sessionUpdate"].as_str() {
                Some("agent_message_chunk") => {
                    let text = update.pointer("/content/text").and_then(Value::as_str).unwrap_or_default();
                    if state.answer.len() + text.len() <= MAX_ANSWER_BYTES {
                        state.answer.push_str(text);
                    }
                }
                Some("current_mode_update") if state.modes.is_object() => state.modes["currentModeId"] = update["currentModeId"].clone(),
                Some("config_option_update") => state.config_options = update["configOptions"].clone(),
                _ => {}
            }
        }
        self.log.push(&EventBody::Update { update });
    }

    /// The host has only so long to answer.
    async fn answer_of_host(&self, id: &str, told: oneshot::Receiver<Option<String>>) -> Option<String> {
        let mut told = told;
        let Some(longest) = self.permission_timeout else { return told.await.ok().flatten() };
        match tokio::time::timeout(longest, &mut told).await {
            Ok(answer) => answer.ok().flatten(),
            Err(_) => {
                // Fails when it was answered just now.
                let _ = self.permissions.respond(id, PermissionReply::Reject, &self.log);
                told.await.ok().flatten()
            }
        }
    }

    fn ask_permission(&self, request: IncomingRequest) {
        let params = match PermissionParams::deserialize(&request.params) {
            Ok(params) => params,
            Err(error) => return request.answer(Err(RpcError::new(INVALID_PARAMS, error.to_string()))),
        };
        match self.permissions.decide(self.policy, &params.tool_call, &params.options, params.choices(), &self.log) {
            Decision::Now(option) => request.answer(Ok(permission::outcome(option.as_deref()))),
            Decision::Later(id, told) => {
                let Some(inner) = self.me.upgrade() else { return };
                drop(host::runtime().spawn(async move {
                    let option = inner.answer_of_host(&id, told).await;
                    request.answer(Ok(permission::outcome(option.as_deref())));
                }));
            }
        }
    }
}

impl Peer for Inner {
    fn notification(&self, method: String, params: Value) {
        match method.as_str() {
            "session/update" if params["update"].is_object() => self.update(params),
            _ => self.log.push(&EventBody::Notification { method, params }),
        }
    }

    fn request(&self, request: IncomingRequest) {
        match request.method.as_str() {
            "session/request_permission" => self.ask_permission(request),
            method if services::is_file_service(method) => {
                let files = self.files.clone();
                // Not on the threads that carry pipes: a mounted host directory may be slow.
                host::runtime().spawn_blocking(move || {
                    let outcome = services::serve(&*files, &request.method, &request.params);
                    request.answer(outcome);
                });
            }
            method => {
                let error = RpcError::new(METHOD_NOT_FOUND, format!("the host does not offer {method}"));
                request.answer(Err(error));
            }
        }
    }

    fn stray(&self, reason: &str, line: &[u8]) {
        let line = String::from_utf8_lossy(&line[..line.len().min(STRAY_LINE_BYTES)]).into_owned();
        self.log.push(&EventBody::Error { message: reason.to_owned(), line });
    }

    fn ended(&self, ended: &Ended) {
        self.permissions.cancel_all(&self.log);
        self.log.push(&EventBody::Exit { exit_code: ended.exit_code, signal: ended.signal.clone() });
    }
}
