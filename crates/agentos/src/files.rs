//! File access by the host: the VM's tree through the handle of process 1.

use crate::error::{Error, Result};
use agentos_abi::fcntl::AT_FDCWD;
use agentos_abi::{AtFlags, Errno, Fd, FileType, OpenFlags, RenameFlags, Stat};
use agentos_syscall::Syscalls;
use std::sync::Arc;

/// Largest file that is read whole, in bytes.
pub const MAX_READ_FILE_BYTES: u64 = 2 << 30;
const CHUNK_BYTES: usize = 1 << 20;

/// File operations of a VM. Paths are absolute; what is made belongs to `owner`.
#[derive(Clone)]
pub struct Files {
    init: Arc<dyn Syscalls>,
    owner: (u32, u32),
}

/// One name of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// Name, bytes that are not UTF-8 replaced.
    pub name: String,
    /// Type.
    pub file_type: FileType,
}

/// A descriptor that closes itself.
struct Open<'a>(&'a dyn Syscalls, Fd);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let _ = self.0.close(self.1);
    }
}

fn fail<'a>(syscall: &'static str, path: &'a str) -> impl Fn(Errno) -> Error + 'a {
    move |errno| Error::syscall(errno, syscall, Some(path))
}

/// The API takes absolute paths only: the host has no working directory in the VM.
fn absolute(path: &str) -> Result<&[u8]> {
    if !path.starts_with('/') {
        return Err(Error::new("ERR_AGENTOS_INVALID_PATH", format!("path: got {path:?}; accepted: an absolute path of the VM, such as \"/home/user/file\"")));
    }
    if path.contains('\0') {
        return Err(Error::new("ERR_AGENTOS_INVALID_PATH", format!("path: got {path:?}; accepted: a path without NUL bytes")));
    }
    Ok(path.as_bytes())
}

impl Files {
    /// Access through `init`, on behalf of `owner` (user id, group id).
    pub fn new(init: Arc<dyn Syscalls>, owner: (u32, u32)) -> Files {
        Files { init, owner }
    }

