//! Descriptors and files through the system calls.

mod support;

use agentos_abi::fcntl::{AT_FDCWD, Fcntl, LockKind, LockOwner, R_OK, W_OK, X_OK};
use agentos_abi::time::SetTime;
use agentos_abi::{AtFlags, Errno, FdFlags, FileType, OpenFlags, Resource, Rlimit, Signal, Timespec};
use agentos_kernel::{Limit, Limits};
use agentos_syscall::{WaitOn, block_on, blocking};
use support::{Machine, cat};

const CREATE: OpenFlags = OpenFlags::RDWR.union(OpenFlags::CREAT);

#[test]
fn descriptors_are_the_lowest_free_ones() {
    let machine = Machine::new();
    let task = machine.process();
    let open = || task.openat(AT_FDCWD, b"/tmp", OpenFlags::empty(), 0);
    assert_eq!((open(), open(), open()), (Ok(0), Ok(1), Ok(2)));
    task.close(1).unwrap();
    assert_eq!(task.dup(0), Ok(1));
    assert_eq!(task.fcntl(0, Fcntl::Dup { min: 10, cloexec: true }), Ok(10));
    assert_eq!(task.fcntl(10, Fcntl::GetFd), Ok(FdFlags::CLOEXEC.bits() as i32));
    assert_eq!(task.dup3(0, 20, false), Ok(20));
    assert_eq!(task.dup3(20, 20, true), Ok(20));
    assert_eq!(task.dup3(99, 5, false), Err(Errno::EBADF));
    assert_eq!(task.dup3(0, -1, false), Err(Errno::EBADF));
    assert_eq!(task.close(99), Err(Errno::EBADF));
    assert_eq!(task.close(-1), Err(Errno::EBADF));
    task.close_range(1, i32::MAX, false).unwrap();
    assert_eq!(open(), Ok(1));
    assert_eq!(task.close_range(5, 4, false), Err(Errno::EINVAL));
}

#[test]
fn limits_on_descriptors_are_emfile_and_enfile() {
    let machine = Machine::with_limits(Limits { max_process_files: (4, 8), ..Limits::bounded(Limit::OpenFiles, 6) });
    let task = machine.process();
    for _ in 0..4 {
        task.openat(AT_FDCWD, b"/tmp", OpenFlags::empty(), 0).unwrap();
    }
    assert_eq!(task.openat(AT_FDCWD, b"/tmp/made", CREATE, 0o644), Err(Errno::EMFILE));
    assert_eq!(task.fstatat(AT_FDCWD, b"/tmp/made", AtFlags::empty()), Err(Errno::ENOENT), "nothing was made");
    assert_eq!(task.dup(0), Err(Errno::EMFILE));
    assert_eq!(task.dup3(0, 4, false), Err(Errno::EBADF));
    assert_eq!(task.fcntl(0, Fcntl::Dup { min: 4, cloexec: false }), Err(Errno::EINVAL));
    task.prlimit(0, Resource::Nofile, Some(Rlimit { soft: 8, hard: 8 })).unwrap();
    task.pipe2(OpenFlags::empty()).unwrap();
    task.close(0).unwrap();
    assert_eq!(task.pipe2(OpenFlags::empty()), Err(Errno::ENFILE), "the VM's limit, and half a pipe is not left behind");
    assert_eq!(machine.kernel.stats().open_files, 5);
}

#[test]
fn offsets_move_by_reading_writing_and_seeking() {
    let machine = Machine::new();
    let task = machine.process();
    let fd = task.openat(AT_FDCWD, b"/tmp/f", CREATE, 0o644).unwrap();
    assert_eq!(task.write(fd, b"hello"), Ok(5));
    assert_eq!(task.lseek(fd, -4, 1), Ok(1));
    let mut buf = [0; 2];
    assert_eq!((task.read(fd, &mut buf), &buf), (Ok(2), b"el"));
    assert_eq!((task.pread(fd, &mut buf, 0), &buf), (Ok(2), b"he"));
    assert_eq!(task.pwrite(fd, b"J", 0), Ok(1));
    assert_eq!(task.lseek(fd, 0, 1), Ok(3));
    assert_eq!(task.lseek(fd, 2, 2), Ok(7));
    assert_eq!(task.lseek(fd, -8, 1), Err(Errno::EINVAL));
    assert_eq!(task.lseek(fd, i64::MAX, 1), Err(Errno::EOVERFLOW));
    assert_eq!((task.lseek(fd, 2, 3), task.lseek(fd, 2, 4), task.lseek(fd, 5, 3)), (Ok(2), Ok(5), Err(Errno::ENXIO)));
    assert_eq!(task.lseek(fd, 0, 9), Err(Errno::EINVAL));
    assert_eq!(task.pread(fd, &mut buf, u64::MAX), Err(Errno::EINVAL));
    assert_eq!(cat(&task, "/tmp/f"), Ok("Jello".into()));
}

