//! Beginning and end of processes: fork(2), wait4(2), zombies, orphans, groups and sessions.

mod support;

use agentos_abi::fcntl::AT_FDCWD;
use agentos_abi::signal::{Disposition, SigAction};
use agentos_abi::wait::WaitTarget;
use agentos_abi::{Errno, Resource, Rlimit, Signal, WaitOptions, WaitStatus};
use agentos_kernel::{Limit, Limits, ProcessState};
use agentos_syscall::Attention;
use support::{Machine, read_to_end, wait, wait_with, write_all};

#[test]
fn a_child_is_waited_for_once_with_its_status() {
    let machine = Machine::new();
    machine.program("seven", |_, _| Some(7));
    let pid = machine.spawn("/bin/seven", &["seven"]).unwrap();
    let waited = wait(&machine.init, WaitTarget::Any).unwrap();
    assert_eq!((waited.pid, waited.status), (pid, WaitStatus::Exited(7)));
    assert_eq!(wait(&machine.init, WaitTarget::Any), Err(Errno::ECHILD));
    assert!(machine.kernel.processes().iter().all(|p| p.pid == 1));
}

#[test]
fn wait_looks_at_the_children_it_is_asked_for() {
    let machine = Machine::new();
    let parent = machine.process();
    let (one, two) = (parent.fork().unwrap(), parent.fork().unwrap());
    parent.setpgid(two.getpid(), 0).unwrap();
    one.exit(WaitStatus::Exited(1));
    assert_eq!(parent.wait4(WaitTarget::Pid(two.getpid()), WaitOptions::NOHANG), Ok(None));
    assert_eq!(parent.wait4(WaitTarget::Pid(two.getpid()), WaitOptions::empty()), Err(Errno::EWAIT));
    assert_eq!(parent.wait4(WaitTarget::Group(two.getpid()), WaitOptions::NOHANG), Ok(None));
    assert_eq!(parent.wait4(WaitTarget::Pid(999), WaitOptions::NOHANG), Err(Errno::ECHILD));
    let peek = parent.wait4(WaitTarget::Group(0), WaitOptions::NOWAIT).unwrap().unwrap();
    assert_eq!(peek.pid, one.getpid());
    assert_eq!(wait(&parent, WaitTarget::Group(0)).unwrap().status, WaitStatus::Exited(1));
    assert_eq!(parent.wait4(WaitTarget::Group(0), WaitOptions::NOHANG), Err(Errno::ECHILD));
}

#[test]
fn a_killed_process_is_a_zombie_at_once_and_its_handle_answers_esrch() {
    let machine = Machine::new();
    let task = machine.process();
    let (reader, writer) = task.pipe2(Default::default()).unwrap();
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = heard.clone();
    task.set_interrupt(Some(std::sync::Arc::new(move |attention| log.lock().unwrap().push(attention))));
    machine.kernel.kill(task.getpid(), Signal::SIGTERM).unwrap();
    assert!(task.attention().has(Attention::EXITED));
    assert_eq!(*heard.lock().unwrap(), [Attention::EXITED]);
    assert_eq!(task.read(reader, &mut [0]), Err(Errno::ESRCH));
    assert_eq!(task.write(writer, b"x"), Err(Errno::ESRCH));
    assert_eq!(task.getcwd(), Err(Errno::ESRCH));
    assert_eq!(task.fork().err(), Some(Errno::ESRCH));
    assert_eq!(task.openat(AT_FDCWD, b"/bin", Default::default(), 0), Err(Errno::ESRCH));
    assert_eq!(machine.kernel.processes()[1].state, ProcessState::Zombie);
    assert_eq!(machine.kernel.stats().open_files, 0);
    task.exit(WaitStatus::Exited(0));
    let waited = wait(&machine.init, WaitTarget::Any).unwrap();
    assert_eq!(waited.status, WaitStatus::Signaled { signal: Signal::SIGTERM, core: false });
}

