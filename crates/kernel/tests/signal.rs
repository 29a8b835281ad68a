//! Signals through the system calls: masks, handlers, stops, permissions, timers (signal(7)).

mod support;

use agentos_abi::signal::{Disposition, SA_NOCLDSTOP, SigAction, SigHow};
use agentos_abi::time::{Itimer, ItimerKind};
use agentos_abi::wait::WaitTarget;
use agentos_abi::{Errno, OpenFlags, Resource, Rlimit, SigSet, Signal, WaitOptions, WaitStatus};
use agentos_kernel::ProcessState;
use agentos_syscall::{Attention, WaitOn, block_on, blocking};
use std::time::Duration;
use support::{Handle, Machine, read, wait, wait_with};

fn handle(task: &Handle, signal: Signal) {
    task.sigaction(signal, Some(SigAction { disposition: Disposition::Handler(9), ..SigAction::default() })).unwrap();
}

fn set(signal: Signal) -> SigSet {
    SigSet::default().with(signal)
}

#[test]
fn a_blocked_signal_acts_when_it_is_unblocked() {
    let machine = Machine::new();
    let task = machine.process();
    task.sigprocmask(Some((SigHow::Block, set(Signal::SIGTERM))));
    machine.kernel.kill(task.getpid(), Signal::SIGTERM).unwrap();
    assert_eq!(task.sigpending(), set(Signal::SIGTERM));
    assert_eq!(task.attention(), Attention(0));
    assert_eq!(task.sigprocmask(Some((SigHow::Unblock, set(Signal::SIGTERM)))), set(Signal::SIGTERM));
    assert!(task.attention().has(Attention::EXITED));
    assert_eq!(wait(&machine.init, WaitTarget::Any).unwrap().status, WaitStatus::Signaled { signal: Signal::SIGTERM, core: false });
}

#[test]
fn a_handler_is_taken_by_the_engine_with_its_mask() {
    let machine = Machine::new();
    let task = machine.process();
    handle(&task, Signal::SIGUSR1);
    assert_eq!(task.take_signal(), None);
    machine.init.kill(task.getpid(), Some(Signal::SIGUSR1)).unwrap();
    assert!(task.attention().has(Attention::SIGNAL));
    let taken = task.take_signal().unwrap();
    assert_eq!((taken.signal, taken.action.disposition, taken.info.pid), (Signal::SIGUSR1, Disposition::Handler(9), 1));
    assert_eq!(task.attention(), Attention(0));
    machine.init.kill(task.getpid(), Some(Signal::SIGUSR1)).unwrap();
    assert_eq!(task.attention(), Attention(0), "blocked while the handler runs");
    task.sigprocmask(Some((SigHow::SetMask, taken.old_mask)));
    assert!(task.attention().has(Attention::SIGNAL));
}

#[test]
fn a_wait_ends_for_a_handler_and_for_nothing_else() {
    let machine = Machine::new();
    let task = machine.process();
    handle(&task, Signal::SIGUSR1);
    let (reader, _writer) = task.pipe2(OpenFlags::empty()).unwrap();
    let (waiter, pid) = (task.clone(), task.getpid());
    let thread = std::thread::spawn(move || read(&waiter, reader, &mut [0]));
    // Ignored by default: the read goes on, whether it has begun or not.
    machine.kernel.kill(pid, Signal::SIGWINCH).unwrap();
    machine.kernel.kill(pid, Signal::SIGCHLD).unwrap();
    assert_eq!(task.attention(), Attention(0));
    machine.kernel.kill(pid, Signal::SIGUSR1).unwrap();
    assert_eq!(thread.join().unwrap(), Err(Errno::ERESTARTSYS));
    assert_eq!(task.take_signal().unwrap().signal, Signal::SIGUSR1);
}

#[test]
fn a_stopped_process_reports_and_continues() {
    let machine = Machine::new();
    let shell = machine.process();
    shell.setsid().unwrap();
    handle(&shell, Signal::SIGCHLD);
    let job = shell.fork().unwrap();
    shell.setpgid(job.getpid(), 0).unwrap();
    shell.kill(-job.getpid(), Some(Signal::SIGTSTP)).unwrap();
    assert!(job.attention().has(Attention::STOPPED));
    assert_eq!(shell.take_signal().unwrap().info.code, 5, "CLD_STOPPED");
    assert_eq!(shell.wait4(WaitTarget::Any, WaitOptions::NOHANG), Ok(None), "only with WUNTRACED");
    let stopped = wait_with(&shell, WaitTarget::Any, WaitOptions::UNTRACED).unwrap();
    assert_eq!(stopped.status, WaitStatus::Stopped(Signal::SIGTSTP));
    assert_eq!(shell.wait4(WaitTarget::Any, WaitOptions::UNTRACED | WaitOptions::NOHANG), Ok(None), "reported once");
    shell.kill(job.getpid(), Some(Signal::SIGTERM)).unwrap();
    assert!(!job.attention().has(Attention::EXITED), "a stopped process ends when it continues");
    assert!(machine.kernel.processes().iter().any(|p| p.state == ProcessState::Stopped));
    let waiter = job.clone();
    let resumed = std::thread::spawn(move || {
        block_on(blocking(&*waiter, WaitOn::Continue, None, || if waiter.attention().has(Attention::STOPPED) { Err(Errno::EWAIT) } else { Ok(()) }))
    });
    shell.kill(job.getpid(), Some(Signal::SIGCONT)).unwrap();
    assert!(matches!(resumed.join().unwrap(), Ok(()) | Err(Errno::EINTR)));
    assert_eq!(wait(&shell, WaitTarget::Any).unwrap().status, WaitStatus::Signaled { signal: Signal::SIGTERM, core: false });
}

