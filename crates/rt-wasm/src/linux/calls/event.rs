//! Waiting for descriptors: poll(2), select(2), epoll(7), eventfd(2), futex(2).

use crate::call::{Call, Wait, count};
use crate::memory::Record;
use agentos_abi::poll::PollFd;
use agentos_abi::{Errno, Events, OpenFlags, Result, SigSet};
use agentos_syscall::EpollOp;

/// Entries of one poll(2) and highest descriptor of one select(2).
const MAX_POLL: u32 = 65_536;
/// Events of one epoll_wait(2) that are answered at once.
const MAX_EPOLL_EVENTS: usize = 1024;

/// eventfd2(2).
pub(crate) fn eventfd2(call: &mut Call<'_>) -> Result<i32> {
    const EFD_SEMAPHORE: u32 = 1;
    let semaphore = call.args[1] & EFD_SEMAPHORE != 0;
    call.args[1] &= !EFD_SEMAPHORE;
    let flags = call.open_flags(1, OpenFlags::CLOEXEC | OpenFlags::NONBLOCK)?;
    call.task.eventfd(call.args[0].into(), semaphore, flags)
}

/// epoll_create1(2).
pub(crate) fn epoll_create1(call: &mut Call<'_>) -> Result<i32> {
    let flags = call.open_flags(0, OpenFlags::CLOEXEC)?;
    call.task.epoll_create(flags.contains(OpenFlags::CLOEXEC))
}

/// Bytes of `struct epoll_event`: the mask, padding, 64 bits of data.
const EPOLL_EVENT: u32 = 16;
/// Bits of an epoll mask that are flags, not events: ET, ONESHOT, WAKEUP, EXCLUSIVE.
const EPOLL_FLAGS: u32 = 0xf << 28;

/// epoll_ctl(2).
pub(crate) fn epoll_ctl(call: &mut Call<'_>) -> Result<i32> {
    let event = |call: &Call<'_>| -> Result<(Events, u32, u64)> {
        let mask = call.mem.u32(call.args[3])?;
        let data = call.mem.u64(call.args[3].checked_add(8).ok_or(Errno::EFAULT)?)?;
        Ok((Events::from_bits_truncate(mask & !EPOLL_FLAGS), mask & EPOLL_FLAGS, data))
    };
    let op = match call.args[1] {
        1 => event(call).map(|(events, flags, data)| EpollOp::Add { events, flags, data })?,
        2 => EpollOp::Delete,
        3 => event(call).map(|(events, flags, data)| EpollOp::Modify { events, flags, data })?,
        _ => return Err(Errno::EINVAL),
    };
    call.task.epoll_ctl(call.int(0), op, call.int(2))?;
    Ok(0)
}

/// epoll_pwait(2); the time-out is in milliseconds, negative for none.
pub(crate) fn epoll_pwait(call: &mut Call<'_>) -> Result<i32> {
    let (epfd, at, timeout_ms) = (call.int(0), call.args[1], call.int(3));
    let max = usize::try_from(call.int(2)).ok().filter(|max| *max > 0).ok_or(Errno::EINVAL)?.min(MAX_EPOLL_EVENTS);
    call.mem.slice_mut(at, max * EPOLL_EVENT as usize)?;
    let mask = mask_at(call, call.args[4], call.args[5])?;
    begin_mask(call, mask);
    if let Ok(ms) = u64::try_from(timeout_ms) {
        call.deadline_after(std::time::Duration::from_millis(ms));
    }
    let mut ready = vec![(Events::empty(), 0); max];
    let result = match (call.state.end, call.task.epoll_wait(epfd, &mut ready)) {
        (_, Ok(n)) => {
            let mut record = Record::with_size(n * EPOLL_EVENT as usize);
            for (events, data) in &ready[..n.min(max)] {
                record = record.u32(events.bits()).u32(0).u64(*data);
            }
            call.mem.put(at, &record.0)?;
            count(n)
        }
        (Some(end), Err(Errno::EWAIT)) => ended(end),
        (None, Err(Errno::EWAIT)) if timeout_ms == 0 => Ok(0),
        (_, Err(errno)) => Err(errno),
    };
    call.waits_for(Wait::Fd(epfd, Events::IN));
    end_mask(call, mask, result)
}

