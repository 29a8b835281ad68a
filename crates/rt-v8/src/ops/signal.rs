//! `process.on("SIGTERM")`: a listener makes the kernel's action a handler, its removal restores the default.

use super::{guard, guard_async};
use crate::kernel::Kernel;
use agentos_abi::signal::{Disposition, SA_RESTART, SigAction};
use agentos_abi::{Errno, Signal};
use deno_core::{OpDecl, OpState, Resource, ResourceId, op2};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::Poll;

/// One listened signal.
struct Listener {
    kernel: Kernel,
    signal: Signal,
    closed: Cell<bool>,
}

impl Resource for Listener {
    fn name(&self) -> std::borrow::Cow<'_, str> {
        "signal".into()
    }

    fn close(self: Rc<Self>) {
        self.closed.set(true);
        if let Ok(task) = self.kernel.task() {
            let _ = task.sigaction(self.signal, Some(SigAction::default()));
        }
        self.kernel.signals().wake(self.signal);
    }
}

#[op2(fast)]
#[smi]
fn op_signal_listen(state: &mut OpState, #[string] name: &str) -> Result<ResourceId, io::Error> {
    let kernel = state.borrow::<Kernel>().clone();
    let signal = Signal::from_name(name).ok_or(Errno::EINVAL)?;
    guard(|| {
        // The handler's number means nothing to the kernel; any makes the action a handler.
        let action = SigAction { disposition: Disposition::Handler(1), flags: SA_RESTART, ..SigAction::default() };
        kernel.task()?.sigaction(signal, Some(action))?;
        Ok(())
    })?;
    Ok(state.resource_table.add(Listener { kernel, signal, closed: Cell::new(false) }))
}

/// Resolves with false when the signal has come, with true when the listener was removed.
#[op2]
async fn op_signal_next(state: Rc<RefCell<OpState>>, #[smi] rid: ResourceId) -> Result<bool, io::Error> {
    let listener = state.borrow().resource_table.get::<Listener>(rid).map_err(|_| io::Error::from(Errno::EBADF))?;
    guard_async(poll_fn(|cx| {
        if listener.closed.get() {
            return Poll::Ready(Ok(true));
        }
        listener.kernel.signals().poll_take(listener.signal, cx).map(|()| Ok(false))
    }))
    .await
}

#[op2(fast)]
fn op_signal_ignore(state: &mut OpState, #[smi] rid: ResourceId) -> Result<(), io::Error> {
    let listener = state.resource_table.take::<Listener>(rid).map_err(|_| io::Error::from(Errno::EBADF))?;
    listener.close();
    Ok(())
}

pub(super) fn replacements() -> Vec<(&'static str, OpDecl)> {
    vec![("op_signal_bind", op_signal_listen()), ("op_signal_poll", op_signal_next()), ("op_signal_unbind", op_signal_ignore())]
}
