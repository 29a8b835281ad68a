//! Points in time and clocks (clock_gettime(2)).

/// Seconds and nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timespec {
    /// Seconds, since the epoch for points in time.
    pub sec: i64,
    /// Nanoseconds, 0 to 999,999,999.
    pub nsec: u32,
}

impl Timespec {
    /// From nanoseconds.
    pub const fn from_nanos(nanos: i128) -> Timespec {
        Timespec { sec: nanos.div_euclid(1_000_000_000) as i64, nsec: nanos.rem_euclid(1_000_000_000) as u32 }
    }

    /// In nanoseconds.
    pub const fn as_nanos(self) -> i128 {
        self.sec as i128 * 1_000_000_000 + self.nsec as i128
    }

    /// As a length of time; negative values count as 0.
    pub fn as_duration(self) -> std::time::Duration {
        if self.sec < 0 { std::time::Duration::ZERO } else { std::time::Duration::new(self.sec as u64, self.nsec.min(999_999_999)) }
    }
}

impl From<std::time::Duration> for Timespec {
    fn from(d: std::time::Duration) -> Self {
        Timespec { sec: i64::try_from(d.as_secs()).unwrap_or(i64::MAX), nsec: d.subsec_nanos() }
    }
}

/// A clock of clock_gettime(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockId {
    /// CLOCK_REALTIME (0) and its coarse and TAI variants.
    Realtime,
    /// CLOCK_MONOTONIC (1), RAW and COARSE.
    Monotonic,
    /// CLOCK_PROCESS_CPUTIME_ID (2)
    ProcessCpu,
    /// CLOCK_THREAD_CPUTIME_ID (3)
    ThreadCpu,
    /// CLOCK_BOOTTIME (7): since the VM booted.
    Boottime,
}

impl ClockId {
    /// The clock of a number; `None` for an undefined one (EINVAL).
    pub const fn from_raw(id: i32) -> Option<ClockId> {
        Some(match id {
            0 | 5 | 8 | 11 => ClockId::Realtime,
            1 | 4 | 6 => ClockId::Monotonic,
            2 => ClockId::ProcessCpu,
            3 => ClockId::ThreadCpu,
            7 | 9 => ClockId::Boottime,
            _ => return None,
        })
    }
}

/// A new file time for utimensat(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SetTime {
    /// UTIME_NOW
    Now,
    /// UTIME_OMIT
    #[default]
    Omit,
    /// This time.
    At(Timespec),
}

/// Which interval timer of setitimer(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItimerKind {
    /// ITIMER_REAL, SIGALRM.
    Real,
    /// ITIMER_VIRTUAL, SIGVTALRM.
    Virtual,
    /// ITIMER_PROF, SIGPROF.
    Prof,
}

/// A value of setitimer(2): first expiry and period; zero durations disarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Itimer {
    /// Until the next expiry.
    pub value: std::time::Duration,
    /// Between expiries after that.
    pub interval: std::time::Duration,
}
