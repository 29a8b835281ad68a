//! `NativeTerminal`: a program on a terminal.

use crate::convert::{JsExit, JsSpawn, signal};
use crate::error::guarded;
use crate::promise::promise;
use crate::vm::{NativeVm, Owned};
use agentos::abi::Errno;
use agentos::{Error, Size, Terminal};
use napi::Env;
use napi::bindgen_prelude::{Object, Uint8Array};
use napi_derive::napi;
use std::future::Future;
use std::sync::Arc;

/// A program on a terminal. Collecting it hangs the terminal up.
#[napi]
pub struct NativeTerminal {
    terminal: Arc<Terminal>,
    vm: Arc<Owned>,
}

impl NativeTerminal {
    fn work<T, F>(&self, syscall: &'static str, work: impl FnOnce(Arc<Terminal>) -> F) -> impl Future<Output = agentos::Result<T>> + Send + 'static
    where
        F: Future<Output = Result<T, Errno>> + Send + 'static,
    {
        let (work, vm) = (work(self.terminal.clone()), self.vm.clone());
        async move { work.await.map_err(|errno| vm.failure(errno, syscall)) }
    }
}

#[napi]
impl NativeTerminal {
    /// Process id of the program.
    #[napi(getter)]
    pub fn pid(&self) -> i32 {
        self.terminal.pid()
    }

    /// Types; settles when the terminal has taken all of it.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn write<'env>(&self, env: &'env Env, content: Uint8Array) -> napi::Result<Object<'env>> {
        let content = content.to_vec();
        promise(env, self.work("write", |terminal| async move { terminal.write(&content).await }), |()| ())
    }

    /// Reads what the screen is to show; empty at the end.
    #[napi(ts_return_type = "Promise<Uint8Array>")]
    pub fn read<'env>(&self, env: &'env Env, max_bytes: u32) -> napi::Result<Object<'env>> {
        let read = move |terminal: Arc<Terminal>| async move {
            match terminal.read(max_bytes as usize).await {
                // Hung up here: no error to who reads, but the end.
                Err(Errno::EBADF) => Ok(Vec::new()),
                done => done,
            }
        };
        promise(env, self.work("read", read), Uint8Array::from)
    }

    /// Changes the size of the window, in characters.
    #[napi]
    pub fn resize(&self, cols: u16, rows: u16) -> napi::Result<()> {
        guarded(|| self.terminal.resize(Size { cols, rows }).map_err(|errno| self.vm.failure(errno, "ioctl")))
    }

    /// Takes the terminal away from the program.
    #[napi]
    pub fn hang_up(&self) -> napi::Result<()> {
        guarded(|| Ok(self.terminal.hang_up()))
    }

    /// Sends a signal to the program. False when it has ended.
    #[napi]
    pub fn kill(&self, name: String) -> napi::Result<bool> {
        guarded(|| match self.terminal.kill(signal(&name)?) {
            Ok(()) => Ok(true),
            Err(Errno::ESRCH) => Ok(false),
            Err(errno) => Err(Error::syscall(errno, "kill", None)),
        })
    }

    /// Waits for the end of the program.
    #[napi(ts_return_type = "Promise<NativeExit>")]
    pub fn wait<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        promise(env, self.work("wait", |terminal| async move { terminal.wait().await }), |waited| JsExit::from(waited.status))
    }
}

#[napi]
impl NativeVm {
    /// Starts a program on a terminal of `cols` by `rows` characters.
    #[napi(ts_return_type = "Promise<NativeTerminal>")]
    pub fn open_terminal<'env>(&self, env: &'env Env, request: JsSpawn, cols: u16, rows: u16) -> napi::Result<Object<'env>> {
        let vm = self.owned();
        let work = async move {
            let terminal = vm.open_terminal(&request.request(&vm)?, Size { cols, rows }).await?;
            Ok((terminal, vm))
        };
        promise(env, work, |(terminal, vm)| NativeTerminal { terminal: Arc::new(terminal), vm })
    }
}
