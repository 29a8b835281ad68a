//! Timers and signals as files, POSIX timers, data through pipes, locks that are asked for, programs that are written.

mod support;

use agentos_abi::fcntl::{AT_FDCWD, FoundLock, LockKind, LockOwner};
use agentos_abi::signal::SigHow;
use agentos_abi::time::Itimer;
use agentos_abi::{ClockId, Errno, Events, OpenFlags, SigSet, Signal};
use std::time::Duration;
use support::{Handle, Machine};

const MS: Duration = Duration::from_millis(1);

fn every(value: u32, interval: u32) -> Itimer {
    Itimer { value: MS * value, interval: MS * interval }
}

fn number(task: &Handle, fd: i32) -> Result<u64, Errno> {
    let mut buf = [0; 8];
    task.read(fd, &mut buf).map(|_| u64::from_le_bytes(buf))
}

fn readable(task: &Handle, fd: i32) -> bool {
    let mut entry = [agentos_abi::poll::PollFd { fd, events: Events::IN, revents: Events::empty() }];
    task.poll(&mut entry).unwrap() == 1
}

#[test]
fn a_timerfd_counts_expiries() {
    let machine = Machine::new();
    let task = machine.process();
    let fd = task.timerfd_create(ClockId::Monotonic, OpenFlags::empty()).unwrap();
    assert_eq!(task.timerfd_settime(fd, Some(every(10, 20))), Ok(Itimer::default()));
    assert_eq!(number(&task, fd), Err(Errno::EWAIT));
    machine.advance(MS * 9);
    assert!(!readable(&task, fd));
    assert_eq!(task.timerfd_settime(fd, None), Ok(every(1, 20)));
    machine.advance(MS * 42);
    assert!(readable(&task, fd));
    assert_eq!(number(&task, fd), Ok(3), "at 10, 30 and 50 ms");
    assert_eq!(number(&task, fd), Err(Errno::EWAIT));
    task.timerfd_settime(fd, Some(Itimer::default())).unwrap();
    assert_eq!(machine.alarms(), 0);
    assert_eq!(task.timerfd_settime(77, None), Err(Errno::EBADF));
    assert_eq!(task.write(fd, &[0; 8]), Err(Errno::EINVAL));
}

#[test]
fn a_posix_timer_sends_its_value_and_counts_overruns() {
    let machine = Machine::new();
    let task = machine.process();
    let signals = SigSet::default().with(Signal::SIGUSR1);
    task.sigprocmask(Some((SigHow::Block, signals)));
    let id = task.timer_create(ClockId::Monotonic, Some((Signal::SIGUSR1, 42))).unwrap();
    task.timer_settime(id, Some(every(5, 10))).unwrap();
    machine.advance(MS * 5);
    machine.advance(MS * 10);
    let (signal, info) = task.sigtimedwait(signals).unwrap();
    assert_eq!((signal, info.code, info.pid, info.status), (Signal::SIGUSR1, -2, id, 42));
    assert_eq!(task.timer_getoverrun(id), Ok(1), "the second expiry met a pending signal");
    task.timer_delete(id).unwrap();
    assert_eq!((task.timer_delete(id), task.timer_settime(id, None), machine.alarms()), (Err(Errno::EINVAL), Err(Errno::EINVAL), 0));
}

#[test]
fn posix_timers_are_bounded() {
    let task = Machine::new().process();
    while task.timer_create(ClockId::Realtime, None).is_ok() {}
    assert_eq!(task.timer_create(ClockId::Realtime, None), Err(Errno::EAGAIN));
    task.timer_delete(3).unwrap();
    assert_eq!(task.timer_create(ClockId::Realtime, None), Ok(3));
}

#[test]
fn a_signalfd_reads_what_is_pending() {
    let machine = Machine::new();
    let task = machine.process();
    let signals = SigSet::default().with(Signal::SIGUSR1).with(Signal::SIGCHLD);
    task.sigprocmask(Some((SigHow::Block, signals)));
    let fd = task.signalfd(-1, signals, OpenFlags::NONBLOCK).unwrap();
    let mut buf = [0; 256];
    assert_eq!(task.read(fd, &mut buf), Err(Errno::EAGAIN));
    task.sigqueue(task.getpid(), Some(Signal::SIGUSR1), -1, 7).unwrap();
    assert!(readable(&task, fd));
    assert_eq!(task.read(fd, &mut buf), Ok(128));
    let word = |at: usize| i32::from_le_bytes([buf[at], buf[at + 1], buf[at + 2], buf[at + 3]]);
    assert_eq!((word(0), word(8), word(12), word(44)), (Signal::SIGUSR1.number(), -1, task.getpid(), 7));
    task.signalfd(fd, SigSet::default(), OpenFlags::empty()).unwrap();
    task.kill(task.getpid(), Some(Signal::SIGUSR1)).unwrap();
    assert!(!readable(&task, fd));
    assert_eq!(task.signalfd(77, signals, OpenFlags::empty()), Err(Errno::EBADF));
}

#[test]
fn nobody_sends_another_what_looks_like_the_kernels() {
    let machine = Machine::new();
    let (one, two) = (machine.process(), machine.process());
    assert_eq!(one.sigqueue(two.getpid(), Some(Signal::SIGCHLD), 0, 0), Err(Errno::EPERM));
    assert_eq!(one.sigqueue(two.getpid(), None, -1, 0), Ok(()));
    assert_eq!(one.sigqueue(99, None, -1, 0), Err(Errno::ESRCH));
}

