//! A Node program from start to exit status.

use crate::cli::{Command, Main};
use crate::isolate::Isolate;
use crate::kernel::Kernel;
use crate::modules::contains_esm_syntax;
use crate::ops::{Boot, Environment};
use crate::pool::Pool;
use crate::report;
use agentos_abi::{Signal, WaitStatus};
use agentos_syscall::{Attention, Program, ProgramStart, Syscalls};
use deno_core::error::CoreError;
use deno_core::url::Url;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;

/// Largest script from standard input, in bytes.
const STDIN_SCRIPT_MAX: usize = 256 << 20;

/// A loaded program.
pub struct NodeProgram {
    /// Where its thread comes from.
    pub pool: Arc<Pool>,
    /// Its command line.
    pub command: Command,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
}

impl Program for NodeProgram {
    fn start(self: Box<Self>, start: ProgramStart) {
        let task = start.task;
        let failed = task.clone();
        let (command, environment) = (self.command, Environment(self.environment));
        let started = self.pool.run(Box::new(move |isolate, runtime| run(isolate, runtime, task, command, environment)));
        if started.is_err() {
            failed.exit(WaitStatus::Signaled { signal: Signal::SIGKILL, core: false });
        }
    }
}

/// Runs the program on this thread and ends the process.
fn run(mut isolate: Isolate, runtime: &tokio::runtime::Runtime, task: Arc<dyn Syscalls>, command: Command, environment: Environment) {
    isolate.kernel.bind(task.clone());
    task.set_comm(b"node");
    watch(&mut isolate, &*task);
    let meter = isolate.meter.clone();
    let status = match meter.bind(task.clone(), ISOLATE_BYTES) {
        Ok(()) => WaitStatus::Exited((runtime.block_on(drive(&mut isolate, command, environment)) & 0xff) as u8),
        Err(_) => WaitStatus::Signaled { signal: Signal::SIGKILL, core: false },
    };
    task.set_interrupt(None);
    charge_cpu(&*task);
    // The isolate goes before the status is seen: who waits for the process may count on its memory.
    drop(isolate);
    meter.settle();
    // `exit` does nothing when a signal has ended the process already.
    task.exit(status);
}

/// What an isolate takes before its program runs, in bytes: measured with 100 idle ones.
const ISOLATE_BYTES: usize = 7 << 20;

/// Adds what this thread has computed since the last time.
fn charge_cpu(task: &dyn Syscalls) {
    thread_local!(static CHARGED: std::cell::Cell<std::time::Duration> = const { std::cell::Cell::new(std::time::Duration::ZERO) });
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists, and the pointer is to a timespec of ours.
    if unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) } != 0 {
        return;
    }
    let now = std::time::Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0));
    let used = now.saturating_sub(CHARGED.replace(now));
    task.charge_cpu(used);
}

/// Lets the kernel stop a computing program, and wake a waiting one.
fn watch(isolate: &mut Isolate, task: &dyn Syscalls) {
    let handle = isolate.runtime.v8_isolate().thread_safe_handle();
    let kernel = isolate.kernel.clone();
    STOPPABLE.replace(Some(kernel.clone()));
    task.set_interrupt(Some(Arc::new(move |attention: Attention| {
        if attention.has(Attention::EXITED) {
            handle.terminate_execution();
        }
        if attention.has(Attention::STOPPED) {
            handle.request_interrupt(stop_here, std::ptr::null_mut());
        }
        kernel.wakeup().wake();
    })));
}

thread_local! {
    /// The process of this thread, for V8's interrupt callback.
    static STOPPABLE: std::cell::RefCell<Option<Kernel>> = const { std::cell::RefCell::new(None) };
}

/// Runs on the isolate's thread between two steps of a computing program: parks it until SIGCONT.
unsafe extern "C" fn stop_here(_isolate: deno_core::v8::UnsafeRawIsolatePtr, _data: *mut std::ffi::c_void) {
    if let Some(kernel) = STOPPABLE.with_borrow(Clone::clone) {
        kernel.wait_while_stopped();
    }
}