#[test]
fn append_mode_writes_at_the_end() {
    let machine = Machine::new();
    let task = machine.process();
    machine.file("/tmp/log", b"one\n", 0o644);
    let fd = task.openat(AT_FDCWD, b"/tmp/log", OpenFlags::WRONLY | OpenFlags::APPEND, 0).unwrap();
    task.lseek(fd, 0, 0).unwrap();
    task.write(fd, b"two\n").unwrap();
    assert_eq!(cat(&task, "/tmp/log"), Ok("one\ntwo\n".into()));
    task.fcntl(fd, Fcntl::SetFl(OpenFlags::empty())).unwrap();
    task.lseek(fd, 0, 0).unwrap();
    task.write(fd, b"ONE").unwrap();
    assert_eq!(cat(&task, "/tmp/log"), Ok("ONE\ntwo\n".into()));
    assert_eq!(task.fcntl(fd, Fcntl::GetFl), Ok(1), "creation flags are not kept");
}

#[test]
fn the_file_size_limit_is_efbig_with_sigxfsz() {
    let machine = Machine::new();
    let task = machine.process();
    task.sigprocmask(Some((agentos_abi::signal::SigHow::Block, agentos_abi::SigSet::default().with(Signal::SIGXFSZ))));
    task.prlimit(0, Resource::Fsize, Some(Rlimit::fixed(4))).unwrap();
    let fd = task.openat(AT_FDCWD, b"/tmp/f", CREATE, 0o644).unwrap();
    assert_eq!(task.write(fd, b"abcdef"), Ok(4), "as much as fits");
    assert_eq!(task.sigpending().0, 0);
    assert_eq!(task.write(fd, b"x"), Err(Errno::EFBIG));
    assert!(task.sigpending().contains(Signal::SIGXFSZ));
    assert_eq!(task.ftruncate(fd, 5), Err(Errno::EFBIG));
    assert_eq!(task.fallocate(fd, 0, 0, 5), Err(Errno::EFBIG));
    let child = task.fork().unwrap();
    assert_eq!(child.write(fd, b"x"), Err(Errno::EFBIG), "inherited");
}

#[test]
fn directories_list_themselves_and_continue() {
    let machine = Machine::new();
    let task = machine.process();
    for name in ["a", "b", "c"] {
        machine.file(&format!("/tmp/{name}"), b"", 0o644);
    }
    let fd = task.openat(AT_FDCWD, b"/tmp", OpenFlags::DIRECTORY, 0).unwrap();
    let mut names = Vec::new();
    for _ in 0..6 {
        let mut one = None;
        task.getdents(fd, &mut |entry| {
            let first = one.is_none();
            if first {
                one = Some(String::from_utf8_lossy(entry.name).into_owned());
            }
            first
        })
        .unwrap();
        names.extend(one);
    }
    assert_eq!(names, [".", "..", "a", "b", "c"]);
    task.lseek(fd, 0, 0).unwrap();
    let mut count = 0;
    task.getdents(fd, &mut |_| {
        count += 1;
        true
    })
    .unwrap();
    assert_eq!(count, 5);
    assert_eq!(task.read(fd, &mut [0]), Err(Errno::EISDIR));
    let file = task.openat(AT_FDCWD, b"/tmp/a", OpenFlags::empty(), 0).unwrap();
    assert_eq!(task.getdents(file, &mut |_| true), Err(Errno::ENOTDIR));
}

