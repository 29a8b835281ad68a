//! An isolate: created without a program, then booted with one.

use crate::extensions::{arguments, extensions};
use crate::fs::{KernelFile, Stdio};
use crate::kernel::Kernel;
use crate::limits::{Meter, create_params, install};
use crate::modules::{CodeCache, Loader, new_loader};
use crate::ops::{Boot, Environment, Exited, Fatal};
use crate::report;
use crate::snapshot::Snapshot;
use deno_core::error::CoreError;
use deno_core::{JsRuntime, PollEventLoopOptions, RuntimeOptions, v8};
use deno_io::FdTable;
use deno_io::fs::{File, FileResource};
use deno_permissions::{PermissionsContainer, RuntimePermissionDescriptorParser};
use std::rc::Rc;
use std::sync::Arc;

/// Functions of the boot file that Rust calls.
struct Hooks {
    boot: v8::Global<v8::Function>,
    before_exit: v8::Global<v8::Function>,
    exit: v8::Global<v8::Function>,
    run_main: v8::Global<v8::Function>,
    prepare_eval: v8::Global<v8::Function>,
    print_result: v8::Global<v8::Function>,
}

/// A JavaScript heap with the Node layer in it.
pub struct Isolate {
    /// deno_core's runtime.
    pub runtime: JsRuntime,
    /// The process, once bound.
    pub kernel: Kernel,
    /// Its module loader.
    pub loader: Rc<Loader>,
    /// What it owes the VM.
    pub meter: Arc<Meter>,
    hooks: Hooks,
}

impl Isolate {
    /// Creates an isolate from the snapshot. Must run inside a tokio context: V8's delayed tasks are scheduled on it.
    ///
    /// # Errors
    /// When the snapshot's boot file is not the one this binary expects.
    pub fn new(snapshot: Snapshot, heap_max_bytes: usize, code_cache: Arc<CodeCache>) -> Result<Isolate, CoreError> {
        let kernel = Kernel::default();
        let meter = Arc::new(Meter::default());
        let (loader, services) = new_loader(&kernel, code_cache);
        let mut runtime = JsRuntime::new(RuntimeOptions {
            module_loader: Some(loader.clone()),
            extensions: extensions(),
            startup_snapshot: Some(snapshot.blob),
            residual_lazy_js_sources: snapshot.scripts,
            residual_lazy_esm_sources: snapshot.modules,
            is_main: true,
            create_params: Some(create_params(heap_max_bytes, &meter)),
            ..Default::default()
        });
        runtime.lazy_init_extensions(arguments(&kernel, services, deno_os::ExitCode::default()))?;
        put_state(&runtime, &kernel);
        install(&mut runtime, &kernel, &meter);
        runtime.v8_isolate().set_prepare_stack_trace_callback(report::prepare_stack_trace);
        let hooks = take_hooks(&mut runtime)?;
        Ok(Isolate { runtime, kernel, loader, meter, hooks })
    }

    /// Gives the isolate its program's arguments and environment and makes the globals that depend on them.
    ///
    /// # Errors
    /// What the boot file throws, which is a defect.
    pub fn boot(&mut self, boot: Boot, environment: Environment) -> Result<(), CoreError> {
        {
            let state = self.runtime.op_state();
            let mut state = state.borrow_mut();
            state.put(boot);
            state.put(environment);
        }
        let boot = self.hooks.boot.clone();
        self.call_now(&boot, &[]).map(drop)
    }

    /// Runs the CommonJS program at `process.argv[1]`.
    ///
    /// # Errors
    /// What it throws, or a termination.
    pub fn run_main(&mut self) -> Result<(), CoreError> {
        let run = self.hooks.run_main.clone();
        self.call_now(&run, &[]).map(drop)
    }

    /// Evaluates `-e` code; with `print`, prints its value.
    ///
    /// # Errors
    /// What it throws, or a termination.
    pub fn eval(&mut self, name: &'static str, code: String, print: bool) -> Result<(), CoreError> {
        let prepare = self.hooks.prepare_eval.clone();
        let label = self.string(name);
        self.call_now(&prepare, &[label])?;
        let value = self.runtime.execute_script(name, code)?;
        if print {
            let print_result = self.hooks.print_result.clone();
            self.call_now(&print_result, &[value])?;
        }
        Ok(())
    }

    /// Runs the event loop until nothing is left, then emits `beforeExit`, as often as that brings new work.
    ///
    /// # Errors
    /// An uncaught exception, or a termination.
    pub async fn run_to_end(&mut self) -> Result<(), CoreError> {
        loop {
            self.runtime.run_event_loop(PollEventLoopOptions::default()).await?;
            let before_exit = self.hooks.before_exit.clone();
            let more = self.call_now(&before_exit, &[])?;
            let more = {
                deno_core::scope!(scope, &mut self.runtime);
                v8::Local::new(scope, more).is_true()
            };
            if !more {
                // What `beforeExit` listeners queued without keeping the loop alive still runs.
                return self.runtime.run_event_loop(PollEventLoopOptions::default()).await;
            }
        }
    }

