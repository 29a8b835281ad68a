//! Path operations that are more than one system call: recursive ones, realpath, copying.
//!
//! Everything answers `io::Error` made from the errno, because that is what `node:fs` takes `code`, `errno` and `syscall` from.

use crate::kernel::Kernel;
use agentos_abi::fcntl::{AT_FDCWD, SYMLOOP_MAX};
use agentos_abi::{AtFlags, Errno, Fd, FileType, OpenFlags, Stat};
use agentos_syscall::WaitOn;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

/// Largest file that is read in one piece, in bytes: V8 strings end at about 512 MiB and buffers are charged to the VM.
pub const READ_FILE_MAX: usize = 2 << 30;
/// Most directory levels that a recursive operation enters; ELOOP beyond. Linux has no such bound, but the walk here recurses.
const DEPTH_MAX: usize = 256;

/// One entry of a directory.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Name, without the directory.
    pub name: Vec<u8>,
    /// Type.
    pub file_type: FileType,
}

/// The bytes of a path. EINVAL for a NUL inside, which no file name can have.
pub fn bytes(path: &Path) -> io::Result<&[u8]> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.contains(&0) { Err(Errno::EINVAL.into()) } else { Ok(bytes) }
}

fn path_of(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

impl Kernel {
    /// open(2). The descriptor is close-on-exec, as everything Node opens.
    pub fn open(&self, path: &Path, flags: OpenFlags, mode: u32) -> io::Result<Fd> {
        let path = bytes(path)?;
        Ok(self.wait(WaitOn::LastCall, None, |task| task.openat(AT_FDCWD, path, flags | OpenFlags::CLOEXEC, mode))?)
    }

    /// stat(2), or lstat(2) without `follow`.
    pub fn stat(&self, path: &Path, follow: bool) -> io::Result<Stat> {
        let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        let path = bytes(path)?;
        Ok(self.asking(|task| task.fstatat(AT_FDCWD, path, flags))?)
    }

    /// getcwd(2).
    pub fn cwd(&self) -> io::Result<PathBuf> {
        Ok(path_of(self.task()?.getcwd()?))
    }

    /// readlink(2).
    pub fn readlink(&self, path: &Path) -> io::Result<PathBuf> {
        let path = bytes(path)?;
        Ok(path_of(self.asking(|task| task.readlinkat(AT_FDCWD, path))?))
    }

    /// realpath(3): absolute, without symbolic links; the file exists.
    pub fn realpath(&self, path: &Path) -> io::Result<PathBuf> {
        let absolute = if path.is_absolute() { path.to_path_buf() } else { self.cwd()?.join(path) };
        let mut todo: Vec<Vec<u8>> = Vec::new();
        push_reversed(&mut todo, &absolute);
        let mut real = PathBuf::from("/");
        let mut links = 0;
        while let Some(name) = todo.pop() {
            match name.as_slice() {
                b"." => continue,
                b".." => {
                    real.pop();
                    continue;
                }
                name => real.push(std::ffi::OsStr::from_bytes(name)),
            }
            let stat = self.stat(&real, false)?;
            if stat.file_type == FileType::Symlink {
                links += 1;
                if links > SYMLOOP_MAX {
                    return Err(Errno::ELOOP.into());
                }
                let target = self.readlink(&real)?;
                real.pop();
                if target.is_absolute() {
                    real = PathBuf::from("/");
                }
                push_reversed(&mut todo, &target);
            } else if !todo.is_empty() && stat.file_type != FileType::Directory {
                return Err(Errno::ENOTDIR.into());
            }
        }
        Ok(real)
    }

    /// The entries of a directory, but for `.` and `..`.
    pub fn read_dir(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let fd = self.open(path, OpenFlags::DIRECTORY, 0)?;
        let task = self.task()?;
        let mut entries = Vec::new();
        let result = task.getdents(fd, &mut |entry| {
            if entry.name != b"." && entry.name != b".." {
                entries.push(Entry { name: entry.name.to_vec(), file_type: entry.file_type });
            }
            true
        });
        let _ = task.close(fd);
        result?;
        Ok(entries)
    }

    /// mkdir(2), or `mkdir -p`.
    pub fn mkdir(&self, path: &Path, recursive: bool, mode: u32) -> io::Result<()> {
        let one = |path: &Path| -> io::Result<()> {
            let path = bytes(path)?;
            Ok(self.asking(|task| task.mkdirat(AT_FDCWD, path, mode))?)
        };
        if !recursive {
            return one(path);
        }
        match one(path) {
            Err(e) if e.raw_os_error() == Some(Errno::ENOENT.raw()) => {
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).ok_or(e)?;
                self.mkdir(parent, true, mode)?;
                one(path)
            }
            Err(e) if self.stat(path, true).is_ok_and(|stat| stat.file_type == FileType::Directory) && e.raw_os_error() != Some(Errno::EACCES.raw()) => Ok(()),
            done => done,
        }
    }

    /// unlink(2) or rmdir(2) by type; with `recursive`, a whole tree.
    pub fn remove(&self, path: &Path, recursive: bool) -> io::Result<()> {
        self.remove_at(path, recursive, 0)
    }

    fn remove_at(&self, path: &Path, recursive: bool, depth: usize) -> io::Result<()> {
        let name = bytes(path)?;
        if self.stat(path, false)?.file_type != FileType::Directory {
            return Ok(self.asking(|task| task.unlinkat(AT_FDCWD, name, AtFlags::empty()))?);
        }
        if recursive {
            if depth > DEPTH_MAX {
                return Err(Errno::ELOOP.into());
            }
            for entry in self.read_dir(path)? {
                self.remove_at(&path.join(std::ffi::OsStr::from_bytes(&entry.name)), true, depth + 1)?;
            }
        }
        Ok(self.asking(|task| task.unlinkat(AT_FDCWD, name, AtFlags::REMOVEDIR))?)
    }

    /// Copies the content and mode of a regular file.
    pub fn copy_file(&self, from: &Path, to: &Path) -> io::Result<()> {
        let task = self.task()?;
        let source = Owned(self, self.open(from, OpenFlags::empty(), 0)?);
        let stat = task.fstat(source.1)?;
        if stat.file_type == FileType::Directory {
            return Err(Errno::EISDIR.into());
        }
        let mode = stat.mode.bits();
        let target = Owned(self, self.open(to, OpenFlags::WRONLY | OpenFlags::CREAT | OpenFlags::TRUNC, mode)?);
        loop {
            let moved = self.wait(WaitOn::LastCall, None, |task| task.copy_range(source.1, None, target.1, None, COPY_CHUNK))?;
            if moved == 0 {
                break;
            }
        }
        Ok(task.fchmod(target.1, mode)?)
    }

    /// `cp -R`: files, directories and symbolic links.
    pub fn copy_tree(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.copy_tree_at(from, to, 0)
    }

    fn copy_tree_at(&self, from: &Path, to: &Path, depth: usize) -> io::Result<()> {
        let stat = self.stat(from, false)?;
        match stat.file_type {
            FileType::Directory if depth > DEPTH_MAX => Err(Errno::ELOOP.into()),
            FileType::Directory => {
                self.mkdir(to, true, stat.mode.bits())?;
                for entry in self.read_dir(from)? {
                    let name = std::ffi::OsStr::from_bytes(&entry.name);
                    self.copy_tree_at(&from.join(name), &to.join(name), depth + 1)?;
                }
                Ok(())
            }
            FileType::Symlink => {
                let (target, to) = (self.readlink(from)?, bytes(to)?);
                let target = bytes(&target)?;
                Ok(self.asking(|task| task.symlinkat(target, AT_FDCWD, to))?)
            }
            FileType::Regular => self.copy_file(from, to),
            _ => Err(Errno::EINVAL.into()),
        }
    }
}

/// Bytes that one copy_file_range(2) is asked for.
const COPY_CHUNK: usize = 1 << 20;

/// A descriptor that closes itself.
struct Owned<'a>(&'a Kernel, Fd);

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        if let Ok(task) = self.0.task() {
            let _ = task.close(self.1);
        }
    }
}

fn push_reversed(todo: &mut Vec<Vec<u8>>, path: &Path) {
    let at = todo.len();
    todo.extend(path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.as_bytes().to_vec()),
        Component::ParentDir => Some(b"..".to_vec()),
        _ => None,
    }));
    todo[at..].reverse();
}