/// Boots and runs; the answer is the exit code.
async fn drive(isolate: &mut Isolate, command: Command, environment: Environment) -> i32 {
    let kernel = isolate.kernel.clone();
    match &command.main {
        Main::Print(text) => {
            let _ = kernel.write_all(1, text.as_bytes());
            return 0;
        }
        Main::Fail(text, code) => {
            let _ = kernel.write_all(2, text.as_bytes());
            return i32::from(*code);
        }
        _ => {}
    }
    let main = match resolve_main(&kernel, &command.main) {
        Ok(main) => main,
        Err(message) => {
            let _ = kernel.write_all(2, message.as_bytes());
            return 1;
        }
    };
    let boot = Boot {
        args: command.args.clone(),
        exec_argv: command.exec_argv.clone(),
        argv0: command.argv0.clone(),
        main: match (&command.main, &main) {
            (_, Some(path)) => path.to_string_lossy().into_owned(),
            (Main::Stdin, None) => "-".into(),
            _ => String::new(),
        },
        pid: kernel.task().map_or(0, |task| task.getpid()),
        ppid: kernel.task().map_or(0, |task| task.getppid()),
    };
    if let Err(error) = isolate.boot(boot, environment) {
        tracing::error!("the boot file failed: {error}");
        return 70;
    }
    let result = {
        let program = execute(isolate, &command, main);
        let ended = kernel.clone();
        let mut program = std::pin::pin!(program);
        // The process may end (SIGKILL) or get signals while the program waits: both wake this future.
        poll_fn(move |cx| {
            ended.wakeup().register(cx.waker());
            ended.collect_signals();
            ended.wait_while_stopped();
            if ended.has_ended() {
                return Poll::Ready(Ok(()));
            }
            let polled = program.as_mut().poll(cx);
            if let Ok(task) = ended.task() {
                charge_cpu(&**task);
            }
            polled
        })
        .await
    };
    finish(isolate, &kernel, result)
}

use std::future::Future;

/// Reports what went wrong, emits `exit`, and answers the code.
fn finish(isolate: &mut Isolate, kernel: &Kernel, result: Result<(), CoreError>) -> i32 {
    if isolate.has_exited() || kernel.has_ended() {
        return isolate.exit_code();
    }
    let outcome = match result {
        Ok(()) => isolate.emit_exit(None),
        Err(error) if report::is_unsettled_await(&error) => {
            let _ = kernel.write_all(2, b"Warning: Detected unsettled top-level await\n");
            isolate.emit_exit(Some(report::UNSETTLED_AWAIT))
        }
        Err(error) => {
            show(isolate, kernel, &error);
            isolate.emit_exit(Some(1))
        }
    };
    match outcome {
        Err(error) if !isolate.has_exited() => {
            show(isolate, kernel, &error);
            match isolate.exit_code() {
                0 => 1,
                code => code,
            }
        }
        _ => isolate.exit_code(),
    }
}

/// Writes the report of an uncaught exception.
fn show(isolate: &mut Isolate, kernel: &Kernel, error: &CoreError) {
    let text = report::fatal(kernel, error, isolate.take_fatal());
    let _ = kernel.write_all(2, text.as_bytes());
}

/// The absolute path of a script, by the rules of `require`; None when the code is not in a file.
fn resolve_main(kernel: &Kernel, main: &Main) -> Result<Option<PathBuf>, String> {
    let Main::File(name) = main else { return Ok(None) };
    let cwd = kernel.cwd().unwrap_or_else(|_| PathBuf::from("/"));
    let path = deno_path_util::normalize_path(std::borrow::Cow::Owned(cwd.join(name))).into_owned();
    let is_file = |path: &Path| kernel.stat(path, true).is_ok_and(|stat| stat.file_type != agentos_abi::FileType::Directory);
    let with = |extension: &str| PathBuf::from(format!("{}{extension}", path.display()));
    let candidates = [path.clone(), with(".js"), with(".json"), path.join("index.js")];
    match candidates.iter().find(|candidate| is_file(candidate)) {
        Some(found) => Ok(Some(kernel.realpath(found).unwrap_or_else(|_| found.clone()))),
        None => Err(module_not_found(&path)),
    }
}

