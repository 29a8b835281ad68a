//! Signals: numbers, sets and what they do by default (signal(7)).

/// A signal number from 1 to 64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(u8);

/// What a signal does without a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultAction {
    /// Ends the process.
    Terminate,
    /// Ends the process, and the status says so (no core file is written).
    Core,
    /// Nothing.
    Ignore,
    /// Stops the process.
    Stop,
    /// Continues a stopped process.
    Continue,
}

macro_rules! signals {
    ($($name:ident = $number:literal $action:ident;)*) => {
        impl Signal {
            $(#[doc = stringify!($name)] pub const $name: Signal = Signal($number);)*

            /// `"SIGTERM"` for 15; real-time signals are `"SIGRT"`.
            pub const fn name(self) -> &'static str {
                match self.0 { $($number => stringify!($name),)* _ => "SIGRT" }
            }

            /// The signal of a name, with or without `SIG`.
            pub fn from_name(name: &str) -> Option<Signal> {
                let bare = name.strip_prefix("SIG").unwrap_or(name);
                $(if stringify!($name)[3..] == *bare { return Some(Signal::$name); })*
                None
            }

            /// The default action.
            pub const fn default_action(self) -> DefaultAction {
                match self.0 { $($number => DefaultAction::$action,)* _ => DefaultAction::Terminate }
            }
        }
    };
}

signals! {
    SIGHUP = 1 Terminate; SIGINT = 2 Terminate; SIGQUIT = 3 Core; SIGILL = 4 Core; SIGTRAP = 5 Core; SIGABRT = 6 Core; SIGBUS = 7 Core;
    SIGFPE = 8 Core; SIGKILL = 9 Terminate; SIGUSR1 = 10 Terminate; SIGSEGV = 11 Core; SIGUSR2 = 12 Terminate; SIGPIPE = 13 Terminate;
    SIGALRM = 14 Terminate; SIGTERM = 15 Terminate; SIGSTKFLT = 16 Terminate; SIGCHLD = 17 Ignore; SIGCONT = 18 Continue; SIGSTOP = 19 Stop;
    SIGTSTP = 20 Stop; SIGTTIN = 21 Stop; SIGTTOU = 22 Stop; SIGURG = 23 Ignore; SIGXCPU = 24 Core; SIGXFSZ = 25 Core; SIGVTALRM = 26 Terminate;
    SIGPROF = 27 Terminate; SIGWINCH = 28 Ignore; SIGIO = 29 Terminate; SIGPWR = 30 Terminate; SIGSYS = 31 Core;
}

impl Signal {
    /// Highest signal number.
    pub const MAX: u8 = 64;

    /// The signal of a number; `None` outside 1 to 64.
    pub const fn new(number: i32) -> Option<Signal> {
        if number >= 1 && number <= Signal::MAX as i32 { Some(Signal(number as u8)) } else { None }
    }

    /// The number.
    pub const fn number(self) -> i32 {
        self.0 as i32
    }
}

impl std::fmt::Debug for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}

/// A set of signals; bit n-1 is signal n, as in the kernel's `sigset_t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SigSet(pub u64);

impl SigSet {
    /// SIGKILL and SIGSTOP, which nobody can block, catch or ignore.
    pub const UNBLOCKABLE: SigSet = SigSet(1 << (9 - 1) | 1 << (19 - 1));

    /// Whether `signal` is in the set.
    pub const fn contains(self, signal: Signal) -> bool {
        self.0 & 1 << (signal.0 - 1) != 0
    }

    /// The set with `signal` added.
    #[must_use]
    pub const fn with(self, signal: Signal) -> SigSet {
        SigSet(self.0 | 1 << (signal.0 - 1))
    }

    /// The set with `signal` taken out.
    #[must_use]
    pub const fn without(self, signal: Signal) -> SigSet {
        SigSet(self.0 & !(1 << (signal.0 - 1)))
    }

    /// The lowest signal of the set.
    pub fn first(self) -> Option<Signal> {
        Signal::new(self.0.trailing_zeros() as i32 + 1).filter(|_| self.0 != 0)
    }
}

/// `how` of rt_sigprocmask(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigHow {
    /// SIG_BLOCK: add to the mask.
    Block,
    /// SIG_UNBLOCK: take out of the mask.
    Unblock,
    /// SIG_SETMASK: replace the mask.
    SetMask,
}

/// What a process does on a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Disposition {
    /// SIG_DFL
    #[default]
    Default,
    /// SIG_IGN
    Ignore,
    /// A handler; the number means something to the engine only (a table index, a callback).
    Handler(u32),
}

/// The record of sigaction(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SigAction {
    /// What happens.
    pub disposition: Disposition,
    /// SA_* flags.
    pub flags: u32,
    /// Blocked while the handler runs.
    pub mask: SigSet,
}

/// SA_NOCLDSTOP
pub const SA_NOCLDSTOP: u32 = 1;
/// SA_NOCLDWAIT
pub const SA_NOCLDWAIT: u32 = 2;
/// SA_SIGINFO
pub const SA_SIGINFO: u32 = 4;
/// SA_RESTART
pub const SA_RESTART: u32 = 0x1000_0000;
/// SA_NODEFER
pub const SA_NODEFER: u32 = 0x4000_0000;
/// SA_RESETHAND
pub const SA_RESETHAND: u32 = 0x8000_0000;

/// Why a signal came, the part of `siginfo_t` that is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SigInfo {
    /// `si_code`: SI_USER is 0, SI_KERNEL 0x80, CLD_EXITED 1 and so on.
    pub code: i32,
    /// Sender or child.
    pub pid: i32,
    /// Real user id of the sender.
    pub uid: u32,
    /// Exit status or signal for SIGCHLD.
    pub status: i32,
}
