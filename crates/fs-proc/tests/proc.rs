//! /proc as programs read it.

use agentos_abi::fcntl::AT_FDCWD;
use agentos_abi::{AtFlags, Errno, FileType, OpenFlags, Signal, Timespec, WaitStatus};
use agentos_fs_proc::ProcFs;
use agentos_fs_tmpfs::Tmpfs;
use agentos_kernel::policy::PolicyConfig;
use agentos_kernel::{Account, Bounds, Kernel, KernelConfig, Limit, Limits};
use agentos_net::{NetworkConfig, VirtualNetwork};
use agentos_syscall::{Syscalls, Timers};
use agentos_vfs::{Cred, MountFlags, Namespace, Quota, Walk};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

/// A clock that stands still, no timers, and predictable randomness.
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
        buf.fill(0xff);
    }
}

impl Timers for Fixed {
    fn wake_at(&self, _at: Instant, _waker: Waker) -> Box<dyn std::any::Any + Send> {
        Box::new(())
    }
}

type Task = Arc<dyn Syscalls>;

fn boot() -> (Arc<Kernel>, Task) {
    let fixed = Arc::new(Fixed(Instant::now()));
    let namespace = Namespace::new(Tmpfs::new(fixed.clone(), Arc::new(Quota::new(1 << 20, 1000))));
    let limits = Limits { account: Account::new(Bounds::default().with(Limit::Memory, 64 << 20).with(Limit::Processes, 100)), cpus: 2, ..Limits::default() };
    let kernel = Kernel::new(KernelConfig {
        namespace: namespace.clone(),
        hostname: "box".into(),
        limits,
        policy: PolicyConfig::default(),
        timers: fixed.clone(),
        clock: fixed.clone(),
        random: fixed,
        network: VirtualNetwork::new(NetworkConfig::default()),
    });
    let init = kernel.init();
    init.mkdirat(AT_FDCWD, b"/proc", 0o555).unwrap();
    init.mkdirat(AT_FDCWD, b"/tmp", 0o777).unwrap();
    let root = namespace.root();
    let at = Walk { ns: &namespace, root: &root, base: &root, cred: &Cred::root() }.resolve(b"/proc", true).unwrap();
    namespace.mount(&at, ProcFs::new(&kernel), MountFlags::NOSUID | MountFlags::NODEV, "proc").unwrap();
    (kernel, init)
}

fn cat(task: &Task, path: &str) -> Result<String, Errno> {
    let fd = task.openat(AT_FDCWD, path.as_bytes(), OpenFlags::empty(), 0)?;
    let mut content = Vec::new();
    let mut buf = [0; 100];
    loop {
        match task.read(fd, &mut buf)? {
            0 => break,
            count => content.extend_from_slice(&buf[..count]),
        }
    }
    task.close(fd)?;
    Ok(String::from_utf8(content).unwrap())
}

fn list(task: &Task, path: &str) -> Vec<String> {
    let fd = task.openat(AT_FDCWD, path.as_bytes(), OpenFlags::DIRECTORY, 0).unwrap();
    let mut names = Vec::new();
    task.getdents(fd, &mut |entry| {
        names.push(String::from_utf8(entry.name.to_vec()).unwrap());
        true
    })
    .unwrap();
    task.close(fd).unwrap();
    names
}

fn readlink(task: &Task, path: &str) -> Result<String, Errno> {
    task.readlinkat(AT_FDCWD, path.as_bytes()).map(|text| String::from_utf8(text).unwrap())
}

#[test]
fn self_is_whoever_asks() {
    let (_kernel, init) = boot();
    let (one, two) = (init.fork().unwrap(), init.fork().unwrap());
    assert_eq!(readlink(&one, "/proc/self"), Ok(one.getpid().to_string()));
    assert_eq!(readlink(&two, "/proc/self"), Ok(two.getpid().to_string()));
    assert_eq!(readlink(&two, "/proc/thread-self"), Ok(format!("{0}/task/{0}", two.getpid())));
    two.set_comm(b"a name longer than fits");
    assert_eq!(cat(&two, "/proc/self/comm"), Ok("a name longer t\n".into()));
    assert_eq!(cat(&two, "/proc/thread-self/comm"), cat(&two, "/proc/self/comm"));
}