    /// Emits `exit`; `code`, when given, becomes the exit code unless the program has set one.
    ///
    /// # Errors
    /// What a listener throws, or a termination by `process.exit`.
    pub fn emit_exit(&mut self, code: Option<i32>) -> Result<(), CoreError> {
        let exit = self.hooks.exit.clone();
        let code = {
            deno_core::scope!(scope, &mut self.runtime);
            let value: v8::Local<v8::Value> = match code {
                Some(code) => v8::Integer::new(scope, code).into(),
                None => v8::undefined(scope).into(),
            };
            v8::Global::new(scope, value)
        };
        self.call_now(&exit, &[code]).map(drop)
    }

    /// Whether `process.exit` was called.
    pub fn has_exited(&mut self) -> bool {
        self.runtime.op_state().borrow().has::<Exited>()
    }

    /// How the boot file shows the exception that ended the program.
    pub fn take_fatal(&mut self) -> Option<String> {
        self.runtime.op_state().borrow_mut().try_take::<Fatal>().and_then(|fatal| fatal.0)
    }

    /// `process.exitCode`.
    pub fn exit_code(&mut self) -> i32 {
        self.runtime.op_state().borrow().borrow::<deno_os::ExitCode>().get()
    }

    fn string(&mut self, text: &str) -> v8::Global<v8::Value> {
        deno_core::scope!(scope, &mut self.runtime);
        let value: v8::Local<v8::Value> = v8::String::new(scope, text).unwrap_or_else(|| v8::String::empty(scope)).into();
        v8::Global::new(scope, value)
    }

    /// Calls a function and answers what it returns, without waiting for a promise.
    fn call_now(&mut self, function: &v8::Global<v8::Function>, args: &[v8::Global<v8::Value>]) -> Result<v8::Global<v8::Value>, CoreError> {
        deno_core::scope!(scope, &mut self.runtime);
        v8::tc_scope!(let scope, scope);
        let function = v8::Local::new(scope, function);
        let receiver = v8::undefined(scope).into();
        let args: Vec<v8::Local<v8::Value>> = args.iter().map(|arg| v8::Local::new(scope, arg)).collect();
        match function.call(scope, receiver, &args) {
            Some(value) => Ok(v8::Global::new(scope, value)),
            None => {
                // None when execution was terminated.
                let exception = scope.exception().unwrap_or_else(|| v8::undefined(scope).into());
                let error = deno_core::error::JsError::from_v8_exception(scope, exception);
                Err(deno_core::error::CoreErrorKind::Js(error).into_box())
            }
        }
    }
}

fn put_state(runtime: &JsRuntime, kernel: &Kernel) {
    let state = runtime.op_state();
    let mut state = state.borrow_mut();
    // Upstream's streams look for the standard descriptors as the first three resources and in the table.
    for (fd, name) in [(0, "stdin"), (1, "stdout"), (2, "stderr")] {
        let file: Rc<dyn File> = Rc::new(KernelFile::new(kernel.clone(), fd, Stdio::Standard));
        state.borrow_mut::<FdTable>().register(fd, file.clone());
        state.resource_table.add(FileResource::new(file, name.into()));
    }
    state.put(kernel.clone());
    // Grants all: the kernel decides. Any partial grant would make the checks look at the host's files.
    state.put(PermissionsContainer::allow_all(Arc::new(RuntimePermissionDescriptorParser::new(kernel.clone()))));
}

/// Fetches the functions that the boot file left for us, and removes the way to them.
fn take_hooks(runtime: &mut JsRuntime) -> Result<Hooks, CoreError> {
    let list = runtime.execute_script("ext:agentos/hooks", "{ const hooks = globalThis.__agentosHooks; delete globalThis.__agentosHooks; hooks }")?;
    deno_core::scope!(scope, runtime);
    let list = v8::Local::new(scope, list);
    let get = |scope: &mut v8::PinScope<'_, '_>, name: &str| -> Result<v8::Global<v8::Function>, CoreError> {
        let missing = || CoreError::from(std::io::Error::other(format!("the boot file has no {name}")));
        let object = v8::Local::<v8::Object>::try_from(list).map_err(|_| missing())?;
        let key = v8::String::new(scope, name).ok_or_else(missing)?;
        let value = object.get(scope, key.into()).ok_or_else(missing)?;
        let function = v8::Local::<v8::Function>::try_from(value).map_err(|_| missing())?;
        Ok(v8::Global::new(scope, function))
    };
    Ok(Hooks {
        boot: get(scope, "boot")?,
        before_exit: get(scope, "beforeExit")?,
        exit: get(scope, "exit")?,
        run_main: get(scope, "runMain")?,
        prepare_eval: get(scope, "prepareEval")?,
        print_result: get(scope, "printResult")?,
    })
}
