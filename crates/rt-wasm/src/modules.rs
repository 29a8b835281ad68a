//! From the bytes of a module to something that instantiates in microseconds.

use crate::cache::Cache;
use crate::process::Process;
use crate::{linux, wasi};
use agentos_abi::{Errno, Result};
use agentos_syscall::ImageFile;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use wasmtime::{Engine, ExternType, InstancePre, Linker, Module};

/// Sha256 of a module's bytes: its identity.
pub(crate) type ModuleHash = [u8; 32];

/// Modules whose code stays in memory; the least recently used goes first.
const MAX_LOADED: usize = 256;

/// A module ready to instantiate.
pub(crate) struct Loaded {
    /// The module with its imports resolved.
    pub pre: InstancePre<Process>,
    /// Whether its stack can be unwound and rewound, so that it can fork.
    pub asyncify: bool,
    /// Whether it is a WASI program, which expects preopened directories.
    pub wasi: bool,
}

/// All modules of an engine.
pub(crate) struct Modules {
    engine: Engine,
    linker: Linker<Process>,
    cache: Option<Cache>,
    max_bytes: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    loaded: HashMap<ModuleHash, (Arc<Loaded>, u64)>,
    uses: u64,
    /// Hashes of immutable slices, so that a built-in file is hashed once.
    statics: HashMap<(usize, usize), ModuleHash>,
}

/// What [`Modules::find`] found.
pub(crate) enum Found {
    /// Ready.
    Loaded(Arc<Loaded>),
    /// Well-formed, but to be compiled with [`Modules::compile`].
    Bytes(ModuleHash, Vec<u8>),
}

impl Modules {
    /// An empty set for `engine`, whose programs are linked by `linker`.
    pub fn new(engine: Engine, linker: Linker<Process>, cache: Option<Cache>, max_bytes: usize) -> Modules {
        Modules { engine, linker, cache, max_bytes, state: Mutex::default() }
    }

    /// Looks a file up, or reads and validates it.
    ///
    /// # Errors
    /// ENOEXEC: too large, malformed, or not a program for us. Whatever reading answers.
    pub fn find(&self, file: &dyn ImageFile) -> Result<Found> {
        if let Some(hash) = file.content_hash() {
            if let Some(loaded) = self.lookup(&hash)? {
                return Ok(Found::Loaded(loaded));
            }
            // Not trusted for what gets compiled: the bytes are hashed again.
        }
        if let Some(content) = file.static_content() {
            let key = (content.as_ptr() as usize, content.len());
            let known = self.state.lock().statics.get(&key).copied();
            let hash = known.unwrap_or_else(|| Sha256::digest(content).into());
            self.state.lock().statics.insert(key, hash);
            return match self.lookup(&hash)? {
                Some(loaded) => Ok(Found::Loaded(loaded)),
                None => self.validated(hash, content.to_vec()),
            };
        }
        let bytes = self.read(file)?;
        let hash = Sha256::digest(&bytes).into();
        match self.lookup(&hash)? {
            Some(loaded) => Ok(Found::Loaded(loaded)),
            None => self.validated(hash, bytes),
        }
    }

    fn lookup(&self, hash: &ModuleHash) -> Result<Option<Arc<Loaded>>> {
        let mut state = self.state.lock();
        state.uses += 1;
        let now = state.uses;
        if let Some((loaded, used)) = state.loaded.get_mut(hash) {
            *used = now;
            return Ok(Some(loaded.clone()));
        }
        drop(state);
        match self.cache.as_ref().and_then(|cache| cache.load(&self.engine, hash)) {
            Some(module) => self.keep(*hash, &module).map(Some),
            None => Ok(None),
        }
    }

