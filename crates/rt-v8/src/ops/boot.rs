//! What the boot file asks for, output before there is a console, and the end of a process.

use super::guard;
use crate::kernel::Kernel;
use deno_core::{OpDecl, OpState, op2, v8};

/// What the program was started as.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Boot {
    /// Arguments after the script.
    pub args: Vec<String>,
    /// Options of `node` itself.
    pub exec_argv: Vec<String>,
    /// `argv[0]` as given.
    pub argv0: String,
    /// `file:` URL of the script; empty for `-e` and standard input.
    pub main: String,
    /// getpid(2).
    pub pid: i32,
    /// getppid(2).
    pub ppid: i32,
}

/// Put into the state by `process.exit`: the termination that follows is no error.
pub struct Exited;

#[op2]
#[serde]
fn op_agentos_boot(state: &mut OpState) -> Boot {
    state.borrow::<Boot>().clone()
}

/// `process.exit`: the code is set already; ends this isolate, never the host process.
#[op2(fast)]
fn op_agentos_exit(state: &mut OpState, scope: &mut v8::PinScope<'_, '_>) {
    state.put(Exited);
    scope.terminate_execution();
}

#[op2]
#[string]
fn op_agentos_exec_path() -> &'static str {
    crate::EXEC_PATH
}

/// For the snapshot tool, which has no descriptors: messages of the JavaScript that runs in it.
#[op2(fast)]
fn op_agentos_log(#[string] text: &str) {
    tracing::info!("{text}");
    crate::snapshot::log_line(text);
}

#[op2(fast)]
fn op_agentos_print(state: &mut OpState, #[string] text: &str, is_err: bool) -> Result<(), std::io::Error> {
    let kernel = state.borrow::<Kernel>().clone();
    guard(|| Ok(kernel.write_all(if is_err { 2 } else { 1 }, text.as_bytes())?))
}

/// How an exception that nobody caught is shown; the boot file makes the text where it still has the value.
#[derive(Default)]
pub struct Fatal(pub Option<String>);

#[op2(fast)]
fn op_agentos_fatal(state: &mut OpState, #[string] text: &str) {
    state.put(Fatal(Some(text.into())));
}

/// There is no inspector.
#[op2(fast)]
fn op_agentos_no_inspector() -> bool {
    false
}

#[op2(fast)]
fn op_bootstrap_color_depth() -> i32 {
    1
}

#[op2]
#[serde]
fn op_bootstrap_unstable_args() -> Vec<String> {
    Vec::new()
}

#[op2(fast)]
fn op_current_thread_cpu_usage(state: &mut OpState, #[buffer] out: &mut [f64]) {
    super::os::cpu_usage(state, out);
}

#[op2]
#[serde]
fn op_http_serve_address_override() -> (u8, String, u32, bool) {
    (0, String::new(), 0, false)
}

#[op2(fast)]
fn op_http_notify_serving(#[smi] _kind: u32) {}

pub(super) fn own() -> Vec<OpDecl> {
    vec![
        op_agentos_boot(),
        op_agentos_log(),
        op_agentos_fatal(),
        op_bootstrap_color_depth(),
        op_bootstrap_unstable_args(),
        op_current_thread_cpu_usage(),
        op_http_serve_address_override(),
        op_http_notify_serving(),
    ]
}

pub(super) fn replacements() -> Vec<(&'static str, OpDecl)> {
    vec![
        ("op_exit", op_agentos_exit()),
        ("op_exec_path", op_agentos_exec_path()),
        ("op_print", op_agentos_print()),
        ("op_inspector_enabled", op_agentos_no_inspector()),
    ]
}
