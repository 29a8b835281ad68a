//! Terminals through the system calls: pseudo-terminal pairs, job control, hang-up (pty(7), tty_ioctl(4)).

mod support;

use agentos_abi::ioctl::{Ioctl, IoctlReply, TermiosWhen};
use agentos_abi::poll::PollFd;
use agentos_abi::signal::{Disposition, SigAction};
use agentos_abi::termios::{LocalFlags, cc};
use agentos_abi::wait::WaitTarget;
use agentos_abi::{Errno, Events, Fd, OpenFlags, Signal, Termios, WaitOptions, WaitStatus, Winsize};
use agentos_kernel::{Limit, Limits};
use agentos_syscall::Attention;
use agentos_vfs::{File, FileContext};
use std::sync::Arc;
use std::time::Duration;
use support::{Handle, Machine, read};

const HOST: FileContext = FileContext { pid: 0, pgid: 0, sid: 0, privileged: true };

/// A terminal with a session leader on it, whose descriptor 0 is the replica.
struct Terminal {
    machine: Machine,
    master: Arc<dyn File>,
    shell: Handle,
}

impl Terminal {
    fn new() -> Terminal {
        let machine = Machine::new();
        let (master, name) = machine.kernel.open_pty().unwrap();
        assert_eq!(name, "/dev/pts/0");
        let shell = machine.process();
        shell.setsid().unwrap();
        let replica = machine.kernel.open_replica(0, shell.getpid(), OpenFlags::empty()).unwrap();
        assert_eq!(machine.kernel.install_file(shell.getpid(), replica, OpenFlags::RDWR), Ok(0));
        Terminal { machine, master, shell }
    }

    fn type_keys(&self, keys: &str) {
        assert_eq!(self.master.write_at(keys.as_bytes(), 0, false), Ok((keys.len(), 0)));
    }

    fn screen(&self) -> String {
        let mut buf = [0; 1000];
        let count = self.master.read_at(&mut buf, 0).unwrap_or(0);
        String::from_utf8_lossy(&buf[..count]).into_owned()
    }

    fn set(&self, change: impl FnOnce(&mut Termios)) {
        let Ok(IoctlReply::Termios(mut termios)) = self.shell.ioctl(0, Ioctl::GetTermios) else { panic!() };
        change(&mut termios);
        self.shell.ioctl(0, Ioctl::SetTermios(TermiosWhen::Now, termios)).unwrap();
    }

    /// A child of the shell in a group of its own.
    fn job(&self) -> Handle {
        let job = self.shell.fork().unwrap();
        self.shell.setpgid(job.getpid(), 0).unwrap();
        job
    }
}

fn handle(task: &Handle, signal: Signal) {
    task.sigaction(signal, Some(SigAction { disposition: Disposition::Handler(1), ..SigAction::default() })).unwrap();
}

fn taken(task: &Handle) -> Option<Signal> {
    let delivered = task.take_signal()?;
    task.sigprocmask(Some((agentos_abi::signal::SigHow::SetMask, delivered.old_mask)));
    Some(delivered.signal)
}

fn poll(task: &Handle, fd: Fd) -> Events {
    let mut fds = [PollFd { fd, events: Events::IN | Events::OUT, revents: Events::empty() }];
    task.poll(&mut fds).unwrap();
    fds[0].revents
}

#[test]
fn a_line_goes_through_with_echo() {
    let terminal = Terminal::new();
    assert_eq!(terminal.shell.read(0, &mut [0; 10]), Err(Errno::EWAIT));
    terminal.type_keys("ls\r");
    assert_eq!(poll(&terminal.shell, 0), Events::IN | Events::OUT);
    let mut buf = [0; 10];
    assert_eq!((terminal.shell.read(0, &mut buf), &buf[..3]), (Ok(3), &b"ls\n"[..]));
    terminal.shell.write(0, b"a\nb").unwrap();
    assert_eq!(terminal.screen(), "ls\r\na\r\nb");
}

#[test]
fn a_blocked_reader_wakes_for_a_line() {
    let terminal = Terminal::new();
    let shell = terminal.shell.clone();
    let thread = std::thread::spawn(move || {
        let mut buf = [0; 10];
        read(&shell, 0, &mut buf).map(|count| buf[..count].to_vec())
    });
    terminal.type_keys("hi");
    terminal.type_keys("\n");
    assert_eq!(thread.join().unwrap(), Ok(b"hi\n".to_vec()));
}

