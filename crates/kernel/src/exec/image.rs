//! Resolving the file to run, through `#!` lines, and showing it to engines.

use super::shebang::{self, HEAD_BYTES};
use crate::task::Task;
use agentos_abi::fcntl::{AT_FDCWD, X_OK};
use agentos_abi::{Errno, Fd, FileType, OpenFlags, Result, Stat};
use agentos_policy::{Class, Operation};
use agentos_syscall::{Image, ImageFile};
use agentos_vfs::{File, Path};
use std::sync::Arc;

/// Interpreters that may stand behind one another (Linux' exec_binprm).
const MAX_INTERPRETERS: usize = 5;

/// A program file.
struct ExecFile {
    file: Arc<dyn File>,
    path: Path,
}

impl ImageFile for ExecFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.file.read_at(buf, offset)
    }

    fn stat(&self) -> Result<Stat> {
        self.path.stat()
    }

    fn content_hash(&self) -> Option<[u8; 32]> {
        self.path.inode().content_hash()
    }

    fn static_content(&self) -> Option<&'static [u8]> {
        self.path.inode().static_content()
    }
}

/// What execve(2) resolved.
pub(super) struct Resolved {
    pub(super) image: Image,
    /// The program file, after `#!` lines.
    pub(super) path: Path,
}

impl Task {
    /// Finds the program for `path` and rewrites `argv` by each `#!` line on the way.
    ///
    /// # Errors
    /// Those of the path walk; EACCES (no regular file, not executable), ENOEXEC, ELOOP (too many interpreters).
    pub(super) fn resolve_image(&self, dirfd: Fd, path: &[u8], argv: &[Vec<u8>], envp: &[Vec<u8>]) -> Result<Resolved> {
        let mut place = self.executable(dirfd, path)?;
        let mut programs = vec![self.program_name(&place)];
        let mut name = self.script_name(dirfd, path, &place)?;
        let mut argv = argv.to_vec();
        for _ in 0..=MAX_INTERPRETERS {
            let file = place.inode().clone().open(OpenFlags::empty())?;
            let head = read_head(&*file)?;
            let Some(line) = shebang::parse(&head)? else {
                // All at once: an answer counts for the call that takes it, and the call that waits starts from the beginning.
                self.may(Class::Process, Operation::Exec, || Ok(programs))?;
                let absolute = place.display(&self.fs()?.root);
                let file = Arc::new(ExecFile { file, path: place.clone() });
                return Ok(Resolved { image: Image { head, file, path: absolute, argv, envp: envp.to_vec() }, path: place });
            };
            place = self.executable(AT_FDCWD, &line.interpreter)?;
            programs.push(self.program_name(&place));
            let own = [Some(line.interpreter.clone()), line.argument, Some(name)].into_iter().flatten();
            argv = own.chain(argv.into_iter().skip(1)).collect();
            name = line.interpreter;
        }
        Err(Errno::ELOOP)
    }

    /// The name by which the policy knows a program: its path without symbolic links.
    fn program_name(&self, place: &Path) -> Vec<u8> {
        place.display(&self.kernel.namespace.root())
    }

    /// A regular file that the caller may execute. Errors: EACCES.
    fn executable(&self, dirfd: Fd, path: &[u8]) -> Result<Path> {
        if path.is_empty() && dirfd == AT_FDCWD {
            return Err(Errno::ENOENT);
        }
        let place = self.lookup_or_self(dirfd, path, true)?;
        if place.file_type() != FileType::Regular || place.mount().flags.contains(agentos_vfs::MountFlags::NOEXEC) {
            return Err(Errno::EACCES);
        }
        place.permission(&self.cred(), X_OK)?;
        Ok(place)
    }

    /// What an interpreter is given to open: the path as the caller gave it, or, relative to a descriptor, by way of /dev/fd.
    fn script_name(&self, dirfd: Fd, path: &[u8], place: &Path) -> Result<Vec<u8>> {
        if dirfd == AT_FDCWD || path.starts_with(b"/") {
            return Ok(path.to_vec());
        }
        if path.is_empty() {
            return Ok(place.display(&self.fs()?.root));
        }
        Ok([format!("/dev/fd/{dirfd}/").as_bytes(), path].concat())
    }
}

/// The first bytes of a file, as many as there are up to [`HEAD_BYTES`].
fn read_head(file: &dyn File) -> Result<Vec<u8>> {
    let mut head = vec![0; HEAD_BYTES];
    let mut filled = 0;
    while filled < head.len() {
        match file.read_at(&mut head[filled..], filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    head.truncate(filled);
    Ok(head)
}