#[test]
fn splice_moves_between_files_and_pipes() {
    let machine = Machine::new();
    let task = machine.process();
    machine.file("/tmp/in", b"hello world", 0o644);
    let input = task.openat(AT_FDCWD, b"/tmp/in", OpenFlags::empty(), 0).unwrap();
    let output = task.openat(AT_FDCWD, b"/tmp/out", OpenFlags::RDWR | OpenFlags::CREAT, 0o644).unwrap();
    let (read, write) = task.pipe2(OpenFlags::empty()).unwrap();
    let (other_read, other_write) = task.pipe2(OpenFlags::empty()).unwrap();
    let mut offset = 6;
    assert_eq!(task.splice(input, Some(&mut offset), write, None, 100, false), Ok(5));
    assert_eq!(offset, 11);
    assert_eq!(task.tee(read, other_write, 3, false), Ok(3));
    assert_eq!(task.splice(read, None, output, None, 100, false), Ok(5));
    assert_eq!(task.splice(read, None, output, None, 100, true), Err(Errno::EAGAIN));
    assert_eq!(task.splice(read, None, output, None, 100, false), Err(Errno::EWAIT));
    assert_eq!(task.splice(other_read, None, write, None, 2, false), Ok(2));
    let mut buf = [0; 16];
    assert_eq!((task.read(read, &mut buf), &buf[..2]), (Ok(2), &b"wo"[..]));
    assert_eq!((task.read(other_read, &mut buf), buf[0]), (Ok(1), b'r'));
    assert_eq!((task.pread(output, &mut buf, 0), &buf[..5]), (Ok(5), &b"world"[..]));
    assert_eq!(task.splice(input, None, output, None, 1, false), Err(Errno::EINVAL));
    assert_eq!(task.splice(read, None, write, None, 1, false), Err(Errno::EINVAL));
    assert_eq!(task.splice(read, Some(&mut offset), output, None, 1, false), Err(Errno::ESPIPE));
}

#[test]
fn a_direct_pipe_keeps_packets() {
    let task = Machine::new().process();
    let (read, write) = task.pipe2(OpenFlags::DIRECT).unwrap();
    task.write(write, b"first").unwrap();
    task.write(write, b"second").unwrap();
    let mut buf = [0; 16];
    assert_eq!((task.read(read, &mut buf[..3]), &buf[..3]), (Ok(3), &b"fir"[..]), "the rest of the packet is lost");
    assert_eq!((task.read(read, &mut buf), &buf[..6]), (Ok(6), &b"second"[..]));
}

#[test]
fn a_lock_in_the_way_is_told() {
    let machine = Machine::new();
    let (one, two) = (machine.process(), machine.process());
    machine.file("/tmp/lock", b"", 0o666);
    let open = |task: &Handle| task.openat(AT_FDCWD, b"/tmp/lock", OpenFlags::RDWR, 0).unwrap();
    let (a, b, c) = (open(&one), open(&one), open(&two));
    one.record_lock(a, LockOwner::Process, LockKind::Exclusive, (10, 0), false).unwrap();
    let found = FoundLock { kind: LockKind::Exclusive, start: 10, len: 0, pid: one.getpid() };
    assert_eq!(two.find_lock(c, LockOwner::Process, LockKind::Shared, (0, 0)), Ok(Some(found)));
    assert_eq!(two.find_lock(c, LockOwner::Process, LockKind::Shared, (0, 10)), Ok(None));
    assert_eq!(one.find_lock(b, LockOwner::Process, LockKind::Exclusive, (0, 0)), Ok(None));
    // Locks of descriptions exclude each other in one process, and outlive the close of another descriptor.
    one.record_lock(a, LockOwner::Process, LockKind::Unlock, (0, 0), false).unwrap();
    one.record_lock(a, LockOwner::Description, LockKind::Exclusive, (0, 1), false).unwrap();
    assert_eq!(one.record_lock(b, LockOwner::Description, LockKind::Shared, (0, 1), false), Err(Errno::EAGAIN));
    one.close(b).unwrap();
    assert_eq!(two.find_lock(c, LockOwner::Process, LockKind::Shared, (0, 1)).unwrap().map(|lock| lock.pid), Some(-1));
    one.close(a).unwrap();
    two.record_lock(c, LockOwner::Description, LockKind::Exclusive, (0, 1), false).unwrap();
}

#[test]
fn a_running_program_is_not_written_and_what_is_written_does_not_run() {
    let machine = Machine::new();
    let (held, hold) = std::sync::mpsc::channel::<()>();
    let hold = std::sync::Mutex::new(hold);
    machine.program("wait", move |_, _| {
        let _ = hold.lock().unwrap().recv();
        Some(0)
    });
    let pid = machine.spawn("/bin/wait", &["wait"]).unwrap();
    let task = machine.process();
    let open = |flags| task.openat(AT_FDCWD, b"/bin/wait", flags, 0);
    assert_eq!(open(OpenFlags::WRONLY | OpenFlags::TRUNC), Err(Errno::ETXTBSY));
    assert_eq!(open(OpenFlags::RDWR), Err(Errno::ETXTBSY));
    let reading = open(OpenFlags::empty()).unwrap();
    assert_eq!(task.fstat(reading).unwrap().size, 9, "nothing was cut");
    held.send(()).unwrap();
    support::wait(&machine.init, agentos_abi::wait::WaitTarget::Pid(pid)).unwrap();
    let writing = open(OpenFlags::RDWR).unwrap();
    assert_eq!(machine.spawn("/bin/wait", &["wait"]), Err(Errno::ETXTBSY));
    task.close(writing).unwrap();
    held.send(()).unwrap();
    machine.run("/bin/wait", &["wait"]).unwrap();
}
