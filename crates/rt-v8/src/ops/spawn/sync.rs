//! `spawnSync`: the thread of the isolate feeds the child, collects its output and waits for its end.

use super::launch::launch;
use super::{ChildStatus, SignalArg, SpawnArgs};
use crate::kernel::Kernel;
use crate::ops::guard;
use agentos_abi::poll::PollFd;
use agentos_abi::wait::WaitTarget;
use agentos_abi::{Errno, Events, Fd, Pid, Result, Signal, WaitOptions, WaitStatus};
use agentos_syscall::{Syscalls, WaitOn};
use deno_core::{OpState, ToV8, convert::Uint8Array, op2};
use std::io;
use std::time::{Duration, Instant};

/// Bound of collected output for callers that set none (`maxBuffer: Infinity`), in bytes per stream.
const OUTPUT_MAX: usize = 256 << 20;
/// Bytes taken from a stream at a time.
const CHUNK: usize = 64 << 10;

/// What `spawnSync` answers.
#[derive(ToV8)]
pub(super) struct SpawnOutput {
    pid: Pid,
    status: ChildStatus,
    stdout: Option<Uint8Array>,
    stderr: Option<Uint8Array>,
    killed_by_timeout: bool,
    killed_by_max_buffer: bool,
}

/// One output stream.
struct Output {
    fd: Option<Fd>,
    data: Vec<u8>,
}

/// A running child and what is moved to and from it.
struct Conversation<'a> {
    kernel: &'a Kernel,
    pid: Pid,
    input: &'a [u8],
    stdin: Option<Fd>,
    outputs: [Output; 2],
    max_buffer: usize,
    overflowed: bool,
}

#[op2]
pub(super) fn op_child_run(state: &mut OpState, #[serde] args: SpawnArgs) -> std::result::Result<SpawnOutput, io::Error> {
    let kernel = state.borrow::<Kernel>().clone();
    guard(|| run(&kernel, args))
}

fn run(kernel: &Kernel, mut args: SpawnArgs) -> io::Result<SpawnOutput> {
    if args.input.is_some() {
        args.stdin = super::Stdio::Pipe;
    }
    let signal = args.kill_signal.as_ref().and_then(SignalArg::signal).unwrap_or(Signal::SIGTERM);
    let deadline = args.timeout.filter(|ms| *ms > 0.0 && *ms < 1e12).map(|ms| Instant::now() + Duration::from_secs_f64(ms / 1e3));
    let max_buffer = args.max_buffer.map_or(OUTPUT_MAX, |max| (max as usize).min(OUTPUT_MAX));
    let started = launch(kernel, &args)?;
    let mut ends = started.ends.into_iter();
    let stdin = ends.next().flatten();
    let mut output = || Output { fd: ends.next().flatten(), data: Vec::new() };
    let mut talk = Conversation {
        kernel,
        pid: started.pid,
        input: args.input.as_deref().unwrap_or_default(),
        stdin,
        outputs: [output(), output()],
        max_buffer,
        overflowed: false,
    };
    let piped = [talk.outputs[0].fd.is_some(), talk.outputs[1].fd.is_some()];
    let (status, timed_out) = talk.finish(deadline, signal)?;
    let overflowed = talk.overflowed;
    let [stdout, stderr] = std::mem::replace(&mut talk.outputs, [Output { fd: None, data: Vec::new() }, Output { fd: None, data: Vec::new() }]);
    let bytes = |output: Output, piped: bool| piped.then(|| output.data.into());
    Ok(SpawnOutput {
        pid: started.pid,
        status: status.into(),
        stdout: bytes(stdout, piped[0]),
        stderr: bytes(stderr, piped[1]),
        killed_by_timeout: timed_out,
        killed_by_max_buffer: overflowed,
    })
}

impl Conversation<'_> {
    /// Talks until the streams end, then waits for the child; kills it at the deadline or when it says too much.
    fn finish(&mut self, deadline: Option<Instant>, signal: Signal) -> io::Result<(WaitStatus, bool)> {
        let mut timed_out = false;
        loop {
            let polls = self.polls();
            if polls.is_empty() {
                break;
            }
            let kernel = self.kernel;
            match kernel.wait(WaitOn::Poll(&polls), deadline, |task| self.step(task)) {
                Ok(()) if !self.overflowed => {}
                Ok(()) => break,
                Err(Errno::ETIMEDOUT) => {
                    timed_out = true;
                    break;
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        if timed_out || self.overflowed {
            self.kill(signal);
        }
        match self.wait(if timed_out || self.overflowed { None } else { deadline }) {
            Err(Errno::ETIMEDOUT) => {
                self.kill(signal);
                Ok((self.wait(None)?, true))
            }
            done => Ok((done?, timed_out)),
        }
    }

    fn kill(&self, signal: Signal) {
        if let Ok(task) = self.kernel.task() {
            let _ = task.kill(self.pid, Some(signal));
        }
    }

    fn wait(&self, deadline: Option<Instant>) -> Result<WaitStatus> {
        let target = WaitTarget::Pid(self.pid);
        let found = self.kernel.wait(WaitOn::Child(target), deadline, |task| task.wait4(target, WaitOptions::empty()))?;
        found.map(|waited| waited.status).ok_or(Errno::ECHILD)
    }

    /// What there still is to wait for.
    fn polls(&self) -> Vec<PollFd> {
        let poll = |fd: Fd, events: Events| PollFd { fd, events, revents: Events::empty() };
        let stdin = self.stdin.map(|fd| poll(fd, Events::OUT));
        stdin.into_iter().chain(self.outputs.iter().filter_map(|output| output.fd.map(|fd| poll(fd, Events::IN)))).collect()
    }

    /// Moves what can be moved. EWAIT when nothing can.
    fn step(&mut self, task: &dyn Syscalls) -> Result<()> {
        let mut progress = self.feed(task);
        for output in &mut self.outputs {
            let Some(fd) = output.fd else { continue };
            let filled = output.data.len();
            output.data.resize(filled + CHUNK, 0);
            let result = task.read(fd, &mut output.data[filled..]);
            output.data.truncate(filled + *result.as_ref().unwrap_or(&0));
            match result {
                Err(Errno::EWAIT | Errno::EAGAIN) => {}
                Ok(0) | Err(_) => {
                    let _ = task.close(fd);
                    output.fd = None;
                    progress = true;
                }
                Ok(_) => progress = true,
            }
            if output.data.len() > self.max_buffer {
                output.data.truncate(self.max_buffer);
                self.overflowed = true;
            }
        }
        if progress { Ok(()) } else { Err(Errno::EWAIT) }
    }

    /// Writes input; closes the pipe at its end, or when the child reads no more.
    fn feed(&mut self, task: &dyn Syscalls) -> bool {
        let Some(fd) = self.stdin else { return false };
        if !self.input.is_empty() {
            match task.write(fd, self.input) {
                Ok(written) => {
                    self.input = self.input.get(written..).unwrap_or_default();
                    if !self.input.is_empty() {
                        return true;
                    }
                }
                Err(Errno::EWAIT | Errno::EAGAIN) => return false,
                Err(_) => {}
            }
        }
        let _ = task.close(fd);
        self.stdin = None;
        true
    }
}

impl Drop for Conversation<'_> {
    fn drop(&mut self) {
        let Ok(task) = self.kernel.task() else { return };
        for fd in self.stdin.into_iter().chain(self.outputs.iter().filter_map(|output| output.fd)) {
            let _ = task.close(fd);
        }
    }
}
