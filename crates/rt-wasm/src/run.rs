//! The life of a program: start, forks, end.

use crate::call::CallState;
use crate::engine::Shared;
use crate::executor::{self, TICK};
use crate::modules::{Loaded, ModuleHash};
use crate::process::{Asyncify, Charge, Fork, Process, Slot, StartImage};
use crate::snapshot::Running;
use crate::wasi;
use crate::{driver, fork};
use agentos_abi::{Result, Signal, WaitStatus};
use agentos_syscall::{Attention, Syscalls, WaitOn};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use wasmtime::{Engine, Instance, Store, StoreContextMut, Trap, UpdateDeadline};

/// Why a program leaves its code without a trap of its own. Travels as the error of a host call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The process has ended: it exited, or a signal killed it.
    Ended,
    /// execve(2) has started another program in the process.
    Replaced,
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stop::Ended => "the process has ended",
            Stop::Replaced => "another program has taken over",
        })
    }
}

impl std::error::Error for Stop {}

/// Makes a computing program notice signals at once.
pub(crate) fn watch(shared: &Shared, task: &Arc<dyn Syscalls>) {
    let engine: Engine = shared.engine.clone();
    task.set_interrupt(Some(Arc::new(move |_| engine.increment_epoch())));
}

/// Runs a program's future on the executor and charges its time.
pub(crate) fn spawn(shared: Arc<Shared>, task: Arc<dyn Syscalls>, future: impl Future<Output = ()> + Send + 'static) {
    let mut guard = EndGuard(Some(task.clone()));
    let future = async move {
        future.await;
        guard.disarm();
    };
    let account = task.cpu_account().clone();
    shared.executor.spawn(&account, future, move |time| task.charge_cpu(time));
}

/// Ends the process should its future be dropped or panic before the program has ended.
struct EndGuard(Option<Arc<dyn Syscalls>>);

impl EndGuard {
    fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for EndGuard {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.exit(killed_by(Signal::SIGKILL));
        }
    }
}

fn killed_by(signal: Signal) -> WaitStatus {
    WaitStatus::Signaled { signal, core: signal.default_action() == agentos_abi::signal::DefaultAction::Core }
}

/// Compiles beside the executor threads.
pub(crate) async fn compile(shared: &Arc<Shared>, hash: ModuleHash, bytes: Vec<u8>) -> Result<Arc<Loaded>> {
    let compiler = shared.clone();
    shared.executor.beside(move || compiler.modules.compile(hash, &bytes)).await.unwrap_or(Err(agentos_abi::Errno::ENOEXEC))
}

/// Instantiates and runs a program that execve(2) started.
pub(crate) async fn exec(shared: Arc<Shared>, task: Arc<dyn Syscalls>, loaded: Result<Arc<Loaded>>, image: StartImage, slot: Slot) {
    // The old program is gone, so like Linux past this point: SIGKILL.
    let Ok(loaded) = loaded else { return task.exit(killed_by(Signal::SIGKILL)) };
    let charge = Charge::new(task.clone(), shared.max_memory_bytes);
    if loaded.wasi
        && let Err(error) = wasi::preopen(&*task)
    {
        // Without them the program still runs, it just finds no files.
        tracing::debug!(%error, "cannot open the preopened directories");
    }
    match instantiate(&shared, task.clone(), loaded, image, charge, slot).await {
        Ok((store, instance)) => drive(shared, store, instance).await,
        Err(error) => {
            tracing::debug!(%error, "cannot instantiate");
            task.exit(killed_by(Signal::SIGKILL));
        }
    }
}

