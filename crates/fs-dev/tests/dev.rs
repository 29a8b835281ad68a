//! /dev as programs use it, with /proc behind /dev/fd.

use agentos_abi::fcntl::AT_FDCWD;
use agentos_abi::ioctl::{Ioctl, IoctlReply};
use agentos_abi::signal::{Disposition, SigAction};
use agentos_abi::{AtFlags, Errno, Fd, FileType, OpenFlags, Signal, Timespec};
use agentos_fs_dev::DevFs;
use agentos_fs_proc::ProcFs;
use agentos_fs_tmpfs::Tmpfs;
use agentos_kernel::policy::PolicyConfig;
use agentos_kernel::{Kernel, KernelConfig, Limits};
use agentos_net::{NetworkConfig, VirtualNetwork};
use agentos_syscall::{Syscalls, Timers};
use agentos_vfs::{Cred, FileSystem, MountFlags, Namespace, Quota, Walk};
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

struct Fixed(Instant);

impl agentos_kernel::Clock for Fixed {
    fn realtime(&self) -> Timespec {
        Timespec { sec: 1_700_000_000, nsec: 0 }
    }

    fn monotonic(&self) -> Instant {
        self.0
    }
}

impl agentos_vfs::Clock for Fixed {
    fn now(&self) -> Timespec {
        Timespec { sec: 1_700_000_000, nsec: 0 }
    }
}

impl agentos_kernel::Random for Fixed {
    fn fill(&self, buf: &mut [u8]) {
        buf.fill(0xa5);
    }
}

impl Timers for Fixed {
    fn wake_at(&self, _at: Instant, _waker: Waker) -> Box<dyn std::any::Any + Send> {
        Box::new(())
    }
}

type Task = Arc<dyn Syscalls>;

/// A VM with /dev and /proc, and an ordinary user's process in it.
fn boot() -> (Arc<Kernel>, Task) {
    let fixed = Arc::new(Fixed(Instant::now()));
    let namespace = Namespace::new(Tmpfs::new(fixed.clone(), Arc::new(Quota::new(1 << 20, 1000))));
    let kernel = Kernel::new(KernelConfig {
        namespace: namespace.clone(),
        hostname: "box".into(),
        limits: Limits::default(),
        policy: PolicyConfig::default(),
        timers: fixed.clone(),
        clock: fixed.clone(),
        random: fixed.clone(),
        network: VirtualNetwork::new(NetworkConfig::default()),
    });
    let init = kernel.init();
    let root = namespace.root();
    let mount = |point: &str, fs: Arc<dyn FileSystem>| {
        init.mkdirat(AT_FDCWD, point.as_bytes(), 0o755).unwrap();
        let at = Walk { ns: &namespace, root: &root, base: &root, cred: &Cred::root() }.resolve(point.as_bytes(), true).unwrap();
        namespace.mount(&at, fs, MountFlags::empty(), "none").unwrap();
    };
    mount("/proc", ProcFs::new(&kernel));
    mount("/dev", DevFs::new(&kernel, fixed.clone(), &*fixed));
    let task = init.fork().unwrap();
    task.setresgid(Some(1000), Some(1000), Some(1000)).unwrap();
    task.setresuid(Some(1000), Some(1000), Some(1000)).unwrap();
    (kernel, task)
}

fn open(task: &Task, path: &str, flags: OpenFlags) -> Result<Fd, Errno> {
    task.openat(AT_FDCWD, path.as_bytes(), flags, 0)
}

fn names(task: &Task, path: &str) -> Vec<String> {
    let fd = open(task, path, OpenFlags::DIRECTORY).unwrap();
    let mut names = Vec::new();
    task.getdents(fd, &mut |entry| {
        names.push(String::from_utf8_lossy(entry.name).into_owned());
        true
    })
    .unwrap();
    task.close(fd).unwrap();
    names
}

#[test]
fn memory_devices_do_what_their_names_say() {
    let (_kernel, task) = boot();
    let read = |path: &str| {
        let fd = open(&task, path, OpenFlags::RDWR).unwrap();
        let mut buf = [7; 4];
        (task.read(fd, &mut buf), buf, task.write(fd, b"abc"))
    };
    assert_eq!(read("/dev/null"), (Ok(0), [7; 4], Ok(3)));
    assert_eq!(read("/dev/zero"), (Ok(4), [0; 4], Ok(3)));
    assert_eq!(read("/dev/full"), (Ok(4), [0; 4], Err(Errno::ENOSPC)));
    assert_eq!(read("/dev/urandom"), (Ok(4), [0xa5; 4], Ok(3)));
    let stat = task.fstatat(AT_FDCWD, b"/dev/null", AtFlags::empty()).unwrap();
    assert_eq!((stat.file_type, stat.rdev), (FileType::CharDevice, 0x103));
    let truncated = task.openat(AT_FDCWD, b"/dev/null", OpenFlags::WRONLY | OpenFlags::CREAT | OpenFlags::TRUNC | OpenFlags::APPEND, 0o644).unwrap();
    assert_eq!(task.write(truncated, b"gone"), Ok(4));
}