#[test]
fn paths_start_at_a_descriptor_or_the_working_directory() {
    let machine = Machine::new();
    let task = machine.process();
    task.mkdirat(AT_FDCWD, b"/tmp/dir", 0o755).unwrap();
    let dir = task.openat(AT_FDCWD, b"/tmp/dir", OpenFlags::PATH, 0).unwrap();
    let fd = task.openat(dir, b"file", CREATE, 0o666).unwrap();
    assert_eq!(task.fstatat(dir, b"file", AtFlags::empty()).unwrap().mode.bits(), 0o644, "the umask is 022");
    task.fchdir(dir).unwrap();
    assert_eq!(task.getcwd(), Ok(b"/tmp/dir".to_vec()));
    assert_eq!(task.fstatat(AT_FDCWD, b"file", AtFlags::empty()), task.fstat(fd));
    assert_eq!(task.fstatat(fd, b"", AtFlags::EMPTY_PATH), task.fstat(fd));
    assert_eq!(task.fstatat(AT_FDCWD, b"", AtFlags::empty()), Err(Errno::ENOENT));
    assert_eq!(task.openat(fd, b"x", OpenFlags::empty(), 0), Err(Errno::ENOTDIR));
    assert_eq!(task.openat(77, b"x", OpenFlags::empty(), 0), Err(Errno::EBADF));
    assert_eq!(task.fchdir(fd), Err(Errno::ENOTDIR));
    assert_eq!(task.chdir(b"/missing"), Err(Errno::ENOENT));
    assert_eq!(task.read(dir, &mut [0]), Err(Errno::EBADF), "O_PATH");
    task.unlinkat(AT_FDCWD, b"/tmp/dir/file", AtFlags::empty()).unwrap();
    task.unlinkat(AT_FDCWD, b"/tmp/dir", AtFlags::REMOVEDIR).unwrap();
    assert_eq!(task.getcwd(), Err(Errno::ENOENT));
    assert_eq!(task.mknodat(AT_FDCWD, b"/tmp/null", 0o020666, 0x103), Err(Errno::EPERM));
    assert_eq!(task.fstat(fd).unwrap().file_type, FileType::Regular, "an open file lives on");
}

#[test]
fn access_asks_as_the_real_user() {
    let machine = Machine::new();
    let task = machine.process();
    machine.file("/tmp/f", b"", 0o600);
    task.setresuid(Some(1000), None, None).unwrap();
    assert_eq!(task.faccessat(AT_FDCWD, b"/tmp/f", R_OK | W_OK, AtFlags::empty()), Err(Errno::EACCES));
    task.faccessat(AT_FDCWD, b"/tmp/f", R_OK | W_OK, AtFlags::EACCESS).unwrap();
    assert_eq!(task.faccessat(AT_FDCWD, b"/tmp/f", X_OK, AtFlags::EACCESS), Err(Errno::EACCES));
    assert_eq!(task.faccessat(AT_FDCWD, b"/tmp/f", 8, AtFlags::empty()), Err(Errno::EINVAL));
}

#[test]
fn copy_range_moves_bytes_and_offsets() {
    let machine = Machine::new();
    let task = machine.process();
    let content: Vec<u8> = (0..200_000u32).map(|i| i as u8).collect();
    machine.file("/tmp/from", &content, 0o644);
    let from = task.openat(AT_FDCWD, b"/tmp/from", OpenFlags::empty(), 0).unwrap();
    let to = task.openat(AT_FDCWD, b"/tmp/to", CREATE, 0o644).unwrap();
    assert_eq!(task.copy_range(from, None, to, None, usize::MAX), Ok(200_000));
    assert_eq!(task.copy_range(from, None, to, None, 1), Ok(0), "the end");
    let (mut read_at, mut write_at) = (10, 5);
    assert_eq!(task.copy_range(from, Some(&mut read_at), to, Some(&mut write_at), 3), Ok(3));
    assert_eq!((read_at, write_at, task.lseek(from, 0, 1)), (13, 8, Ok(200_000)));
    let (reader, writer) = task.pipe2(OpenFlags::empty()).unwrap();
    let mut start = 0;
    assert_eq!(task.copy_range(from, Some(&mut start), writer, None, 100_000), Ok(65536), "a full pipe ends it");
    assert_eq!((start, task.copy_range(from, Some(&mut start), writer, None, 1)), (65536, Err(Errno::EWAIT)));
    assert_eq!(task.copy_range(reader, None, to, None, 1), Err(Errno::EINVAL), "a stream is no source");
}