    fn read(&self, file: &dyn ImageFile) -> Result<Vec<u8>> {
        let size = usize::try_from(file.stat()?.size).map_err(|_| Errno::ENOEXEC)?;
        if size > self.max_bytes {
            return Err(Errno::ENOEXEC);
        }
        let mut bytes = vec![0; size];
        let mut done = 0;
        while done < size {
            match file.read_at(&mut bytes[done..], done as u64)? {
                0 => break,
                n => done += n,
            }
        }
        bytes.truncate(done);
        Ok(bytes)
    }

    fn validated(&self, hash: ModuleHash, bytes: Vec<u8>) -> Result<Found> {
        if bytes.len() > self.max_bytes || Module::validate(&self.engine, &bytes).is_err() || !is_command(&bytes) {
            return Err(Errno::ENOEXEC);
        }
        Ok(Found::Bytes(hash, bytes))
    }

    /// Compiles; takes seconds, so never on an executor thread.
    ///
    /// # Errors
    /// ENOEXEC: not a program for us.
    pub fn compile(&self, hash: ModuleHash, bytes: &[u8]) -> Result<Arc<Loaded>> {
        // Somebody else may have compiled it while this waited for a thread.
        if let Some(loaded) = self.lookup(&hash)? {
            return Ok(loaded);
        }
        let module = Module::new(&self.engine, bytes).map_err(|_| Errno::ENOEXEC)?;
        let loaded = self.keep(hash, &module)?;
        if let (Some(cache), Ok(code)) = (&self.cache, module.serialize()) {
            cache.offer(&hash, &code);
        }
        Ok(loaded)
    }

    fn keep(&self, hash: ModuleHash, module: &Module) -> Result<Arc<Loaded>> {
        let loaded = Arc::new(self.link(module)?);
        let mut state = self.state.lock();
        if state.loaded.len() >= MAX_LOADED {
            let oldest = state.loaded.iter().min_by_key(|(_, (_, used))| *used).map(|(hash, _)| *hash);
            oldest.map(|hash| state.loaded.remove(&hash));
        }
        state.uses += 1;
        let now = state.uses;
        state.loaded.insert(hash, (loaded.clone(), now));
        Ok(loaded)
    }

    fn link(&self, module: &Module) -> Result<Loaded> {
        let exports = |name: &str| module.get_export(name);
        let is_program = matches!(exports("memory"), Some(ExternType::Memory(_))) && matches!(exports("_start"), Some(ExternType::Func(_)));
        // Only functions can be imported, and only by a module that speaks to us at all: a function that is missing among them
        // ends the program when it calls it.
        let only_functions = module.imports().all(|import| matches!(import.ty(), ExternType::Func(_)));
        let imports_from = |names: &[&str]| module.imports().any(|import| names.contains(&import.module()));
        let wasi = imports_from(&[wasi::MODULE]);
        let speaks = wasi || module.imports().len() == 0 || imports_from(&linux::MODULES);
        if !is_program || !only_functions || !speaks {
            return Err(Errno::ENOEXEC);
        }
        let mut linker = self.linker.clone();
        linker.define_unknown_imports_as_traps(module).map_err(|_| Errno::ENOEXEC)?;
        let pre = linker.instantiate_pre(module).map_err(|_| Errno::ENOEXEC)?;
        Ok(Loaded { pre, asyncify: exports("asyncify_start_unwind").is_some(), wasi })
    }
}

/// Whether a valid module exports `memory` and `_start`: known before it is compiled, while execve(2) can still refuse it.
fn is_command(bytes: &[u8]) -> bool {
    const EXPORTS: u8 = 7;
    let mut at = 8;
    while let Some(id) = bytes.get(at).copied() {
        at += 1;
        let Some(len) = number(bytes, &mut at) else { return false };
        let Some(section) = bytes.get(at..at.saturating_add(len)) else { return false };
        if id == EXPORTS {
            let has = |name: &[u8]| section.windows(name.len()).any(|part| part == name);
            return has(b"\x06memory") && has(b"\x06_start");
        }
        at += len;
    }
    false
}

/// An unsigned LEB128 number.
fn number(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
