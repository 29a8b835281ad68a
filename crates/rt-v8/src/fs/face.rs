//! [`KernelFs`]: `deno_fs::FileSystem`, through which the path functions of `node:fs` go.

use super::file::{KernelFile, Stdio, fs_stat, set_time};
use super::tree::{Entry, bytes};
use crate::kernel::Kernel;
use agentos_abi::fcntl::AT_FDCWD;
use agentos_abi::time::SetTime;
use agentos_abi::{AtFlags, Errno, FileType, OpenFlags, RenameFlags};
use deno_fs::{FileSystem, FsDirEntry, FsFileType, FsReadDirRc, OpenOptions};
use deno_io::fs::{File, FsResult, FsStat, FsStatFs};
use deno_permissions::{CheckedPath, CheckedPathBuf};
use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The file system of the process.
#[derive(Clone, Debug)]
pub struct KernelFs(pub Kernel);

/// open(2) flags for the options of the Node layer.
fn open_flags(options: &OpenOptions) -> OpenFlags {
    let mut flags = match (options.read, options.write || options.append) {
        (true, true) => OpenFlags::RDWR,
        (false, true) => OpenFlags::WRONLY,
        _ => OpenFlags::empty(),
    };
    flags.set(OpenFlags::CREAT, options.create || options.create_new);
    flags.set(OpenFlags::EXCL, options.create_new);
    flags.set(OpenFlags::TRUNC, options.truncate);
    flags.set(OpenFlags::APPEND, options.append);
    // The access mode and creation bits are in the fields above; the rest of the caller's word passes.
    let rest = options.custom_flags.map_or(0, i32::cast_unsigned) & !(OpenFlags::WRONLY | OpenFlags::RDWR).bits();
    flags | OpenFlags::from_bits_truncate(rest)
}

impl KernelFs {
    fn open(&self, path: &Path, options: &OpenOptions) -> FsResult<Rc<dyn File>> {
        let fd = self.0.open(path, open_flags(options), options.mode.unwrap_or(0o666))?;
        Ok(Rc::new(KernelFile::new(self.0.clone(), fd, Stdio::Owned)))
    }

    fn chown(&self, path: &Path, uid: Option<u32>, gid: Option<u32>, flags: AtFlags) -> io::Result<()> {
        let path_bytes = bytes(path)?;
        Ok(self.0.asking(|task| task.fchownat(AT_FDCWD, path_bytes, uid, gid, flags))?)
    }

    fn utime(&self, path: &Path, atime: SetTime, mtime: SetTime, flags: AtFlags) -> io::Result<()> {
        let path_bytes = bytes(path)?;
        Ok(self.0.asking(|task| task.utimensat(AT_FDCWD, Some(path_bytes), atime, mtime, flags))?)
    }

    fn unlink(&self, path: &Path, flags: AtFlags) -> io::Result<()> {
        let path_bytes = bytes(path)?;
        Ok(self.0.asking(|task| task.unlinkat(AT_FDCWD, path_bytes, flags))?)
    }

    fn statfs(&self, path: &Path) -> io::Result<FsStatFs> {
        let s = self.0.task()?.statfs(bytes(path)?)?;
        Ok(FsStatFs { typ: s.fs_type.into(), bsize: s.bsize.into(), blocks: s.blocks, bfree: s.bfree, bavail: s.bfree, files: s.files, ffree: s.ffree })
    }
}

fn dir_entry(entry: Entry) -> FsDirEntry {
    FsDirEntry {
        name: String::from_utf8_lossy(&entry.name).into_owned(),
        is_file: entry.file_type == FileType::Regular,
        is_directory: entry.file_type == FileType::Directory,
        is_symlink: entry.file_type == FileType::Symlink,
    }
}

#[derive(Debug)]
struct ReadDir(RefCell<std::vec::IntoIter<Entry>>);

#[async_trait::async_trait(?Send)]
impl deno_fs::FsReadDir for ReadDir {
    async fn next(&self) -> FsResult<Option<FsDirEntry>> {
        Ok(self.0.borrow_mut().next().map(dir_entry))
    }
}

/// No file call waits but open(2) of a FIFO, so each `_async` form is its `_sync` form.
#[async_trait::async_trait(?Send)]
impl FileSystem for KernelFs {
    fn cwd(&self) -> FsResult<PathBuf> {
        Ok(self.0.cwd()?)
    }

    fn tmp_dir(&self) -> FsResult<PathBuf> {
        Ok("/tmp".into())
    }

    fn chdir(&self, path: &CheckedPath) -> FsResult<()> {
        let go = || -> io::Result<()> { Ok(self.0.task()?.chdir(bytes(path)?)?) };
        Ok(go()?)
    }

    /// umask(2) only sets: reading is setting twice.
    fn umask(&self, mask: Option<u32>) -> FsResult<u32> {
        let task = self.0.task().map_err(io::Error::from)?;
        let old = task.umask(mask.unwrap_or(0o077));
        if mask.is_none() {
            task.umask(old);
        }
        Ok(old)
    }

