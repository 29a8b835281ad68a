//! A granted directory: what the VM may do in it, and that nothing leads out of it.

#[path = "../../vfs/tests/common/mod.rs"]
mod common;

use agentos_abi::{Errno, FileType, OpenFlags, RenameFlags};
use agentos_fs_host::HostFs;
use agentos_vfs::{Create, CreateKind, FileSystem, MountFlags};
use common::User;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of this test alone, with `granted/` and, beside it, `secret`.
struct Host(PathBuf);

impl Host {
    fn new() -> Host {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let path = std::env::temp_dir().join(format!("agentos-fs-host-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(path.join("granted/sub")).unwrap();
        fs::write(path.join("secret"), "secret").unwrap();
        fs::set_permissions(path.join("secret"), fs::Permissions::from_mode(0o640)).unwrap();
        fs::write(path.join("granted/file"), "content").unwrap();
        Host(path)
    }

    fn granted(&self, path: &str) -> PathBuf {
        self.0.join("granted").join(path)
    }

    /// A VM with the directory at /mnt, for user 1000.
    fn vm(&self, read_only: bool) -> User {
        let user = User::root();
        user.mkdir("/mnt").unwrap();
        let fs = HostFs::open(&self.0.join("granted"), read_only, 1000, 1000).unwrap();
        user.ns.mount(&user.at("/mnt").unwrap(), fs, MountFlags::NOSUID | MountFlags::NODEV, "granted").unwrap();
        user.as_user(1000)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn host_links_out_of_the_directory_are_resolved_inside_the_vm() {
    let host = Host::new();
    symlink(host.0.join("secret"), host.granted("absolute")).unwrap();
    symlink("../secret", host.granted("relative")).unwrap();
    symlink("/proc/self/root", host.granted("magic")).unwrap();
    symlink(&host.0, host.granted("directory")).unwrap();
    let user = host.vm(false);
    for path in ["/mnt/absolute", "/mnt/relative", "/mnt/magic/etc/passwd", "/mnt/directory/secret", "/mnt/../secret", "/mnt/sub/../../secret"] {
        assert_eq!(user.read(path), Err(Errno::ENOENT), "{path}");
        let flags = OpenFlags::CREAT | OpenFlags::WRONLY;
        assert!(matches!(user.open(path, flags).err(), Some(Errno::ENOENT | Errno::EACCES)), "{path}");
    }
    assert_eq!(user.walk().readlink(b"/mnt/relative"), Ok(b"../secret".to_vec()));
    assert_eq!(fs::read_to_string(host.0.join("secret")).unwrap(), "secret");
}

#[test]
fn links_themselves_are_changed_never_what_they_name() {
    let host = Host::new();
    symlink("../secret", host.granted("link")).unwrap();
    let user = host.vm(false);
    let link = user.walk().resolve(b"/mnt/link", false).unwrap();
    assert_eq!(link.chmod(0o777, &user.cred), Err(Errno::EOPNOTSUPP));
    assert_eq!(link.chown(Some(1000), None, &user.cred), Ok(()));
    let now = agentos_abi::time::SetTime::Now;
    assert_eq!(link.set_times(now, now, &user.cred), Ok(()));
    user.walk().link(&link, b"/mnt/other").unwrap();
    assert!(fs::symlink_metadata(host.granted("other")).unwrap().file_type().is_symlink());
    user.unlink("/mnt/link").unwrap();
    let secret = fs::metadata(host.0.join("secret")).unwrap();
    assert_eq!((secret.nlink(), secret.mode() & 0o777), (1, 0o640));
}

#[test]
fn the_driver_takes_single_components_only() {
    let host = Host::new();
    let root = HostFs::open(&host.0.join("granted"), false, 0, 0).unwrap().root();
    let new = Create { kind: CreateKind::Directory, mode: agentos_abi::Mode::RWXU, uid: 0, gid: 0 };
    for name in [&b".."[..], b".", b"", b"../secret", b"sub/../../secret", b"/etc/passwd", b"a\0b"] {
        assert_eq!(root.lookup(name).err(), Some(Errno::EINVAL));
        assert_eq!(root.create(name, &new).err(), Some(Errno::EINVAL));
        assert_eq!(root.unlink(name), Err(Errno::EINVAL));
        assert_eq!(root.rename(b"file", &root, name, false), Err(Errno::EINVAL));
        assert_eq!(root.rename(name, &root, b"stolen", false), Err(Errno::EINVAL));
    }
}

#[test]
fn files_are_read_and_written_on_the_host() {
    let host = Host::new();
    let user = host.vm(false);
    assert_eq!(user.read("/mnt/file"), Ok(b"content".to_vec()));
    user.write("/mnt/sub/new", b"made").unwrap();
    assert_eq!(fs::read_to_string(host.granted("sub/new")).unwrap(), "made");
    let file = user.open("/mnt/sub/new", OpenFlags::WRONLY | OpenFlags::APPEND).unwrap().file.unwrap();
    assert_eq!(file.write_at(b" longer", 0, true), Ok((7, 11)));
    user.walk().truncate(b"/mnt/sub/new", 6).unwrap();
    assert_eq!(fs::read_to_string(host.granted("sub/new")).unwrap(), "made l");
    user.walk().chmod(b"/mnt/sub/new", true, 0o600).unwrap();
    assert_eq!(fs::metadata(host.granted("sub/new")).unwrap().permissions().mode() & 0o7777, 0o600);
    user.mkdir("/mnt/d").unwrap();
    user.rename("/mnt/sub/new", "/mnt/d/moved").unwrap();
    user.rename_with("/mnt/d", "/mnt/sub", RenameFlags::EXCHANGE).unwrap();
    assert_eq!(user.read("/mnt/sub/moved"), Ok(b"made l".to_vec()));
    assert_eq!(user.rmdir("/mnt/sub"), Err(Errno::ENOTEMPTY));
    user.unlink("/mnt/sub/moved").unwrap();
    user.rmdir("/mnt/sub").unwrap();
    assert!(!host.granted("sub").exists());
}

#[test]
fn set_id_bits_and_special_files_never_reach_the_host() {
    let host = Host::new();
    let user = host.vm(false);
    user.walk().chmod(b"/mnt/file", true, 0o6755).unwrap();
    user.walk().open(b"/mnt/new", OpenFlags::CREAT, 0o6755, 0).unwrap();
    for name in ["file", "new"] {
        assert_eq!(fs::metadata(host.granted(name)).unwrap().permissions().mode() & 0o7777, 0o755, "{name}");
    }
    for kind in [FileType::Fifo, FileType::Socket, FileType::CharDevice] {
        let root = User { cred: agentos_vfs::Cred::root(), ..user.clone() };
        assert_eq!(root.walk().mknod(b"/mnt/special", kind.bits() | 0o666, 0x103, 0).err(), Some(Errno::EPERM));
    }
}

#[test]
fn everything_belongs_to_the_user_of_the_vm() {
    let host = Host::new();
    let user = host.vm(false);
    let stat = user.at("/mnt/file").unwrap().stat().unwrap();
    assert_eq!((stat.uid, stat.gid), (1000, 1000));
    let root = User { cred: agentos_vfs::Cred::root(), ..user };
    assert_eq!(root.walk().chown(b"/mnt/file", true, Some(0), None), Err(Errno::EPERM), "the host's owner stays");
}

#[test]
fn a_read_only_grant_changes_nothing_even_on_a_writable_mount() {
    let host = Host::new();
    let user = host.vm(true);
    assert_eq!(user.read("/mnt/file"), Ok(b"content".to_vec()));
    assert_eq!(user.open("/mnt/file", OpenFlags::WRONLY).err(), Some(Errno::EROFS));
    assert_eq!(user.open("/mnt/file", OpenFlags::TRUNC).err(), Some(Errno::EROFS));
    assert_eq!(user.write("/mnt/new", b""), Err(Errno::EROFS));
    assert_eq!(user.mkdir("/mnt/new"), Err(Errno::EROFS));
    assert_eq!(user.symlink("x", "/mnt/new"), Err(Errno::EROFS));
    assert_eq!(user.unlink("/mnt/file"), Err(Errno::EROFS));
    assert_eq!(user.rmdir("/mnt/sub"), Err(Errno::EROFS));
    assert_eq!(user.rename("/mnt/file", "/mnt/new"), Err(Errno::EROFS));
    assert_eq!(user.walk().chmod(b"/mnt/file", true, 0), Err(Errno::EROFS));
    assert_eq!(user.walk().link(&user.at("/mnt/file").unwrap(), b"/mnt/new"), Err(Errno::EROFS));
    assert_eq!(fs::read_dir(host.granted("")).unwrap().count(), 2);
}

#[test]
fn changes_of_the_host_are_seen_at_once() {
    let host = Host::new();
    let user = host.vm(false);
    let held = user.open("/mnt/file", OpenFlags::empty()).unwrap();
    fs::remove_file(host.granted("file")).unwrap();
    assert_eq!(user.at("/mnt/file").err(), Some(Errno::ENOENT));
    assert!(held.path.is_deleted());
    fs::write(host.granted("file"), "another").unwrap();
    assert_eq!(user.read("/mnt/file"), Ok(b"another".to_vec()));
    let mut buf = [0; 7];
    assert_eq!(held.file.unwrap().read_at(&mut buf, 0), Ok(7));
    assert_eq!(&buf, b"content");
    fs::write(host.granted("later"), "").unwrap();
    let mut names = user.names("/mnt");
    names.sort();
    assert_eq!(names, [".", "..", "file", "later", "sub"]);
}

#[test]
fn a_fifo_of_the_host_is_not_opened() {
    let host = Host::new();
    let made = std::process::Command::new("mkfifo").arg(host.granted("fifo")).status().unwrap();
    assert!(made.success());
    let user = host.vm(false);
    let opened = user.open("/mnt/fifo", OpenFlags::RDWR).unwrap();
    assert!(opened.file.is_none(), "the kernel's FIFO, not the host's");
    assert_eq!(opened.inode.clone().open(OpenFlags::RDWR).err(), Some(Errno::ENXIO));
}

#[test]
fn a_missing_directory_is_refused() {
    assert_eq!(HostFs::open(Path::new("/nonexistent/directory"), true, 0, 0).err(), Some(Errno::ENOENT));
    let host = Host::new();
    assert_eq!(HostFs::open(&host.granted("file"), true, 0, 0).err(), Some(Errno::ENOTDIR));
}