#[test]
fn orphans_go_to_pid_1_and_are_reaped_there() {
    let machine = Machine::new();
    let parent = machine.process();
    let (living, dead) = (parent.fork().unwrap(), parent.fork().unwrap());
    dead.exit(WaitStatus::Exited(0));
    parent.exit(WaitStatus::Exited(0));
    assert_eq!(living.getppid(), 1);
    let pids: Vec<i32> = machine.kernel.processes().iter().map(|p| p.pid).collect();
    assert_eq!(pids, [1, parent.getpid(), living.getpid()], "the dead orphan was reaped, the parent waits for its waiter");
    living.exit(WaitStatus::Exited(0));
    assert_eq!(wait(&machine.init, WaitTarget::Any).unwrap().pid, parent.getpid());
    assert_eq!(wait(&machine.init, WaitTarget::Any), Err(Errno::ECHILD));
    assert_eq!(machine.kernel.stats().processes, 0);
}

#[test]
fn a_child_that_runs_nothing_ends_with_its_last_handle() {
    let machine = Machine::new();
    let child = machine.process();
    let second = machine.kernel.init();
    drop(child);
    let waited = wait(&second, WaitTarget::Any).unwrap();
    assert_eq!(waited.status, WaitStatus::Signaled { signal: Signal::SIGKILL, core: false });
}

#[test]
fn a_parent_that_ignores_sigchld_gets_no_zombies() {
    let machine = Machine::new();
    let parent = machine.process();
    parent.sigaction(Signal::SIGCHLD, Some(SigAction { disposition: Disposition::Ignore, ..SigAction::default() })).unwrap();
    let child = parent.fork().unwrap();
    child.exit(WaitStatus::Exited(0));
    assert_eq!(parent.wait4(WaitTarget::Any, WaitOptions::empty()), Err(Errno::ECHILD));
}

#[test]
fn fork_copies_descriptors_directory_and_mask_and_shares_offsets() {
    let machine = Machine::new();
    machine.file("/tmp/data", b"abcdef", 0o644);
    let parent = machine.process();
    parent.chdir(b"/tmp").unwrap();
    parent.umask(0o077);
    let fd = parent.openat(AT_FDCWD, b"data", Default::default(), 0).unwrap();
    let child = parent.fork().unwrap();
    let mut buf = [0; 3];
    child.read(fd, &mut buf).unwrap();
    assert_eq!(&buf, b"abc");
    parent.read(fd, &mut buf).unwrap();
    assert_eq!(&buf, b"def", "the offset is the description's");
    assert_eq!(child.getcwd(), Ok(b"/tmp".to_vec()));
    assert_eq!(child.umask(0), 0o077);
    child.close(fd).unwrap();
    child.chdir(b"/").unwrap();
    assert_eq!(parent.lseek(fd, 0, 0), Ok(0));
    assert_eq!(parent.getcwd(), Ok(b"/tmp".to_vec()));
}

#[test]
fn process_limits_are_eagain() {
    let machine = Machine::with_limits(Limits::bounded(Limit::Processes, 3));
    let children: Vec<_> = (0..3).map(|_| machine.process()).collect();
    assert_eq!(machine.init.fork().err(), Some(Errno::EAGAIN));
    children[0].exit(WaitStatus::Exited(0));
    assert_eq!(machine.init.fork().err(), Some(Errno::EAGAIN), "a zombie still counts");
    wait(&machine.init, WaitTarget::Any).unwrap();
    let user = machine.process();
    assert_ne!(user.prlimit(0, Resource::Nproc, None).unwrap().soft, Rlimit::INFINITY);
    drop(children);

    let machine = Machine::new();
    let user = machine.process();
    user.setresuid(Some(1000), Some(1000), Some(1000)).unwrap();
    user.prlimit(0, Resource::Nproc, Some(Rlimit::fixed(2))).unwrap();
    let _second = user.fork().unwrap();
    assert_eq!(user.fork().err(), Some(Errno::EAGAIN));
}

#[test]
fn memory_is_charged_to_the_vm_and_given_back() {
    let machine = Machine::with_limits(Limits::bounded(Limit::Memory, 1000));
    let (one, two) = (machine.process(), machine.process());
    one.charge_memory(600).unwrap();
    assert_eq!(two.charge_memory(500), Err(Errno::ENOMEM));
    assert_eq!(two.sysinfo().free_bytes, 400);
    one.exit(WaitStatus::Exited(0));
    one.charge_memory(-5000).unwrap();
    assert_eq!(machine.kernel.stats().memory_bytes, 0, "a process gives back what it took, not more");
    two.charge_memory(1000).unwrap();
}

