//! A namespace over an in-memory file system, and a user of it.
#![allow(dead_code, reason = "each test file uses its part")]

use agentos_abi::{Errno, OpenFlags, RenameFlags, Result, Timespec};
use agentos_fs_tmpfs::{Tmpfs, TmpfsOptions};
use agentos_vfs::{Clock, Cred, FileSystem, Namespace, Opened, Path, Quota, Walk};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Each look at the clock takes a second.
#[derive(Default)]
pub struct Ticks(AtomicI64);

impl Clock for Ticks {
    fn now(&self) -> Timespec {
        Timespec { sec: self.0.fetch_add(1, Ordering::Relaxed), nsec: 0 }
    }
}

pub fn tmpfs() -> Arc<dyn FileSystem> {
    let options = TmpfsOptions { mode: 0o755, allow_devices: true, ..TmpfsOptions::default() };
    Tmpfs::with_options(Arc::new(Ticks::default()), Arc::new(Quota::new(1 << 24, 1 << 20)), options)
}

/// A process: who, where, and nothing else.
#[derive(Clone)]
pub struct User {
    pub ns: Arc<Namespace>,
    pub root: Path,
    pub cwd: Path,
    pub cred: Cred,
}

impl User {
    /// The super-user at the root of a new namespace.
    pub fn root() -> User {
        let ns = Namespace::new(tmpfs());
        User { root: ns.root(), cwd: ns.root(), ns, cred: Cred::root() }
    }

    /// The same place as another user.
    pub fn as_user(&self, uid: u32) -> User {
        User { cred: Cred::user(uid, uid), ..self.clone() }
    }

    pub fn walk(&self) -> Walk<'_> {
        Walk { ns: &self.ns, root: &self.root, base: &self.cwd, cred: &self.cred }
    }

    pub fn at(&self, path: &str) -> Result<Path> {
        self.walk().resolve(path.as_bytes(), true)
    }

    pub fn mkdir(&self, path: &str) -> Result<()> {
        self.walk().mkdir(path.as_bytes(), 0o777, 0o022).map(drop)
    }

    pub fn open(&self, path: &str, flags: OpenFlags) -> Result<Opened> {
        self.walk().open(path.as_bytes(), flags, 0o666, 0o022)
    }

    /// Makes a file with this content.
    pub fn write(&self, path: &str, content: &[u8]) -> Result<()> {
        let opened = self.open(path, OpenFlags::CREAT | OpenFlags::TRUNC | OpenFlags::WRONLY)?;
        opened.file.ok_or(Errno::ENXIO)?.write_at(content, 0, false).map(drop)
    }

    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        let file = self.open(path, OpenFlags::empty())?.file.ok_or(Errno::ENXIO)?;
        let mut buf = vec![0; 1000];
        let n = file.read_at(&mut buf, 0)?;
        buf.truncate(n);
        Ok(buf)
    }

    pub fn symlink(&self, target: &str, path: &str) -> Result<()> {
        self.walk().symlink(target.as_bytes(), path.as_bytes()).map(drop)
    }

    pub fn rename(&self, old: &str, new: &str) -> Result<()> {
        self.rename_with(old, new, RenameFlags::empty())
    }

    pub fn rename_with(&self, old: &str, new: &str, flags: RenameFlags) -> Result<()> {
        self.walk().rename(old.as_bytes(), &self.cwd, new.as_bytes(), flags)
    }

    pub fn unlink(&self, path: &str) -> Result<()> {
        self.walk().unlink(path.as_bytes())
    }

    pub fn rmdir(&self, path: &str) -> Result<()> {
        self.walk().rmdir(path.as_bytes())
    }

    pub fn chdir(&mut self, path: &str) -> Result<()> {
        self.cwd = self.at(path)?;
        Ok(())
    }

    pub fn getcwd(&self) -> Result<String> {
        Ok(String::from_utf8(self.cwd.absolute(&self.root)?).unwrap())
    }

    pub fn names(&self, path: &str) -> Vec<String> {
        let mut names = Vec::new();
        let emit = &mut |entry: agentos_abi::Dirent<'_>| {
            names.push(String::from_utf8(entry.name.to_vec()).unwrap());
            true
        };
        self.at(path).unwrap().read_dir(0, emit).unwrap();
        names
    }
}
