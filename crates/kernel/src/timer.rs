//! Interval timers (setitimer(2)).

use crate::kernel::Kernel;
use crate::process::Process;
use agentos_abi::time::{Itimer, ItimerKind};
use agentos_abi::{Result, Signal};
use std::any::Any;
use std::sync::{Arc, Weak};
use std::task::Wake;
use std::time::{Duration, Instant};

/// Shortest period of a repeating timer: a shorter one would only keep the host busy with signals that merge anyway.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// The three timers of a process. Not inherited by fork(2), kept by execve(2).
#[derive(Default)]
pub(crate) struct Itimers {
    real: Option<RealTimer>,
    virtual_: CpuTimer,
    prof: CpuTimer,
    /// Which arming of the real timer is the current one: an alarm of an older one is stale.
    generation: u64,
}

struct RealTimer {
    at: Instant,
    interval: Duration,
    /// Dropping it takes the alarm back.
    _guard: Box<dyn Any + Send>,
}

/// A timer that counts CPU time; unarmed when `remaining` is zero.
#[derive(Default)]
struct CpuTimer {
    remaining: Duration,
    interval: Duration,
}

impl CpuTimer {
    fn set(&mut self, new: Option<Itimer>) -> Itimer {
        let old = Itimer { value: self.remaining, interval: self.interval };
        if let Some(new) = new {
            (self.remaining, self.interval) = (new.value, new.interval);
        }
        old
    }

    /// Whether it expired in a slice of `used` CPU time.
    fn count(&mut self, used: Duration) -> bool {
        if self.remaining.is_zero() {
            return false;
        }
        if used < self.remaining {
            self.remaining -= used;
            return false;
        }
        self.remaining = self.interval;
        true
    }
}

/// What the timer source calls.
struct Alarm {
    kernel: Weak<Kernel>,
    process: Weak<Process>,
    generation: u64,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        let (Some(kernel), Some(process)) = (self.kernel.upgrade(), self.process.upgrade()) else { return };
        let mut timers = process.timers.lock();
        if timers.generation != self.generation || process.has_ended() {
            return;
        }
        let Some(expired) = timers.real.take() else { return };
        if !expired.interval.is_zero() {
            timers.arm(&kernel, &process, expired.interval, expired.interval);
        }
        drop(timers);
        drop(expired);
        kernel.raise(process.pid, Signal::SIGALRM);
    }
}

impl Itimers {
    fn arm(&mut self, kernel: &Arc<Kernel>, process: &Arc<Process>, value: Duration, interval: Duration) {
        self.generation += 1;
        let alarm = Alarm { kernel: Arc::downgrade(kernel), process: Arc::downgrade(process), generation: self.generation };
        let now = kernel.clock.monotonic();
        // A time beyond the clock's range is as good as never; a century is the same and representable.
        let at = now.checked_add(value).unwrap_or(now + Duration::from_secs(3_155_760_000));
        let guard = kernel.timers.wake_at(at, Arc::new(alarm).into());
        self.real = Some(RealTimer { at, interval, _guard: guard });
    }
}

/// setitimer(2) and, without `new`, getitimer(2).
pub(crate) fn set(kernel: &Arc<Kernel>, process: &Arc<Process>, kind: ItimerKind, new: Option<Itimer>) -> Result<Itimer> {
    let mut timers = process.timers.lock();
    match kind {
        ItimerKind::Virtual => return Ok(timers.virtual_.set(new)),
        ItimerKind::Prof => return Ok(timers.prof.set(new)),
        ItimerKind::Real => {}
    }
    let now = kernel.clock.monotonic();
    let old = timers.real.as_ref().map_or(Itimer::default(), |timer| {
        // An armed timer never shows as zero, which would mean unarmed.
        let value = timer.at.saturating_duration_since(now).max(Duration::from_micros(1));
        Itimer { value, interval: timer.interval }
    });
    let Some(new) = new else { return Ok(old) };
    let replaced = timers.real.take();
    timers.generation += 1;
    if !new.value.is_zero() {
        let interval = if new.interval.is_zero() { Duration::ZERO } else { new.interval.max(MIN_INTERVAL) };
        timers.arm(kernel, process, new.value, interval);
    }
    drop(timers);
    drop(replaced);
    Ok(old)
}

/// Counts CPU time; raises SIGVTALRM and SIGPROF.
pub(crate) fn count_cpu(kernel: &Kernel, process: &Process, used: Duration) {
    let (virtual_, prof) = {
        let mut timers = process.timers.lock();
        (timers.virtual_.count(used), timers.prof.count(used))
    };
    if virtual_ {
        kernel.raise(process.pid, Signal::SIGVTALRM);
    }
    if prof {
        kernel.raise(process.pid, Signal::SIGPROF);
    }
}
