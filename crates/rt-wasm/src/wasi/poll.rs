//! poll_oneoff: descriptors and clocks.

use super::{WasiCall, process};
use crate::call::Wait;
use crate::memory::Record;
use agentos_abi::ioctl::{Ioctl, IoctlReply};
use agentos_abi::poll::PollFd;
use agentos_abi::{Errno, Events, Result, Timespec};
use std::time::{Duration, Instant};

/// Subscriptions of one call. EINVAL beyond.
const MAX_SUBSCRIPTIONS: u32 = 4096;
/// Bytes of a subscription and of an event.
const SUBSCRIPTION: usize = 48;
const EVENT: usize = 32;

enum What {
    /// A clock, until this long after the first attempt.
    Clock(Duration),
    /// Entry of the poll list.
    Fd(usize),
}

struct Subscription {
    userdata: u64,
    kind: u8,
    what: What,
}

pub(super) fn poll_oneoff(call: &mut WasiCall<'_>) -> Result<i32> {
    let (at, out, n) = (call.word(0), call.word(1), call.word(2));
    if n == 0 || n > MAX_SUBSCRIPTIONS {
        return Err(Errno::EINVAL);
    }
    call.mem.slice_mut(out, n as usize * EVENT)?;
    let (subscriptions, mut fds) = decode(call, at, n)?;
    let first_clock = subscriptions.iter().filter_map(|s| if let What::Clock(after) = s.what { Some(after) } else { None }).min();
    if let Some(after) = first_clock {
        call.deadline_after(after);
    }
    call.task.poll(&mut fds)?;
    let expired = first_clock.filter(|_| call.state.deadline.is_some_and(|at| at <= Instant::now()));
    let mut events = Record::default();
    for subscription in &subscriptions {
        events = match &subscription.what {
            What::Clock(after) if expired.is_some_and(|first| *after <= first) => event(events, subscription, 0, 0, false),
            What::Clock(_) => events,
            What::Fd(index) => fd_event(call, events, subscription, &fds[*index]),
        };
    }
    if events.0.is_empty() {
        if let Some(end) = call.state.end {
            return Err(end);
        }
        call.state.sees_end = true;
        call.waits_for(Wait::Poll(fds));
        return Err(Errno::EWAIT);
    }
    call.mem.put(out, &events.0)?;
    call.put_word(3, (events.0.len() / EVENT) as u32)
}

fn decode(call: &WasiCall<'_>, at: u32, n: u32) -> Result<(Vec<Subscription>, Vec<PollFd>)> {
    let (mut all, mut fds) = (Vec::new(), Vec::new());
    for raw in call.mem.slice(at, n as usize * SUBSCRIPTION)?.chunks_exact(SUBSCRIPTION) {
        let long = |n: usize| u64::from_le_bytes([raw[n], raw[n + 1], raw[n + 2], raw[n + 3], raw[n + 4], raw[n + 5], raw[n + 6], raw[n + 7]]);
        let word = |n: usize| long(n) as u32;
        let kind = raw[8];
        let what = match kind {
            0 => What::Clock(duration(call, word(16), long(24), raw[40] & 1 != 0)?),
            1 | 2 => {
                let events = if kind == 1 { Events::READ } else { Events::WRITE };
                fds.push(PollFd { fd: word(16) as i32, events, revents: Events::empty() });
                What::Fd(fds.len() - 1)
            }
            _ => return Err(Errno::EINVAL),
        };
        all.push(Subscription { userdata: long(0), kind, what });
    }
    Ok((all, fds))
}

/// How long until a clock shows `timeout`, or for how long.
fn duration(call: &WasiCall<'_>, id: u32, timeout: u64, absolute: bool) -> Result<Duration> {
    let clock = process::clock(id)?;
    if !absolute {
        return Ok(Duration::from_nanos(timeout));
    }
    Ok(call.task.clock_instant(clock, Timespec::from_nanos(timeout.into())).saturating_duration_since(Instant::now()))
}

/// Appends the event of a descriptor that is ready or bad.
fn fd_event(call: &WasiCall<'_>, events: Record, subscription: &Subscription, fd: &PollFd) -> Record {
    const BADF: u16 = 8;
    if fd.revents.is_empty() {
        return events;
    }
    if fd.revents.contains(Events::NVAL) {
        return event(events, subscription, BADF, 0, false);
    }
    let bytes = match call.task.ioctl(fd.fd, Ioctl::InputQueue) {
        Ok(IoctlReply::Int(n)) if subscription.kind == 1 => u64::try_from(n).unwrap_or(0),
        _ => 0,
    };
    event(events, subscription, 0, bytes, fd.revents.contains(Events::HUP))
}

fn event(events: Record, subscription: &Subscription, error: u16, bytes: u64, hang_up: bool) -> Record {
    let end = events.0.len() + EVENT;
    events.u64(subscription.userdata).u16(error).bytes(&[subscription.kind, 0, 0, 0, 0, 0]).u64(bytes).u16(hang_up.into()).pad_to(end)
}
