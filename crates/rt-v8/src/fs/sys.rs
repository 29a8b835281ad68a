//! `sys_traits` on a [`Kernel`]: through these the module resolver reads files.

use super::file::{KernelFile, Stdio};
use super::tree::{Entry, READ_FILE_MAX, bytes};
use crate::kernel::Kernel;
use agentos_abi::{Errno, Events, Fd, OpenFlags, Stat, Timespec};
use agentos_syscall::WaitOn;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use sys_traits::{FileType, FsFileLockMode, FsFileTimes, FsMetadataValue, boxed::BoxedFsMetadataValue};

/// Attributes of a file.
#[derive(Clone, Debug)]
pub struct Metadata(Stat);

fn file_type(kind: agentos_abi::FileType) -> FileType {
    match kind {
        agentos_abi::FileType::Regular => FileType::File,
        agentos_abi::FileType::Directory => FileType::Dir,
        agentos_abi::FileType::Symlink => FileType::Symlink,
        _ => FileType::Unknown,
    }
}

fn system_time(at: Timespec) -> io::Result<SystemTime> {
    let offset = Duration::new(at.sec.unsigned_abs(), 0);
    let base = if at.sec < 0 { SystemTime::UNIX_EPOCH.checked_sub(offset) } else { SystemTime::UNIX_EPOCH.checked_add(offset) };
    base.and_then(|base| base.checked_add(Duration::from_nanos(at.nsec.into()))).ok_or_else(|| Errno::EOVERFLOW.into())
}

impl FsMetadataValue for Metadata {
    fn file_type(&self) -> FileType {
        file_type(self.0.file_type)
    }
    fn len(&self) -> u64 {
        self.0.size
    }
    fn accessed(&self) -> io::Result<SystemTime> {
        system_time(self.0.atime)
    }
    fn created(&self) -> io::Result<SystemTime> {
        system_time(self.0.btime)
    }
    fn changed(&self) -> io::Result<SystemTime> {
        system_time(self.0.ctime)
    }
    fn modified(&self) -> io::Result<SystemTime> {
        system_time(self.0.mtime)
    }
    fn dev(&self) -> io::Result<u64> {
        Ok(self.0.dev)
    }
    fn ino(&self) -> io::Result<u64> {
        Ok(self.0.ino)
    }
    fn mode(&self) -> io::Result<u32> {
        Ok(self.0.st_mode())
    }
    fn nlink(&self) -> io::Result<u64> {
        Ok(self.0.nlink.into())
    }
    fn uid(&self) -> io::Result<u32> {
        Ok(self.0.uid)
    }
    fn gid(&self) -> io::Result<u32> {
        Ok(self.0.gid)
    }
    fn rdev(&self) -> io::Result<u64> {
        Ok(self.0.rdev)
    }
    fn blksize(&self) -> io::Result<u64> {
        Ok(self.0.blksize.into())
    }
    fn blocks(&self) -> io::Result<u64> {
        Ok(self.0.blocks)
    }
    fn is_block_device(&self) -> io::Result<bool> {
        Ok(self.0.file_type == agentos_abi::FileType::BlockDevice)
    }
    fn is_char_device(&self) -> io::Result<bool> {
        Ok(self.0.file_type == agentos_abi::FileType::CharDevice)
    }
    fn is_fifo(&self) -> io::Result<bool> {
        Ok(self.0.file_type == agentos_abi::FileType::Fifo)
    }
    fn is_socket(&self) -> io::Result<bool> {
        Ok(self.0.file_type == agentos_abi::FileType::Socket)
    }
    fn file_attributes(&self) -> io::Result<u32> {
        Err(Errno::ENOSYS.into())
    }
}

impl sys_traits::BaseFsMetadata for Kernel {
    type Metadata = Metadata;
    fn base_fs_metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.stat(path, true).map(Metadata)
    }
    fn base_fs_symlink_metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.stat(path, false).map(Metadata)
    }
}

impl sys_traits::BaseFsCanonicalize for Kernel {
    fn base_fs_canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.realpath(path)
    }
}

impl sys_traits::BaseFsRead for Kernel {
    fn base_fs_read(&self, path: &Path) -> io::Result<Cow<'static, [u8]>> {
        Ok(Cow::Owned(self.read_file(bytes(path)?, READ_FILE_MAX)?))
    }
}

/// One entry of a directory, with what is needed to ask for its attributes.
#[derive(Debug)]
pub struct DirEntry {
    kernel: Kernel,
    path: PathBuf,
    entry: Entry,
}

impl sys_traits::FsDirEntry for DirEntry {
    type Metadata = Metadata;
    fn file_name(&self) -> Cow<'_, OsStr> {
        Cow::Borrowed(OsStr::from_bytes(&self.entry.name))
    }
    fn file_type(&self) -> io::Result<FileType> {
        Ok(file_type(self.entry.file_type))
    }
    fn metadata(&self) -> io::Result<Metadata> {
        self.kernel.stat(&self.path, false).map(Metadata)
    }
    fn path(&self) -> Cow<'_, Path> {
        Cow::Borrowed(&self.path)
    }
}

