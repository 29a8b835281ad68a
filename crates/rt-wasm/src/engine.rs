//! The engine as execve(2) sees it.

use crate::cache::Cache;
use crate::config::{WasmConfig, make_engine};
use crate::executor::Executor;
use crate::modules::{Found, Modules};
use crate::process::{Slot, Slots, StartImage};
use crate::{linux, run, wasi};
use agentos_abi::{Errno, Result};
use agentos_syscall::{Binfmt, CpuAccount, Image, Program, ProgramStart};
use std::future::Future;
use std::io;
use std::sync::Arc;
use wasmtime::{Engine, Linker};

/// Bytes that arguments and environment may take, with a pointer each. They are copied to the program's stack of 1 MiB.
const MAX_START_BYTES: usize = 512 << 10;

/// Runs WebAssembly programs for any number of VMs. One per host process is enough.
pub struct WasmEngine {
    shared: Arc<Shared>,
}

/// What programs in flight need.
pub(crate) struct Shared {
    pub engine: Engine,
    pub executor: Executor,
    pub modules: Modules,
    pub slots: Arc<Slots>,
    pub max_memory_bytes: usize,
}

impl WasmEngine {
    /// Starts an engine: reserves address space for `max_instances` programs (fewer when the host refuses) and starts the
    /// threads.
    ///
    /// # Errors
    /// The host refuses address space or threads.
    pub fn new(config: WasmConfig) -> io::Result<Arc<WasmEngine>> {
        let failed = |error: wasmtime::Error| io::Error::other(format!("{error:#}"));
        let (engine, instances) = make_engine(&config).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        linux::add_to_linker(&mut linker).map_err(failed)?;
        wasi::add_to_linker(&mut linker).map_err(failed)?;
        let cache = config.cache_dir.clone().map(|dir| Cache::new(dir, &engine));
        let executor = Executor::new(engine.clone(), config.threads)?;
        let modules = Modules::new(engine.clone(), linker, cache, config.max_module_bytes);
        let shared = Shared { engine, executor, modules, slots: Slots::new(instances), max_memory_bytes: config.max_memory_bytes };
        Ok(Arc::new(WasmEngine { shared: Arc::new(shared) }))
    }

    /// Runs work of the host for a VM on the threads of its programs and in their share of the CPUs: what waits for a program runs
    /// right after it, without a switch of threads. The work must not block.
    pub fn spawn(&self, account: &Arc<CpuAccount>, work: impl Future<Output = ()> + Send + 'static) {
        let charged = account.clone();
        self.shared.executor.spawn(account, work, move |time| charged.charge(time));
    }

    /// Programs that exist right now, over all VMs.
    pub fn instances(&self) -> u32 {
        self.shared.slots.used()
    }
}

impl Binfmt for WasmEngine {
    fn name(&self) -> &'static str {
        "wasm"
    }

    fn matches(&self, image: &Image) -> bool {
        image.head.starts_with(b"\0asm")
    }

    fn load(&self, image: Image) -> Result<Box<dyn Program>> {
        let strings = image.argv.iter().chain(&image.envp);
        if strings.map(|s| s.len() + 5).sum::<usize>() > MAX_START_BYTES {
            return Err(Errno::E2BIG);
        }
        let found = self.shared.modules.find(&*image.file)?;
        let slot = self.shared.slots.take().ok_or(Errno::ENOMEM)?;
        let start = StartImage { path: image.path, argv: image.argv, envp: image.envp };
        Ok(Box::new(Prepared { shared: self.shared.clone(), found, start, slot }))
    }
}

/// A program that has a module and a place, but no process yet.
struct Prepared {
    shared: Arc<Shared>,
    found: Found,
    start: StartImage,
    slot: Slot,
}

impl Program for Prepared {
    fn start(self: Box<Self>, start: ProgramStart) {
        let Prepared { shared, found, start: image, slot } = *self;
        let task = start.task;
        run::watch(&shared, &task);
        run::spawn(shared.clone(), task.clone(), async move {
            let loaded = match found {
                Found::Loaded(loaded) => Ok(loaded),
                Found::Bytes(hash, bytes) => run::compile(&shared, hash, bytes).await,
            };
            run::exec(shared, task, loaded, image, slot).await;
        });
    }
}