#[test]
fn flock_belongs_to_the_description_and_a_waiter_gets_it() {
    let machine = Machine::new();
    let (one, two) = (machine.process(), machine.process());
    machine.file("/tmp/lock", b"", 0o666);
    let open = |task: &support::Handle| task.openat(AT_FDCWD, b"/tmp/lock", OpenFlags::RDWR, 0).unwrap();
    let (a, b) = (open(&one), open(&two));
    one.flock(a, LockKind::Exclusive, false).unwrap();
    assert_eq!(two.flock(b, LockKind::Shared, false), Err(Errno::EAGAIN));
    let (copy, child) = (one.dup(a).unwrap(), one.fork().unwrap());
    one.close(a).unwrap();
    one.close(copy).unwrap();
    assert_eq!(two.flock(b, LockKind::Shared, false), Err(Errno::EAGAIN), "the child shares the description");
    let waiter = two.clone();
    let thread = std::thread::spawn(move || block_on(blocking(&*waiter, WaitOn::LastCall, None, || waiter.flock(b, LockKind::Exclusive, true))));
    child.exit(agentos_abi::WaitStatus::Exited(0));
    assert_eq!(thread.join().unwrap(), Ok(()));
}

#[test]
fn record_locks_belong_to_the_process_and_go_with_any_close() {
    let machine = Machine::new();
    let (one, two) = (machine.process(), machine.process());
    machine.file("/tmp/lock", b"", 0o666);
    let open = |task: &support::Handle| task.openat(AT_FDCWD, b"/tmp/lock", OpenFlags::RDWR, 0).unwrap();
    let (a, b, c) = (open(&one), open(&one), open(&two));
    one.record_lock(a, LockOwner::Process, LockKind::Exclusive, (0, 10), false).unwrap();
    one.record_lock(b, LockOwner::Process, LockKind::Exclusive, (5, 10), false).unwrap();
    assert_eq!(two.record_lock(c, LockOwner::Process, LockKind::Shared, (14, 1), false), Err(Errno::EAGAIN));
    two.record_lock(c, LockOwner::Process, LockKind::Shared, (15, 0), false).unwrap();
    assert_eq!(two.record_lock(c, LockOwner::Process, LockKind::Exclusive, (3, 1), true), Err(Errno::EWAIT));
    assert_eq!(two.record_lock(c, LockOwner::Process, LockKind::Exclusive, (u64::MAX, 2), true), Err(Errno::EOVERFLOW));
    let waiter = two.clone();
    let thread = std::thread::spawn(move || {
        block_on(blocking(&*waiter, WaitOn::LastCall, None, || waiter.record_lock(c, LockOwner::Process, LockKind::Exclusive, (0, 15), true)))
    });
    one.close(b).unwrap();
    one.exit(agentos_abi::WaitStatus::Exited(0));
    assert_eq!(thread.join().unwrap(), Ok(()));
}

#[test]
fn times_and_sizes_are_set() {
    let machine = Machine::new();
    let task = machine.process();
    let fd = task.openat(AT_FDCWD, b"/tmp/f", CREATE, 0o644).unwrap();
    task.ftruncate(fd, 10).unwrap();
    task.fallocate(fd, 0, 10, 10).unwrap();
    task.fallocate(fd, 1, 100, 10).unwrap();
    assert_eq!(task.fstat(fd).unwrap().size, 20);
    assert_eq!(task.fallocate(fd, 2, 0, 10), Err(Errno::EOPNOTSUPP));
    assert_eq!(task.fallocate(fd, 0, u64::MAX, 1), Err(Errno::EINVAL));
    assert_eq!(task.ftruncate(fd, u64::MAX), Err(Errno::EINVAL));
    task.truncate(b"/tmp/f", 3).unwrap();
    assert_eq!(task.fstat(fd).unwrap().size, 3);
    let when = SetTime::At(Timespec { sec: 1, nsec: 2 });
    task.utimensat(fd, None, when, SetTime::Omit, AtFlags::empty()).unwrap();
    assert_eq!(task.utimensat(AT_FDCWD, Some(b"/tmp/none"), when, when, AtFlags::empty()), Err(Errno::ENOENT));
    let (reader, _) = task.pipe2(OpenFlags::empty()).unwrap();
    assert_eq!(task.ftruncate(reader, 0), Err(Errno::EINVAL));
    assert_eq!(task.fallocate(reader, 0, 0, 1), Err(Errno::EBADF));
    assert_eq!(task.getpeername(reader), Err(Errno::ENOTSOCK));
}
