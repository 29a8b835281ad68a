//! Terminal attributes (termios(3)) and window sizes (tty_ioctl(4)).

use bitflags::bitflags;

bitflags! {
    /// Input modes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct InputFlags: u32 {
        /// Ignore break.
        const IGNBRK = 0o1;
        /// Break raises SIGINT.
        const BRKINT = 0o2;
        /// Ignore parity errors.
        const IGNPAR = 0o4;
        /// Mark parity errors.
        const PARMRK = 0o10;
        /// Check parity.
        const INPCK = 0o20;
        /// Strip the eighth bit.
        const ISTRIP = 0o40;
        /// NL becomes CR.
        const INLCR = 0o100;
        /// Ignore CR.
        const IGNCR = 0o200;
        /// CR becomes NL.
        const ICRNL = 0o400;
        /// Lower-case letters.
        const IUCLC = 0o1000;
        /// Output flow control by START and STOP.
        const IXON = 0o2000;
        /// Any character restarts output.
        const IXANY = 0o4000;
        /// Input flow control.
        const IXOFF = 0o10000;
        /// Ring the bell when the input queue is full.
        const IMAXBEL = 0o20000;
        /// Erase whole UTF-8 characters.
        const IUTF8 = 0o40000;
    }
}

bitflags! {
    /// Output modes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct OutputFlags: u32 {
        /// Process output at all.
        const OPOST = 0o1;
        /// Upper-case letters.
        const OLCUC = 0o2;
        /// NL becomes CR NL.
        const ONLCR = 0o4;
        /// CR becomes NL.
        const OCRNL = 0o10;
        /// No CR in column 0.
        const ONOCR = 0o20;
        /// NL does the work of CR.
        const ONLRET = 0o40;
        /// Expand tabs (XTABS).
        const XTABS = 0o14000;
    }
}

bitflags! {
    /// Local modes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct LocalFlags: u32 {
        /// INTR, QUIT and SUSP raise signals.
        const ISIG = 0o1;
        /// Line editing.
        const ICANON = 0o2;
        /// Echo input.
        const ECHO = 0o10;
        /// Echo ERASE as backspace-space-backspace.
        const ECHOE = 0o20;
        /// Echo NL after KILL.
        const ECHOK = 0o40;
        /// Echo NL even without ECHO.
        const ECHONL = 0o100;
        /// Do not flush on signals.
        const NOFLSH = 0o200;
        /// Background writes raise SIGTTOU.
        const TOSTOP = 0o400;
        /// Echo control characters as ^X.
        const ECHOCTL = 0o1000;
        /// Echo KILL by erasing each character.
        const ECHOKE = 0o4000;
        /// Implementation-defined input processing (WERASE, LNEXT, REPRINT).
        const IEXTEN = 0o100000;
    }
}

/// Indices into [`Termios::cc`].
pub mod cc {
    /// Interrupt, Ctrl-C.
    pub const VINTR: usize = 0;
    /// Quit, Ctrl-\\.
    pub const VQUIT: usize = 1;
    /// Erase a character.
    pub const VERASE: usize = 2;
    /// Erase the line.
    pub const VKILL: usize = 3;
    /// End of file, Ctrl-D.
    pub const VEOF: usize = 4;
    /// Read timeout in tenths of a second.
    pub const VTIME: usize = 5;
    /// Least number of bytes of a raw read.
    pub const VMIN: usize = 6;
    /// Start output, Ctrl-Q.
    pub const VSTART: usize = 8;
    /// Stop output, Ctrl-S.
    pub const VSTOP: usize = 9;
    /// Suspend, Ctrl-Z.
    pub const VSUSP: usize = 10;
    /// Further end of line.
    pub const VEOL: usize = 11;
    /// Reprint the line, Ctrl-R.
    pub const VREPRINT: usize = 12;
    /// Discard output, Ctrl-O.
    pub const VDISCARD: usize = 13;
    /// Erase a word, Ctrl-W.
    pub const VWERASE: usize = 14;
    /// Take the next character literally, Ctrl-V.
    pub const VLNEXT: usize = 15;
    /// Yet another end of line.
    pub const VEOL2: usize = 16;
    /// Number of control characters that the kernel keeps.
    pub const NCCS: usize = 19;
}

/// Terminal attributes, the kernel's `struct termios`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Termios {
    /// Input modes.
    pub input: InputFlags,
    /// Output modes.
    pub output: OutputFlags,
    /// Control modes: speed and character size; stored, without effect.
    pub control: u32,
    /// Local modes.
    pub local: LocalFlags,
    /// Line discipline number.
    pub line: u8,
    /// Control characters; 0 disables one (_POSIX_VDISABLE).
    pub cc: [u8; cc::NCCS],
}

impl Default for Termios {
    /// What Linux gives a fresh terminal: 38400 baud, 8 bits, canonical, echo.
    fn default() -> Self {
        let mut chars = [0; cc::NCCS];
        chars[cc::VINTR] = 3;
        chars[cc::VQUIT] = 0x1c;
        chars[cc::VERASE] = 0x7f;
        chars[cc::VKILL] = 0x15;
        chars[cc::VEOF] = 4;
        chars[cc::VMIN] = 1;
        chars[cc::VSTART] = 0x11;
        chars[cc::VSTOP] = 0x13;
        chars[cc::VSUSP] = 0x1a;
        chars[cc::VREPRINT] = 0x12;
        chars[cc::VDISCARD] = 0xf;
        chars[cc::VWERASE] = 0x17;
        chars[cc::VLNEXT] = 0x16;
        Termios {
            input: InputFlags::ICRNL | InputFlags::IXON,
            output: OutputFlags::OPOST | OutputFlags::ONLCR,
            control: 0o277,
            local: LocalFlags::ISIG
                | LocalFlags::ICANON
                | LocalFlags::ECHO
                | LocalFlags::ECHOE
                | LocalFlags::ECHOK
                | LocalFlags::ECHOCTL
                | LocalFlags::ECHOKE
                | LocalFlags::IEXTEN,
            line: 0,
            cc: chars,
        }
    }
}

/// Size of a terminal window, in characters and pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Winsize {
    /// Rows.
    pub rows: u16,
    /// Columns.
    pub cols: u16,
    /// Width in pixels, unused.
    pub xpixel: u16,
    /// Height in pixels, unused.
    pub ypixel: u16,
}
