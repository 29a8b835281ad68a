//! What `js/stream_handle.js` is made of: one descriptor, its readiness, and reads and writes that never wait.
//!
//! Results are numbers: a count or 0, or a negative errno, as libuv has them.

use super::{guard, guard_async};
use crate::kernel::{Kernel, wait_if_full};
use agentos_abi::poll::PollFd;
use agentos_abi::socket::Shutdown;
use agentos_abi::{Errno, Events, Fd, Result};
use agentos_syscall::WaitOn;
use deno_core::{CancelFuture, CancelHandle, JsBuffer, OpDecl, OpState, Resource, ResourceId, op2};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

/// An open stream. Its descriptor is closed with it, but for the standard ones, which others in the process may use.
pub(super) struct Stream {
    kernel: Kernel,
    fd: Cell<Fd>,
    /// Ends waits for reading and for writing.
    cancel: [RefCell<Rc<CancelHandle>>; 2],
}

impl Stream {
    fn new(kernel: Kernel, fd: Fd) -> Stream {
        Stream { kernel, fd: Cell::new(fd), cancel: [RefCell::new(CancelHandle::new_rc()), RefCell::new(CancelHandle::new_rc())] }
    }

    /// The process.
    pub(super) fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The descriptor. EBADF once it is closed.
    pub(super) fn fd(&self) -> Result<Fd> {
        if self.fd.get() < 0 { Err(Errno::EBADF) } else { Ok(self.fd.get()) }
    }

    fn end_waits(&self, direction: usize) {
        if let Some(cancel) = self.cancel.get(direction) {
            cancel.replace(CancelHandle::new_rc()).cancel();
        }
    }

    fn close_fd(&self) {
        let fd = self.fd.replace(-1);
        if let (3.., Ok(task)) = (fd, self.kernel.task()) {
            let _ = task.close(fd);
        }
    }
}

impl Resource for Stream {
    fn name(&self) -> std::borrow::Cow<'_, str> {
        "stream".into()
    }

    fn close(self: Rc<Self>) {
        self.end_waits(READ);
        self.end_waits(WRITE);
        self.close_fd();
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.close_fd();
    }
}

const READ: usize = 0;
const WRITE: usize = 1;

/// The stream of a resource. EBADF.
pub(super) fn stream(state: &OpState, rid: ResourceId) -> Result<Rc<Stream>> {
    state.resource_table.get::<Stream>(rid).map_err(|_| Errno::EBADF)
}

/// A count or negative errno.
pub(super) fn number(result: io::Result<usize>) -> i32 {
    match result {
        Ok(n) => i32::try_from(n).unwrap_or(i32::MAX),
        Err(error) => -Errno::from(error).raw(),
    }
}

/// A call that would wait answers EAGAIN here.
pub(super) fn no_wait<T>(result: Result<T>) -> Result<T> {
    result.map_err(|errno| if errno == Errno::EWAIT { Errno::EAGAIN } else { errno })
}

#[op2(fast)]
#[smi]
fn op_stream_open(state: &mut OpState, #[smi] fd: Fd) -> i32 {
    let kernel = state.borrow::<Kernel>().clone();
    let known = guard(|| Ok(kernel.task()?.fstat(fd)?));
    match known {
        Ok(_) => i32::try_from(state.resource_table.add(Stream::new(kernel, fd))).unwrap_or(-Errno::EMFILE.raw()),
        Err(error) => -Errno::from(error).raw(),
    }
}

#[op2(fast)]
fn op_stream_close(state: &mut OpState, #[smi] rid: ResourceId) {
    if let Ok(stream) = state.resource_table.take::<Stream>(rid) {
        stream.close();
    }
}

#[op2(fast)]
fn op_stream_cancel(state: &mut OpState, #[smi] rid: ResourceId, #[smi] direction: u32) {
    if let Ok(stream) = stream(state, rid) {
        stream.end_waits(direction as usize);
    }
}

