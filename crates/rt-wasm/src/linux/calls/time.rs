//! Clocks, sleeping and interval timers.

use crate::call::{Call, Wait};
use crate::memory::Record;
use agentos_abi::time::{Itimer, ItimerKind};
use agentos_abi::{ClockId, Errno, Result, Timespec};
use std::time::{Duration, Instant};

fn clock(call: &Call<'_>) -> Result<ClockId> {
    ClockId::from_raw(call.int(0)).ok_or(Errno::EINVAL)
}

/// clock_gettime(2).
pub(crate) fn clock_gettime64(call: &mut Call<'_>) -> Result<i32> {
    let now = call.task.clock_gettime(clock(call)?);
    call.put_timespec(call.args[1], now, true)?;
    Ok(0)
}

/// clock_gettime(2) with 32-bit times.
pub(crate) fn clock_gettime_time32(call: &mut Call<'_>) -> Result<i32> {
    let now = call.task.clock_gettime(clock(call)?);
    call.put_timespec(call.args[1], now, false)?;
    Ok(0)
}

/// clock_getres(2): a nanosecond, as high-resolution timers have.
pub(crate) fn clock_getres_time64(call: &mut Call<'_>) -> Result<i32> {
    resolution(call, true)
}

/// clock_getres(2) with 32-bit times.
pub(crate) fn clock_getres_time32(call: &mut Call<'_>) -> Result<i32> {
    resolution(call, false)
}

fn resolution(call: &mut Call<'_>, wide: bool) -> Result<i32> {
    clock(call)?;
    if call.args[1] != 0 {
        call.put_timespec(call.args[1], Timespec { sec: 0, nsec: 1 }, wide)?;
    }
    Ok(0)
}

/// gettimeofday(2) with 32-bit times.
pub(crate) fn gettimeofday_time32(call: &mut Call<'_>) -> Result<i32> {
    let now = call.task.clock_gettime(ClockId::Realtime);
    if call.args[0] != 0 {
        call.mem.put(call.args[0], &Record::default().u32(now.sec as u32).u32(now.nsec / 1000).0)?;
    }
    Ok(0)
}

/// nanosleep(2), which has 32-bit times only.
pub(crate) fn nanosleep(call: &mut Call<'_>) -> Result<i32> {
    let time = call.timespec32(call.args[0])?;
    call.deadline_after(time.as_duration());
    sleep(call, Some(call.args[1]), false)
}

/// clock_nanosleep(2).
pub(crate) fn clock_nanosleep_time64(call: &mut Call<'_>) -> Result<i32> {
    clock_nanosleep(call, true)
}

/// clock_nanosleep(2) with 32-bit times.
pub(crate) fn clock_nanosleep_time32(call: &mut Call<'_>) -> Result<i32> {
    clock_nanosleep(call, false)
}

fn clock_nanosleep(call: &mut Call<'_>, wide: bool) -> Result<i32> {
    const TIMER_ABSTIME: u32 = 1;
    let clock = clock(call)?;
    let time = call.timespec(call.args[2], wide)?;
    if call.args[1] & TIMER_ABSTIME == 0 {
        call.deadline_after(time.as_duration());
        return sleep(call, Some(call.args[3]), wide);
    }
    if call.state.first {
        call.state.deadline = Some(call.task.clock_instant(clock, time));
    }
    sleep(call, None, wide)
}

/// Sleeps until the deadline. Interrupted, it stores what is left at `remaining` (unless null) and answers EINTR.
fn sleep(call: &mut Call<'_>, remaining: Option<u32>, wide: bool) -> Result<i32> {
    let now = Instant::now();
    match call.state.end {
        None if call.state.deadline.is_some_and(|at| at <= now) => Ok(0),
        None => {
            call.state.sees_end = true;
            call.waits_for(Wait::Signal);
            Err(Errno::EWAIT)
        }
        Some(Errno::ETIMEDOUT) => Ok(0),
        Some(_) => {
            if let (Some(at @ 1..), Some(deadline)) = (remaining, call.state.deadline) {
                call.put_timespec(at, deadline.saturating_duration_since(now).into(), wide)?;
            }
            Err(Errno::EINTR)
        }
    }
}

fn which_timer(call: &Call<'_>) -> Result<ItimerKind> {
    match call.args[0] {
        0 => Ok(ItimerKind::Real),
        1 => Ok(ItimerKind::Virtual),
        2 => Ok(ItimerKind::Prof),
        _ => Err(Errno::EINVAL),
    }
}

/// Stores interval and value as four `long`s of seconds and microseconds.
fn put_itimer(call: &mut Call<'_>, at: u32, timer: &Itimer) -> Result<()> {
    let put = |record: Record, t: Duration| record.u32(t.as_secs() as u32).u32(t.subsec_micros());
    call.mem.put(at, &put(put(Record::default(), timer.interval), timer.value).0)
}

/// getitimer(2).
pub(crate) fn getitimer(call: &mut Call<'_>) -> Result<i32> {
    let timer = call.task.setitimer(which_timer(call)?, None)?;
    put_itimer(call, call.args[1], &timer)?;
    Ok(0)
}

/// setitimer(2).
pub(crate) fn setitimer(call: &mut Call<'_>) -> Result<i32> {
    let kind = which_timer(call)?;
    let new = match call.args[1] {
        0 => Itimer::default(),
        at => {
            let raw: [u8; 16] = call.mem.array(at)?;
            Itimer { interval: timeval(&raw[..8])?, value: timeval(&raw[8..])? }
        }
    };
    if call.args[2] != 0 {
        call.mem.slice_mut(call.args[2], 16)?;
    }
    let old = call.task.setitimer(kind, Some(new))?;
    if call.args[2] != 0 {
        put_itimer(call, call.args[2], &old)?;
    }
    Ok(0)
}

fn timeval(raw: &[u8]) -> Result<Duration> {
    let (sec, usec) = raw.split_at(4);
    let word = |bytes: &[u8]| bytes.try_into().map(i32::from_le_bytes).map_err(|_| Errno::EINVAL);
    match (u64::try_from(word(sec)?), u32::try_from(word(usec)?)) {
        (Ok(sec), Ok(usec)) if usec < 1_000_000 => Ok(Duration::new(sec, usec * 1000)),
        _ => Err(Errno::EINVAL),
    }
}
