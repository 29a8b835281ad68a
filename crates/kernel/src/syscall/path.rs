//! Calls that take a path: from where it starts and who asks, then the namespace does the rest.

use crate::fd::{Description, FileId, TextUse};
use crate::location::{AnonymousInode, Location};
use crate::pipe::{FifoOpen, Pipe, PipeEnd};
use crate::process::{PendingCall, current};
use crate::task::Task;
use agentos_abi::fcntl::{AT_FDCWD, R_OK, W_OK, X_OK};
use agentos_abi::time::SetTime;
use agentos_abi::{AtFlags, Errno, Fd, FileType, OpenFlags, RenameFlags, Result, Stat};
use agentos_vfs::{Access, Cred, File, Object, Opened, Path, Walk};
use std::sync::Arc;

impl Task {
    /// Runs `call` with a walk that starts at `dirfd` (if `path` is relative) and asks as the effective user.
    pub(crate) fn walk<R>(&self, dirfd: Fd, path: &[u8], call: impl FnOnce(Walk<'_>) -> Result<R>) -> Result<R> {
        let cred = self.cred();
        self.walk_as(&cred, dirfd, path, call)
    }

    fn walk_as<R>(&self, cred: &Cred, dirfd: Fd, path: &[u8], call: impl FnOnce(Walk<'_>) -> Result<R>) -> Result<R> {
        let fs = self.fs()?;
        let base = if path.starts_with(b"/") || dirfd == AT_FDCWD { fs.cwd } else { self.place(dirfd)? };
        let _current = current::enter(self.pid());
        call(Walk { ns: &self.kernel.namespace, root: &fs.root, base: &base, cred })
    }

    /// Where a descriptor was opened. Errors: EBADF; ENOTDIR for one without a place.
    fn place(&self, fd: Fd) -> Result<Path> {
        self.description(fd)?.path.clone().ok_or(Errno::ENOTDIR)
    }

    /// The place that `path` names; an empty path (with AT_EMPTY_PATH, which the caller has checked) is `dirfd` itself.
    pub(crate) fn lookup_or_self(&self, dirfd: Fd, path: &[u8], follow: bool) -> Result<Path> {
        match (path.is_empty(), dirfd) {
            (true, AT_FDCWD) => Ok(self.fs()?.cwd),
            (true, _) => match &*self.description(dirfd)? {
                Description { path: Some(path), .. } => Ok(path.clone()),
                description => AnonymousInode::place(description),
            },
            _ => self.walk(dirfd, path, |walk| walk.resolve(path, follow)),
        }
    }

    /// The same for calls with AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW. Errors: ENOENT for an empty path without the flag.
    fn lookup(&self, dirfd: Fd, path: &[u8], flags: AtFlags) -> Result<Path> {
        if path.is_empty() && !flags.contains(AtFlags::EMPTY_PATH) {
            return Err(Errno::ENOENT);
        }
        self.lookup_or_self(dirfd, path, !flags.contains(AtFlags::SYMLINK_NOFOLLOW))
    }

    pub(super) fn do_openat(&self, dirfd: Fd, path: &[u8], flags: OpenFlags, mode: u32) -> Result<Fd> {
        // Before anything is created: an open(2) that fails for want of a descriptor leaves no file behind.
        self.process.files.read().check_room(self.file_limit())?;
        if flags.writable() && flags.contains(OpenFlags::TRUNC) {
            // A program that runs must not be cut before it is refused.
            if let Ok(place) = self.walk(dirfd, path, |walk| walk.resolve(path, !flags.contains(OpenFlags::NOFOLLOW))) {
                drop(self.writes_text(&place, flags)?);
            }
        }
        let opened = self.walk(dirfd, path, |walk| walk.open(path, flags, mode, self.fs()?.umask))?;
        let file = match opened.file.clone() {
            Some(file) => file,
            None if flags.contains(OpenFlags::PATH) => Arc::new(Location),
            None => self.open_special(&opened, flags)?,
        };
        let anonymous = opened.inode.as_any().is::<AnonymousInode>();
        let text = if anonymous { None } else { self.writes_text(&opened.path, flags)? };
        self.install_opened(file, (!anonymous).then_some(opened.path), flags, text)
    }

    /// Notes that a regular file is open for writing. Errors: ETXTBSY.
    fn writes_text(&self, place: &Path, flags: OpenFlags) -> Result<Option<TextUse>> {
        if !flags.writable() || place.file_type() != FileType::Regular {
            return Ok(None);
        }
        let stat = place.stat()?;
        self.kernel.open_files.texts.write(FileId { dev: stat.dev, ino: stat.ino }).map(Some)
    }

    /// What is not a file of a file system. Errors: ENXIO for a socket, or a device that does not exist.
    fn open_special(&self, opened: &Opened, flags: OpenFlags) -> Result<Arc<dyn File>> {
        let anonymous = opened.inode.as_any().downcast_ref::<AnonymousInode>();
        match opened.inode.file_type() {
            FileType::Fifo => match anonymous.map(AnonymousInode::pipe) {
                Some(Some(pipe)) => self.open_fifo(pipe, flags, true),
                Some(None) => anonymous.map_or(Err(Errno::ENXIO), AnonymousInode::reopen),
                None => {
                    let stat = opened.path.stat()?;
                    let pipe = self.kernel.fifos.pipe(FileId { dev: stat.dev, ino: stat.ino }, self.kernel.now())?;
                    self.open_fifo(pipe, flags, false)
                }
            },
            FileType::CharDevice => match anonymous {
                Some(inode) => inode.reopen(),
                None => self.open_device(opened.inode.stat()?.rdev, flags),
            },
            _ => Err(Errno::ENXIO),
        }
    }

    /// Errors: ENXIO for a number without a device.
    fn open_device(&self, rdev: u64, flags: OpenFlags) -> Result<Arc<dyn File>> {
        match self.kernel.open_terminal(rdev, self.pid(), flags) {
            Some(terminal) => terminal,
            None => self.kernel.devices.get(rdev)?.open(&self.kernel, self.pid(), flags),
        }
    }

    /// fifo(7). EWAIT until the other side is there; the end counts meanwhile, and the same call continues with it.
    fn open_fifo(&self, pipe: Arc<Pipe>, flags: OpenFlags, anonymous: bool) -> Result<Arc<dyn File>> {
        let same = |end: &PipeEnd| Arc::ptr_eq(end.pipe(), &pipe) && end.reads() == flags.readable() && end.writes() == flags.writable();
        let earlier = self.process.pending_calls.lock().take(|call| matches!(call, PendingCall::Fifo { end, .. } if same(end)));
        let (end, seen) = match earlier {
            Some(PendingCall::Fifo { end, seen, .. }) => (end, seen),
            _ => match FifoOpen::start(pipe, flags, anonymous)? {
                FifoOpen::Open(end) => return Ok(end),
                FifoOpen::WaitForPeer(end, seen) => (end, seen),
            },
        };
        if end.peer_came(seen) {
            return Ok(end);
        }
        let queue = end.pipe().queue().clone();
        let evicted = self.process.pending_calls.lock().push(PendingCall::Fifo { end, seen, queue });
        drop(evicted);
        Err(Errno::EWAIT)
    }

    pub(super) fn do_fstatat(&self, dirfd: Fd, path: &[u8], flags: AtFlags) -> Result<Stat> {
        if path.is_empty() && flags.contains(AtFlags::EMPTY_PATH) && dirfd != AT_FDCWD {
            return self.description(dirfd)?.stat();
        }
        let place = self.lookup(dirfd, path, flags)?;
        self.cred().check(&[(Access::Stat, Object::At(&place))])?;
        stat(&place)
    }

    pub(super) fn do_faccessat(&self, dirfd: Fd, path: &[u8], mode: u32, flags: AtFlags) -> Result<()> {
        if mode & !(R_OK | W_OK | X_OK) != 0 {
            return Err(Errno::EINVAL);
        }
        let identity = {
            let credentials = self.process.credentials.read();
            if flags.contains(AtFlags::EACCESS) { credentials.effective() } else { credentials.real() }
        };
        let cred = self.guarded(identity);
        if path.is_empty() {
            return self.lookup(dirfd, path, flags)?.access(mode, &cred);
        }
        let follow = !flags.contains(AtFlags::SYMLINK_NOFOLLOW);
        self.walk_as(&cred, dirfd, path, |walk| walk.access(path, follow, mode))
    }

    pub(super) fn do_linkat(&self, old_dirfd: Fd, old: &[u8], new_dirfd: Fd, new: &[u8], flags: AtFlags) -> Result<()> {
        if !(flags - AtFlags::SYMLINK_FOLLOW - AtFlags::EMPTY_PATH).is_empty() {
            return Err(Errno::EINVAL);
        }
        if old.is_empty() && !flags.contains(AtFlags::EMPTY_PATH) {
            return Err(Errno::ENOENT);
        }
        let old = self.lookup_or_self(old_dirfd, old, flags.contains(AtFlags::SYMLINK_FOLLOW))?;
        self.walk(new_dirfd, new, |walk| walk.link(&old, new))
    }

    pub(super) fn do_renameat(&self, old_dirfd: Fd, old: &[u8], new_dirfd: Fd, new: &[u8], flags: RenameFlags) -> Result<()> {
        let new_base = if new.starts_with(b"/") || new_dirfd == AT_FDCWD { self.fs()?.cwd } else { self.place(new_dirfd)? };
        self.walk(old_dirfd, old, |walk| walk.rename(old, &new_base, new, flags))
    }

    pub(super) fn do_mknodat(&self, dirfd: Fd, path: &[u8], mode: u32, dev: u64) -> Result<()> {
        match FileType::from_bits(mode) {
            Some(FileType::CharDevice | FileType::BlockDevice) => return Err(Errno::EPERM),
            Some(_) => {}
            None => return Err(Errno::EINVAL),
        }
        let umask = self.fs()?.umask;
        self.walk(dirfd, path, |walk| walk.mknod(path, mode, dev, umask).map(drop))
    }

    pub(super) fn do_truncate(&self, path: &[u8], size: u64) -> Result<()> {
        if i64::try_from(size).is_err() {
            return Err(Errno::EINVAL);
        }
        self.check_size(size)?;
        self.walk(AT_FDCWD, path, |walk| walk.truncate(path, size))
    }

    pub(super) fn do_fchmodat(&self, dirfd: Fd, path: &[u8], mode: u32, flags: AtFlags) -> Result<()> {
        let cred = self.cred();
        self.lookup(dirfd, path, flags)?.chmod(mode, &cred)
    }

    pub(super) fn do_fchownat(&self, dirfd: Fd, path: &[u8], uid: Option<u32>, gid: Option<u32>, flags: AtFlags) -> Result<()> {
        let cred = self.cred();
        self.lookup(dirfd, path, flags)?.chown(uid, gid, &cred)
    }

    pub(super) fn do_utimensat(&self, dirfd: Fd, path: Option<&[u8]>, atime: SetTime, mtime: SetTime, flags: AtFlags) -> Result<()> {
        let cred = self.cred();
        match path {
            Some(path) if !path.is_empty() => {
                let follow = !flags.contains(AtFlags::SYMLINK_NOFOLLOW);
                self.walk(dirfd, path, |walk| walk.utimens(path, follow, atime, mtime))
            }
            Some(_) => self.lookup(dirfd, b"", flags)?.set_times(atime, mtime, &cred),
            None => self.with_place(dirfd, |path| path.set_times(atime, mtime, &cred)),
        }
    }

    /// Runs `call` on the place of a descriptor; files without a place (pipes) accept attributes and forget them, as Linux' do
    /// for all that a program can see.
    pub(super) fn with_place(&self, fd: Fd, call: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        match &self.usable(fd)?.path {
            Some(path) => call(path),
            None => Ok(()),
        }
    }

    pub(super) fn change_directory(&self, place: Path) -> Result<()> {
        if !place.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        place.permission(&self.cred(), X_OK)?;
        let old = match &mut *self.process.fs.write() {
            Some(fs) => std::mem::replace(&mut fs.cwd, place),
            None => return Err(Errno::ESRCH),
        };
        drop(old);
        Ok(())
    }

    /// The directory that chdir(2) and fchdir(2) go to.
    pub(super) fn directory_of(&self, fd: Fd) -> Result<Path> {
        self.place(fd)
    }
}

/// Attributes of a place; files without a tree (reached by /proc/self/fd) keep their own device number.
fn stat(path: &Path) -> Result<Stat> {
    if path.inode().as_any().is::<AnonymousInode>() {
        return path.inode().stat();
    }
    path.stat()
}