#[test]
fn the_root_lists_processes_and_files() {
    let (_kernel, init) = boot();
    let child = init.fork().unwrap();
    let names = list(&init, "/proc");
    for name in ["self", "mounts", "net", "cpuinfo", "meminfo", "stat", "sys", "uptime", "version", "1", &child.getpid().to_string()] {
        assert!(names.contains(&name.to_owned()), "{name}");
    }
    child.exit(WaitStatus::Exited(0));
    init.wait4(agentos_abi::wait::WaitTarget::Any, Default::default()).unwrap();
    assert!(!list(&init, "/proc").contains(&child.getpid().to_string()));
    for name in ["02", "+1", "99999", "-1", "nothing", "2147483648"] {
        assert_eq!(init.fstatat(AT_FDCWD, format!("/proc/{name}").as_bytes(), AtFlags::empty()), Err(Errno::ENOENT), "{name}");
    }
}

#[test]
fn every_file_of_a_process_and_of_the_system_can_be_read() {
    let (_kernel, init) = boot();
    let task = init.fork().unwrap();
    task.pipe2(OpenFlags::empty()).unwrap();
    let mut directories = vec!["/proc".to_owned()];
    let mut files = 0;
    while let Some(directory) = directories.pop() {
        for name in list(&task, &directory).iter().filter(|name| *name != "." && *name != "..") {
            let path = format!("{directory}/{name}");
            let stat = match task.fstatat(AT_FDCWD, path.as_bytes(), AtFlags::SYMLINK_NOFOLLOW) {
                // The descriptor that the listing itself used.
                Err(Errno::ENOENT) if directory.contains("/fd") => continue,
                other => other.unwrap(),
            };
            match stat.file_type {
                FileType::Directory => directories.push(path),
                FileType::Regular => {
                    cat(&task, &path).unwrap_or_else(|errno| panic!("{path}: {errno}"));
                    files += 1;
                }
                FileType::Symlink if path.ends_with("/exe") => assert_eq!(readlink(&task, &path), Err(Errno::ENOENT), "no program"),
                _ => drop(readlink(&task, &path).unwrap_or_else(|errno| panic!("{path}: {errno}"))),
            }
        }
    }
    assert!(files > 80, "{files}");
}

#[test]
fn stat_has_52_fields_in_their_places() {
    let (_kernel, init) = boot();
    let task = init.fork().unwrap();
    task.set_comm(b"a) b");
    task.set_nice(5).unwrap();
    task.charge_memory(8 << 20).unwrap();
    task.charge_cpu(Duration::from_millis(1230));
    let stat = cat(&init, &format!("/proc/{}/stat", task.getpid())).unwrap();
    let (head, rest) = stat.trim_end().rsplit_once(") ").unwrap();
    assert_eq!(head, format!("{} (a) b", task.getpid()));
    let fields: Vec<&str> = rest.split(' ').collect();
    assert_eq!(fields.len(), 50);
    let field = |number: usize| fields[number - 3];
    assert_eq!((field(3), field(4), field(5), field(6), field(7), field(8)), ("R", "1", "1", "1", "0", "-1"));
    assert_eq!((field(14), field(18), field(19), field(20)), ("123", "25", "5", "1"));
    assert_eq!((field(23), field(24), field(38)), ("8388608", "2048", "17"));
    assert_eq!(cat(&init, &format!("/proc/{}/statm", task.getpid())), Ok("2048 2048 0 0 0 2048 0\n".into()));
}