fn module_not_found(path: &Path) -> String {
    format!(
        "node:internal/modules/cjs/loader:1386\n  throw err;\n  ^\n\nError: Cannot find module '{}'\n    at Module._resolveFilename (node:internal/modules/cjs/loader:1383:15)\n    \
         at defaultResolveImpl (node:internal/modules/cjs/loader:1025:19)\n    at resolveForCJSWithHooks (node:internal/modules/cjs/loader:1030:22)\n    \
         at Module._load (node:internal/modules/cjs/loader:1192:37)\n    at Function.executeUserEntryPoint [as runMain] (node:internal/modules/run_main:170:5)\n    \
         at node:internal/main/run_main_module:36:49 {{\n  code: 'MODULE_NOT_FOUND',\n  requireStack: []\n}}\n\nNode.js v{}\n",
        path.display(),
        crate::NODE_VERSION
    )
}

/// Preloads, the program itself, and its event loop.
async fn execute(isolate: &mut Isolate, command: &Command, main: Option<PathBuf>) -> Result<(), CoreError> {
    for module in &command.require {
        let call = format!("require({})", deno_core::serde_json::Value::from(module.as_str()));
        isolate.eval("[preload]", call, false)?;
    }
    let here = deno_path_util::url_from_directory_path(&isolate.kernel.cwd().unwrap_or_else(|_| "/".into())).map_err(io_error)?;
    for module in &command.import {
        let code = format!("import {};", deno_core::serde_json::Value::from(module.as_str()));
        run_module(isolate, here.join("[preload]").map_err(io_error)?, Some(code), false).await?;
    }
    match (&command.main, main) {
        (Main::File(_), Some(path)) => run_file(isolate, &path).await?,
        (Main::Eval { code, print }, _) => run_code(isolate, "[eval]", code.clone(), *print, command.module_input, &here).await?,
        _ => {
            let data = isolate.kernel.read_to_end_async(0, STDIN_SCRIPT_MAX).await.map_err(|errno| CoreError::from(std::io::Error::from(errno)))?;
            let code = String::from_utf8_lossy(&data).into_owned();
            run_code(isolate, "[stdin]", code, false, command.module_input, &here).await?;
        }
    }
    isolate.run_to_end().await
}

fn io_error(error: impl std::fmt::Display) -> CoreError {
    CoreError::from(std::io::Error::other(error.to_string()))
}

/// Sources up to this size are parsed to find out whether they are modules; larger ones are tried as CommonJS first.
const DETECT_MAX: usize = 4 << 20;

async fn run_file(isolate: &mut Isolate, path: &Path) -> Result<(), CoreError> {
    let url = deno_path_util::url_from_file_path(path).map_err(io_error)?;
    if isolate.loader.is_cjs(&url) {
        let data = isolate.kernel.read_file(crate::fs::tree::bytes(path)?, crate::fs::tree::READ_FILE_MAX).map_err(std::io::Error::from)?;
        let may_be_module = !path.extension().is_some_and(|e| e == "cjs") && data.len() <= DETECT_MAX;
        if !may_be_module || !contains_esm_syntax(&url, &String::from_utf8_lossy(&data)) {
            return isolate.run_main();
        }
    }
    run_module(isolate, url, None, true).await
}

async fn run_code(isolate: &mut Isolate, name: &'static str, code: String, print: bool, module: bool, here: &Url) -> Result<(), CoreError> {
    let url = here.join(name).map_err(io_error)?;
    if module || (!print && contains_esm_syntax(&url, &code)) {
        return run_module(isolate, url, Some(code), true).await;
    }
    isolate.eval(name, code, print)
}

/// Loads and evaluates a module, with the event loop running for its top-level `await`s.
async fn run_module(isolate: &mut Isolate, url: Url, code: Option<String>, is_main: bool) -> Result<(), CoreError> {
    let runtime = &mut isolate.runtime;
    let id = match (code, is_main) {
        (None, true) => runtime.load_main_es_module(&url).await?,
        (None, false) => runtime.load_side_es_module(&url).await?,
        (Some(code), true) => runtime.load_main_es_module_from_code(&url, code).await?,
        (Some(code), false) => runtime.load_side_es_module_from_code(&url, code).await?,
    };
    let evaluated = runtime.mod_evaluate(id);
    runtime.run_event_loop(Default::default()).await?;
    evaluated.await
}