/// ppoll(2).
pub(crate) fn ppoll_time64(call: &mut Call<'_>) -> Result<i32> {
    poll(call, true)
}

/// ppoll(2) with 32-bit times.
pub(crate) fn ppoll(call: &mut Call<'_>) -> Result<i32> {
    poll(call, false)
}

/// `struct pollfd`: descriptor, 16 bits of events, 16 bits of answer.
fn poll(call: &mut Call<'_>, wide: bool) -> Result<i32> {
    let (at, n) = (call.args[0], call.args[1]);
    if n > MAX_POLL {
        return Err(Errno::EINVAL);
    }
    let mask = mask_at(call, call.args[3], call.args[4])?;
    let raw = call.mem.slice(at, n as usize * 8)?;
    let mut fds: Vec<PollFd> = raw
        .chunks_exact(8)
        .map(|e| PollFd {
            fd: i32::from_le_bytes([e[0], e[1], e[2], e[3]]),
            events: Events::from_bits_truncate(u16::from_le_bytes([e[4], e[5]]).into()),
            revents: Events::empty(),
        })
        .collect();
    let zero = timeout(call, call.args[2], wide)?;
    begin_mask(call, mask);
    let result = call.task.poll(&mut fds).and_then(|ready| {
        for (entry, fd) in call.mem.slice_mut(at, n as usize * 8)?.chunks_exact_mut(8).zip(&fds) {
            entry[6..8].copy_from_slice(&(fd.revents.bits() as u16).to_le_bytes());
        }
        verdict(call, ready, zero, fds)
    });
    end_mask(call, mask, result)
}

/// pselect6(2).
pub(crate) fn pselect6_time64(call: &mut Call<'_>) -> Result<i32> {
    select(call, true)
}

/// pselect6(2) with 32-bit times.
pub(crate) fn pselect6(call: &mut Call<'_>) -> Result<i32> {
    select(call, false)
}

/// What select(2) asks for and how poll(2) says it, set by set.
const SETS: [(Events, Events); 3] =
    [(Events::IN, Events::READ.union(Events::HUP).union(Events::ERR)), (Events::OUT, Events::WRITE.union(Events::ERR)), (Events::PRI, Events::PRI)];

fn select(call: &mut Call<'_>, wide: bool) -> Result<i32> {
    let n = call.args[0];
    if n > MAX_POLL {
        return Err(Errno::EINVAL);
    }
    // The mask comes as a pointer to a pointer and a size.
    let mask = match call.args[5] {
        0 => None,
        at => mask_at(call, call.mem.u32(at)?, call.mem.u32(at.checked_add(4).ok_or(Errno::EFAULT)?)?)?,
    };
    let bytes = n.div_ceil(32) as usize * 4;
    let mut sets: [Vec<u8>; 3] = Default::default();
    for (set, at) in sets.iter_mut().zip(&call.args[1..4]) {
        *set = if *at == 0 { vec![0; bytes] } else { call.mem.slice(*at, bytes)?.to_vec() };
    }
    let mut fds = Vec::new();
    for fd in 0..n as usize {
        let asked = |set: &[u8]| set[fd / 8] & 1 << (fd % 8) != 0;
        let events = SETS.iter().zip(&sets).filter(|(_, set)| asked(set)).fold(Events::empty(), |all, ((events, _), _)| all | *events);
        if !events.is_empty() {
            fds.push(PollFd { fd: fd as i32, events, revents: Events::empty() });
        }
    }
    let zero = timeout(call, call.args[4], wide)?;
    begin_mask(call, mask);
    let result = call.task.poll(&mut fds).and_then(|_| {
        let ready = select_answer(&fds, &mut sets)?;
        let answer = verdict(call, ready, zero, fds)?;
        for (set, at) in sets.iter().zip([call.args[1], call.args[2], call.args[3]]) {
            if at != 0 {
                call.mem.put(at, set)?;
            }
        }
        Ok(answer)
    });
    end_mask(call, mask, result)
}

