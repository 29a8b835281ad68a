//! timerfd_create(2): a clock that is read like a file.

use super::eventfd::anonymous_stat;
use crate::config::Clock;
use agentos_abi::time::Itimer;
use agentos_abi::{ClockId, Errno, Events, Result, Stat};
use agentos_syscall::Timers;
use agentos_vfs::File;
use agentos_waiter::WaitQueue;
use parking_lot::Mutex;
use std::any::Any;
use std::sync::{Arc, Weak};
use std::task::Wake;
use std::time::{Duration, Instant};

/// Longest time until an expiry that is kept; more is as good as never.
const MAX_AHEAD: Duration = Duration::from_secs(3_155_760_000);

/// The timer.
pub(crate) struct TimerFd {
    clock_id: ClockId,
    clock: Arc<dyn Clock>,
    timers: Arc<dyn Timers>,
    state: Mutex<State>,
    queue: WaitQueue,
    this: Weak<TimerFd>,
}

#[derive(Default)]
struct State {
    /// The next expiry that has not been read.
    next: Option<Instant>,
    interval: Duration,
    /// Dropping it takes the alarm back.
    alarm: Option<Box<dyn Any + Send>>,
}

/// What the timer source calls.
struct Alarm(Weak<TimerFd>);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        if let Some(timer) = self.0.upgrade() {
            timer.queue.notify(Events::READ);
        }
    }
}

impl TimerFd {
    pub(crate) fn new(clock_id: ClockId, clock: Arc<dyn Clock>, timers: Arc<dyn Timers>) -> Arc<TimerFd> {
        Arc::new_cyclic(|this| TimerFd { clock_id, clock, timers, state: Mutex::default(), queue: WaitQueue::new(), this: this.clone() })
    }

    pub(crate) fn clock_id(&self) -> ClockId {
        self.clock_id
    }

    /// timerfd_gettime(2).
    pub(crate) fn get(&self) -> Itimer {
        let state = self.state.lock();
        let now = self.clock.monotonic();
        // A repeating timer shows the time to the expiry that is yet to come.
        let (_, next) = elapsed(state.next, state.interval, now);
        let value = next.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let interval = state.interval;
        Itimer { value, interval }
    }

    /// timerfd_settime(2): the value is from now on.
    pub(crate) fn set(&self, new: Itimer) -> Itimer {
        let old = self.get();
        let mut state = self.state.lock();
        let now = self.clock.monotonic();
        let next = (!new.value.is_zero()).then(|| now.checked_add(new.value).unwrap_or(now + MAX_AHEAD));
        let replaced = std::mem::replace(&mut *state, State { next, interval: new.interval, alarm: None });
        self.arm(&mut state);
        drop(state);
        drop(replaced);
        old
    }

    fn arm(&self, state: &mut State) {
        state.alarm = state.next.map(|at| self.timers.wake_at(at, Arc::new(Alarm(self.this.clone())).into()));
    }
}

/// Expiries of a timer up to `now`, and the next after it.
fn elapsed(next: Option<Instant>, interval: Duration, now: Instant) -> (u64, Option<Instant>) {
    let Some(at) = next.filter(|at| *at <= now) else { return (0, next) };
    if interval.is_zero() {
        return (1, None);
    }
    let more = (now - at).as_nanos() / interval.as_nanos();
    let count = u64::try_from(more).unwrap_or(u64::MAX - 1).saturating_add(1);
    let ahead = interval.as_nanos().saturating_mul(count.into());
    (count, u64::try_from(ahead).ok().and_then(|nanos| at.checked_add(Duration::from_nanos(nanos))))
}

impl File for TimerFd {
    fn read_at(&self, buf: &mut [u8], _offset: u64) -> Result<usize> {
        let out = buf.first_chunk_mut::<8>().ok_or(Errno::EINVAL)?;
        let mut state = self.state.lock();
        let (count, next) = elapsed(state.next, state.interval, self.clock.monotonic());
        if count == 0 {
            return Err(Errno::EWAIT);
        }
        state.next = next;
        let old = state.alarm.take();
        self.arm(&mut state);
        drop(state);
        drop(old);
        *out = count.to_le_bytes();
        Ok(8)
    }

    fn write_at(&self, _buf: &[u8], _offset: u64, _append: bool) -> Result<(usize, u64)> {
        Err(Errno::EINVAL)
    }

    fn seekable(&self) -> bool {
        false
    }

    fn poll(&self) -> Events {
        let due = self.state.lock().next.is_some_and(|at| at <= self.clock.monotonic());
        if due { Events::READ } else { Events::empty() }
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.queue)
    }

    fn stat(&self) -> Option<Stat> {
        Some(anonymous_stat())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_are_counted_and_the_next_one_is_found() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let every = Duration::from_millis(10);
        assert_eq!(elapsed(Some(after(10)), every, after(9)), (0, Some(after(10))));
        assert_eq!(elapsed(Some(after(10)), every, after(10)), (1, Some(after(20))));
        assert_eq!(elapsed(Some(after(10)), every, after(35)), (3, Some(after(40))));
        assert_eq!(elapsed(Some(after(10)), Duration::ZERO, after(35)), (1, None));
        assert_eq!(elapsed(None, every, after(35)), (0, None));
    }
}
