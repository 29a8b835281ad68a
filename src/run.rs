//! Programs that run to their end in one call: `exec` and `execFile`.

use crate::callback;
use crate::convert::{JsExecResult, JsSpawn, count};
use crate::error::guarded;
use crate::promise::promise_by;
use crate::vm::NativeVm;
use agentos::abi::{Signal, WaitStatus};
use agentos::process::DEFAULT_MAX_OUTPUT_BYTES;
use agentos::vm::SpawnRequest;
use agentos::{ExecOptions, Process};
use napi::Env;
use napi::bindgen_prelude::{FnArgs, Function, Object, Uint8Array};
use napi_derive::napi;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long and how much a program may run and print.
#[napi(object, object_to_js = false)]
pub struct JsRunOptions {
    /// Given on standard input.
    pub stdin: Option<Uint8Array>,
    /// SIGTERM after this time, in milliseconds.
    pub timeout_ms: Option<f64>,
    /// Bytes kept of each stream.
    pub max_output_bytes: Option<f64>,
    /// The output is answered as text, not as bytes.
    pub text: Option<bool>,
}

impl From<JsRunOptions> for ExecOptions {
    fn from(options: JsRunOptions) -> Self {
        ExecOptions {
            stdin: options.stdin.map_or_else(Vec::new, |bytes| bytes.to_vec()),
            // Longer than the longest Duration means no timeout.
            timeout: options.timeout_ms.and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok()),
            max_output_bytes: options.max_output_bytes.map_or(DEFAULT_MAX_OUTPUT_BYTES, count),
        }
    }
}

/// Ends a program that may not have started yet.
#[napi]
#[derive(Default)]
pub struct NativeStop(Arc<Stop>);

#[derive(Default)]
struct Stop(Mutex<Stopping>);

#[derive(Default)]
struct Stopping {
    asked: bool,
    process: Option<Arc<Process>>,
}

impl Stop {
    /// Kills the program and its process group, now or as soon as it starts.
    fn ask(&self) {
        let mut stopping = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stopping.asked = true;
        if let Some(process) = &stopping.process {
            // ESRCH: it has ended already.
            let _ = process.kill_group(Signal::SIGKILL);
        }
    }

    /// The program has ended. JavaScript may keep this object for long, and with it nothing of the machine.
    fn ended(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).process = None;
    }

    fn started(&self, process: &Arc<Process>) {
        let asked = {
            let mut stopping = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            stopping.process = Some(process.clone());
            stopping.asked
        };
        if asked {
            self.ask();
        }
    }
}

#[napi]
impl NativeStop {
    /// For one call of `run`.
    #[napi(constructor)]
    pub fn new() -> NativeStop {
        NativeStop::default()
    }

    /// Kills the program and its process group.
    #[napi]
    pub fn stop(&self) -> napi::Result<()> {
        guarded(|| {
            self.0.ask();
            Ok(())
        })
    }
}

#[napi]
impl NativeVm {
    /// Starts a program, feeds the input, collects the output, and waits for the end. `on_chunk(descriptor, bytes)` gets output as
    /// it arrives.
    #[napi(ts_return_type = "Promise<NativeExecResult>")]
    pub fn run<'env>(
        &self,
        env: &'env Env,
        request: JsSpawn,
        options: JsRunOptions,
        on_chunk: Option<Function<'_, FnArgs<(i32, Uint8Array)>, ()>>,
        stop: Option<&NativeStop>,
    ) -> napi::Result<Object<'env>> {
        let on_chunk = on_chunk.map(|callback| callback::on_chunk(&callback)).transpose()?;
        let (null_stdin, text) = (options.stdin.is_none(), options.text.unwrap_or(false));
        let (vm, options, stop) = (self.owned(), self.owned().bounded(ExecOptions::from(options)), stop.map(|stop| stop.0.clone()));
        let threads = vm.clone();
        let work = async move {
            let request = SpawnRequest { null_stdin, ..request.request(&vm)? };
            let process = Arc::new(vm.start(&request).await?);
            if let Some(stop) = &stop {
                stop.started(&process);
            }
            let outcome = process.run(&options, on_chunk.as_ref()).await;
            if let Some(stop) = &stop {
                stop.ended();
            }
            let killed = outcome.as_ref().is_ok_and(|result| matches!(result.status, WaitStatus::Signaled { signal: Signal::SIGKILL, .. }));
            if killed && vm.is_disposed() {
                return Err(agentos::Error::disposed());
            }
            outcome.map(|result| JsExecResult::new(result, text)).map_err(|errno| vm.failure(errno, "wait"))
        };
        promise_by(env, |task| threads.run_beside(task), work, |result| result)
    }
}
