//! What is known of the program that a process runs, for /proc.

use crate::fd::TextUse;
use agentos_vfs::Path;
use std::sync::Arc;

/// Longest command name in bytes (TASK_COMM_LEN without the NUL).
const COMM_MAX: usize = 15;

/// Program of a process; inherited by fork(2), replaced by execve(2).
#[derive(Clone, Default)]
pub(crate) struct ExecInfo {
    /// Command name, at most 15 bytes.
    pub(crate) comm: Vec<u8>,
    /// Arguments, each ended by a NUL.
    pub(crate) cmdline: Arc<[u8]>,
    /// Environment, each entry ended by a NUL.
    pub(crate) environ: Arc<[u8]>,
    /// The program file.
    pub(crate) exe: Option<Path>,
    /// Keeps the program file from being written while it runs.
    pub(crate) _text: Option<Arc<TextUse>>,
}

impl ExecInfo {
    pub(crate) fn set_comm(&mut self, name: &[u8]) {
        self.comm = name[..name.len().min(COMM_MAX)].to_vec();
    }
}

/// Joins strings as /proc/PID/cmdline and environ show them.
pub(crate) fn nul_terminated(strings: &[Vec<u8>]) -> Arc<[u8]> {
    let mut joined = Vec::with_capacity(strings.iter().map(|s| s.len() + 1).sum());
    for string in strings {
        joined.extend_from_slice(string);
        joined.push(0);
    }
    joined.into()
}