impl sys_traits::BaseFsReadDir for Kernel {
    type ReadDirEntry = DirEntry;
    fn base_fs_read_dir(&self, path: &Path) -> io::Result<Box<dyn Iterator<Item = io::Result<DirEntry>>>> {
        let (kernel, base) = (self.clone(), path.to_path_buf());
        let entries = self.read_dir(path)?.into_iter();
        Ok(Box::new(entries.map(move |entry| Ok(DirEntry { kernel: kernel.clone(), path: base.join(OsStr::from_bytes(&entry.name)), entry }))))
    }
}

/// An open file, as the resolver reads a prefix of one.
pub struct SysFile {
    kernel: Kernel,
    fd: Fd,
    _close: KernelFile,
}

impl io::Read for SysFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.kernel.read(self.fd, buf)?)
    }
}

impl io::Write for SysFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(self.kernel.wait(WaitOn::Fd(self.fd, Events::OUT), None, |task| task.write(self.fd, buf))?)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Seek for SysFile {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let (offset, whence) = match to {
            io::SeekFrom::Start(at) => (i64::try_from(at).map_err(|_| Errno::EINVAL)?, 0),
            io::SeekFrom::Current(by) => (by, 1),
            io::SeekFrom::End(by) => (by, 2),
        };
        Ok(self.kernel.task()?.lseek(self.fd, offset, whence)?)
    }
}

impl sys_traits::FsFileIsTerminal for SysFile {
    fn fs_file_is_terminal(&self) -> bool {
        false
    }
}

/// The resolver takes no locks; saying ENOSYS rather than "done" keeps it so.
impl sys_traits::FsFileLock for SysFile {
    fn fs_file_lock(&mut self, _mode: FsFileLockMode) -> io::Result<()> {
        Err(Errno::ENOSYS.into())
    }
    fn fs_file_try_lock(&mut self, _mode: FsFileLockMode) -> io::Result<()> {
        Err(Errno::ENOSYS.into())
    }
    fn fs_file_unlock(&mut self) -> io::Result<()> {
        Err(Errno::ENOSYS.into())
    }
}

impl sys_traits::FsFileMetadata for SysFile {
    fn fs_file_metadata(&self) -> io::Result<BoxedFsMetadataValue> {
        Ok(BoxedFsMetadataValue(Box::new(Metadata(self.kernel.task()?.fstat(self.fd)?))))
    }
}

impl sys_traits::FsFileSetPermissions for SysFile {
    fn fs_file_set_permissions(&mut self, mode: u32) -> io::Result<()> {
        Ok(self.kernel.task()?.fchmod(self.fd, mode)?)
    }
}

impl sys_traits::FsFileSetTimes for SysFile {
    fn fs_file_set_times(&mut self, _times: FsFileTimes) -> io::Result<()> {
        Err(Errno::ENOSYS.into())
    }
}

impl sys_traits::FsFileSetLen for SysFile {
    fn fs_file_set_len(&mut self, size: u64) -> io::Result<()> {
        Ok(self.kernel.task()?.ftruncate(self.fd, size)?)
    }
}

impl sys_traits::FsFileSyncAll for SysFile {
    fn fs_file_sync_all(&mut self) -> io::Result<()> {
        Ok(self.kernel.task()?.fsync(self.fd)?)
    }
}

impl sys_traits::FsFileSyncData for SysFile {
    fn fs_file_sync_data(&mut self) -> io::Result<()> {
        Ok(self.kernel.task()?.fsync(self.fd)?)
    }
}

impl sys_traits::FsFileAsRaw for SysFile {
    fn fs_file_as_raw_fd(&self) -> Option<std::os::fd::RawFd> {
        None
    }
}

impl sys_traits::FsFile for SysFile {}

impl sys_traits::BaseFsOpen for Kernel {
    type File = SysFile;
    fn base_fs_open(&self, path: &Path, options: &sys_traits::OpenOptions) -> io::Result<SysFile> {
        let mut flags = match (options.read, options.write || options.append) {
            (true, true) => OpenFlags::RDWR,
            (false, true) => OpenFlags::WRONLY,
            _ => OpenFlags::empty(),
        };
        flags.set(OpenFlags::CREAT, options.create || options.create_new);
        flags.set(OpenFlags::EXCL, options.create_new);
        flags.set(OpenFlags::TRUNC, options.truncate);
        flags.set(OpenFlags::APPEND, options.append);
        let fd = self.open(path, flags, options.mode.unwrap_or(0o666))?;
        Ok(SysFile { kernel: self.clone(), fd, _close: KernelFile::new(self.clone(), fd, Stdio::Owned) })
    }
}

impl sys_traits::EnvCurrentDir for Kernel {
    fn env_current_dir(&self) -> io::Result<PathBuf> {
        self.cwd()
    }
}

/// The resolver and the permission parser ask for a few variables of Deno's own; a program has none of them.
impl sys_traits::BaseEnvVar for Kernel {
    fn base_env_var_os(&self, _key: &OsStr) -> Option<OsString> {
        None
    }
}

impl sys_traits::EnvHomeDir for Kernel {
    fn env_home_dir(&self) -> Option<PathBuf> {
        None
    }
}
