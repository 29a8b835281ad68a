//! The two engines, one of each per host process, shared by all VMs.

use crate::error::{Error, Result};
use agentos_rt_v8::{V8Config, V8Engine};
use agentos_rt_wasm::{WasmConfig, WasmEngine};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Where the engines find what was prepared at build time.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// Directory of compiled WebAssembly modules; compiled code is kept in memory only when absent.
    pub module_cache: Option<PathBuf>,
    /// The V8 start-up snapshot.
    pub snapshot: Option<PathBuf>,
}

/// The engines of the process.
pub struct Engines {
    /// Runs WebAssembly programs.
    pub wasm: Arc<WasmEngine>,
    /// Runs JavaScript programs.
    pub v8: Arc<V8Engine>,
}

static ENGINES: OnceLock<Result<Engines>> = OnceLock::new();

/// The engines; the first call makes them with `options`, later ones ignore theirs.
///
/// # Errors
/// `ERR_AGENTOS_ENGINE` when the host cannot run one (missing snapshot, no memory for the pools).
pub fn engines(options: &EngineOptions) -> Result<&'static Engines> {
    ENGINES.get_or_init(|| start(options)).as_ref().map_err(Clone::clone)
}

fn start(options: &EngineOptions) -> Result<Engines> {
    let failed = |engine: &str, why: String| Error::new("ERR_AGENTOS_ENGINE", format!("the {engine} engine cannot start: {why}"));
    let wasm =
        WasmEngine::new(WasmConfig { cache_dir: options.module_cache.clone(), ..WasmConfig::default() }).map_err(|e| failed("WebAssembly", e.to_string()))?;
    let path = options.snapshot.as_ref().ok_or_else(|| failed("JavaScript", "no start-up snapshot was named".into()))?;
    let snapshot = std::fs::read(path).map_err(|e| failed("JavaScript", format!("start-up snapshot {}: {e}; was the package built?", path.display())))?;
    let v8 = V8Engine::new(V8Config::new(snapshot)).map_err(|e| failed("JavaScript", e.to_string()))?;
    Ok(Engines { wasm, v8: Arc::new(v8) })
}
