//! The files of a VM's host tools: commands, declarations, completion.

use super::binfmt::MAGIC;
use crate::error::{Error, Result};
use agentos_abi::fcntl::AT_FDCWD;
use agentos_abi::{Errno, OpenFlags};
use agentos_syscall::Syscalls;
use agentos_tools::{Toolkits, bash_completion, declaration};

/// Writes `/usr/bin/agentos`, `/usr/bin/agentos-NAME`, `/usr/lib/agentos/tools/NAME.d.ts` and the completion file, as root.
///
/// # Errors
/// ENOSPC and others of the file tree.
pub fn install(init: &dyn Syscalls, kits: &Toolkits) -> Result<()> {
    for directory in ["/usr", "/usr/bin", "/usr/lib", "/usr/lib/agentos", "/usr/lib/agentos/tools", "/etc", "/etc/bash_completion.d"] {
        match init.mkdirat(AT_FDCWD, directory.as_bytes(), 0o755) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(Error::syscall(errno, "mkdir", Some(directory))),
        }
    }
    put(init, "/usr/bin/agentos", &format!("{MAGIC}\n"), 0o755)?;
    for kit in kits.iter() {
        put(init, &format!("/usr/bin/{}", kit.command()), &format!("{MAGIC}{}\n", kit.name), 0o755)?;
        put(init, &format!("/usr/lib/agentos/tools/{}.d.ts", kit.name), &declaration(kit), 0o644)?;
    }
    put(init, "/etc/bash_completion.d/agentos", &bash_completion(kits), 0o644)
}

fn put(init: &dyn Syscalls, path: &str, text: &str, mode: u32) -> Result<()> {
    let fail = |errno| Error::syscall(errno, "open", Some(path));
    let flags = OpenFlags::WRONLY | OpenFlags::CREAT | OpenFlags::TRUNC | OpenFlags::CLOEXEC;
    let fd = init.openat(AT_FDCWD, path.as_bytes(), flags, mode).map_err(fail)?;
    let mut rest = text.as_bytes();
    let mut written = Ok(0);
    while !rest.is_empty() && written.is_ok() {
        written = init.write(fd, rest);
        rest = rest.get(written.unwrap_or(0)..).unwrap_or_default();
    }
    let _ = init.close(fd);
    written.map(|_| ()).map_err(fail)
}