#[test]
fn keys_and_resizing_signal_the_foreground_group() {
    let terminal = Terminal::new();
    let shell = &terminal.shell;
    assert_eq!(shell.ioctl(0, Ioctl::GetForegroundGroup), Ok(IoctlReply::Int(shell.getpid())));
    for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTSTP, Signal::SIGWINCH] {
        handle(shell, signal);
    }
    for (key, signal) in [("\x03", Signal::SIGINT), ("\x1c", Signal::SIGQUIT), ("\x1a", Signal::SIGTSTP)] {
        terminal.type_keys(key);
        assert_eq!(taken(shell), Some(signal));
    }
    let size = Winsize { rows: 24, cols: 80, ..Winsize::default() };
    terminal.master.ioctl(Ioctl::SetWinsize(size), &HOST).unwrap();
    assert_eq!(taken(shell), Some(Signal::SIGWINCH));
    assert_eq!(shell.ioctl(0, Ioctl::GetWinsize), Ok(IoctlReply::Winsize(size)));
    terminal.master.ioctl(Ioctl::SetWinsize(size), &HOST).unwrap();
    assert_eq!(taken(shell), None, "the same size is no change");
    let job = terminal.job();
    shell.ioctl(0, Ioctl::SetForegroundGroup(job.getpid())).unwrap();
    terminal.type_keys("\x03");
    assert_eq!(taken(shell), None);
    assert_eq!(taken(&job), Some(Signal::SIGINT), "with the handler that it was forked with");
    let termios = Ioctl::FlushQueue(0);
    assert_eq!(shell.ioctl(0, termios), Err(Errno::EIO), "in the background now, and nobody could continue it");
    let other = terminal.job();
    assert_eq!(other.ioctl(0, termios), Err(Errno::EWAIT));
    assert!(other.attention().has(Attention::STOPPED));
}

#[test]
fn ctrl_z_stops_a_job_and_the_shell_hears_of_it() {
    let terminal = Terminal::new();
    let job = terminal.job();
    terminal.shell.ioctl(0, Ioctl::SetForegroundGroup(job.getpid())).unwrap();
    terminal.type_keys("\x1a");
    let waited = terminal.shell.wait4(WaitTarget::Any, WaitOptions::UNTRACED).unwrap().unwrap();
    assert_eq!(waited.status, WaitStatus::Stopped(Signal::SIGTSTP));
    assert_eq!(terminal.screen(), "^Z");
}

#[test]
fn a_background_job_is_stopped_when_it_reads_and_with_tostop_when_it_writes() {
    let terminal = Terminal::new();
    let job = terminal.job();
    assert_eq!(job.read(0, &mut [0]), Err(Errno::EWAIT));
    assert!(job.attention().has(Attention::STOPPED));
    assert_eq!(terminal.shell.wait4(WaitTarget::Any, WaitOptions::UNTRACED).unwrap().unwrap().status, WaitStatus::Stopped(Signal::SIGTTIN));
    terminal.shell.kill(job.getpid(), Some(Signal::SIGCONT)).unwrap();
    assert_eq!(job.write(0, b"x"), Ok(1), "writing is allowed");
    terminal.set(|termios| termios.local |= LocalFlags::TOSTOP);
    assert_eq!(job.write(0, b"x"), Err(Errno::EWAIT));
    assert!(job.attention().has(Attention::STOPPED));
    terminal.shell.kill(job.getpid(), Some(Signal::SIGCONT)).unwrap();
    job.sigaction(Signal::SIGTTOU, Some(SigAction { disposition: Disposition::Ignore, ..SigAction::default() })).unwrap();
    job.sigaction(Signal::SIGTTIN, Some(SigAction { disposition: Disposition::Ignore, ..SigAction::default() })).unwrap();
    assert_eq!(job.write(0, b"x"), Ok(1));
    assert_eq!(job.read(0, &mut [0]), Err(Errno::EIO));
    assert_eq!(job.ioctl(0, Ioctl::SetForegroundGroup(job.getpid())), Ok(IoctlReply::Done), "how a shell takes the terminal back");
}

#[test]
fn the_foreground_group_must_be_of_the_session() {
    let terminal = Terminal::new();
    let shell = &terminal.shell;
    let stranger = terminal.machine.process();
    stranger.setsid().unwrap();
    assert_eq!(shell.ioctl(0, Ioctl::SetForegroundGroup(stranger.getpid())), Err(Errno::EPERM));
    assert_eq!(shell.ioctl(0, Ioctl::SetForegroundGroup(31000)), Err(Errno::ESRCH));
    assert_eq!(shell.ioctl(0, Ioctl::SetForegroundGroup(-1)), Err(Errno::EINVAL));
    let replica = terminal.machine.kernel.open_replica(0, stranger.getpid(), OpenFlags::empty()).unwrap();
    terminal.machine.kernel.install_file(stranger.getpid(), replica, OpenFlags::RDWR).unwrap();
    assert_eq!(stranger.ioctl(0, Ioctl::SetControllingTty), Err(Errno::EPERM), "another session has it");
    assert_eq!(stranger.ioctl(0, Ioctl::GetForegroundGroup), Err(Errno::ENOTTY));
    assert_eq!(stranger.ioctl(0, Ioctl::GetSession), Err(Errno::ENOTTY));
    assert_eq!(shell.ioctl(0, Ioctl::GetSession), Ok(IoctlReply::Int(shell.getpid())));
    assert_eq!(shell.ioctl(0, Ioctl::PushInput(b'x')), Err(Errno::EPERM));
    let (pipe, _) = shell.pipe2(OpenFlags::empty()).unwrap();
    assert_eq!(shell.ioctl(pipe, Ioctl::GetTermios), Err(Errno::ENOTTY));
}

