//! What a machine uses.

use crate::error::Result;
use crate::vm::Vm;
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
    /// Memory of all programs, in bytes.
    pub memory_bytes: u64,
    /// Bytes in writable file systems in memory.
    pub fs_bytes: u64,
    /// CPU time of the processes that run, in milliseconds.
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
        let (kernel, quota, software) = self.resources()?;
        let stats = kernel.stats();
        Ok(VmStats {
            processes: stats.processes,
            open_files: stats.open_files,
            memory_bytes: stats.memory_bytes,
            fs_bytes: quota.max_bytes() - quota.free_bytes(),
            cpu_ms: stats.cpu.as_secs_f64() * 1e3,
            uptime_ms: stats.uptime.as_secs_f64() * 1e3,
            software: software.to_vec(),
        })
    }
}
