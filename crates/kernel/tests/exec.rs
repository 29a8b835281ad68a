//! execve(2): finding a program, `#!` lines, what survives, and what is refused.

mod support;

use agentos_abi::fcntl::{AT_FDCWD, Fcntl};
use agentos_abi::signal::{Disposition, SigAction};
use agentos_abi::wait::WaitTarget;
use agentos_abi::{Errno, FdFlags, OpenFlags, Signal, WaitStatus};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use support::{Machine, read, wait};

/// A program that reports the arguments that it was started with.
fn reporter(machine: &Machine) -> std::sync::mpsc::Receiver<Vec<String>> {
    let (sender, receiver) = channel();
    let sender: Arc<Mutex<Sender<Vec<String>>>> = Arc::new(Mutex::new(sender));
    machine.program("report", move |_, argv| {
        let argv = argv.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
        sender.lock().unwrap().send(argv).unwrap();
        Some(0)
    });
    receiver
}

fn exec(machine: &Machine, path: &[u8]) -> Result<(), Errno> {
    let child = machine.process();
    let result = child.execve(AT_FDCWD, path, &[b"x".to_vec()], &[]);
    if result.is_ok() {
        wait(&machine.init, WaitTarget::Pid(child.getpid())).unwrap();
    }
    result
}

#[test]
fn a_file_that_cannot_be_run_says_why() {
    let machine = Machine::new();
    machine.file("/tmp/plain", b"prog:none", 0o644);
    machine.file("/tmp/garbage", b"garbage", 0o755);
    machine.file("/tmp/empty", b"", 0o755);
    machine.file("/tmp/nobody", b"#!/tmp/missing\n", 0o755);
    machine.file("/tmp/bad", b"#!  \n", 0o755);
    assert_eq!(exec(&machine, b"/tmp/missing"), Err(Errno::ENOENT));
    assert_eq!(exec(&machine, b""), Err(Errno::ENOENT));
    assert_eq!(exec(&machine, b"/tmp/plain"), Err(Errno::EACCES), "not executable, even for the super-user");
    assert_eq!(exec(&machine, b"/tmp"), Err(Errno::EACCES));
    assert_eq!(exec(&machine, b"/tmp/plain/x"), Err(Errno::ENOTDIR));
    assert_eq!(exec(&machine, b"/tmp/garbage"), Err(Errno::ENOEXEC));
    assert_eq!(exec(&machine, b"/tmp/empty"), Err(Errno::ENOEXEC));
    assert_eq!(exec(&machine, b"/tmp/nobody"), Err(Errno::ENOENT), "the interpreter is missing");
    assert_eq!(exec(&machine, b"/tmp/bad"), Err(Errno::ENOEXEC));
}

#[test]
fn arguments_are_bounded() {
    let machine = Machine::new();
    machine.program("ok", |_, _| Some(0));
    let child = machine.process();
    let long = vec![b'a'; 128 * 1024];
    assert_eq!(child.execve(AT_FDCWD, b"/bin/ok", &[long.clone()], &[]), Err(Errno::E2BIG));
    assert_eq!(child.execve(AT_FDCWD, b"/bin/ok", &[b"ok".to_vec()], &vec![long[1..].to_vec(); 16]), Err(Errno::E2BIG));
    child.execve(AT_FDCWD, b"/bin/ok", &[b"ok".to_vec()], &vec![long[1..].to_vec(); 15]).unwrap();
    assert_eq!(wait(&machine.init, WaitTarget::Any).unwrap().status, WaitStatus::Exited(0));
}

#[test]
fn a_script_runs_its_interpreter_with_one_argument_and_its_own_path() {
    let machine = Machine::new();
    let reports = reporter(&machine);
    machine.file("/tmp/script", b"#! /bin/report -x  y \nrest", 0o755);
    let child = machine.process();
    child.chdir(b"/tmp").unwrap();
    child.execve(AT_FDCWD, b"./script", &[b"ignored".to_vec(), b"one".to_vec()], &[]).unwrap();
    assert_eq!(reports.recv().unwrap(), ["/bin/report", "-x  y", "./script", "one"]);
}

#[test]
fn interpreters_may_be_scripts_up_to_a_depth() {
    let machine = Machine::new();
    let reports = reporter(&machine);
    machine.file("/tmp/s1", b"#!/bin/report\n", 0o755);
    for i in 2..=7 {
        machine.file(&format!("/tmp/s{i}"), format!("#!/tmp/s{}\n", i - 1).as_bytes(), 0o755);
    }
    assert_eq!(exec(&machine, b"/tmp/s5"), Ok(()));
    assert_eq!(reports.recv().unwrap(), ["/bin/report", "/tmp/s1", "/tmp/s2", "/tmp/s3", "/tmp/s4", "/tmp/s5"]);
    assert_eq!(exec(&machine, b"/tmp/s6"), Err(Errno::ELOOP));
}

