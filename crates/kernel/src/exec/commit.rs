//! The point of no return of execve(2).

use super::args;
use super::image::Resolved;
use crate::fd::FileId;
use crate::process::{ExecInfo, nul_terminated};
use crate::task::Task;
use agentos_abi::{Fd, Result};
use agentos_account::Limit;
use agentos_syscall::{Image, ProgramStart};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Task {
    /// execve(2). Up to the moment when the engine has loaded the program nothing of the process changes.
    pub(crate) fn exec(&self, dirfd: Fd, path: &[u8], argv: &[Vec<u8>], envp: &[Vec<u8>]) -> Result<()> {
        self.process.alive()?;
        args::check(argv, envp, self.kernel.limits.count(Limit::ArgBytes))?;
        // A program without any argument gets an empty name, as Linux does since 5.18.
        let empty_name = [Vec::new()];
        let argv = if argv.is_empty() { &empty_name } else { argv };
        let Resolved { image, path: exe } = self.resolve_image(dirfd, path, argv, envp)?;
        let stat = exe.stat()?;
        let text = self.kernel.open_files.texts.run(FileId { dev: stat.dev, ino: stat.ino })?;
        let info = ExecInfo { _text: Some(Arc::new(text)), ..exec_info(path, &image, exe) };
        let binfmt = self.kernel.binfmts.read().find(&image)?;
        let program = binfmt.load(image)?;
        self.process.alive()?;
        self.take_over(info);
        let task = Task::new(self.kernel.clone(), self.process.clone());
        program.start(ProgramStart { task: Arc::new(task) });
        Ok(())
    }

    /// Makes the process a fresh one for the new program: CLOEXEC descriptors, handlers and the old engine's interrupt go.
    fn take_over(&self, info: ExecInfo) {
        let closed = self.process.files.write().close_on_exec();
        drop(closed);
        {
            let mut signals = self.process.signals.lock();
            signals.exec();
            self.process.update_attention(&signals);
        }
        let calls = self.process.pending_calls.lock().take_all();
        let timers = std::mem::take(&mut *self.process.posix_timers.lock());
        drop((calls, timers));
        let old = std::mem::replace(&mut *self.process.exec_info.lock(), info);
        drop(old);
        self.process.has_execed.store(true, Ordering::Relaxed);
        // A signal whose handler is gone may have to act now.
        self.kernel.settle(&self.process);
    }
}

fn exec_info(path: &[u8], image: &Image, exe: agentos_vfs::Path) -> ExecInfo {
    let mut info = ExecInfo { cmdline: nul_terminated(&image.argv), environ: nul_terminated(&image.envp), exe: Some(exe), ..ExecInfo::default() };
    // The name of the script, not of its interpreter, as in Linux.
    let name = path.rsplit(|b| *b == b'/').find(|part| !part.is_empty());
    info.set_comm(name.unwrap_or(&image.path));
    info
}