#[test]
fn setpgid_and_setsid_follow_posix() {
    let machine = Machine::new();
    machine.program("sleeper", |task, _| {
        let _ = agentos_syscall::block_on(agentos_syscall::blocking::<()>(&*task, agentos_syscall::WaitOn::Signal, None, || Err(Errno::EWAIT)));
        None
    });
    let shell = machine.process();
    assert_eq!(shell.setsid(), Ok(shell.getpid()));
    assert_eq!(shell.setsid(), Err(Errno::EPERM));
    assert_eq!(shell.setpgid(0, 0), Err(Errno::EPERM), "a session leader");
    let (one, two) = (shell.fork().unwrap(), shell.fork().unwrap());
    assert_eq!(shell.setpgid(one.getpid(), two.getpid()), Err(Errno::EPERM), "no such group");
    shell.setpgid(one.getpid(), 0).unwrap();
    shell.setpgid(two.getpid(), one.getpid()).unwrap();
    assert_eq!(two.getpgid(0), Ok(one.getpid()));
    assert_eq!(one.setpgid(two.getpid(), 0), Err(Errno::ESRCH), "not a child");
    assert_eq!(shell.setpgid(one.getpid(), -1), Err(Errno::EINVAL));
    two.execve(AT_FDCWD, b"/bin/sleeper", &[b"sleeper".to_vec()], &[]).unwrap();
    assert_eq!(shell.setpgid(two.getpid(), 0), Err(Errno::EACCES), "it has exec'ed");
    assert_eq!(two.getsid(0), Ok(shell.getpid()));
    two.setpgid(0, 0).unwrap();
    two.exit(WaitStatus::Exited(0));
}

#[test]
fn usage_of_waited_for_children_adds_up() {
    let machine = Machine::new();
    let parent = machine.process();
    let child = parent.fork().unwrap();
    child.charge_cpu(std::time::Duration::from_millis(30));
    child.charge_memory(4096).unwrap();
    child.exit(WaitStatus::Exited(0));
    assert_eq!(parent.getrusage(true).utime.as_millis(), 0);
    let waited = wait(&parent, WaitTarget::Any).unwrap();
    assert_eq!((waited.rusage.utime.as_millis(), waited.rusage.maxrss_kib), (30, 4));
    assert_eq!(parent.getrusage(true).utime.as_millis(), 30);
}

#[test]
fn a_waiter_wakes_when_the_child_ends() {
    let machine = Machine::new();
    let parent = machine.process();
    let (reader, writer) = parent.pipe2(Default::default()).unwrap();
    let child = parent.fork().unwrap();
    parent.close(writer).unwrap();
    let thread = std::thread::spawn(move || {
        // The parent may or may not be waiting by now: both orders must work.
        write_all(&child, writer, b"bye").unwrap();
        child.exit(WaitStatus::Exited(3));
    });
    assert_eq!(wait_with(&parent, WaitTarget::Any, WaitOptions::UNTRACED).unwrap().status, WaitStatus::Exited(3));
    assert_eq!(read_to_end(&parent, reader), Ok(b"bye".to_vec()));
    thread.join().unwrap();
}

#[test]
fn shutdown_ends_everything_and_admits_nothing() {
    let machine = Machine::new();
    machine.program("sleeper", |task, _| {
        let slept = agentos_syscall::block_on(agentos_syscall::blocking::<()>(&*task, agentos_syscall::WaitOn::Signal, None, || Err(Errno::EWAIT)));
        assert_eq!(slept, Err(Errno::EINTR));
        Some(0)
    });
    for _ in 0..5 {
        machine.spawn("/bin/sleeper", &["sleeper"]).unwrap();
    }
    let task = machine.process();
    task.pipe2(Default::default()).unwrap();
    machine.kernel.shutdown();
    assert!(task.attention().has(Attention::EXITED));
    assert_eq!(machine.init.fork().err(), Some(Errno::EAGAIN));
    assert_eq!(task.fork().err(), Some(Errno::ESRCH));
    assert_eq!(machine.kernel.stats().open_files, 0);
    machine.kernel.shutdown();
}
