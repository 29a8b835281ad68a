//! `NativeProcess`: a started program.

use crate::convert::{JsExit, signal};
use crate::error::guarded;
use crate::promise::promise;
use crate::vm::Owned;
use agentos::abi::Errno;
use agentos::{Error, Process};
use napi::Env;
use napi::bindgen_prelude::{Object, Uint8Array};
use napi_derive::napi;
use std::future::Future;
use std::sync::Arc;

/// A started program. Collecting it leaves the program running.
#[napi]
pub struct NativeProcess {
    process: Arc<Process>,
    vm: Arc<Owned>,
}

impl NativeProcess {
    /// For a program that was just started.
    pub fn new(process: Process, vm: Arc<Owned>) -> NativeProcess {
        NativeProcess { process: Arc::new(process), vm }
    }

    fn work<T, F>(&self, syscall: &'static str, work: impl FnOnce(Arc<Process>) -> F) -> impl Future<Output = agentos::Result<T>> + Send + 'static
    where
        F: Future<Output = Result<T, Errno>> + Send + 'static,
    {
        let (work, vm) = (work(self.process.clone()), self.vm.clone());
        async move { work.await.map_err(|errno| vm.failure(errno, syscall)) }
    }
}

#[napi]
impl NativeProcess {
    /// Process id in the machine.
    #[napi(getter)]
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Writes to its standard input; settles when all bytes are in the pipe.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn write_stdin<'env>(&self, env: &'env Env, content: Uint8Array) -> napi::Result<Object<'env>> {
        promise(env, self.work("write", |process| async move { process.write_stdin(&content).await }), |()| ())
    }

    /// Ends its standard input.
    #[napi]
    pub fn close_stdin(&self) -> napi::Result<()> {
        guarded(|| Ok(self.process.close_stdin()))
    }

    /// Reads from its standard output (1) or error (2); empty at the end.
    #[napi(ts_return_type = "Promise<Uint8Array>")]
    pub fn read<'env>(&self, env: &'env Env, descriptor: i32, max_bytes: u32) -> napi::Result<Object<'env>> {
        let read = move |process: Arc<Process>| async move {
            match descriptor {
                1 => process.read_stdout(max_bytes as usize).await,
                _ => process.read_stderr(max_bytes as usize).await,
            }
        };
        promise(env, self.work("read", read), Uint8Array::from)
    }

    /// Waits for its end.
    #[napi(ts_return_type = "Promise<NativeExit>")]
    pub fn wait<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        promise(env, self.work("wait", |process| async move { process.wait().await }), |waited| JsExit::from(waited.status))
    }

    /// Sends a signal to it, or to its whole process group. False when it has ended.
    #[napi]
    pub fn kill(&self, name: String, group: bool) -> napi::Result<bool> {
        guarded(|| {
            let signal = signal(&name)?;
            match if group { self.process.kill_group(signal) } else { self.process.kill(signal) } {
                Ok(()) => Ok(true),
                Err(Errno::ESRCH) => Ok(false),
                Err(errno) => Err(Error::syscall(errno, "kill", None)),
            }
        })
    }
}