#[test]
fn continuation_is_reported_and_nocldstop_is_obeyed() {
    let machine = Machine::new();
    let parent = machine.process();
    parent.sigaction(Signal::SIGCHLD, Some(SigAction { disposition: Disposition::Handler(1), flags: SA_NOCLDSTOP, ..SigAction::default() })).unwrap();
    let child = parent.fork().unwrap();
    parent.kill(child.getpid(), Some(Signal::SIGSTOP)).unwrap();
    parent.kill(child.getpid(), Some(Signal::SIGCONT)).unwrap();
    assert_eq!(parent.attention(), Attention(0));
    assert_eq!(wait_with(&parent, WaitTarget::Any, WaitOptions::CONTINUED).unwrap().status, WaitStatus::Continued);
    parent.kill(child.getpid(), Some(Signal::SIGSTOP)).unwrap();
    parent.kill(child.getpid(), Some(Signal::SIGKILL)).unwrap();
    assert!(child.attention().has(Attention::EXITED), "SIGKILL works on a stopped process");
}

#[test]
fn a_stop_and_a_continuation_cancel_each_other_while_pending() {
    let machine = Machine::new();
    let task = machine.process();
    task.sigprocmask(Some((SigHow::Block, set(Signal::SIGTSTP).with(Signal::SIGCONT))));
    handle(&task, Signal::SIGCONT);
    machine.kernel.kill(task.getpid(), Signal::SIGCONT).unwrap();
    machine.kernel.kill(task.getpid(), Signal::SIGTSTP).unwrap();
    assert_eq!(task.sigpending(), set(Signal::SIGTSTP));
    machine.kernel.kill(task.getpid(), Signal::SIGCONT).unwrap();
    assert_eq!(task.sigpending(), set(Signal::SIGCONT));
}

#[test]
fn an_orphaned_group_is_not_stopped_by_a_terminal_but_hung_up_when_it_is() {
    let machine = Machine::new();
    let lonely = machine.process();
    lonely.setsid().unwrap();
    machine.kernel.kill(lonely.getpid(), Signal::SIGTSTP).unwrap();
    assert_eq!(lonely.attention(), Attention(0));
    let shell = machine.process();
    shell.setsid().unwrap();
    let job = shell.fork().unwrap();
    shell.setpgid(job.getpid(), 0).unwrap();
    handle(&job, Signal::SIGHUP);
    shell.kill(job.getpid(), Some(Signal::SIGSTOP)).unwrap();
    shell.exit(WaitStatus::Exited(0));
    assert!(!job.attention().has(Attention::STOPPED));
    assert_eq!(job.take_signal().unwrap().signal, Signal::SIGHUP);
}

#[test]
fn sigsuspend_waits_with_another_mask_and_comes_back_to_the_old_one() {
    let machine = Machine::new();
    let task = machine.process();
    handle(&task, Signal::SIGUSR1);
    let blocked = set(Signal::SIGUSR1).with(Signal::SIGUSR2);
    task.sigprocmask(Some((SigHow::SetMask, blocked)));
    machine.kernel.kill(task.getpid(), Signal::SIGUSR1).unwrap();
    task.set_temporary_mask(SigSet::default());
    let suspended = block_on(blocking::<()>(&*task, WaitOn::Signal, None, || Err(Errno::EWAIT)));
    assert_eq!(suspended, Err(Errno::ERESTARTSYS));
    assert_eq!(task.take_signal().unwrap().old_mask, blocked);
    task.sigprocmask(Some((SigHow::SetMask, blocked)));
    task.set_temporary_mask(SigSet::default());
    task.restore_mask();
    assert_eq!(task.sigprocmask(None), blocked);
}

#[test]
fn sigtimedwait_takes_a_blocked_signal() {
    let machine = Machine::new();
    let task = machine.process();
    task.sigprocmask(Some((SigHow::Block, set(Signal::SIGCHLD))));
    assert_eq!(task.sigtimedwait(set(Signal::SIGCHLD)), Err(Errno::EWAIT));
    let (waiter, child) = (task.clone(), task.fork().unwrap());
    let wanted = set(Signal::SIGCHLD);
    let thread = std::thread::spawn(move || block_on(blocking(&*waiter, WaitOn::SignalIn(wanted), None, || waiter.sigtimedwait(wanted))));
    let pid = child.getpid();
    child.exit(WaitStatus::Exited(4));
    let (signal, info) = thread.join().unwrap().unwrap();
    assert_eq!((signal, info.pid, info.status, info.code), (Signal::SIGCHLD, pid, 4, 1));
}

