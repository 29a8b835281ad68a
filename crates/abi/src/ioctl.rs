//! Requests of ioctl(2) that the kernel knows, decoded at the edge.

use crate::termios::{Termios, Winsize};

/// When TCSETS takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermiosWhen {
    /// TCSETS: now.
    Now,
    /// TCSETSW: after output has drained.
    Drain,
    /// TCSETSF: after output has drained, and pending input is discarded.
    Flush,
}

/// One request with its argument. Answers are in [`IoctlReply`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ioctl {
    /// TCGETS (0x5401)
    GetTermios,
    /// TCSETS, TCSETSW, TCSETSF (0x5402-0x5404)
    SetTermios(TermiosWhen, Termios),
    /// TCSBRK, TCSBRKP (0x5409, 0x5425): wait for output; breaks are not sent.
    Drain,
    /// TCXONC (0x540a): suspend (0) or restart (1) output, send STOP (2) or START (3).
    FlowControl(u32),
    /// TCFLSH (0x540b): 0 input, 1 output, 2 both.
    FlushQueue(u32),
    /// TIOCSCTTY (0x540e)
    SetControllingTty,
    /// TIOCGPGRP (0x540f)
    GetForegroundGroup,
    /// TIOCSPGRP (0x5410)
    SetForegroundGroup(i32),
    /// TIOCOUTQ (0x5411): bytes waiting to be read by the other side.
    OutputQueue,
    /// TIOCSTI (0x5412): refused (EPERM).
    PushInput(u8),
    /// TIOCGWINSZ (0x5413)
    GetWinsize,
    /// TIOCSWINSZ (0x5414)
    SetWinsize(Winsize),
    /// FIONREAD (0x541b)
    InputQueue,
    /// FIONBIO (0x5421)
    SetNonblocking(bool),
    /// TIOCNOTTY (0x5422)
    GiveUpControllingTty,
    /// TIOCGSID (0x5429)
    GetSession,
    /// TIOCGPTN (0x80045430): number of a pseudo-terminal, asked on the master side.
    GetPtyNumber,
    /// TIOCSPTLCK (0x40045431)
    LockPty(bool),
}

impl Ioctl {
    /// The request of a number with an `int` argument or no argument. `None`: it carries a record
    /// (the engine decodes it) or is unknown (ENOTTY).
    pub fn from_raw(request: u32, value: i32) -> Option<Ioctl> {
        Some(match request {
            0x5401 => Ioctl::GetTermios,
            0x5409 | 0x5425 => Ioctl::Drain,
            0x540a => Ioctl::FlowControl(value as u32),
            0x540b => Ioctl::FlushQueue(value as u32),
            0x540e => Ioctl::SetControllingTty,
            0x540f => Ioctl::GetForegroundGroup,
            0x5411 => Ioctl::OutputQueue,
            0x5413 => Ioctl::GetWinsize,
            0x541b => Ioctl::InputQueue,
            0x5422 => Ioctl::GiveUpControllingTty,
            0x5429 => Ioctl::GetSession,
            0x8004_5430 => Ioctl::GetPtyNumber,
            _ => return None,
        })
    }
}

/// The answer to an [`Ioctl`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IoctlReply {
    /// Nothing beyond success.
    Done,
    /// An `int` to store at the argument.
    Int(i32),
    /// A `struct termios`.
    Termios(Termios),
    /// A `struct winsize`.
    Winsize(Winsize),
}