#[test]
fn status_tells_ids_state_and_signals() {
    let (kernel, init) = boot();
    let task = init.fork().unwrap();
    task.setgroups(&[7, 8]).unwrap();
    task.setresuid(Some(1000), Some(1001), Some(1002)).unwrap();
    task.sigprocmask(Some((agentos_abi::signal::SigHow::Block, agentos_abi::SigSet::default().with(Signal::SIGINT))));
    kernel.kill(task.getpid(), Signal::SIGINT).unwrap();
    kernel.kill(task.getpid(), Signal::SIGSTOP).unwrap();
    let status = cat(&init, &format!("/proc/{}/status", task.getpid())).unwrap();
    let expected = ["Name:\tinit", "State:\tT (stopped)", "PPid:\t1", "Uid:\t1000\t1001\t1002\t1001", "Groups:\t7 8 ", "Umask:\t0022"];
    let signals = ["ShdPnd:\t0000000000000002", "SigBlk:\t0000000000000002", "SigCgt:\t0000000000000000", "Cpus_allowed_list:\t0-1"];
    for line in expected.into_iter().chain(signals) {
        assert!(status.lines().any(|l| l == line), "{line} in\n{status}");
    }
}

#[test]
fn descriptors_can_be_read_followed_and_opened_again() {
    let (_kernel, init) = boot();
    let task = init.fork().unwrap();
    let file = task.openat(AT_FDCWD, b"/tmp/file", OpenFlags::RDWR | OpenFlags::CREAT, 0o644).unwrap();
    let (reader, writer) = task.pipe2(OpenFlags::empty()).unwrap();
    let event = task.eventfd(0, false, OpenFlags::empty()).unwrap();
    assert_eq!(list(&task, "/proc/self/fd"), [".", "..", "0", "1", "2", "3", "4"]);
    assert_eq!(readlink(&task, "/proc/self/fd/0"), Ok("/tmp/file".into()));
    assert!(readlink(&task, "/proc/self/fd/1").unwrap().starts_with("pipe:["));
    assert_eq!(readlink(&task, &format!("/proc/self/fd/{event}")), Ok("anon_inode:[eventfd]".into()));
    assert_eq!(readlink(&task, "/proc/self/fd/9"), Err(Errno::ENOENT));
    task.write(file, b"content").unwrap();
    assert_eq!(cat(&task, "/proc/self/fd/0"), Ok("content".into()), "a new description starts at the beginning");
    assert_eq!(cat(&task, "/proc/self/fdinfo/0"), Ok("pos:\t7\nflags:\t0000002\n".into()));
    let again = task.openat(AT_FDCWD, format!("/proc/self/fd/{writer}").as_bytes(), OpenFlags::WRONLY, 0).unwrap();
    task.write(again, b"x").unwrap();
    assert_eq!(task.read(reader, &mut [0; 8]), Ok(1));
    let stat = task.fstatat(AT_FDCWD, format!("/proc/self/fd/{reader}").as_bytes(), AtFlags::empty()).unwrap();
    assert_eq!((stat.file_type, stat.dev, stat.ino), (FileType::Fifo, task.fstat(reader).unwrap().dev, task.fstat(reader).unwrap().ino));
    task.faccessat(AT_FDCWD, format!("/proc/self/fd/{reader}").as_bytes(), 4, AtFlags::empty()).unwrap();
    assert_eq!(task.openat(AT_FDCWD, format!("/proc/self/fd/{event}").as_bytes(), OpenFlags::RDWR, 0), Err(Errno::ENXIO));
    task.unlinkat(AT_FDCWD, b"/tmp/file", AtFlags::empty()).unwrap();
    assert_eq!(readlink(&task, "/proc/self/fd/0"), Ok("/tmp/file (deleted)".into()));
    assert_eq!(cat(&task, "/proc/self/fd/0"), Ok("content".into()), "the file lives on");
}

#[test]
fn an_ordinary_user_opens_its_own_pipes_and_looks_into_its_own_processes_only() {
    let (_kernel, init) = boot();
    let other = init.fork().unwrap();
    let task = init.fork().unwrap();
    task.setresuid(Some(1000), Some(1000), Some(1000)).unwrap();
    let (reader, _writer) = task.pipe2(OpenFlags::empty()).unwrap();
    task.openat(AT_FDCWD, format!("/proc/self/fd/{reader}").as_bytes(), OpenFlags::empty(), 0).unwrap();
    let path = |name: &str| format!("/proc/{}/{name}", other.getpid());
    assert_eq!(readlink(&task, &path("cwd")), Err(Errno::EACCES));
    assert_eq!(cat(&task, &path("environ")), Err(Errno::EACCES));
    assert_eq!(task.openat(AT_FDCWD, path("fd").as_bytes(), OpenFlags::DIRECTORY, 0), Err(Errno::EACCES));
    assert_eq!(task.openat(AT_FDCWD, path("root/tmp").as_bytes(), OpenFlags::DIRECTORY, 0), Err(Errno::EACCES));
    assert!(cat(&task, &path("stat")).is_ok() && cat(&task, &path("cmdline")).is_ok());
    assert_eq!(readlink(&task, "/proc/self/cwd"), Ok("/".into()));
    assert_eq!(cat(&task, "/proc/self/environ"), Ok(String::new()));
}