#[test]
fn a_script_found_by_descriptor_is_opened_through_dev_fd() {
    let machine = Machine::new();
    let reports = reporter(&machine);
    machine.file("/tmp/script", b"#!/bin/report\n", 0o755);
    let child = machine.process();
    let directory = child.openat(AT_FDCWD, b"/tmp", OpenFlags::PATH, 0).unwrap();
    child.execve(directory, b"script", &[b"script".to_vec()], &[]).unwrap();
    assert_eq!(reports.recv().unwrap(), ["/bin/report", &format!("/dev/fd/{directory}/script")]);
}

#[test]
fn exec_closes_and_resets_what_it_must() {
    let machine = Machine::new();
    machine.program("check", |task, argv| {
        let kept = argv[1][0] - b'0';
        let closed = argv[2][0] - b'0';
        let mut status = 0;
        status |= u8::from(task.fcntl(i32::from(kept), Fcntl::GetFd) != Ok(0));
        status |= u8::from(task.fcntl(i32::from(closed), Fcntl::GetFd) != Err(Errno::EBADF)) << 1;
        status |= u8::from(task.sigaction(Signal::SIGINT, None).unwrap().disposition != Disposition::Default) << 2;
        status |= u8::from(task.sigaction(Signal::SIGHUP, None).unwrap().disposition != Disposition::Ignore) << 3;
        Some(status)
    });
    let child = machine.process();
    let (kept, closed) = child.pipe2(OpenFlags::empty()).unwrap();
    child.fcntl(closed, Fcntl::SetFd(FdFlags::CLOEXEC)).unwrap();
    child.sigaction(Signal::SIGINT, Some(SigAction { disposition: Disposition::Handler(1), ..SigAction::default() })).unwrap();
    child.sigaction(Signal::SIGHUP, Some(SigAction { disposition: Disposition::Ignore, ..SigAction::default() })).unwrap();
    let argv = [b"check".to_vec(), kept.to_string().into_bytes(), closed.to_string().into_bytes()];
    child.execve(AT_FDCWD, b"/bin/check", &argv, &[]).unwrap();
    assert_eq!(wait(&machine.init, WaitTarget::Any).unwrap().status, WaitStatus::Exited(0));
}

#[test]
fn a_failed_exec_changes_nothing() {
    let machine = Machine::new();
    machine.file("/tmp/garbage", b"garbage", 0o755);
    let child = machine.process();
    let (reader, _) = child.pipe2(OpenFlags::CLOEXEC).unwrap();
    child.sigaction(Signal::SIGINT, Some(SigAction { disposition: Disposition::Handler(1), ..SigAction::default() })).unwrap();
    assert_eq!(child.execve(AT_FDCWD, b"/tmp/garbage", &[], &[]), Err(Errno::ENOEXEC));
    assert_eq!(child.fcntl(reader, Fcntl::GetFd), Ok(FdFlags::CLOEXEC.bits() as i32));
    assert_eq!(child.sigaction(Signal::SIGINT, None).unwrap().disposition, Disposition::Handler(1));
}

#[test]
fn a_program_may_replace_itself_and_the_process_table_knows_what_runs() {
    let machine = Machine::new();
    machine.program("second", |task, argv| {
        let mut byte = [0];
        let fd = argv[1][0] - b'0';
        read(&task, i32::from(fd), &mut byte).unwrap();
        Some(byte[0])
    });
    machine.program("first", |task, argv| {
        task.execve(AT_FDCWD, b"/bin/second", &[b"second".to_vec(), argv[1].clone()], &[b"A=1".to_vec()]).unwrap();
        None
    });
    let child = machine.process();
    let (reader, writer) = child.pipe2(OpenFlags::empty()).unwrap();
    let other = child.fork().unwrap();
    let pid = child.getpid();
    child.close(writer).unwrap();
    child.execve(AT_FDCWD, b"/bin/first", &[b"first".to_vec(), reader.to_string().into_bytes()], &[]).unwrap();
    drop(child);
    // The write is read by the second program only, so by then it is what the table shows.
    let info = loop {
        let info = machine.kernel.process(pid).unwrap();
        if info.comm == b"second" {
            break info;
        }
        std::thread::yield_now();
    };
    assert_eq!(info.cmdline, [b"second".to_vec(), reader.to_string().into_bytes()]);
    assert_eq!(&*machine.kernel.process_environ(pid).unwrap(), b"A=1\0");
    other.write(writer, &[42]).unwrap();
    assert_eq!(wait(&machine.init, WaitTarget::Pid(pid)).unwrap().status, WaitStatus::Exited(42));
}

#[test]
fn execution_needs_permission() {
    let machine = Machine::new();
    machine.program("private", |_, _| Some(0));
    let user = machine.process();
    machine.init.fchmodat(AT_FDCWD, b"/bin/private", 0o700, Default::default()).unwrap();
    user.setresuid(Some(1000), Some(1000), Some(1000)).unwrap();
    user.setresgid(None, None, None).unwrap();
    assert_eq!(user.execve(AT_FDCWD, b"/bin/private", &[], &[]), Err(Errno::EACCES));
}
