//! Child processes: posix_spawn(3) by fork, calls on the child's handle, and execve.

mod launch;
mod sync;

use super::{guard, guard_async};
use crate::kernel::Kernel;
use agentos_abi::wait::WaitTarget;
use agentos_abi::{Errno, Fd, Pid, Signal, WaitOptions, WaitStatus};
use agentos_syscall::WaitOn;
use deno_core::{JsBuffer, OpDecl, OpState, Resource, ResourceId, ToV8, op2};
use deno_error::JsErrorBox;
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

/// One standard stream of a child, as JavaScript asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stdio {
    /// The parent's of the same number.
    Inherit,
    /// A new pipe, or for numbers from 3 a pair of sockets.
    Pipe,
    /// /dev/null.
    Null,
    /// A descriptor of the parent.
    Fd(Fd),
}

impl<'de> Deserialize<'de> for Stdio {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde_json::Value;
        Ok(match Value::deserialize(deserializer)? {
            Value::String(name) if name == "inherit" => Stdio::Inherit,
            Value::String(name) if name == "piped" => Stdio::Pipe,
            Value::Number(fd) => Stdio::Fd(fd.as_i64().and_then(|fd| Fd::try_from(fd).ok()).unwrap_or(-1)),
            _ => Stdio::Null,
        })
    }
}

/// `killSignal`: a number or a name.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum SignalArg {
    Number(i32),
    Name(String),
}

impl SignalArg {
    fn signal(&self) -> Option<Signal> {
        match self {
            SignalArg::Number(number) => Signal::new(*number),
            SignalArg::Name(name) => Signal::from_name(name),
        }
    }
}

/// What upstream's JavaScript passes; fields that mean nothing here are left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpawnArgs {
    cmd: String,
    args: Vec<String>,
    cwd: Option<String>,
    env: Vec<(String, String)>,
    gid: Option<u32>,
    uid: Option<u32>,
    stdin: Stdio,
    stdout: Stdio,
    stderr: Stdio,
    input: Option<JsBuffer>,
    #[serde(default)]
    extra_stdio: Vec<Stdio>,
    #[serde(default)]
    detached: bool,
    argv0: Option<String>,
    timeout: Option<f64>,
    kill_signal: Option<SignalArg>,
    max_buffer: Option<f64>,
}

/// How a child ended.
#[derive(ToV8)]
struct ChildStatus {
    success: bool,
    code: i32,
    signal: Option<String>,
}

impl From<WaitStatus> for ChildStatus {
    fn from(status: WaitStatus) -> Self {
        let signal = match status {
            WaitStatus::Signaled { signal, .. } => Some(signal.name().to_string()),
            _ => None,
        };
        ChildStatus { success: status == WaitStatus::Exited(0), code: status.shell_code(), signal }
    }
}

/// A started child, for `js`: the parent's ends of its pipes by number.
#[derive(ToV8)]
struct Child {
    rid: ResourceId,
    pid: Pid,
    stdin_fd: Option<Fd>,
    stdout_fd: Option<Fd>,
    stderr_fd: Option<Fd>,
    ipc_pipe_rid: Option<ResourceId>,
    extra_pipe_fds: Vec<Option<Fd>>,
}

/// A child that has not been waited for.
struct ChildResource {
    kernel: Kernel,
    pid: Pid,
    ended: Cell<bool>,
}

impl Resource for ChildResource {
    fn name(&self) -> std::borrow::Cow<'_, str> {
        "child".into()
    }
}

#[op2]
fn op_child_spawn(state: &mut OpState, #[serde] args: SpawnArgs, #[string] _api: String) -> Result<Child, io::Error> {
    let kernel = state.borrow::<Kernel>().clone();
    let started = guard(|| launch::launch(&kernel, &args))?;
    let pid = started.pid;
    let rid = state.resource_table.add(ChildResource { kernel, pid, ended: Cell::new(false) });
    let mut ends = started.ends.into_iter();
    let (stdin_fd, stdout_fd, stderr_fd) = (ends.next().flatten(), ends.next().flatten(), ends.next().flatten());
    Ok(Child { rid, pid, stdin_fd, stdout_fd, stderr_fd, ipc_pipe_rid: None, extra_pipe_fds: ends.collect() })
}

/// Resolves when the child has ended.
#[op2]
async fn op_child_wait(state: Rc<RefCell<OpState>>, #[smi] rid: ResourceId) -> Result<ChildStatus, io::Error> {
    let child = state.borrow().resource_table.get::<ChildResource>(rid).map_err(|_| io::Error::from(Errno::ECHILD))?;
    let status = guard_async(wait(&child.kernel, child.pid)).await?;
    child.ended.set(true);
    let _ = state.borrow_mut().resource_table.take_any(rid);
    Ok(status.into())
}

/// wait4(2) for one child.
async fn wait(kernel: &Kernel, pid: Pid) -> io::Result<WaitStatus> {
    let target = WaitTarget::Pid(pid);
    let found = kernel.wait_async(WaitOn::Child(target), None, |task| task.wait4(target, WaitOptions::empty())).await?;
    found.map(|waited| waited.status).ok_or_else(|| Errno::ECHILD.into())
}

#[op2]
fn op_child_kill(state: &mut OpState, #[smi] rid: ResourceId, #[serde] signal: SignalArg) -> Result<(), JsErrorBox> {
    let gone = || JsErrorBox::type_error("Child process has already terminated.");
    let child = state.resource_table.get::<ChildResource>(rid).map_err(|_| gone())?;
    let signal = signal.signal().ok_or_else(|| JsErrorBox::type_error("Invalid signal"))?;
    if child.ended.get() {
        return Err(gone());
    }
    guard(|| Ok(child.kernel.task()?.kill(child.pid, Some(signal))?)).map_err(JsErrorBox::from_err)
}

/// Whether the process waits for the child is up to the promise of `op_child_wait`.
#[op2(fast)]
fn op_child_ref(#[smi] _rid: ResourceId) {}

pub(super) fn replacements() -> Vec<(&'static str, OpDecl)> {
    vec![
        ("op_node_spawn_child", op_child_spawn()),
        ("op_spawn_wait", op_child_wait()),
        ("op_spawn_kill", op_child_kill()),
        ("op_spawn_child_ref", op_child_ref()),
        ("op_spawn_child_unref", op_child_ref()),
        ("op_spawn_sync", sync::op_child_run()),
    ]
}
