//! Host tools: calls from the VM into JavaScript, and the answers.

use crate::error::guarded;
use crate::promise::promise;
use crate::vm::NativeVm;
use agentos::tools::{Calls, Host, ToolCall, ToolEnd, ToolReply};
use napi::Env;
use napi::bindgen_prelude::{Function, Object, Uint8Array};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use std::sync::Arc;

/// A call, as JavaScript gets it.
#[napi(object, object_from_js = false)]
pub struct NativeToolCall {
    /// Number of the call, for the answers.
    pub id: f64,
    /// Name of the toolkit.
    pub toolkit: String,
    /// Key of the tool.
    pub tool: String,
    /// Arguments as JSON, checked by the schema.
    pub args: String,
    /// The calling process.
    pub pid: i32,
    /// Its working directory.
    pub cwd: String,
    /// Its environment: `NAME=value` strings, each ended by a zero byte. One string costs less than an object that hardly any
    /// handler looks at.
    pub environ: String,
}

type OnCall = ThreadsafeFunction<NativeToolCall, (), NativeToolCall, napi::Status, false, true>;
type OnCancel = ThreadsafeFunction<f64, (), f64, napi::Status, false, true>;

struct JavaScript {
    on_call: OnCall,
    on_cancel: OnCancel,
}

impl Host for JavaScript {
    fn call(&self, id: u64, call: ToolCall) {
        let ToolCall { toolkit, tool, arguments, pid, cwd, env } = call;
        let environ = env.into_iter().flat_map(|(name, value)| [name, "=".into(), value, "\0".into()]).collect();
        let call = NativeToolCall { id: id as f64, toolkit, tool, args: arguments, pid, cwd, environ };
        // When the environment is closing nobody answers, and the caller is told that the host has gone.
        self.on_call.call(call, ThreadsafeFunctionCallMode::NonBlocking);
    }

    fn cancel(&self, id: u64) {
        self.on_cancel.call(id as f64, ThreadsafeFunctionCallMode::NonBlocking);
    }
}

#[napi]
impl NativeVm {
    /// Gives the machine the functions behind its toolkits: `onCall(call)` starts one, `onCancel(id)` says that nobody waits any more.
    /// Neither may throw.
    #[napi]
    pub fn set_tool_host(&self, on_call: Function<'_, NativeToolCall, ()>, on_cancel: Function<'_, f64, ()>) -> napi::Result<()> {
        let on_call =
            on_call.build_threadsafe_function::<NativeToolCall>().callee_handled::<false>().weak::<true>().build_callback(|context| Ok(context.value))?;
        let on_cancel = on_cancel.build_threadsafe_function::<f64>().callee_handled::<false>().weak::<true>().build_callback(|context| Ok(context.value))?;
        if let Some(calls) = self.owned().tools() {
            calls.set_host(Arc::new(JavaScript { on_call, on_cancel }));
        }
        Ok(())
    }

    /// A piece of a call's answer; settles when there is room for the next. `false`: nobody reads any more.
    #[napi(ts_return_type = "Promise<boolean>")]
    pub fn tool_chunk<'env>(&self, env: &'env Env, id: f64, bytes: Uint8Array) -> napi::Result<Object<'env>> {
        let vm = self.owned();
        let reply = ToolReply::Chunk(bytes.to_vec());
        let work = async move {
            let Some(calls) = vm.tools() else { return Ok(false) };
            Ok(calls.reply(id as u64, reply).await)
        };
        promise(env, work, |taken| taken)
    }

    /// The end of a call: `kind` is `"text"`, `"json"`, `"nothing"`, `"failed"`, `"badArguments"`, `"timedOut"` or `"aborted"`, with a text;
    /// or `"bytes"`. `false`: nobody waits any more.
    #[napi]
    pub fn tool_end(&self, id: f64, kind: String, text: Option<String>, bytes: Option<Uint8Array>) -> napi::Result<bool> {
        guarded(|| {
            let text = text.unwrap_or_default();
            let end = match kind.as_str() {
                "text" => ToolEnd::Text(text),
                "json" => ToolEnd::Json(text),
                "bytes" => ToolEnd::Bytes(bytes.map(|bytes| bytes.to_vec()).unwrap_or_default()),
                "nothing" => ToolEnd::Nothing,
                "badArguments" => ToolEnd::BadArguments(text),
                "timedOut" => ToolEnd::TimedOut(text),
                "aborted" => ToolEnd::Aborted(text),
                _ => ToolEnd::Failed(text),
            };
            let vm = self.owned();
            let calls: Option<&Arc<Calls>> = vm.tools();
            Ok(calls.is_some_and(|calls| calls.end(id as u64, ToolReply::End(end))))
        })
    }
}