#[test]
fn closing_the_master_hangs_up() {
    let terminal = Terminal::new();
    handle(&terminal.shell, Signal::SIGHUP);
    let Terminal { machine, master, shell } = terminal;
    drop(master);
    assert_eq!(taken(&shell), Some(Signal::SIGHUP));
    assert_eq!(shell.read(0, &mut [0]), Ok(0));
    assert_eq!(shell.write(0, b"x"), Err(Errno::EIO));
    assert!(poll(&shell, 0).contains(Events::HUP));
    assert!(machine.kernel.terminals().is_empty());
    assert!(machine.kernel.open_replica(0, shell.getpid(), OpenFlags::empty()).is_err());
}

#[test]
fn the_end_of_the_session_leader_hangs_the_foreground_up_and_frees_the_terminal() {
    let terminal = Terminal::new();
    let job = terminal.job();
    handle(&job, Signal::SIGHUP);
    terminal.shell.ioctl(0, Ioctl::SetForegroundGroup(job.getpid())).unwrap();
    terminal.shell.exit(WaitStatus::Exited(0));
    assert_eq!(taken(&job), Some(Signal::SIGHUP));
    let next = terminal.machine.process();
    next.setsid().unwrap();
    let replica = terminal.machine.kernel.open_replica(0, next.getpid(), OpenFlags::NOCTTY).unwrap();
    terminal.machine.kernel.install_file(next.getpid(), replica, OpenFlags::RDWR).unwrap();
    assert_eq!(next.ioctl(0, Ioctl::GetSession), Err(Errno::ENOTTY), "O_NOCTTY");
    next.ioctl(0, Ioctl::SetControllingTty).unwrap();
    assert_eq!(next.ioctl(0, Ioctl::GetSession), Ok(IoctlReply::Int(next.getpid())));
    handle(&next, Signal::SIGHUP);
    assert_eq!(next.ioctl(0, Ioctl::GiveUpControllingTty), Ok(IoctlReply::Done));
    assert_eq!(taken(&next), Some(Signal::SIGHUP), "it was in the foreground");
    assert_eq!(next.ioctl(0, Ioctl::GetSession), Err(Errno::ENOTTY));
}

#[test]
fn the_master_reads_eio_when_every_replica_is_closed() {
    let terminal = Terminal::new();
    let mut buf = [0; 8];
    assert_eq!(terminal.master.read_at(&mut buf, 0), Err(Errno::EWAIT));
    terminal.shell.write(0, b"bye").unwrap();
    terminal.shell.exit(WaitStatus::Exited(0));
    assert_eq!(terminal.master.read_at(&mut buf, 0), Ok(3), "what was written is not lost");
    assert_eq!(terminal.master.read_at(&mut buf, 0), Err(Errno::EIO));
    assert!(terminal.master.poll().contains(Events::HUP));
}

#[test]
fn a_raw_read_gives_up_after_vtime() {
    let terminal = Terminal::new();
    terminal.set(|termios| {
        termios.local = LocalFlags::empty();
        (termios.cc[cc::VMIN], termios.cc[cc::VTIME]) = (0, 5);
    });
    let shell = terminal.shell.clone();
    assert_eq!(shell.read(0, &mut [0; 4]), Err(Errno::EWAIT));
    terminal.machine.advance(Duration::from_millis(499));
    assert_eq!(shell.read(0, &mut [0; 4]), Err(Errno::EWAIT));
    let thread = std::thread::spawn(move || read(&shell, 0, &mut [0; 4]));
    terminal.machine.advance(Duration::from_millis(1));
    assert_eq!(thread.join().unwrap(), Ok(0));
    assert_eq!(terminal.machine.alarms(), 0);
}

#[test]
fn the_number_of_terminals_is_bounded() {
    let machine = Machine::with_limits(Limits::bounded(Limit::Ptys, 1));
    let first = machine.kernel.open_pty().unwrap();
    assert_eq!(machine.kernel.open_pty().err(), Some(Errno::ENOSPC));
    drop(first);
    machine.kernel.open_pty().unwrap();
}
