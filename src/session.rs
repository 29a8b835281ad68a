//! `NativeSession`: a conversation with an agent.

use crate::callback::nudge;
use crate::convert::count;
use crate::error::guarded;
use crate::promise::{blocking, promise};
use crate::vm::Owned;
use agentos::Error;
use agentos::session::log::Subscription;
use agentos::session::{AgentSession, PermissionReply, PromptResult};
use napi::Env;
use napi::bindgen_prelude::{Function, Object};
use napi_derive::napi;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// A conversation. Collecting it ends the agent.
#[napi]
pub struct NativeSession {
    session: Arc<AgentSession>,
    subscription: Option<Subscription>,
    _vm: Arc<Owned>,
}

impl NativeSession {
    /// For a session that was just opened.
    pub fn new(session: AgentSession, vm: Arc<Owned>) -> NativeSession {
        NativeSession { session: Arc::new(session), subscription: None, _vm: vm }
    }
}

#[napi]
impl NativeSession {
    /// The agent's name for it.
    #[napi(getter)]
    pub fn id(&self) -> String {
        self.session.id().to_owned()
    }

    /// `{ agentInfo, agentCapabilities, modes, configOptions }`.
    #[napi]
    pub fn describe(&self) -> napi::Result<Value> {
        guarded(|| Ok(self.session.describe()))
    }

    /// Sends a prompt: the JSON of a list of content blocks.
    #[napi(ts_return_type = "Promise<{ stopReason: string, text: string, usage: unknown }>")]
    pub fn prompt<'env>(&self, env: &'env Env, blocks: String) -> napi::Result<Object<'env>> {
        let session = self.session.clone();
        let work = async move {
            let blocks = serde_json::from_str(&blocks).map_err(|error| Error::new("ERR_AGENTOS_INVALID_OPTION", format!("prompt: {error}")))?;
            session.prompt(blocks).await
        };
        promise(env, work, |PromptResult { stop_reason, text, usage }| json!({ "stopReason": stop_reason, "text": text, "usage": usage }))
    }

    /// Asks the agent to stop.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn cancel<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let session = self.session.clone();
        promise(env, async move { Ok(session.cancel().await) }, |()| ())
    }

    /// Changes the agent's mode.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn set_mode<'env>(&self, env: &'env Env, mode: String) -> napi::Result<Object<'env>> {
        let session = self.session.clone();
        promise(env, async move { session.set_mode(&mode).await }, |()| ())
    }

    /// Changes the agent's model.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn set_model<'env>(&self, env: &'env Env, model: String) -> napi::Result<Object<'env>> {
        let session = self.session.clone();
        promise(env, async move { session.set_model(&model).await }, |()| ())
    }

    /// Answers a permission request: `"once"`, `"always"` or `"reject"`.
    #[napi]
    pub fn respond_permission(&self, id: String, reply: String) -> napi::Result<()> {
        guarded(|| {
            let parsed = PermissionReply::deserialize(&Value::String(reply.clone()));
            let reply = parsed.map_err(|_| Error::option("reply", format_args!("{reply:?}"), "\"once\", \"always\" or \"reject\""))?;
            self.session.respond_permission(&id, reply)
        })
    }

    /// Up to `max` events with numbers above `since`, each as JSON.
    #[napi]
    pub fn events(&self, since: f64, max: f64) -> napi::Result<Vec<String>> {
        guarded(|| Ok(self.session.events(since as u64, count(max)).iter().map(|event| event.json.clone()).collect()))
    }

    /// The conversation so far, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn transcript<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let session = self.session.clone();
        let work = move || serde_json::to_string(&session.transcript()).map_err(|error| Error::new("ERR_AGENTOS_INTERNAL", error.to_string()));
        blocking(env, work, |json| json)
    }

    /// Calls `callback` whenever there are new events; replaces the callback of an earlier call.
    #[napi]
    pub fn subscribe(&mut self, callback: Function<'_, (), ()>) -> napi::Result<()> {
        let listener = nudge(&callback)?;
        guarded(|| {
            self.subscription = Some(self.session.subscribe(listener));
            Ok(())
        })
    }

    /// Ends the conversation and the agent.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let session = self.session.clone();
        promise(env, async move { Ok(session.close().await) }, |()| ())
    }
}