    fn open_sync(&self, path: &CheckedPath, options: OpenOptions) -> FsResult<Rc<dyn File>> {
        self.open(path, &options)
    }

    async fn open_async<'a>(&'a self, path: CheckedPathBuf, options: OpenOptions) -> FsResult<Rc<dyn File>> {
        self.open(&path, &options)
    }

    fn mkdir_sync(&self, path: &CheckedPath, recursive: bool, mode: Option<u32>) -> FsResult<()> {
        Ok(self.0.mkdir(path, recursive, mode.unwrap_or(0o777))?)
    }

    async fn mkdir_async(&self, path: CheckedPathBuf, recursive: bool, mode: Option<u32>) -> FsResult<()> {
        Ok(self.0.mkdir(&path, recursive, mode.unwrap_or(0o777))?)
    }

    fn chmod_sync(&self, path: &CheckedPath, mode: u32) -> FsResult<()> {
        let go = || -> io::Result<()> {
            let path_bytes = bytes(path)?;
            Ok(self.0.asking(|task| task.fchmodat(AT_FDCWD, path_bytes, mode, AtFlags::empty()))?)
        };
        Ok(go()?)
    }

    async fn chmod_async(&self, path: CheckedPathBuf, mode: u32) -> FsResult<()> {
        self.chmod_sync(&path.as_checked_path(), mode)
    }

    fn chown_sync(&self, path: &CheckedPath, uid: Option<u32>, gid: Option<u32>) -> FsResult<()> {
        Ok(self.chown(path, uid, gid, AtFlags::empty())?)
    }

    async fn chown_async(&self, path: CheckedPathBuf, uid: Option<u32>, gid: Option<u32>) -> FsResult<()> {
        Ok(self.chown(&path, uid, gid, AtFlags::empty())?)
    }

    /// Linux has no mode on symbolic links.
    fn lchmod_sync(&self, _path: &CheckedPath, _mode: u32) -> FsResult<()> {
        Err(io::Error::from(Errno::EOPNOTSUPP).into())
    }

    async fn lchmod_async(&self, path: CheckedPathBuf, mode: u32) -> FsResult<()> {
        self.lchmod_sync(&path.as_checked_path(), mode)
    }

    fn lchown_sync(&self, path: &CheckedPath, uid: Option<u32>, gid: Option<u32>) -> FsResult<()> {
        Ok(self.chown(path, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    async fn lchown_async(&self, path: CheckedPathBuf, uid: Option<u32>, gid: Option<u32>) -> FsResult<()> {
        Ok(self.chown(&path, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn remove_sync(&self, path: &CheckedPath, recursive: bool) -> FsResult<()> {
        Ok(self.0.remove(path, recursive)?)
    }

    async fn remove_async(&self, path: CheckedPathBuf, recursive: bool) -> FsResult<()> {
        Ok(self.0.remove(&path, recursive)?)
    }

    fn copy_file_sync(&self, from: &CheckedPath, to: &CheckedPath) -> FsResult<()> {
        Ok(self.0.copy_file(from, to)?)
    }

    async fn copy_file_async(&self, from: CheckedPathBuf, to: CheckedPathBuf) -> FsResult<()> {
        Ok(self.0.copy_file(&from, &to)?)
    }

    fn cp_sync(&self, from: &CheckedPath, to: &CheckedPath) -> FsResult<()> {
        Ok(self.0.copy_tree(from, to)?)
    }

    async fn cp_async(&self, from: CheckedPathBuf, to: CheckedPathBuf) -> FsResult<()> {
        Ok(self.0.copy_tree(&from, &to)?)
    }

    fn stat_sync(&self, path: &CheckedPath) -> FsResult<FsStat> {
        Ok(fs_stat(&self.0.stat(path, true)?))
    }

    async fn stat_async(&self, path: CheckedPathBuf) -> FsResult<FsStat> {
        Ok(fs_stat(&self.0.stat(&path, true)?))
    }

    fn lstat_sync(&self, path: &CheckedPath) -> FsResult<FsStat> {
        Ok(fs_stat(&self.0.stat(path, false)?))
    }

    async fn lstat_async(&self, path: CheckedPathBuf) -> FsResult<FsStat> {
        Ok(fs_stat(&self.0.stat(&path, false)?))
    }

    fn statfs_sync(&self, path: &CheckedPath, _bigint: bool) -> FsResult<FsStatFs> {
        Ok(self.statfs(path)?)
    }

    async fn statfs_async(&self, path: CheckedPathBuf, _bigint: bool) -> FsResult<FsStatFs> {
        Ok(self.statfs(&path)?)
    }

    fn realpath_sync(&self, path: &CheckedPath) -> FsResult<PathBuf> {
        Ok(self.0.realpath(path)?)
    }

    async fn realpath_async(&self, path: CheckedPathBuf) -> FsResult<PathBuf> {
        Ok(self.0.realpath(&path)?)
    }

    fn read_dir_sync(&self, path: &CheckedPath) -> FsResult<Vec<FsDirEntry>> {
        Ok(self.0.read_dir(path)?.into_iter().map(dir_entry).collect())
    }

    async fn read_dir_async(&self, path: CheckedPathBuf) -> FsResult<FsReadDirRc> {
        Ok(Rc::new(ReadDir(RefCell::new(self.0.read_dir(&path)?.into_iter()))))
    }

    fn rename_sync(&self, from: &CheckedPath, to: &CheckedPath) -> FsResult<()> {
        let go = || -> io::Result<()> {
            let from_bytes = bytes(from)?;
            let to_bytes = bytes(to)?;
            Ok(self.0.asking(|task| task.renameat(AT_FDCWD, from_bytes, AT_FDCWD, to_bytes, RenameFlags::empty()))?)
        };
        Ok(go()?)
    }

    async fn rename_async(&self, from: CheckedPathBuf, to: CheckedPathBuf) -> FsResult<()> {
        self.rename_sync(&from.as_checked_path(), &to.as_checked_path())
    }

    fn rmdir_sync(&self, path: &CheckedPath) -> FsResult<()> {
        Ok(self.unlink(path, AtFlags::REMOVEDIR)?)
    }

    async fn rmdir_async(&self, path: CheckedPathBuf) -> FsResult<()> {
        Ok(self.unlink(&path, AtFlags::REMOVEDIR)?)
    }

    fn link_sync(&self, old: &CheckedPath, new: &CheckedPath) -> FsResult<()> {
        let go = || -> io::Result<()> {
            let old_bytes = bytes(old)?;
            let new_bytes = bytes(new)?;
            Ok(self.0.asking(|task| task.linkat(AT_FDCWD, old_bytes, AT_FDCWD, new_bytes, AtFlags::empty()))?)
        };
        Ok(go()?)
    }

    async fn link_async(&self, old: CheckedPathBuf, new: CheckedPathBuf) -> FsResult<()> {
        self.link_sync(&old.as_checked_path(), &new.as_checked_path())
    }

    fn symlink_sync(&self, target: &CheckedPath, path: &CheckedPath, _type: Option<FsFileType>) -> FsResult<()> {
        let go = || -> io::Result<()> {
            let target_bytes = bytes(target)?;
            let path_bytes = bytes(path)?;
            Ok(self.0.asking(|task| task.symlinkat(target_bytes, AT_FDCWD, path_bytes))?)
        };
        Ok(go()?)
    }

    async fn symlink_async(&self, target: CheckedPathBuf, path: CheckedPathBuf, kind: Option<FsFileType>) -> FsResult<()> {
        self.symlink_sync(&target.as_checked_path(), &path.as_checked_path(), kind)
    }

    fn read_link_sync(&self, path: &CheckedPath) -> FsResult<PathBuf> {
        Ok(self.0.readlink(path)?)
    }

    async fn read_link_async(&self, path: CheckedPathBuf) -> FsResult<PathBuf> {
        Ok(self.0.readlink(&path)?)
    }

    fn truncate_sync(&self, path: &CheckedPath, len: u64) -> FsResult<()> {
        let go = || -> io::Result<()> {
            let path_bytes = bytes(path)?;
            Ok(self.0.asking(|task| task.truncate(path_bytes, len))?)
        };
        Ok(go()?)
    }

    async fn truncate_async(&self, path: CheckedPathBuf, len: u64) -> FsResult<()> {
        self.truncate_sync(&path.as_checked_path(), len)
    }

    fn utime_sync(&self, path: &CheckedPath, atime_s: i64, atime_ns: u32, mtime_s: i64, mtime_ns: u32) -> FsResult<()> {
        Ok(self.utime(path, set_time(atime_s, atime_ns), set_time(mtime_s, mtime_ns), AtFlags::empty())?)
    }

    async fn utime_async(&self, path: CheckedPathBuf, atime_s: i64, atime_ns: u32, mtime_s: i64, mtime_ns: u32) -> FsResult<()> {
        Ok(self.utime(&path, set_time(atime_s, atime_ns), set_time(mtime_s, mtime_ns), AtFlags::empty())?)
    }

    fn lutime_sync(&self, path: &CheckedPath, atime_s: i64, atime_ns: u32, mtime_s: i64, mtime_ns: u32) -> FsResult<()> {
        Ok(self.utime(path, set_time(atime_s, atime_ns), set_time(mtime_s, mtime_ns), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    async fn lutime_async(&self, path: CheckedPathBuf, atime_s: i64, atime_ns: u32, mtime_s: i64, mtime_ns: u32) -> FsResult<()> {
        Ok(self.utime(&path, set_time(atime_s, atime_ns), set_time(mtime_s, mtime_ns), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn exists_sync(&self, path: &CheckedPath) -> bool {
        self.0.stat(path, true).is_ok()
    }

    async fn exists_async(&self, path: CheckedPathBuf) -> FsResult<bool> {
        Ok(self.0.stat(&path, true).is_ok())
    }
}
