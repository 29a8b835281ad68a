//! The process' view of the kernel, as every part of an isolate holds it.
//!
//! A [`Kernel`] is made together with its isolate, before any program is known: isolates are created ahead of time. It is
//! *bound* once, when a program arrives. Until then, and while the snapshot is made, every call answers `ENOSYS`.

use crate::signals::SignalQueue;
use agentos_abi::{Errno, Events, Fd, Result};
use agentos_syscall::{Attention, Syscalls, WaitOn, block_on, blocking};
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::Instant;

/// A handle on the process; clones are the same process.
#[derive(Clone, Default)]
pub struct Kernel(Arc<Inner>);

#[derive(Default)]
struct Inner {
    task: OnceLock<Arc<dyn Syscalls>>,
    signals: SignalQueue,
    wakeup: Wakeup,
}

/// Wakes the thread of the program from any other.
#[derive(Default)]
pub struct Wakeup(Mutex<Option<Waker>>);

impl Wakeup {
    /// Whom to wake from now on.
    pub fn register(&self, waker: &Waker) {
        self.0.lock().replace(waker.clone());
    }

    /// Wakes.
    pub fn wake(&self) {
        let waker = self.0.lock().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kernel({})", if self.0.task.get().is_some() { "bound" } else { "unbound" })
    }
}

impl Kernel {
    /// Gives the isolate its process. A second call changes nothing.
    pub fn bind(&self, task: Arc<dyn Syscalls>) {
        let _ = self.0.task.set(task);
    }

    /// The process. ENOSYS before [`bind`](Kernel::bind).
    pub fn task(&self) -> Result<&Arc<dyn Syscalls>> {
        self.0.task.get().ok_or(Errno::ENOSYS)
    }

    /// Signals taken from the kernel that JavaScript has not seen yet.
    pub fn signals(&self) -> &SignalQueue {
        &self.0.signals
    }

    /// Where the kernel's interrupts arrive.
    pub fn wakeup(&self) -> &Wakeup {
        &self.0.wakeup
    }

    /// Whether the process has ended: nothing it asks for will be done any more.
    pub fn has_ended(&self) -> bool {
        self.task().is_ok_and(|task| task.attention().has(Attention::EXITED))
    }

    /// Moves what the kernel has for this process' handlers to the queue JavaScript reads.
    pub fn collect_signals(&self) {
        if let Ok(task) = self.task() {
            self.0.signals.collect(&**task);
        }
    }

    /// Parks this thread while the process is stopped (SIGSTOP).
    pub fn wait_while_stopped(&self) {
        let Ok(task) = self.task() else { return };
        let stopped = || if task.attention().has(Attention::STOPPED) && !task.attention().has(Attention::EXITED) { Err(Errno::EWAIT) } else { Ok(()) };
        let _ = block_on(blocking(&**task, WaitOn::Continue, None, stopped));
    }

    /// Runs a call that may wait, with this thread parked. A signal with a handler does not interrupt: handlers are
    /// JavaScript, which runs when the call is over (as with libuv, whose handlers run in the event loop).
    ///
    /// # Errors
    /// Those of `call`; EINTR when the process has ended; ETIMEDOUT at the deadline.
    pub fn wait<T>(&self, on: WaitOn<'_>, deadline: Option<Instant>, mut call: impl FnMut(&dyn Syscalls) -> Result<T>) -> Result<T> {
        let task = self.task()?;
        loop {
            match block_on(blocking(&**task, on, deadline, || call(&**task))) {
                Err(Errno::ERESTARTSYS) => self.collect_signals(),
                done => return done,
            }
        }
    }

    /// Runs a call that waits for nothing but somebody outside whom the policy asks.
    pub fn asking<T>(&self, call: impl FnMut(&dyn Syscalls) -> Result<T>) -> Result<T> {
        self.wait(WaitOn::Signal, None, call)
    }

    /// As [`wait`](Kernel::wait), but other work of the isolate goes on meanwhile.
    pub async fn wait_async<T>(&self, on: WaitOn<'_>, deadline: Option<Instant>, mut call: impl FnMut(&dyn Syscalls) -> Result<T>) -> Result<T> {
        let task = self.task()?;
        loop {
            match blocking(&**task, on, deadline, || call(&**task)).await {
                Err(Errno::ERESTARTSYS) => self.collect_signals(),
                done => return done,
            }
        }
    }

    /// Reads, with this thread parked until there is something.
    pub fn read(&self, fd: Fd, buf: &mut [u8]) -> Result<usize> {
        self.wait(WaitOn::Fd(fd, Events::IN), None, |task| task.read(fd, buf))
    }

    /// Writes all of `data`, with this thread parked while the other end is full.
    pub fn write_all(&self, fd: Fd, mut data: &[u8]) -> Result<()> {
        while !data.is_empty() {
            let written = self.wait(WaitOn::Fd(fd, Events::OUT), None, |task| wait_if_full(task.write(fd, data)))?;
            data = data.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads a whole file. `limit` bounds it: EFBIG above.
    pub fn read_file(&self, path: &[u8], limit: usize) -> Result<Vec<u8>> {
        let task = self.task()?;
        let fd = self.wait(WaitOn::LastCall, None, |task| task.openat(agentos_abi::fcntl::AT_FDCWD, path, agentos_abi::OpenFlags::CLOEXEC, 0))?;
        let data = self.read_to_end(fd, limit);
        let _ = task.close(fd);
        data
    }

    /// Reads from the descriptor's position to the end. EFBIG above `limit` bytes.
    pub fn read_to_end(&self, fd: Fd, limit: usize) -> Result<Vec<u8>> {
        let size = self.task()?.fstat(fd)?.size;
        let mut data = Vec::with_capacity(usize::try_from(size).unwrap_or(0).min(limit).saturating_add(1));
        loop {
            let filled = data.len();
            if filled > limit {
                return Err(Errno::EFBIG);
            }
            if data.capacity() - filled < READ_CHUNK_MIN {
                data.reserve(READ_CHUNK);
            }
            let room = (data.capacity() - filled).min(READ_CHUNK_MAX);
            data.resize(filled + room, 0);
            let read = self.read(fd, &mut data[filled..])?;
            data.truncate(filled + read);
            if read == 0 {
                return Ok(data);
            }
        }
    }
}

impl Kernel {
    /// As [`read_to_end`](Kernel::read_to_end), while other work of the isolate goes on.
    pub async fn read_to_end_async(&self, fd: Fd, limit: usize) -> Result<Vec<u8>> {
        let mut data = Vec::new();
        loop {
            let filled = data.len();
            if filled > limit {
                return Err(Errno::EFBIG);
            }
            data.resize(filled + READ_CHUNK, 0);
            let read = self.wait_async(WaitOn::Fd(fd, Events::IN), None, |task| wait_if_full(task.read(fd, &mut data[filled..]))).await?;
            data.truncate(filled + read);
            if read == 0 {
                return Ok(data);
            }
        }
    }
}

/// Grow a read buffer when less than this is left, in bytes.
const READ_CHUNK_MIN: usize = 1;
/// Growth of a read buffer whose final size is unknown, in bytes.
const READ_CHUNK: usize = 64 << 10;
/// Most that one read call is asked for, in bytes.
const READ_CHUNK_MAX: usize = 16 << 20;

/// A full non-blocking descriptor is waited for like a blocking one: streams of this engine wait in the event loop, whatever
/// the mode of the open file description, which other processes may share and change.
pub fn wait_if_full<T>(result: Result<T>) -> Result<T> {
    match result {
        Err(Errno::EAGAIN) => Err(Errno::EWAIT),
        other => other,
    }
}
