//! What a machine uses.

use crate::error::Result;
use crate::vm::Vm;
use agentos_account::Limit;
use serde::Serialize;

/// A listed package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Package {
    /// Name, `"@agentos/common"`.
    pub name: String,
    /// Version.
    pub version: String,
}

/// What a machine uses now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VmStats {
    /// Processes without process 1.
    pub processes: usize,
    /// Open file descriptions.
    pub open_files: usize,
    /// All memory that counts towards `maxMemoryMb`, in bytes.
    pub memory_bytes: u64,
    /// Bytes in writable file systems in memory.
    pub fs_bytes: u64,
    /// CPU time of all programs so far, in milliseconds.
    pub cpu_ms: f64,
    /// Time since boot, in milliseconds.
    pub uptime_ms: f64,
    /// The packages, in the order of the `software` option.
    pub software: Vec<Package>,
}

impl Vm {
    /// What it uses now.
    ///
    /// # Errors
    /// `ERR_AGENTOS_DISPOSED`.
    pub fn stats(&self) -> Result<VmStats> {
        let (kernel, software) = self.resources()?;
        let stats = kernel.stats();
        Ok(VmStats {
            processes: stats.processes,
            open_files: stats.open_files,
            memory_bytes: stats.memory_bytes,
            fs_bytes: kernel.account().used(Limit::FsBytes),
            cpu_ms: stats.cpu.as_secs_f64() * 1e3,
            uptime_ms: stats.uptime.as_secs_f64() * 1e3,
            software: software.to_vec(),
        })
    }
}
