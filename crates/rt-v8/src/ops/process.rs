//! Identities of the process, and signals to others.

use super::guard;
use crate::kernel::Kernel;
use agentos_abi::{Errno, Signal};
use deno_core::{OpDecl, OpState, op2, v8};
use std::io;

fn kernel(state: &OpState) -> Kernel {
    state.borrow::<Kernel>().clone()
}

/// `process.kill`: 0 or an errno.
#[op2(fast)]
#[smi]
fn op_process_kill(state: &mut OpState, #[smi] pid: i32, #[smi] signal: i32) -> i32 {
    let kernel = kernel(state);
    let go = || {
        let signal = if signal == 0 { None } else { Some(Signal::new(signal).ok_or(Errno::EINVAL)?) };
        kernel.task()?.kill(pid, signal)
    };
    let result = go();
    // A signal to itself is handled before the call returns, as POSIX wants for an unblocked one.
    kernel.collect_signals();
    result.map_or_else(|errno| errno.raw(), |()| 0)
}

/// `process.abort`: SIGABRT, whatever the program made of it.
#[op2(fast)]
fn op_process_abort_self(state: &mut OpState, scope: &mut v8::PinScope<'_, '_>) {
    if let Ok(task) = kernel(state).task() {
        task.exit(agentos_abi::WaitStatus::Signaled { signal: Signal::SIGABRT, core: false });
    }
    scope.terminate_execution();
}

#[op2]
#[smi]
fn op_process_uid(state: &mut OpState) -> Result<Option<u32>, io::Error> {
    guard(|| Ok(Some(kernel(state).task()?.getresuid().0)))
}

#[op2]
#[smi]
fn op_process_gid(state: &mut OpState) -> Result<Option<u32>, io::Error> {
    guard(|| Ok(Some(kernel(state).task()?.getresgid().0)))
}

#[op2(fast)]
fn op_process_euid(state: &mut OpState) -> Result<u32, io::Error> {
    guard(|| Ok(kernel(state).task()?.getresuid().1))
}

#[op2(fast)]
fn op_process_egid(state: &mut OpState) -> Result<u32, io::Error> {
    guard(|| Ok(kernel(state).task()?.getresgid().1))
}

#[op2]
#[serde]
fn op_process_groups(state: &mut OpState) -> Result<Vec<u32>, io::Error> {
    guard(|| Ok(kernel(state).task()?.getgroups()))
}

/// A user or group id from JavaScript. Names are looked up by nobody here: EINVAL.
fn id(scope: &mut v8::PinScope<'_, '_>, value: v8::Local<'_, v8::Value>) -> io::Result<u32> {
    if value.is_number() { value.uint32_value(scope).ok_or_else(|| Errno::EINVAL.into()) } else { Err(Errno::EINVAL.into()) }
}

#[op2(fast)]
fn op_process_setuid<'a>(scope: &mut v8::PinScope<'a, '_>, state: &mut OpState, value: v8::Local<'a, v8::Value>) -> Result<(), io::Error> {
    let id = Some(id(scope, value)?);
    guard(|| {
        let kernel = kernel(state);
        let task = kernel.task()?;
        // setuid(2): the super-user changes all three, others the effective one.
        Ok(if task.getresuid().1 == 0 { task.setresuid(id, id, id)? } else { task.setresuid(None, id, None)? })
    })
}

#[op2(fast)]
fn op_process_setgid<'a>(scope: &mut v8::PinScope<'a, '_>, state: &mut OpState, value: v8::Local<'a, v8::Value>) -> Result<(), io::Error> {
    let id = Some(id(scope, value)?);
    guard(|| {
        let kernel = kernel(state);
        let task = kernel.task()?;
        Ok(if task.getresuid().1 == 0 { task.setresgid(id, id, id)? } else { task.setresgid(None, id, None)? })
    })
}

#[op2(fast)]
fn op_process_seteuid<'a>(scope: &mut v8::PinScope<'a, '_>, state: &mut OpState, value: v8::Local<'a, v8::Value>) -> Result<(), io::Error> {
    let id = id(scope, value)?;
    guard(|| Ok(kernel(state).task()?.setresuid(None, Some(id), None)?))
}

#[op2(fast)]
fn op_process_setegid<'a>(scope: &mut v8::PinScope<'a, '_>, state: &mut OpState, value: v8::Local<'a, v8::Value>) -> Result<(), io::Error> {
    let id = id(scope, value)?;
    guard(|| Ok(kernel(state).task()?.setresgid(None, Some(id), None)?))
}

#[op2(fast)]
fn op_process_set_title(state: &mut OpState, #[string] title: &str) {
    if let Ok(task) = kernel(state).task() {
        task.set_comm(title.as_bytes());
    }
}

pub(super) fn replacements() -> Vec<(&'static str, OpDecl)> {
    vec![
        ("op_node_process_kill", op_process_kill()),
        ("op_process_abort", op_process_abort_self()),
        ("op_uid", op_process_uid()),
        ("op_gid", op_process_gid()),
        ("op_geteuid", op_process_euid()),
        ("op_getegid", op_process_egid()),
        ("op_getgroups", op_process_groups()),
        ("op_node_process_setuid", op_process_setuid()),
        ("op_node_process_setgid", op_process_setgid()),
        ("op_node_process_seteuid", op_process_seteuid()),
        ("op_node_process_setegid", op_process_setegid()),
        ("op_node_process_set_title", op_process_set_title()),
    ]
}
