//! The Linux ABI: system calls as imports of the module.
//!
//! Two forms lead to the same handlers ([`table`]): `aos.syscall(number, a1..a6)`, and `linux.<name>(a1..)` with one import per
//! call. Beside them `aos.fork` and `aos.sigpop`, which are not calls of Linux but what the wasm32 port of musl makes fork(2)
//! and signal handlers from.

pub(crate) mod call;
mod calls;
mod layout;
pub(crate) mod table;

use crate::process::Process;
use crate::run::{Stop, continued};
use crate::{fork, linux::call::Action};
use agentos_abi::{Errno, Result};
use agentos_syscall::{Attention, blocking};
use call::{Args, Call};
use table::Syscall;
use wasmtime::{Caller, FuncType, Linker, Val, ValType};

/// Import modules that we answer to.
pub(crate) fn is_ours(module: &str) -> bool {
    matches!(module, "aos" | "linux" | "wasi_snapshot_preview1")
}

/// Defines the imports.
pub(crate) fn add_to_linker(linker: &mut Linker<Process>) -> wasmtime::Result<()> {
    linker.func_wrap_async("aos", "syscall", |caller, (number, a, b, c, d, e, f): (i32, u32, u32, u32, u32, u32, u32)| {
        Box::new(async move {
            match usize::try_from(number).ok().and_then(table::find) {
                Some(entry) => syscall(caller, entry, [a, b, c, d, e, f]).await,
                None => Ok(Errno::ENOSYS.to_return()),
            }
        })
    })?;
    for module in ["aos", "linux"] {
        linker.func_wrap_async(module, "fork", |caller, (buffer, len): (u32, u32)| Box::new(fork::import(caller, buffer, len)))?;
        linker.func_wrap(module, "sigpop", calls::signal::sigpop)?;
    }
    let engine = linker.engine().clone();
    for entry in table::table() {
        let ty = FuncType::new(&engine, vec![ValType::I32; entry.arity as usize], [ValType::I32]);
        linker.func_new_async("linux", entry.name, ty, move |caller, params, results| {
            let mut args: Args = [0; 6];
            for (arg, param) in args.iter_mut().zip(params) {
                *arg = param.i32().unwrap_or(0) as u32;
            }
            Box::new(async move {
                let answer = syscall(caller, entry, args).await?;
                results[0] = Val::I32(answer);
                Ok(())
            })
        })?;
    }
    Ok(())
}

/// One system call, from decoded registers to what the guest sees.
async fn syscall(mut caller: Caller<'_, Process>, entry: &'static Syscall, args: Args) -> wasmtime::Result<i32> {
    caller.data_mut().call.begin();
    let mut result = attempt(&mut caller, entry, &args);
    if result == Err(Errno::EWAIT) {
        result = wait(&mut caller, entry, &args).await;
    }
    match caller.data_mut().call.action.take() {
        None => {}
        Some(Action::Exit(status)) => {
            caller.data_mut().end(status);
            return Err(Stop::Ended.into());
        }
        Some(Action::Replaced) => return Err(Stop::Replaced.into()),
        Some(Action::EnterChild(child)) => caller.data_mut().enter_child(child),
        Some(Action::LeaveChild) => caller.data_mut().leave_child(),
    }
    trace(&caller, entry, &args, &result);
    settle(&mut caller).await?;
    Ok(match result {
        Ok(value) => value,
        Err(errno) => errno.to_return(),
    })
}

/// Runs the handler once.
fn attempt(caller: &mut Caller<'_, Process>, entry: &Syscall, args: &Args) -> Result<i32> {
    let memory = caller.data().memory.ok_or(Errno::EFAULT)?;
    let (bytes, process) = memory.data_and_store_mut(&mut *caller);
    (entry.handler)(&mut Call::new(bytes, process, args))
}

/// The handler said EWAIT: waits for what it named and tries again.
async fn wait(caller: &mut Caller<'_, Process>, entry: &'static Syscall, args: &Args) -> Result<i32> {
    let process = caller.data_mut();
    process.call.first = false;
    let task = process.task.clone();
    let on = std::mem::take(&mut process.call.wait);
    let deadline = process.call.deadline;
    let result = {
        let caller = &mut *caller;
        blocking(&*task, on.as_wait_on(), deadline, move || attempt(caller, entry, args)).await
    };
    let call = &mut caller.data_mut().call;
    match result {
        Err(end @ (Errno::ETIMEDOUT | Errno::ERESTARTSYS | Errno::EINTR)) => {
            if call.progress > 0 {
                return Ok(i32::try_from(call.progress).unwrap_or(i32::MAX));
            }
            if call.sees_end {
                call.end = Some(end);
                return attempt(caller, entry, args);
            }
            Err(end)
        }
        done => done,
    }
}

/// Before the guest goes on: ends or stops the process if that is due, and tells the guest's stub about signals.
async fn settle(caller: &mut Caller<'_, Process>) -> wasmtime::Result<()> {
    let process = caller.data();
    if let Some(parent) = &process.parent {
        // A killed child runs on, every call failing, until it exits and the parent continues; the parent's end is final.
        if parent.attention().has(Attention::EXITED) {
            return Err(Stop::Ended.into());
        }
    }
    let attention = process.task.attention();
    if attention == Attention::default() {
        return Ok(());
    }
    if attention.has(Attention::EXITED) {
        return if process.parent.is_some() { Ok(()) } else { Err(Stop::Ended.into()) };
    }
    if attention.has(Attention::STOPPED) {
        let task = process.task.clone();
        continued(&*task).await;
        if task.attention().has(Attention::EXITED) {
            return Err(Stop::Ended.into());
        }
    }
    if caller.data().task.attention().has(Attention::SIGNAL) {
        set_pending(caller, 1);
    }
    Ok(())
}

/// Sets the word that the guest's stub looks at after each call.
fn set_pending(caller: &mut Caller<'_, Process>, value: u32) {
    let process = caller.data();
    let at = process.call.pending_word;
    if let (Some(memory), true) = (process.memory, at != 0) {
        // A word outside of memory was refused at the start.
        let _ = crate::memory::Guest(memory.data_mut(caller)).put(at, &value.to_le_bytes());
    }
}

fn trace(caller: &Caller<'_, Process>, entry: &Syscall, args: &Args, result: &Result<i32>) {
    if tracing::enabled!(target: "agentos::syscall", tracing::Level::TRACE) {
        let pid = caller.data().task.getpid();
        let args = &args[..entry.arity as usize];
        tracing::trace!(target: "agentos::syscall", pid, "{}({args:x?}) = {result:?}", entry.name);
    }
}