/// A store with an instance of the program in it.
pub(crate) async fn instantiate(
    shared: &Shared,
    task: Arc<dyn Syscalls>,
    loaded: Arc<Loaded>,
    image: StartImage,
    charge: Charge,
    slot: Slot,
) -> wasmtime::Result<(Running, Instance)> {
    let process = Process {
        task,
        parent: None,
        loaded: loaded.clone(),
        image,
        memory: None,
        mapped: None,
        asyncify: None,
        fork: Fork::No,
        call: CallState::default(),
        charge,
        slot,
    };
    let mut store = Store::new(&shared.engine, process);
    store.limiter(|process| &mut process.charge);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(on_epoch);
    let instance = loaded.pre.instantiate_async(&mut store).await?;
    let memory = instance.get_memory(&mut store, "memory");
    let asyncify = if loaded.asyncify {
        Some(Asyncify {
            start_unwind: instance.get_typed_func(&mut store, "asyncify_start_unwind")?,
            stop_unwind: instance.get_typed_func(&mut store, "asyncify_stop_unwind")?,
            start_rewind: instance.get_typed_func(&mut store, "asyncify_start_rewind")?,
            stop_rewind: instance.get_typed_func(&mut store, "asyncify_stop_rewind")?,
        })
    } else {
        None
    };
    let process = store.data_mut();
    process.memory = memory;
    process.asyncify = asyncify;
    Ok((Running::new(store), instance))
}

/// At a tick, or when somebody wants this program's attention while it computes.
fn on_epoch(mut context: StoreContextMut<'_, Process>) -> wasmtime::Result<UpdateDeadline> {
    executor::flush_stale();
    let process = context.data();
    let own = process.own();
    let attention = own.attention();
    if attention.has(Attention::EXITED) {
        return Err(Stop::Ended.into());
    }
    if attention.has(Attention::STOPPED) {
        let task = own.clone();
        return Ok(UpdateDeadline::YieldCustom(1, Box::pin(async move { continued(&*task).await })));
    }
    if process.task.attention().has(Attention::SIGNAL) {
        // A program that looks at the word in its loops, as interpreters do, runs the handler without waiting for a call.
        driver::set_pending(&mut context, 1);
    }
    let others_first = executor::slice_used() >= TICK / 2 || executor::wants_to_yield();
    Ok(if others_first { UpdateDeadline::Yield(1) } else { UpdateDeadline::Continue(1) })
}

/// Waits until a stopped process continues or ends. Signals with handlers do not matter before that.
pub(crate) async fn continued(task: &dyn Syscalls) {
    let stopped = || {
        let attention = task.attention();
        attention.has(Attention::STOPPED) && !attention.has(Attention::EXITED)
    };
    let mut guard = None;
    poll_fn(|cx| {
        // Registered first, as in `blocking`: a change from here on calls the waker.
        guard = task.wait_register(&WaitOn::Continue, None, cx.waker()).ok();
        if guard.is_some() && stopped() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

/// Runs from the start, or from where a fork left off, to the end.
///
/// Boxed because it comes to itself again: a fork drives the child.
pub(crate) fn drive(shared: Arc<Shared>, store: Running, instance: Instance) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(run_to_end(shared, store, instance))
}

async fn run_to_end(shared: Arc<Shared>, mut store: Running, instance: Instance) {
    let end = match run(&shared, &mut store, &instance).await {
        Ok(()) => Some(WaitStatus::Exited(0)),
        Err(error) => status_of(&error),
    };
    if let Some(status) = end {
        // A vfork child that is still there ends when its last handle goes, with the store.
        store.data_mut().end(status);
    }
}

async fn run(shared: &Arc<Shared>, store: &mut Running, instance: &Instance) -> wasmtime::Result<()> {
    let start = instance.get_typed_func::<(), ()>(&mut **store, "_start")?;
    loop {
        fork::rewind(store).await?;
        start.call_async(&mut **store, ()).await?;
        if !fork::unwound(shared, store, instance).await? {
            return Ok(());
        }
    }
}

/// How a program that left its code has ended; `None` when the kernel knows already or another program runs.
fn status_of(error: &wasmtime::Error) -> Option<WaitStatus> {
    if error.downcast_ref::<Stop>().is_some() {
        return None;
    }
    let signal = match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached | Trap::BadSignature) => Signal::SIGILL,
        Some(Trap::IntegerDivisionByZero | Trap::IntegerOverflow | Trap::BadConversionToInteger) => Signal::SIGFPE,
        Some(_) => Signal::SIGSEGV,
        // An exception nobody caught, or an import that does not exist.
        None => Signal::SIGABRT,
    };
    tracing::debug!(%error, ?signal, "program trapped");
    Some(killed_by(signal))
}
