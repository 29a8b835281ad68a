//! `NativeVm`: a machine.

use crate::callback::nudge;
use crate::convert::{self, JsSpawn, count, signal};
use crate::error::guarded;
use crate::process::NativeProcess;
use crate::promise::{blocking, promise};
use crate::session::NativeSession;
use agentos::abi::Errno;
use agentos::engines::EngineOptions;
use agentos::events;
use agentos::session::SessionOptions;
use agentos::session::log::{Listener, Subscription};
use agentos::{Error, Result, Vm, VmOptions};
use napi::Env;
use napi::bindgen_prelude::{Function, Object};
use napi_derive::napi;
use serde_json::{Value, json};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// A machine. It ends when it is disposed, and when JavaScript holds nothing of it any more: all of it was collected, or the
/// environment ended.
#[napi]
pub struct NativeVm(Arc<Owned>);

/// What each object that JavaScript has of a machine holds.
pub struct Owned {
    vm: Vm,
    subscription: Mutex<Option<Subscription>>,
}

impl Drop for Owned {
    fn drop(&mut self) {
        // What runs on host threads may still hold the machine; a panic must not reach Node.
        let _ = guarded(|| {
            self.vm.dispose();
            Ok(())
        });
    }
}

impl Owned {
    fn subscribe(&self, listener: Listener) {
        let subscription = self.vm.events().subscribe(listener);
        let old = self.subscription.lock().unwrap_or_else(PoisonError::into_inner).replace(subscription);
        drop(old);
    }

    /// The error for a call on a running program: in a machine that was disposed meanwhile, that is the reason.
    pub fn failure(&self, errno: Errno, syscall: &'static str) -> Error {
        if self.vm.is_disposed() { Error::disposed() } else { Error::syscall(errno, syscall, None) }
    }
}

impl Deref for Owned {
    type Target = Vm;

    fn deref(&self) -> &Vm {
        &self.vm
    }
}

impl NativeVm {
    /// The machine, for work that JavaScript waits for.
    pub fn owned(&self) -> Arc<Owned> {
        self.0.clone()
    }
}

#[napi]
impl NativeVm {
    /// Boots a machine. `options` is the JSON of `AgentOsOptions`.
    #[napi(ts_return_type = "Promise<NativeVm>")]
    pub fn create<'env>(env: &'env Env, options: String, module_cache: Option<String>, snapshot: Option<String>) -> napi::Result<Object<'env>> {
        let engine_options = EngineOptions { module_cache: module_cache.map(Into::into), snapshot: snapshot.map(Into::into) };
        blocking(
            env,
            move || Vm::create(VmOptions::from_json(json_argument(&options)?)?, &engine_options),
            |vm| NativeVm(Arc::new(Owned { vm, subscription: Mutex::default() })),
        )
    }

    /// Ends everything in the machine.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn dispose<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let vm = self.owned();
        blocking(env, move || Ok(vm.dispose()), |()| ())
    }

    /// Whether it was disposed.
    #[napi(getter)]
    pub fn disposed(&self) -> bool {
        self.0.is_disposed()
    }

    /// Starts a program.
    #[napi(ts_return_type = "Promise<NativeProcess>")]
    pub fn spawn<'env>(&self, env: &'env Env, request: JsSpawn) -> napi::Result<Object<'env>> {
        let owned = self.owned();
        let work = async move {
            let process = owned.spawn(&request.request(&owned)?).await?;
            Ok((process, owned))
        };
        promise(env, work, |(process, owned)| NativeProcess::new(process, owned))
    }

    /// Starts an agent. `options` is the JSON of `SessionOptions`.
    #[napi(ts_return_type = "Promise<NativeSession>")]
    pub fn create_session<'env>(&self, env: &'env Env, agent: String, options: String) -> napi::Result<Object<'env>> {
        let owned = self.owned();
        let work = async move {
            let session = owned.create_session(&agent, SessionOptions::from_json(json_argument(&options)?)?).await?;
            Ok((session, owned))
        };
        promise(env, work, |(session, owned)| NativeSession::new(session, owned))
    }

    /// What runs now, as JSON.
    #[napi]
    pub fn processes(&self) -> napi::Result<Vec<Value>> {
        guarded(|| Ok(self.0.processes()?.iter().map(process_info).collect()))
    }

    /// Sends a signal to a process of the machine.
    #[napi]
    pub fn kill(&self, pid: i32, name: String) -> napi::Result<()> {
        guarded(|| self.0.kill(pid, signal(&name)?))
    }

    /// Answers a question of a process: `"once"`, `"always"` or `"reject"`.
    #[napi]
    pub fn respond_permission(&self, id: String, reply: String) -> napi::Result<()> {
        guarded(|| self.0.respond_permission(&id, convert::reply(&reply)?))
    }

    /// The open questions, as JSON.
    #[napi]
    pub fn permission_requests(&self) -> napi::Result<Vec<Value>> {
        guarded(|| Ok(self.0.questions()?.iter().map(events::request).collect()))
    }

    /// The last decisions, as JSON, oldest first.
    #[napi]
    pub fn audit(&self, limit: f64) -> napi::Result<Vec<Value>> {
        guarded(|| Ok(self.0.audit(count(limit))?.iter().map(events::audit_entry).collect()))
    }

    /// Up to `max` events with numbers above `since`, each as JSON.
    #[napi]
    pub fn events(&self, since: f64, max: f64) -> napi::Result<Vec<String>> {
        guarded(|| Ok(self.0.events().since(since as u64, count(max)).iter().map(|event| event.json.clone()).collect()))
    }

    /// Calls `callback` whenever there are new events; replaces the callback of an earlier call.
    #[napi]
    pub fn subscribe(&self, callback: Function<'_, (), ()>) -> napi::Result<()> {
        let listener = nudge(&callback)?;
        guarded(|| {
            self.0.subscribe(listener);
            Ok(())
        })
    }

    /// What the machine uses, as JSON.
    #[napi]
    pub fn stats(&self) -> napi::Result<Value> {
        guarded(|| serde_json::to_value(self.0.stats()?).map_err(|error| Error::new("ERR_AGENTOS_INTERNAL", error.to_string())))
    }
}

/// The TypeScript layer checks types; what is left is a value that JSON has no form for.
fn json_argument(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| Error::new("ERR_AGENTOS_INVALID_OPTION", format!("options: {error}")))
}

fn process_info(info: &agentos::ProcessInfo) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    json!({
        "pid": info.pid,
        "ppid": info.ppid,
        "pgid": info.pgid,
        "sid": info.sid,
        "uid": info.uid,
        "gid": info.gid,
        "name": text(&info.comm),
        "args": info.cmdline.iter().map(|arg| text(arg)).collect::<Vec<_>>(),
        "state": info.state.letter().to_string(),
        "cpuMs": info.cpu.as_secs_f64() * 1e3,
        "memoryBytes": info.memory,
    })
}
