//! Programs on a terminal: `openShell`.
//!
//! The host holds the master of a pseudo-terminal (pty(7)) as a descriptor of process 1, as a terminal emulator would; the program
//! is the leader of a session that the replica controls.

use crate::error::{Error, Result};
use crate::process::{Child, HostEnd, SpawnOptions, exec, prepare};
use agentos_abi::fcntl::AT_FDCWD;
use agentos_abi::ioctl::{Ioctl, IoctlReply};
use agentos_abi::{AtFlags, Errno, Fd, OpenFlags, Pid, Signal, WaitStatus, Winsize};
use agentos_syscall::{Syscalls, Waited};
use std::sync::Arc;

/// Group `tty`, which owns terminals.
const TTY_GID: u32 = 5;
/// Permission bits of /dev/pts/N: its owner reads and writes, the group writes (write(1)).
const TTY_MODE: u32 = 0o620;

/// Size of a window, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

impl Default for Size {
    fn default() -> Self {
        Size { cols: 80, rows: 24 }
    }
}

impl From<Size> for Winsize {
    fn from(size: Size) -> Self {
        Winsize { rows: size.rows, cols: size.cols, ..Winsize::default() }
    }
}

/// A program on a terminal. Dropping it hangs the terminal up.
pub struct Terminal {
    init: Arc<dyn Syscalls>,
    child: Arc<Child>,
    master: HostEnd,
}

impl Terminal {
    /// Starts a program on a new terminal. It is waited for whether anybody asks or not.
    ///
    /// # Errors
    /// Those of [`Process::spawn`](crate::Process::spawn); ENOSPC at the limit of terminals.
    pub async fn open(init: &Arc<dyn Syscalls>, options: &SpawnOptions, size: Size) -> Result<Terminal> {
        let fail = |errno: Errno| Error::syscall(errno, "openpty", Some(&options.program));
        let (master, replica) = open_master(init, options.ids.0, size).map_err(fail)?;
        let task = init.fork().map_err(fail)?;
        let child = Child::new(init, task.getpid());
        child.wait_in_background();
        let start = || {
            prepare(&*task, options)?;
            control(&*task, &replica).map_err(fail)
        };
        let started = match start() {
            Ok(()) => exec(&task, options).await,
            Err(error) => Err(error),
        };
        if let Err(error) = started {
            task.exit(WaitStatus::Exited(127));
            return Err(error);
        }
        Ok(Terminal { init: init.clone(), child, master })
    }

    /// Process id of the program, which is its session too.
    pub fn pid(&self) -> Pid {
        self.child.pid()
    }

    /// Reads what the screen is to show; waits for some. Empty at the end: nobody has the terminal open any more.
    ///
    /// # Errors
    /// EBADF after [`hang_up`](Terminal::hang_up).
    pub async fn read(&self, max: usize) -> Result<Vec<u8>, Errno> {
        match self.master.read(max).await {
            Err(Errno::EIO) => Ok(Vec::new()),
            done => done,
        }
    }

    /// Types; waits until the terminal has taken all of it.
    ///
    /// # Errors
    /// EBADF after [`hang_up`](Terminal::hang_up), ESRCH when the VM was disposed.
    pub async fn write(&self, data: &[u8]) -> Result<(), Errno> {
        self.master.write(data).await
    }

    /// Changes the size of the window; the foreground process group gets SIGWINCH.
    ///
    /// # Errors
    /// EBADF after [`hang_up`](Terminal::hang_up), ESRCH when the VM was disposed.
    pub fn resize(&self, size: Size) -> Result<(), Errno> {
        self.init.ioctl(self.master.get(), Ioctl::SetWinsize(size.into())).map(|_| ())
    }

    /// Takes the terminal away: SIGHUP to its session, and the end of its input.
    pub fn hang_up(&self) {
        self.master.close();
    }

    /// Sends a signal to the program.
    ///
    /// # Errors
    /// ESRCH when it has ended.
    pub fn kill(&self, signal: Signal) -> Result<(), Errno> {
        self.init.kill(self.pid(), Some(signal))
    }

    /// Waits for the end of the program. Every caller gets the same answer.
    ///
    /// # Errors
    /// ECHILD when the VM was disposed.
    pub async fn wait(&self) -> Result<Waited, Errno> {
        self.child.wait().await
    }
}

/// posix_openpt(3), grantpt(3), unlockpt(3), ptsname(3): a master that children do not inherit, and the path of its replica.
fn open_master(init: &Arc<dyn Syscalls>, uid: u32, size: Size) -> Result<(HostEnd, String), Errno> {
    let fd = init.openat(AT_FDCWD, b"/dev/ptmx", OpenFlags::RDWR | OpenFlags::NOCTTY | OpenFlags::CLOEXEC, 0)?;
    let master = HostEnd::new(init, fd);
    let IoctlReply::Int(number) = init.ioctl(fd, Ioctl::GetPtyNumber)? else { return Err(Errno::ENOTTY) };
    let replica = format!("/dev/pts/{number}");
    init.ioctl(fd, Ioctl::SetWinsize(size.into()))?;
    init.ioctl(fd, Ioctl::LockPty(false))?;
    init.fchownat(AT_FDCWD, replica.as_bytes(), Some(uid), Some(TTY_GID), AtFlags::empty())?;
    init.fchmodat(AT_FDCWD, replica.as_bytes(), TTY_MODE, AtFlags::empty())?;
    Ok((master, replica))
}

/// login_tty(3) for a session leader: opening makes the terminal the session's own; then it is on the standard streams.
fn control(task: &dyn Syscalls, replica: &str) -> Result<(), Errno> {
    let fd = task.openat(AT_FDCWD, replica.as_bytes(), OpenFlags::RDWR, 0)?;
    for standard in 0..=2 as Fd {
        if standard != fd {
            task.dup3(fd, standard, false)?;
        }
    }
    if fd > 2 { task.close(fd) } else { Ok(()) }
}
