//! POSIX timers (timer_create(2)). Not inherited by fork(2), deleted by execve(2).

use crate::kernel::Kernel;
use crate::process::Process;
use agentos_abi::signal::SigInfo;
use agentos_abi::time::Itimer;
use agentos_abi::{ClockId, Errno, Result, Signal};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::task::Wake;
use std::time::{Duration, Instant};

/// Timers of one process. Excess: EAGAIN.
const MAX_TIMERS: usize = 32;
/// Shortest period, as of the interval timers.
const MIN_INTERVAL: Duration = Duration::from_millis(1);
/// Longest time until an expiry; more is as good as never.
const MAX_AHEAD: Duration = Duration::from_secs(3_155_760_000);
/// `si_code` of a signal from a timer (SI_TIMER).
const SI_TIMER: i32 = -2;
/// Most overruns that are counted (DELAYTIMER_MAX).
const MAX_OVERRUN: u64 = i32::MAX as u64;

/// The timers of a process, by id.
#[derive(Default)]
pub(crate) struct PosixTimers(BTreeMap<i32, PosixTimer>);

struct PosixTimer {
    clock: ClockId,
    /// Signal and value, or nothing.
    notify: Option<(Signal, i32)>,
    next: Option<Instant>,
    interval: Duration,
    overrun: u64,
    /// Which setting is the current one: an alarm of an older one is stale.
    generation: u64,
    _alarm: Option<Box<dyn Any + Send>>,
}

/// What the timer source calls.
struct Alarm {
    kernel: Weak<Kernel>,
    process: Weak<Process>,
    id: i32,
    generation: u64,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        let (Some(kernel), Some(process)) = (self.kernel.upgrade(), self.process.upgrade()) else { return };
        let mut timers = process.posix_timers.lock();
        let Some(timer) = timers.0.get_mut(&self.id).filter(|timer| timer.generation == self.generation) else { return };
        if process.has_ended() {
            return;
        }
        let (notify, old) = timer.expire(&kernel, &process, self.id);
        drop(timers);
        drop(old);
        if let Some((signal, info)) = notify {
            kernel.with_table(|table, effects| table.post(process.pid, signal, info, effects));
        }
    }
}

impl PosixTimer {
    /// An expiry: the signal to raise, and what is to be dropped without locks.
    fn expire(&mut self, kernel: &Arc<Kernel>, process: &Arc<Process>, id: i32) -> (Option<(Signal, SigInfo)>, Option<Box<dyn Any + Send>>) {
        let now = kernel.clock.monotonic();
        let at = self.next.unwrap_or(now);
        let mut missed = 0;
        self.next = if self.interval.is_zero() {
            None
        } else {
            missed = u64::try_from(now.saturating_duration_since(at).as_nanos() / self.interval.as_nanos()).unwrap_or(MAX_OVERRUN);
            let periods = u32::try_from(missed + 1).unwrap_or(u32::MAX);
            self.interval.checked_mul(periods).and_then(|ahead| at.checked_add(ahead))
        };
        let pending = self.notify.is_some_and(|(signal, _)| process.signals.lock().pending().contains(signal));
        // A signal that is still pending stands for this expiry too.
        self.overrun = if pending { (self.overrun + missed + 1).min(MAX_OVERRUN) } else { missed.min(MAX_OVERRUN) };
        let old = self.arm(kernel, process, id);
        let overrun = self.overrun as u32;
        let notify = self.notify.filter(|_| !pending);
        (notify.map(|(signal, value)| (signal, SigInfo { code: SI_TIMER, pid: id, uid: overrun, status: value })), old)
    }

    fn arm(&mut self, kernel: &Arc<Kernel>, process: &Arc<Process>, id: i32) -> Option<Box<dyn Any + Send>> {
        self.generation += 1;
        let (kernel_ref, process_ref, generation) = (Arc::downgrade(kernel), Arc::downgrade(process), self.generation);
        let alarm = |at| kernel.timers.wake_at(at, Arc::new(Alarm { kernel: kernel_ref, process: process_ref, id, generation }).into());
        std::mem::replace(&mut self._alarm, self.next.map(alarm))
    }
}

/// timer_create(2). Errors: EAGAIN.
pub(crate) fn create(process: &Process, clock: ClockId, notify: Option<(Signal, i32)>) -> Result<i32> {
    let mut timers = process.posix_timers.lock();
    if timers.0.len() >= MAX_TIMERS {
        return Err(Errno::EAGAIN);
    }
    let id = (0..).find(|id| !timers.0.contains_key(id)).ok_or(Errno::EAGAIN)?;
    // A timer without a value of its own sends its number.
    let timer = PosixTimer { clock, notify, next: None, interval: Duration::ZERO, overrun: 0, generation: 0, _alarm: None };
    timers.0.insert(id, timer);
    Ok(id)
}

/// timer_settime(2) and, without `new`, timer_gettime(2). Errors: EINVAL.
pub(crate) fn set(kernel: &Arc<Kernel>, process: &Arc<Process>, id: i32, new: Option<Itimer>) -> Result<Itimer> {
    let mut timers = process.posix_timers.lock();
    let timer = timers.0.get_mut(&id).ok_or(Errno::EINVAL)?;
    let now = kernel.clock.monotonic();
    // An armed timer never shows as zero, which would mean unarmed.
    let value = timer.next.map_or(Duration::ZERO, |at| at.saturating_duration_since(now).max(Duration::from_nanos(1)));
    let old = Itimer { value, interval: timer.interval };
    let Some(new) = new else { return Ok(old) };
    timer.interval = if new.interval.is_zero() { Duration::ZERO } else { new.interval.max(MIN_INTERVAL) };
    timer.next = (!new.value.is_zero()).then(|| now.checked_add(new.value).unwrap_or(now + MAX_AHEAD));
    timer.overrun = 0;
    let replaced = timer.arm(kernel, process, id);
    drop(timers);
    drop(replaced);
    Ok(old)
}

/// Clock of a timer. Errors: EINVAL.
pub(crate) fn clock(process: &Process, id: i32) -> Result<ClockId> {
    process.posix_timers.lock().0.get(&id).map(|timer| timer.clock).ok_or(Errno::EINVAL)
}

/// timer_getoverrun(2). Errors: EINVAL.
pub(crate) fn overrun(process: &Process, id: i32) -> Result<i32> {
    process.posix_timers.lock().0.get(&id).map(|timer| timer.overrun as i32).ok_or(Errno::EINVAL)
}

/// timer_delete(2). Errors: EINVAL.
pub(crate) fn delete(process: &Process, id: i32) -> Result<()> {
    let removed = process.posix_timers.lock().0.remove(&id);
    removed.map(drop).ok_or(Errno::EINVAL)
}
