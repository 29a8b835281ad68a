//! What is waited for like a file: timerfd_create(2), signalfd(2); and the POSIX timers of timer_create(2).

use crate::call::Call;
use agentos_abi::time::Itimer;
use agentos_abi::{ClockId, Errno, OpenFlags, Result, Signal};
use std::time::{Duration, Instant};

fn clock(raw: u32) -> Result<ClockId> {
    ClockId::from_raw(raw as i32).ok_or(Errno::EINVAL)
}

/// A `struct itimerspec` at `at`: interval, then value. An absolute value becomes one from now on.
fn itimerspec(call: &Call<'_>, at: u32, wide: bool, absolute: Option<ClockId>) -> Result<Itimer> {
    let interval = call.timespec(at, wide)?.as_duration();
    let time = call.timespec(second(at, wide)?, wide)?;
    let mut value = time.as_duration();
    if let Some(clock) = absolute.filter(|_| !value.is_zero()) {
        // A time that has passed fires at once; zero would disarm.
        value = call.task.clock_instant(clock, time).saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
    }
    Ok(Itimer { value, interval })
}

/// Where the second of two timespecs begins.
fn second(at: u32, wide: bool) -> Result<u32> {
    at.checked_add(if wide { 16 } else { 8 }).ok_or(Errno::EFAULT)
}

fn put_itimerspec(call: &mut Call<'_>, at: u32, timer: &Itimer, wide: bool) -> Result<()> {
    call.put_timespec(at, timer.interval.into(), wide)?;
    call.put_timespec(second(at, wide)?, timer.value.into(), wide)
}

/// timerfd_create(2).
pub(crate) fn timerfd_create(call: &mut Call<'_>) -> Result<i32> {
    let clock = clock(call.args[0])?;
    let flags = call.open_flags(1, OpenFlags::CLOEXEC | OpenFlags::NONBLOCK)?;
    call.task.timerfd_create(clock, flags)
}

/// timerfd_settime(2).
pub(crate) fn timerfd_settime64(call: &mut Call<'_>) -> Result<i32> {
    timerfd_settime(call, true)
}

/// timerfd_settime(2) with 32-bit times.
pub(crate) fn timerfd_settime_time32(call: &mut Call<'_>) -> Result<i32> {
    timerfd_settime(call, false)
}

fn timerfd_settime(call: &mut Call<'_>, wide: bool) -> Result<i32> {
    const ABSTIME: u32 = 1;
    const CANCEL_ON_SET: u32 = 2;
    let (fd, flags) = (call.int(0), call.args[1]);
    if flags & !(ABSTIME | CANCEL_ON_SET) != 0 {
        return Err(Errno::EINVAL);
    }
    let clock = call.task.timerfd_clock(fd)?;
    let new = itimerspec(call, call.args[2], wide, (flags & ABSTIME != 0).then_some(clock))?;
    let old = call.task.timerfd_settime(fd, Some(new))?;
    if call.args[3] != 0 {
        put_itimerspec(call, call.args[3], &old, wide)?;
    }
    Ok(0)
}

/// timerfd_gettime(2).
pub(crate) fn timerfd_gettime64(call: &mut Call<'_>) -> Result<i32> {
    let timer = call.task.timerfd_settime(call.int(0), None)?;
    put_itimerspec(call, call.args[1], &timer, true)?;
    Ok(0)
}

/// timerfd_gettime(2) with 32-bit times.
pub(crate) fn timerfd_gettime_time32(call: &mut Call<'_>) -> Result<i32> {
    let timer = call.task.timerfd_settime(call.int(0), None)?;
    put_itimerspec(call, call.args[1], &timer, false)?;
    Ok(0)
}

/// signalfd4(2): descriptor or -1, set, size of the set, flags.
pub(crate) fn signalfd4(call: &mut Call<'_>) -> Result<i32> {
    let mask = call.sigset(call.args[1], call.args[2])?;
    let flags = call.open_flags(3, OpenFlags::CLOEXEC | OpenFlags::NONBLOCK)?;
    call.task.signalfd(call.int(0), mask, flags)
}

/// timer_create(2): SIGEV_SIGNAL and SIGEV_NONE; ENOTSUP for threads.
pub(crate) fn timer_create(call: &mut Call<'_>) -> Result<i32> {
    const SIGEV_SIGNAL: u32 = 0;
    const SIGEV_NONE: u32 = 1;
    let clock = clock(call.args[0])?;
    call.mem.slice_mut(call.args[2], 4)?;
    let (notify, own_value) = match call.args[1] {
        0 => (Some((Signal::SIGALRM, 0)), false),
        at => {
            // `struct sigevent`: value, signal, notification.
            let raw = call.mem.array::<12>(at)?;
            let word = |n: usize| u32::from_le_bytes([raw[n], raw[n + 1], raw[n + 2], raw[n + 3]]);
            match word(8) {
                SIGEV_SIGNAL => (Some((Signal::new(word(4) as i32).ok_or(Errno::EINVAL)?, word(0) as i32)), true),
                SIGEV_NONE => (None, true),
                _ => return Err(Errno::ENOTSUP),
            }
        }
    };
    let id = call.task.timer_create(clock, notify)?;
    if !own_value && id != 0 {
        // Without a sigevent the value is the timer's number.
        call.task.timer_delete(id)?;
        let again = call.task.timer_create(clock, Some((Signal::SIGALRM, id)))?;
        call.mem.put(call.args[2], &again.to_le_bytes())?;
        return Ok(0);
    }
    call.mem.put(call.args[2], &id.to_le_bytes())?;
    Ok(0)
}

/// timer_settime(2).
pub(crate) fn timer_settime64(call: &mut Call<'_>) -> Result<i32> {
    timer_settime(call, true)
}

/// timer_settime(2) with 32-bit times.
pub(crate) fn timer_settime_time32(call: &mut Call<'_>) -> Result<i32> {
    timer_settime(call, false)
}

fn timer_settime(call: &mut Call<'_>, wide: bool) -> Result<i32> {
    const TIMER_ABSTIME: u32 = 1;
    let id = call.int(0);
    let clock = call.task.timer_clock(id)?;
    let new = itimerspec(call, call.args[2], wide, (call.args[1] & TIMER_ABSTIME != 0).then_some(clock))?;
    let old = call.task.timer_settime(id, Some(new))?;
    if call.args[3] != 0 {
        put_itimerspec(call, call.args[3], &old, wide)?;
    }
    Ok(0)
}

/// timer_gettime(2).
pub(crate) fn timer_gettime64(call: &mut Call<'_>) -> Result<i32> {
    let value = call.task.timer_settime(call.int(0), None)?;
    put_itimerspec(call, call.args[1], &value, true)?;
    Ok(0)
}

/// timer_gettime(2) with 32-bit times.
pub(crate) fn timer_gettime_time32(call: &mut Call<'_>) -> Result<i32> {
    let value = call.task.timer_settime(call.int(0), None)?;
    put_itimerspec(call, call.args[1], &value, false)?;
    Ok(0)
}

/// timer_getoverrun(2).
pub(crate) fn timer_getoverrun(call: &mut Call<'_>) -> Result<i32> {
    call.task.timer_getoverrun(call.int(0))
}

/// timer_delete(2).
pub(crate) fn timer_delete(call: &mut Call<'_>) -> Result<i32> {
    call.task.timer_delete(call.int(0)).map(|()| 0)
}