#[test]
fn mounts_are_listed_as_the_namespace_has_them() {
    let (_kernel, init) = boot();
    let task = init.fork().unwrap();
    assert_eq!(cat(&task, "/proc/mounts"), Ok("rootfs / tmpfs rw,relatime 0 0\nproc /proc proc rw,nosuid,nodev,relatime 0 0\n".into()));
    let info = cat(&task, "/proc/self/mountinfo").unwrap();
    assert!(info.lines().nth(1).unwrap().starts_with("21 20 0:"), "{info}");
    assert!(info.ends_with(" / /proc rw,nosuid,nodev,relatime - proc proc rw\n"), "{info}");
}

#[test]
fn memory_and_processors_are_the_limits_of_the_vm() {
    let (_kernel, init) = boot();
    let task = init.fork().unwrap();
    task.charge_memory(16 << 20).unwrap();
    let meminfo = cat(&task, "/proc/meminfo").unwrap();
    assert!(meminfo.starts_with("MemTotal:          65536 kB\nMemFree:           49152 kB\nMemAvailable:      49152 kB\n"), "{meminfo}");
    assert_eq!(cat(&task, "/proc/cpuinfo").unwrap().matches("processor\t: ").count(), 2);
    assert_eq!(cat(&task, "/proc/loadavg"), Ok(format!("0.00 0.00 0.00 1/2 {}\n", task.getpid())));
    assert_eq!(cat(&task, "/proc/uptime"), Ok("0.00 0.00\n".into()));
    let stat = cat(&task, "/proc/stat").unwrap();
    assert!(stat.starts_with("cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0") && stat.contains("btime 1700000000\nprocesses 2\n"), "{stat}");
    assert!(cat(&task, "/proc/version").unwrap().starts_with("Linux version 6.1.0-agentos "));
}

#[test]
fn settings_are_read_only() {
    let (_kernel, init) = boot();
    let task = init.fork().unwrap();
    assert_eq!(cat(&task, "/proc/sys/kernel/hostname"), Ok("box\n".into()));
    assert_eq!(cat(&task, "/proc/sys/kernel/pid_max"), Ok("32768\n".into()));
    assert_eq!(cat(&task, "/proc/sys/kernel/random/uuid"), Ok("ffffffff-ffff-4fff-bfff-ffffffffffff\n".into()));
    assert_eq!(list(&task, "/proc/sys"), [".", "..", "fs", "kernel", "net", "vm"]);
    assert_eq!(list(&task, "/proc/sys/kernel/random"), [".", "..", "boot_id", "entropy_avail", "poolsize", "uuid"]);
    assert_eq!(task.openat(AT_FDCWD, b"/proc/sys/kernel/hostname", OpenFlags::WRONLY, 0), Err(Errno::EACCES));
    assert_eq!(task.openat(AT_FDCWD, b"/proc/new", OpenFlags::WRONLY | OpenFlags::CREAT, 0o644), Err(Errno::ENOENT));
    assert_eq!(task.unlinkat(AT_FDCWD, b"/proc/version", AtFlags::empty()), Err(Errno::EPERM));
    assert!(cat(&task, "/proc/self/limits").unwrap().contains("Max processes             100                  100                  processes \n"));
}

#[test]
fn a_view_outlives_its_kernel() {
    let (kernel, init) = boot();
    let namespace = kernel.namespace().clone();
    drop((kernel, init));
    let root = namespace.root();
    let stat = Walk { ns: &namespace, root: &root, base: &root, cred: &Cred::root() }.stat(b"/proc/version", true);
    assert_eq!(stat, Err(Errno::ENODEV));
}