    fn open(&self, path: &str, flags: OpenFlags, mode: u32) -> Result<Open<'_>> {
        let fd = self.init.openat(AT_FDCWD, absolute(path)?, flags | OpenFlags::CLOEXEC | OpenFlags::NONBLOCK, mode).map_err(fail("open", path))?;
        Ok(Open(&*self.init, fd))
    }

    /// The content of a file.
    ///
    /// # Errors
    /// ENOENT, EISDIR, EFBIG over [`MAX_READ_FILE_BYTES`], and what open(2) and read(2) answer.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        let file = self.open(path, OpenFlags::empty(), 0)?;
        let size = self.init.fstat(file.1).map_err(fail("fstat", path))?.size;
        if size > MAX_READ_FILE_BYTES {
            return Err(Error::syscall(Errno::EFBIG, "read", Some(path)));
        }
        let mut content = vec![0; size as usize];
        let mut filled = 0;
        loop {
            if filled == content.len() {
                // A file that grew, or one that does not tell its size (/proc).
                content.resize(filled + CHUNK_BYTES.min(filled.max(4096)), 0);
            }
            match self.init.read(file.1, &mut content[filled..]).map_err(fail("read", path))? {
                0 => break,
                n => filled += n,
            }
            if filled as u64 > MAX_READ_FILE_BYTES {
                return Err(Error::syscall(Errno::EFBIG, "read", Some(path)));
            }
        }
        content.truncate(filled);
        Ok(content)
    }

    /// Writes a file whole; missing parent directories are made.
    ///
    /// # Errors
    /// EISDIR, ENOTDIR, ENOSPC, EROFS and what open(2) and write(2) answer.
    pub fn write(&self, path: &str, content: &[u8], mode: Option<u32>) -> Result<()> {
        if let Some((parent, _)) = path.trim_end_matches('/').rsplit_once('/')
            && !parent.is_empty()
        {
            match self.mkdir(parent, true) {
                // A file in its place: opening tells.
                Err(error) if error.code == "EEXIST" => {}
                made => made?,
            }
        }
        let existed = self.exists(path)?;
        let file = self.open(path, OpenFlags::WRONLY | OpenFlags::CREAT | OpenFlags::TRUNC, mode.unwrap_or(0o644))?;
        let mut rest = content;
        while !rest.is_empty() {
            let n = self.init.write(file.1, rest).map_err(fail("write", path))?;
            rest = &rest[n..];
        }
        if !existed {
            self.init.fchown(file.1, Some(self.owner.0), Some(self.owner.1)).map_err(fail("chown", path))?;
        }
        if let Some(mode) = mode {
            self.init.fchmod(file.1, mode).map_err(fail("chmod", path))?;
        }
        Ok(())
    }

    /// Makes a directory; `recursive` makes missing parents and accepts an existing one.
    ///
    /// # Errors
    /// EEXIST, ENOENT, ENOTDIR, EROFS.
    pub fn mkdir(&self, path: &str, recursive: bool) -> Result<()> {
        absolute(path)?;
        if !recursive {
            return self.mkdir_one(path);
        }
        if self.lstat(path).is_ok_and(|s| s.file_type == FileType::Directory) {
            return Ok(());
        }
        let ends = path.char_indices().skip(1).filter(|(_, c)| *c == '/').map(|(i, _)| i).chain([path.len()]);
        for end in ends {
            let part = &path[..end];
            match self.mkdir_one(part) {
                Err(error) if error.code == "EEXIST" => match self.stat(part)?.file_type {
                    FileType::Directory => {}
                    _ if end == path.len() => return Err(error),
                    _ => return Err(Error::syscall(Errno::ENOTDIR, "mkdir", Some(path))),
                },
                done => done?,
            }
        }
        Ok(())
    }

    fn mkdir_one(&self, path: &str) -> Result<()> {
        self.init.mkdirat(AT_FDCWD, path.as_bytes(), 0o755).map_err(fail("mkdir", path))?;
        self.init.fchownat(AT_FDCWD, path.as_bytes(), Some(self.owner.0), Some(self.owner.1), AtFlags::empty()).map_err(fail("chown", path))
    }

    /// Names in a directory, sorted, without `.` and `..`.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR.
    pub fn readdir(&self, path: &str) -> Result<Vec<DirEntry>> {
        let dir = self.open(path, OpenFlags::DIRECTORY, 0)?;
        let mut entries = Vec::new();
        self.init
            .getdents(dir.1, &mut |entry| {
                if entry.name != b"." && entry.name != b".." {
                    entries.push(DirEntry { name: String::from_utf8_lossy(entry.name).into_owned(), file_type: entry.file_type });
                }
                true
            })
            .map_err(fail("readdir", path))?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Attributes; symbolic links are followed.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, ELOOP.
    pub fn stat(&self, path: &str) -> Result<Stat> {
        self.init.fstatat(AT_FDCWD, absolute(path)?, AtFlags::empty()).map_err(fail("stat", path))
    }

    /// Attributes of a symbolic link itself.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR.
    pub fn lstat(&self, path: &str) -> Result<Stat> {
        self.init.fstatat(AT_FDCWD, absolute(path)?, AtFlags::SYMLINK_NOFOLLOW).map_err(fail("lstat", path))
    }

    /// Whether something is there (a dangling link is not).
    ///
    /// # Errors
    /// Only for a bad path argument.
    pub fn exists(&self, path: &str) -> Result<bool> {
        absolute(path)?;
        Ok(self.stat(path).is_ok())
    }

    /// Removes a file, or a directory: an empty one, or with `recursive` all of it.
    ///
    /// # Errors
    /// ENOENT, ENOTEMPTY, EROFS, EBUSY (a mount point).
    pub fn delete(&self, path: &str, recursive: bool) -> Result<()> {
        let stat = self.lstat(path)?;
        if stat.file_type != FileType::Directory {
            return self.init.unlinkat(AT_FDCWD, path.as_bytes(), AtFlags::empty()).map_err(fail("unlink", path));
        }
        if recursive {
            for entry in self.readdir(path)? {
                self.delete(&format!("{}/{}", path.trim_end_matches('/'), entry.name), true)?;
            }
        }
        self.init.unlinkat(AT_FDCWD, path.as_bytes(), AtFlags::REMOVEDIR).map_err(fail("rmdir", path))
    }

    /// Renames; a move between file systems copies.
    ///
    /// # Errors
    /// ENOENT, ENOTEMPTY, EISDIR, EROFS.
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (old, new) = (absolute(from)?, absolute(to)?);
        match self.init.renameat(AT_FDCWD, old, AT_FDCWD, new, RenameFlags::empty()) {
            Err(Errno::EXDEV) if self.lstat(from)?.file_type == FileType::Regular => {
                let mode = self.stat(from)?.mode.bits();
                self.write(to, &self.read(from)?, Some(mode))?;
                self.delete(from, false)
            }
            done => done
                .map_err(|errno| Error { message: format!("{}: {}, rename '{from}' -> '{to}'", errno.name(), errno.message()), ..fail("rename", from)(errno) }),
        }
    }

    /// Copies a file with its permission bits; with `recursive` a directory and all in it. Symbolic links are copied as such below a
    /// directory, and followed at `from` itself.
    ///
    /// # Errors
    /// ENOENT; EISDIR for a directory without `recursive`; EINVAL for a directory into itself; EOPNOTSUPP for what is neither
    /// file, directory nor link; those of [`read`](Files::read) and [`write`](Files::write).
    pub fn copy(&self, from: &str, to: &str, recursive: bool) -> Result<()> {
        absolute(to)?;
        let stat = self.stat(from)?;
        if stat.file_type != FileType::Directory {
            return self.copy_file(from, to, &stat);
        }
        if !recursive {
            return Err(Error::syscall(Errno::EISDIR, "copy", Some(from)));
        }
        if self.is_below(to, &stat)? {
            return Err(Error::syscall(Errno::EINVAL, "copy", Some(to)));
        }
        self.copy_directory(from, to, &stat)
    }

    fn copy_file(&self, from: &str, to: &str, stat: &Stat) -> Result<()> {
        match stat.file_type {
            FileType::Regular => self.write(to, &self.read(from)?, Some(stat.mode.bits())),
            _ => Err(Error::syscall(Errno::EOPNOTSUPP, "copy", Some(from))),
        }
    }

    fn copy_directory(&self, from: &str, to: &str, stat: &Stat) -> Result<()> {
        self.mkdir(to, true)?;
        for entry in self.readdir(from)? {
            let (from, to) = (format!("{}/{}", from.trim_end_matches('/'), entry.name), format!("{}/{}", to.trim_end_matches('/'), entry.name));
            let stat = self.lstat(&from)?;
            match stat.file_type {
                FileType::Directory => self.copy_directory(&from, &to, &stat)?,
                FileType::Symlink => self.symlink(&self.readlink(&from)?, &to)?,
                _ => self.copy_file(&from, &to, &stat)?,
            }
        }
        // Last: a directory may be one that cannot be written.
        self.chmod(to, stat.mode.bits())
    }

    /// Whether `path`, or the nearest parent that exists, is the directory of `stat` or lies in it.
    fn is_below(&self, path: &str, stat: &Stat) -> Result<bool> {
        let mut part = path.trim_end_matches('/');
        while !part.is_empty() {
            match self.stat(part) {
                Ok(found) if (found.dev, found.ino) == (stat.dev, stat.ino) => return Ok(true),
                Err(error) if error.code != "ENOENT" => return Err(error),
                _ => part = part.rsplit_once('/').map_or("", |(parent, _)| parent),
            }
        }
        Ok(false)
    }

    /// Makes a symbolic link at `path`.
    ///
    /// # Errors
    /// EEXIST, ENOENT, EROFS.
    pub fn symlink(&self, target: &str, path: &str) -> Result<()> {
        self.init.symlinkat(target.as_bytes(), AT_FDCWD, absolute(path)?).map_err(fail("symlink", path))?;
        self.init.fchownat(AT_FDCWD, path.as_bytes(), Some(self.owner.0), Some(self.owner.1), AtFlags::SYMLINK_NOFOLLOW).map_err(fail("chown", path))
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// EINVAL when it is none.
    pub fn readlink(&self, path: &str) -> Result<String> {
        let target = self.init.readlinkat(AT_FDCWD, absolute(path)?).map_err(fail("readlink", path))?;
        Ok(String::from_utf8_lossy(&target).into_owned())
    }

    /// Changes permission bits.
    ///
    /// # Errors
    /// ENOENT, EROFS.
    pub fn chmod(&self, path: &str, mode: u32) -> Result<()> {
        self.init.fchmodat(AT_FDCWD, absolute(path)?, mode, AtFlags::empty()).map_err(fail("chmod", path))
    }
}
