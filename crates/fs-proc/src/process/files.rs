//! Small files of a process.

use super::inspect;
use agentos_abi::{Errno, Pid, Result};
use agentos_kernel::{Kernel, ProcessInfo};
use std::sync::Arc;

/// Errors: ESRCH.
pub(super) fn info(kernel: &Arc<Kernel>, pid: Pid) -> Result<ProcessInfo> {
    kernel.process(pid).ok_or(Errno::ESRCH)
}

/// Arguments, each ended by a NUL; empty for a zombie.
pub(super) fn cmdline(kernel: &Arc<Kernel>, pid: Pid) -> Result<Vec<u8>> {
    let arguments = info(kernel, pid)?.cmdline;
    Ok(arguments.into_iter().flat_map(|argument| argument.into_iter().chain([0])).collect())
}

pub(super) fn comm(kernel: &Arc<Kernel>, pid: Pid) -> Result<Vec<u8>> {
    let mut name = info(kernel, pid)?.comm;
    name.push(b'\n');
    Ok(name)
}

/// The environment that the program was started with. Errors: EACCES for another user's process.
pub(super) fn environ(kernel: &Arc<Kernel>, pid: Pid) -> Result<Vec<u8>> {
    inspect(kernel, pid)?;
    Ok(kernel.process_environ(pid)?.to_vec())
}

/// I/O is not counted: zeros, in Linux' format.
pub(super) fn io(kernel: &Arc<Kernel>, pid: Pid) -> Result<Vec<u8>> {
    inspect(kernel, pid)?;
    info(kernel, pid)?;
    let names = ["rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes", "cancelled_write_bytes"];
    Ok(names.map(|name| format!("{name}: 0\n")).concat().into_bytes())
}