/// Resolves when the descriptor can be read (0) or written (1), or has failed: 0 or a negative errno.
#[op2]
#[smi]
async fn op_stream_ready(state: Rc<RefCell<OpState>>, #[smi] rid: ResourceId, #[smi] direction: u32) -> i32 {
    let Ok(stream) = stream(&state.borrow(), rid) else { return -Errno::EBADF.raw() };
    let (Ok(fd), direction) = (stream.fd(), (direction as usize).min(WRITE)) else { return -Errno::EBADF.raw() };
    let events = if direction == READ { Events::IN } else { Events::OUT };
    let cancel = stream.cancel[direction].borrow().clone();
    let ready = guard_async(async {
        let call = |task: &dyn agentos_syscall::Syscalls| {
            let mut polled = [PollFd { fd, events, revents: Events::empty() }];
            task.poll(&mut polled)?;
            if polled[0].revents.is_empty() { Err(Errno::EWAIT) } else { Ok(0) }
        };
        Ok(stream.kernel.wait_async(WaitOn::Fd(fd, events), None, call).await?)
    });
    match ready.or_cancel(cancel).await {
        Ok(result) => number(result),
        Err(_) => -Errno::ECANCELED.raw(),
    }
}

#[op2(fast)]
#[smi]
fn op_stream_try_read(state: &mut OpState, #[smi] rid: ResourceId, #[buffer] buf: &mut [u8]) -> i32 {
    number(guard(|| {
        let stream = stream(state, rid)?;
        Ok(no_wait(stream.kernel.task()?.read(stream.fd()?, buf))?)
    }))
}

#[op2(fast)]
#[smi]
fn op_stream_try_write(state: &mut OpState, #[smi] rid: ResourceId, #[buffer] data: &[u8]) -> i32 {
    number(guard(|| {
        let stream = stream(state, rid)?;
        Ok(no_wait(stream.kernel.task()?.write(stream.fd()?, data))?)
    }))
}

/// Writes all, with this thread parked while the other end is full: standard output of a program that may end at any time.
#[op2(fast)]
#[smi]
fn op_stream_write_all(state: &mut OpState, #[smi] rid: ResourceId, #[buffer] data: &[u8]) -> i32 {
    number(guard(|| {
        let stream = stream(state, rid)?;
        stream.kernel.write_all(stream.fd()?, data)?;
        Ok(0)
    }))
}

/// Ends writing. A pipe cannot be half closed: its descriptor is closed.
#[op2(fast)]
#[smi]
fn op_stream_shutdown(state: &mut OpState, #[smi] rid: ResourceId) -> i32 {
    number(guard(|| {
        let stream = stream(state, rid)?;
        match stream.kernel.task()?.shutdown(stream.fd()?, Shutdown::Write) {
            Err(Errno::ENOTSOCK) => stream.close_fd(),
            Err(Errno::ENOTCONN) => {}
            done => done?,
        }
        Ok(0)
    }))
}

/// Reads into a buffer that JavaScript keeps, with other work going on: for readers that want a promise.
#[op2]
#[smi]
async fn op_stream_read(state: Rc<RefCell<OpState>>, #[smi] rid: ResourceId, #[buffer] mut buf: JsBuffer) -> i32 {
    let Ok(stream) = stream(&state.borrow(), rid) else { return -Errno::EBADF.raw() };
    number(
        guard_async(async {
            let fd = stream.fd()?;
            Ok(stream.kernel.wait_async(WaitOn::Fd(fd, Events::IN), None, |task| wait_if_full(task.read(fd, &mut buf))).await?)
        })
        .await,
    )
}

pub(super) fn own() -> Vec<OpDecl> {
    vec![
        op_stream_open(),
        op_stream_close(),
        op_stream_cancel(),
        op_stream_ready(),
        op_stream_try_read(),
        op_stream_try_write(),
        op_stream_write_all(),
        op_stream_shutdown(),
        op_stream_read(),
    ]
}
