//! From a guest's call to its answer: attempt, wait, attempt again; then what the kernel wants of the process.

use crate::call::{Action, Call};
use crate::executor;
use crate::process::Process;
use crate::run::{Stop, continued};
use agentos_abi::{Errno, Result};
use agentos_syscall::{Attention, blocking};
use wasmtime::{AsContextMut, Caller};

/// A handler of one call of an ABI with arguments `A`. Never waits: EWAIT, after it has named what it waits for.
pub(crate) type Handler<A> = fn(&mut Call<'_, A>) -> Result<i32>;

/// Performs one call. The outer error ends the program, the inner one is the guest's.
pub(crate) async fn perform<A: Copy + Send + Sync>(caller: &mut Caller<'_, Process>, handler: Handler<A>, args: &A) -> wasmtime::Result<Result<i32>> {
    executor::flush_stale();
    caller.data_mut().call.begin();
    let mut result = attempt(caller, handler, args);
    if result == Err(Errno::EWAIT) {
        result = wait(caller, handler, args).await;
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
    settle(caller).await?;
    Ok(result)
}

/// Runs the handler once.
fn attempt<A: Copy>(caller: &mut Caller<'_, Process>, handler: Handler<A>, args: &A) -> Result<i32> {
    let memory = caller.data().memory.ok_or(Errno::EFAULT)?;
    let (bytes, process) = memory.data_and_store_mut(&mut *caller);
    handler(&mut Call::new(bytes, process, args))
}

/// The handler said EWAIT: waits for what it named and tries again.
async fn wait<A: Copy + Send + Sync>(caller: &mut Caller<'_, Process>, handler: Handler<A>, args: &A) -> Result<i32> {
    let process = caller.data_mut();
    process.call.first = false;
    let task = process.task.clone();
    let on = std::mem::take(&mut process.call.wait);
    let deadline = process.call.deadline;
    let result = {
        let caller = &mut *caller;
        blocking(&*task, on.as_wait_on(), deadline, move || attempt(caller, handler, args)).await
    };
    let call = &mut caller.data_mut().call;
    match result {
        Err(end @ (Errno::ETIMEDOUT | Errno::ERESTARTSYS | Errno::EINTR)) => {
            if call.sees_end {
                call.end = Some(end);
                return attempt(caller, handler, args);
            }
            if call.progress > 0 {
                return Ok(i32::try_from(call.progress).unwrap_or(i32::MAX));
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
        set_pending(&mut *caller, 1);
    }
    Ok(())
}

/// Sets the word that the guest's stub looks at after each call.
pub(crate) fn set_pending(mut store: impl AsContextMut<Data = Process>, value: u32) {
    let context = store.as_context_mut();
    let process = context.data();
    let at = process.call.pending_word;
    if let (Some(memory), true) = (process.memory, at != 0) {
        // A word outside of memory was refused at the start.
        let _ = crate::memory::Guest(memory.data_mut(context)).put(at, &value.to_le_bytes());
    }
}