#[test]
fn only_the_same_user_or_the_super_user_may_signal() {
    let machine = Machine::new();
    let (alice, bob) = (machine.process(), machine.process());
    alice.setresuid(Some(1000), Some(1000), Some(1000)).unwrap();
    bob.setresuid(Some(1001), Some(1001), Some(1001)).unwrap();
    assert_eq!(alice.kill(bob.getpid(), Some(Signal::SIGTERM)), Err(Errno::EPERM));
    assert_eq!(alice.kill(bob.getpid(), None), Err(Errno::EPERM));
    assert_eq!(alice.kill(1, Some(Signal::SIGKILL)), Err(Errno::EPERM));
    assert_eq!(alice.kill(4711, None), Err(Errno::ESRCH));
    assert_eq!(alice.kill(-4711, None), Err(Errno::ESRCH));
    assert_eq!(alice.kill(i32::MIN, None), Err(Errno::ESRCH));
    alice.kill(bob.getpid(), Some(Signal::SIGCONT)).unwrap();
    alice.kill(alice.getpid(), None).unwrap();
    let root = machine.process();
    root.kill(-1, Some(Signal::SIGTERM)).unwrap();
    assert!(alice.attention().has(Attention::EXITED) && bob.attention().has(Attention::EXITED));
    assert!(!root.attention().has(Attention::EXITED), "kill(-1) spares the caller");
    root.kill(1, Some(Signal::SIGKILL)).unwrap();
    assert_eq!(machine.init.getpid(), 1, "and pid 1 survives everything");
    machine.process();
}

#[test]
fn kill_and_stop_have_no_action_to_set() {
    let machine = Machine::new();
    let task = machine.process();
    for signal in [Signal::SIGKILL, Signal::SIGSTOP] {
        assert_eq!(task.sigaction(signal, Some(SigAction::default())), Err(Errno::EINVAL));
        assert_eq!(task.sigaction(signal, None), Ok(SigAction::default()));
    }
    task.sigprocmask(Some((SigHow::SetMask, SigSet(u64::MAX))));
    assert_eq!(task.sigprocmask(None).0, u64::MAX & !SigSet::UNBLOCKABLE.0);
}

#[test]
fn a_core_signal_says_so() {
    let machine = Machine::new();
    let task = machine.process();
    machine.kernel.kill(task.getpid(), Signal::SIGSEGV).unwrap();
    assert_eq!(wait(&machine.init, WaitTarget::Any).unwrap().status, WaitStatus::Signaled { signal: Signal::SIGSEGV, core: true });
}

#[test]
fn the_real_timer_raises_sigalrm_again_and_again() {
    let machine = Machine::new();
    let task = machine.process();
    handle(&task, Signal::SIGALRM);
    let second = Duration::from_secs(1);
    let armed = Itimer { value: second, interval: 2 * second };
    assert_eq!(task.setitimer(ItimerKind::Real, Some(armed)), Ok(Itimer::default()));
    machine.advance(second / 2);
    assert_eq!(task.setitimer(ItimerKind::Real, None), Ok(Itimer { value: second / 2, interval: 2 * second }));
    assert_eq!(task.take_signal(), None);
    machine.advance(second / 2);
    let taken = task.take_signal().unwrap();
    assert_eq!(taken.signal, Signal::SIGALRM);
    task.sigprocmask(Some((SigHow::SetMask, taken.old_mask)));
    machine.advance(2 * second);
    assert!(task.take_signal().is_some());
    task.setitimer(ItimerKind::Real, Some(Itimer::default())).unwrap();
    assert_eq!(machine.alarms(), 0);
    task.setitimer(ItimerKind::Real, Some(Itimer { value: second, interval: Duration::ZERO })).unwrap();
    task.exit(WaitStatus::Exited(0));
    assert_eq!(machine.alarms(), 0, "the timer of a dead process is taken back");
}

#[test]
fn cpu_time_raises_sigvtalrm_and_sigxcpu() {
    let machine = Machine::new();
    let task = machine.process();
    handle(&task, Signal::SIGVTALRM);
    handle(&task, Signal::SIGXCPU);
    task.setitimer(ItimerKind::Virtual, Some(Itimer { value: Duration::from_millis(100), interval: Duration::ZERO })).unwrap();
    task.charge_cpu(Duration::from_millis(99));
    assert_eq!(task.take_signal(), None);
    task.charge_cpu(Duration::from_millis(1));
    assert_eq!(task.take_signal().unwrap().signal, Signal::SIGVTALRM);
    task.prlimit(0, Resource::Cpu, Some(Rlimit { soft: 1, hard: 2 })).unwrap();
    task.charge_cpu(Duration::from_millis(900));
    assert_eq!(task.take_signal().unwrap().signal, Signal::SIGXCPU);
    task.charge_cpu(Duration::from_secs(1));
    assert_eq!(wait(&machine.init, WaitTarget::Any).unwrap().status, WaitStatus::Signaled { signal: Signal::SIGKILL, core: false });
}