/// Turns poll's answers into sets; counts the bits. EBADF for a descriptor that is not open.
fn select_answer(fds: &[PollFd], sets: &mut [Vec<u8>; 3]) -> Result<usize> {
    sets.iter_mut().for_each(|set| set.fill(0));
    let mut bits = 0;
    for entry in fds {
        if entry.revents.contains(Events::NVAL) {
            return Err(Errno::EBADF);
        }
        let fd = entry.fd as usize;
        for ((asked, answers), set) in SETS.iter().zip(sets.iter_mut()) {
            if entry.events.intersects(*asked) && entry.revents.intersects(*answers) {
                set[fd / 8] |= 1 << (fd % 8);
                bits += 1;
            }
        }
    }
    Ok(bits)
}

/// Reads the time-out at `at`, sets the deadline, and says whether it is zero.
fn timeout(call: &mut Call<'_>, at: u32, wide: bool) -> Result<bool> {
    if at == 0 {
        return Ok(false);
    }
    let time = call.timespec(at, wide)?.as_duration();
    call.deadline_after(time);
    Ok(time.is_zero())
}

/// What an attempt of poll or select comes to.
fn verdict(call: &mut Call<'_>, ready: usize, no_wait: bool, fds: Vec<PollFd>) -> Result<i32> {
    match call.state.end {
        _ if ready > 0 || no_wait => count(ready),
        Some(end) => ended(end),
        None => {
            call.waits_for(Wait::Poll(fds));
            Err(Errno::EWAIT)
        }
    }
}

/// These calls are never restarted after a handler.
fn ended(end: Errno) -> Result<i32> {
    if end == Errno::ETIMEDOUT { Ok(0) } else { Err(Errno::EINTR) }
}

fn mask_at(call: &Call<'_>, at: u32, size: u32) -> Result<Option<SigSet>> {
    if at == 0 { Ok(None) } else { call.sigset(at, size).map(Some) }
}

/// At the first attempt, puts the call's signal mask in force.
fn begin_mask(call: &mut Call<'_>, mask: Option<SigSet>) {
    call.state.sees_end = true;
    if let (Some(mask), true) = (mask, call.state.first) {
        call.task.set_temporary_mask(mask);
    }
}

/// At the end of the call, restores the mask, unless a signal is about to be taken, which restores it itself.
fn end_mask(call: &mut Call<'_>, mask: Option<SigSet>, result: Result<i32>) -> Result<i32> {
    if mask.is_some() && !matches!(result, Err(Errno::EWAIT | Errno::EINTR)) {
        call.task.restore_mask();
    }
    result
}

/// futex(2) with 64-bit times.
pub(crate) fn futex_time64(call: &mut Call<'_>) -> Result<i32> {
    futex_op(call, true)
}

/// futex(2) with 32-bit times.
pub(crate) fn futex(call: &mut Call<'_>) -> Result<i32> {
    futex_op(call, false)
}

/// A process has one thread, so nobody can wake a waiter but a signal or the clock.
fn futex_op(call: &mut Call<'_>, wide: bool) -> Result<i32> {
    const FUTEX_WAIT: u32 = 0;
    const FUTEX_WAKE: u32 = 1;
    match call.args[1] & 0x7f {
        FUTEX_WAKE => Ok(0),
        FUTEX_WAIT => {
            if let Some(end) = call.state.end {
                return Err(end);
            }
            if call.mem.u32(call.args[0])? != call.args[2] {
                return Err(Errno::EAGAIN);
            }
            timeout(call, call.args[3], wide)?;
            call.waits_for(Wait::Signal);
            Err(Errno::EWAIT)
        }
        _ => Err(Errno::ENOSYS),
    }
}
