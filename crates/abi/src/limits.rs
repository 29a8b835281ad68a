//! Resource limits of getrlimit(2).

/// A limit; the numbers are asm-generic's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Resource {
    /// CPU seconds.
    Cpu = 0,
    /// Largest file in bytes.
    Fsize = 1,
    /// Data segment in bytes.
    Data = 2,
    /// Stack in bytes.
    Stack = 3,
    /// Core file in bytes.
    Core = 4,
    /// Resident set in bytes.
    Rss = 5,
    /// Processes of the user.
    Nproc = 6,
    /// Highest descriptor plus one.
    Nofile = 7,
    /// Locked memory in bytes.
    Memlock = 8,
    /// Address space in bytes.
    As = 9,
    /// File locks.
    Locks = 10,
    /// Pending signals.
    Sigpending = 11,
    /// Bytes in POSIX message queues.
    Msgqueue = 12,
    /// Nice ceiling.
    Nice = 13,
    /// Real-time priority ceiling.
    Rtprio = 14,
    /// Real-time CPU in microseconds.
    Rttime = 15,
}

impl Resource {
    /// Number of limits.
    pub const COUNT: usize = 16;
    /// All of them, in order of number.
    pub const ALL: [Resource; Resource::COUNT] = [
        Resource::Cpu,
        Resource::Fsize,
        Resource::Data,
        Resource::Stack,
        Resource::Core,
        Resource::Rss,
        Resource::Nproc,
        Resource::Nofile,
        Resource::Memlock,
        Resource::As,
        Resource::Locks,
        Resource::Sigpending,
        Resource::Msgqueue,
        Resource::Nice,
        Resource::Rtprio,
        Resource::Rttime,
    ];

    /// The limit of a number.
    pub fn from_raw(number: u32) -> Option<Resource> {
        Resource::ALL.get(number as usize).copied()
    }
}

/// Soft and hard value of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rlimit {
    /// In force.
    pub soft: u64,
    /// Ceiling for `soft`.
    pub hard: u64,
}

impl Rlimit {
    /// RLIM_INFINITY
    pub const INFINITY: u64 = u64::MAX;
    /// No limit.
    pub const UNLIMITED: Rlimit = Rlimit { soft: Rlimit::INFINITY, hard: Rlimit::INFINITY };

    /// Soft and hard at the same value.
    pub const fn fixed(value: u64) -> Rlimit {
        Rlimit { soft: value, hard: value }
    }
}