#[test]
fn descriptors_are_reached_by_dev_fd_and_the_standard_names() {
    let (_kernel, task) = boot();
    let (reader, writer) = task.pipe2(OpenFlags::empty()).unwrap();
    task.dup3(reader, 0, false).unwrap();
    task.write(writer, b"hello").unwrap();
    let again = open(&task, "/dev/stdin", OpenFlags::empty()).unwrap();
    let mut buf = [0; 5];
    assert_eq!((task.read(again, &mut buf), &buf), (Ok(5), b"hello"));
    let path = format!("/dev/fd/{writer}");
    assert_eq!(task.fstatat(AT_FDCWD, path.as_bytes(), AtFlags::empty()).unwrap().ino, task.fstat(writer).unwrap().ino);
    task.faccessat(AT_FDCWD, path.as_bytes(), 2, AtFlags::empty()).unwrap();
    let end = open(&task, &path, OpenFlags::WRONLY).unwrap();
    assert_eq!(task.write(end, b"x"), Ok(1));
    assert_eq!(open(&task, "/dev/fd/99", OpenFlags::empty()), Err(Errno::ENOENT));
    assert_eq!(task.fstatat(AT_FDCWD, b"/dev/fd/99", AtFlags::empty()), Err(Errno::ENOENT));
}

#[test]
fn terminals_appear_while_their_master_is_open() {
    let (kernel, task) = boot();
    assert_eq!(open(&task, "/dev/tty", OpenFlags::RDWR), Err(Errno::ENXIO), "no controlling terminal");
    assert_eq!(names(&task, "/dev/pts"), [".", ".."]);
    let (master, name) = kernel.open_pty().unwrap();
    assert_eq!(names(&task, "/dev/pts"), [".", "..", "0"]);
    task.setsid().unwrap();
    let fd = open(&task, &name, OpenFlags::RDWR).unwrap();
    assert_eq!(task.readlinkat(AT_FDCWD, format!("/proc/self/fd/{fd}").as_bytes()), Ok(name.clone().into_bytes()), "ttyname(3)");
    assert_eq!(task.fstat(fd), task.fstatat(AT_FDCWD, name.as_bytes(), AtFlags::empty()));
    assert_eq!(task.ioctl(fd, Ioctl::GetSession), Ok(IoctlReply::Int(task.getpid())), "opening made it the controlling terminal");
    let tty = open(&task, "/dev/tty", OpenFlags::RDWR).unwrap();
    assert_eq!(task.write(tty, b"hi"), Ok(2));
    let mut buf = [0; 8];
    assert_eq!(master.read_at(&mut buf, 0), Ok(2));
    let stat = kernel.process(task.getpid()).unwrap();
    assert_eq!(stat.tty, Some(0));
    task.sigaction(Signal::SIGHUP, Some(SigAction { disposition: Disposition::Ignore, ..SigAction::default() })).unwrap();
    drop(master);
    assert_eq!(names(&task, "/dev/pts"), [".", ".."]);
    assert_eq!(open(&task, &name, OpenFlags::RDWR), Err(Errno::ENOENT));
}

#[test]
fn a_program_makes_a_pair_of_its_own() {
    let (_kernel, task) = boot();
    let master = open(&task, "/dev/ptmx", OpenFlags::RDWR | OpenFlags::NOCTTY).unwrap();
    assert_eq!(task.ioctl(master, Ioctl::GetPtyNumber), Ok(IoctlReply::Int(0)));
    let stat = task.fstatat(AT_FDCWD, b"/dev/pts/0", AtFlags::empty()).unwrap();
    assert_eq!((stat.uid, stat.gid, stat.mode.bits()), (1000, 5, 0o620));
    assert_eq!(open(&task, "/dev/pts/0", OpenFlags::RDWR), Err(Errno::EIO), "before unlockpt");
    task.ioctl(master, Ioctl::LockPty(false)).unwrap();
    let replica = open(&task, "/dev/pts/0", OpenFlags::RDWR | OpenFlags::NOCTTY).unwrap();
    task.write(master, b"typed\n").unwrap();
    let mut buf = [0; 10];
    assert_eq!((task.read(replica, &mut buf), &buf[..6]), (Ok(6), &b"typed\n"[..]));
    task.fchmod(replica, 0o600).unwrap();
    assert_eq!(task.fstat(replica).unwrap().mode.bits(), 0o600);
    for name in ["00", "+0", "1", "x"] {
        assert_eq!(open(&task, &format!("/dev/pts/{name}"), OpenFlags::RDWR), Err(Errno::ENOENT));
    }
}

#[test]
fn nothing_can_be_made_or_removed() {
    let (_kernel, task) = boot();
    for path in ["/dev/new", "/dev/pts/7"] {
        let made = task.openat(AT_FDCWD, path.as_bytes(), OpenFlags::WRONLY | OpenFlags::CREAT, 0o644);
        assert!(matches!(made, Err(Errno::EPERM | Errno::EACCES)), "{path}: {made:?}");
    }
    assert!(matches!(task.unlinkat(AT_FDCWD, b"/dev/null", AtFlags::empty()), Err(Errno::EPERM | Errno::EACCES)));
}
