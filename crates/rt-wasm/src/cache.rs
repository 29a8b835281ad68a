//! Compiled modules on the host's disk.
//!
//! A file is machine code that the engine maps and runs, so its directory belongs to the host alone; a guest path never gets
//! here. Names carry the sha256 of the module and a hash of everything that the code depends on (wasmtime's version, the
//! CPU's features, the settings): another engine does not find the file, and the loader checks once more.

use crate::config::make_compiler;
use crate::modules::ModuleHash;
use sha2::{Digest, Sha256};
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use wasmtime::{Engine, Module};

/// Bytes that one engine adds to its directory for modules that guests brought along.
const MAX_ADDED_BYTES: u64 = 512 << 20;

/// A directory of compiled modules.
pub(crate) struct Cache {
    dir: PathBuf,
    compatibility: String,
    added: AtomicU64,
}

/// A hasher that does not change with the compiler's version.
struct StableHasher(Sha256);

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        u64::from_le_bytes([digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]])
    }
}

impl Cache {
    /// The cache of `dir` for code that `engine` can run.
    pub fn new(dir: PathBuf, engine: &Engine) -> Cache {
        let mut hasher = StableHasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Cache { dir, compatibility: format!("{:016x}", hasher.finish()), added: AtomicU64::new(0) }
    }

    fn path(&self, hash: &ModuleHash) -> PathBuf {
        let name: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        self.dir.join(format!("{name}-{}.cwasm", self.compatibility))
    }

    /// Maps a compiled module, when there is one.
    #[allow(unsafe_code, reason = "mapping compiled code")]
    pub fn load(&self, engine: &Engine, hash: &ModuleHash) -> Option<Module> {
        let path = self.path(hash);
        if !path.exists() {
            return None;
        }
        // SAFETY: the file is in the host's own directory, where only `store` writes what this engine's version compiled, whole
        // files by rename. Nobody changes a file in place, which the mapping relies on.
        match unsafe { Module::deserialize_file(engine, &path) } {
            Ok(module) => Some(module),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "compiled module is not usable");
                None
            }
        }
    }

    /// Keeps compiled code, up to a budget; failing costs only time later.
    pub fn offer(&self, hash: &ModuleHash, code: &[u8]) {
        let size = code.len() as u64;
        if self.added.fetch_add(size, Ordering::Relaxed).saturating_add(size) > MAX_ADDED_BYTES {
            return;
        }
        if let Err(error) = self.store(hash, code) {
            tracing::warn!(dir = %self.dir.display(), %error, "cannot keep a compiled module");
        }
    }

    fn store(&self, hash: &ModuleHash, code: &[u8]) -> io::Result<()> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(&self.dir)?;
        let target = self.path(hash);
        let temporary = target.with_extension(format!("{}.{}.tmp", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed)));
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let written = file.write_all(code).and_then(|()| fs::rename(&temporary, &target));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }
}

/// What [`precompile`] did with one file.
#[derive(Debug)]
pub struct Precompiled {
    /// The module.
    pub path: PathBuf,
    /// Size of the module in bytes.
    pub wasm_bytes: usize,
    /// Size of the code in bytes, 0 when it was there already.
    pub code_bytes: usize,
    /// Time that compilation took.
    pub took: std::time::Duration,
    /// Why it failed.
    pub error: Option<String>,
}

/// Compiles modules into `cache_dir` ahead of time, several at once, and tells `progress` of each. Files that are there
/// already are skipped. Directories in `paths` stand for the `.wasm` files in them.
///
/// # Errors
/// A path that cannot be read, or no compiler for this host. A module that does not compile is told to `progress`.
pub fn precompile(paths: &[PathBuf], cache_dir: &Path, progress: &(dyn Fn(Precompiled) + Sync)) -> io::Result<()> {
    let engine = make_compiler().map_err(|error| io::Error::other(error.to_string()))?;
    let cache = Cache::new(cache_dir.to_owned(), &engine);
    let mut files = list(paths)?;
    // The largest first, so that none is left over at the end.
    files.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).map_or(0, |m| m.len())));
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |n| n.get()) {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match precompile_one(&engine, &cache, path) {
                        Ok(done) => progress(done),
                        Err(error) => *failed.lock().unwrap_or_else(|e| e.into_inner()) = Some(error),
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_else(|e| e.into_inner()).map_or(Ok(()), Err)
}

fn list(paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        for entry in fs::read_dir(path)? {
            let entry = entry?.path();
            if entry.extension().is_some_and(|e| e == "wasm") {
                files.push(entry);
            }
        }
    }
    Ok(files)
}

fn precompile_one(engine: &Engine, cache: &Cache, path: &Path) -> io::Result<Precompiled> {
    let bytes = fs::read(path)?;
    let hash: ModuleHash = Sha256::digest(&bytes).into();
    let began = std::time::Instant::now();
    let mut done = Precompiled { path: path.to_owned(), wasm_bytes: bytes.len(), code_bytes: 0, took: std::time::Duration::ZERO, error: None };
    if !cache.path(&hash).exists() {
        match engine.precompile_module(&bytes) {
            Ok(code) => {
                cache.store(&hash, &code)?;
                done.code_bytes = code.len();
            }
            Err(error) => done.error = Some(format!("{error:#}")),
        }
    }
    done.took = began.elapsed();
    Ok(done)
}
