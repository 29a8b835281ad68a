//! poll(2), epoll(7) and eventfd(2) through the system calls.

mod support;

use agentos_abi::fcntl::AT_FDCWD;
use agentos_abi::poll::PollFd;
use agentos_abi::{Errno, Events, Fd, OpenFlags};
use agentos_syscall::{EpollOp, WaitOn, block_on, blocking};
use support::{Handle, Machine};

const EDGE: u32 = 1 << 31;
const ONE_SHOT: u32 = 1 << 30;

fn entry(fd: Fd, events: Events) -> PollFd {
    PollFd { fd, events, revents: Events::all() }
}

fn add(task: &Handle, epoll: Fd, fd: Fd, events: Events, flags: u32) -> Result<(), Errno> {
    task.epoll_ctl(epoll, EpollOp::Add { events, flags, data: fd as u64 }, fd)
}

fn ready(task: &Handle, epoll: Fd) -> Vec<(Events, u64)> {
    let mut out = [(Events::empty(), 0); 8];
    match task.epoll_wait(epoll, &mut out) {
        Ok(count) => out[..count].to_vec(),
        Err(errno) => {
            assert_eq!(errno, Errno::EWAIT);
            Vec::new()
        }
    }
}

#[test]
fn poll_reports_what_is_asked_and_what_always_is() {
    let machine = Machine::new();
    let task = machine.process();
    let (reader, writer) = task.pipe2(OpenFlags::empty()).unwrap();
    let (_, broken) = task.pipe2(OpenFlags::empty()).unwrap();
    task.close(broken - 1).unwrap();
    let file = task.openat(AT_FDCWD, b"/tmp", OpenFlags::empty(), 0).unwrap();
    task.close(file).unwrap();
    let mut fds = [entry(reader, Events::IN), entry(writer, Events::OUT), entry(broken, Events::empty()), entry(-1, Events::IN), entry(99, Events::IN)];
    assert_eq!(task.poll(&mut fds), Ok(3));
    assert_eq!(fds.map(|f| f.revents), [Events::empty(), Events::OUT, Events::ERR, Events::empty(), Events::NVAL]);
    task.write(writer, b"x").unwrap();
    let mut fds = [entry(reader, Events::IN)];
    assert_eq!((task.poll(&mut fds), fds[0].revents), (Ok(1), Events::IN));
}

#[test]
fn a_poller_wakes_when_any_file_becomes_ready() {
    let machine = Machine::new();
    let task = machine.process();
    let (first, _w1) = task.pipe2(OpenFlags::empty()).unwrap();
    let (second, w2) = task.pipe2(OpenFlags::empty()).unwrap();
    let waiter = task.clone();
    let thread = std::thread::spawn(move || {
        let on = [entry(first, Events::IN), entry(second, Events::IN)];
        let mut fds = on;
        block_on(blocking(&*waiter, WaitOn::Poll(&on), None, || match waiter.poll(&mut fds)? {
            0 => Err(Errno::EWAIT),
            count => Ok((count, fds[1].revents)),
        }))
    });
    task.write(w2, b"x").unwrap();
    assert_eq!(thread.join().unwrap(), Ok((1, Events::IN)));
}

#[test]
fn epoll_is_level_triggered_unless_told_otherwise() {
    let machine = Machine::new();
    let task = machine.process();
    let epoll = task.epoll_create(true).unwrap();
    let (level, w1) = task.pipe2(OpenFlags::empty()).unwrap();
    let (edge, w2) = task.pipe2(OpenFlags::empty()).unwrap();
    let (once, w3) = task.pipe2(OpenFlags::empty()).unwrap();
    add(&task, epoll, level, Events::IN, 0).unwrap();
    add(&task, epoll, edge, Events::IN, EDGE).unwrap();
    add(&task, epoll, once, Events::IN, ONE_SHOT).unwrap();
    assert!(ready(&task, epoll).is_empty());
    for writer in [w1, w2, w3] {
        task.write(writer, b"ab").unwrap();
    }
    let mut fds: Vec<u64> = ready(&task, epoll).iter().map(|(_, data)| *data).collect();
    fds.sort();
    assert_eq!(fds, [level as u64, edge as u64, once as u64]);
    assert_eq!(ready(&task, epoll), [(Events::IN, level as u64)]);
    task.write(w2, b"c").unwrap();
    task.write(w3, b"c").unwrap();
    assert_eq!(ready(&task, epoll).len(), 2, "the edge is new, the one-shot is over");
    task.epoll_ctl(epoll, EpollOp::Modify { events: Events::IN, flags: ONE_SHOT, data: 77 }, once).unwrap();
    assert!(ready(&task, epoll).contains(&(Events::IN, 77)));
    task.read(level, &mut [0; 8]).unwrap();
    task.epoll_ctl(epoll, EpollOp::Delete, edge).unwrap();
    assert!(ready(&task, epoll).is_empty());
}

#[test]
fn epoll_refuses_what_it_cannot_watch() {
    let machine = Machine::new();
    let task = machine.process();
    let epoll = task.epoll_create(false).unwrap();
    let inner = task.epoll_create(false).unwrap();
    let (reader, _writer) = task.pipe2(OpenFlags::empty()).unwrap();
    let directory = task.openat(AT_FDCWD, b"/tmp", OpenFlags::empty(), 0).unwrap();
    assert_eq!(add(&task, epoll, directory, Events::IN, 0), Err(Errno::EPERM));
    assert_eq!(add(&task, epoll, epoll, Events::IN, 0), Err(Errno::EINVAL));
    assert_eq!(add(&task, reader, epoll, Events::IN, 0), Err(Errno::EINVAL));
    assert_eq!(add(&task, epoll, 99, Events::IN, 0), Err(Errno::EBADF));
    add(&task, epoll, reader, Events::IN, 0).unwrap();
    assert_eq!(add(&task, epoll, reader, Events::IN, 0), Err(Errno::EEXIST));
    assert_eq!(task.epoll_ctl(epoll, EpollOp::Delete, directory), Err(Errno::ENOENT));
    add(&task, epoll, inner, Events::IN, 0).unwrap();
    assert_eq!(add(&task, inner, epoll, Events::IN, 0), Err(Errno::ELOOP));
    assert_eq!(task.epoll_wait(epoll, &mut []), Err(Errno::EINVAL));
}

#[test]
fn a_closed_file_leaves_the_list() {
    let machine = Machine::new();
    let task = machine.process();
    let epoll = task.epoll_create(false).unwrap();
    let (reader, writer) = task.pipe2(OpenFlags::empty()).unwrap();
    add(&task, epoll, reader, Events::IN, 0).unwrap();
    task.write(writer, b"x").unwrap();
    task.close(reader).unwrap();
    assert!(ready(&task, epoll).is_empty());
}

#[test]
fn epoll_in_epoll_and_eventfd_wake_a_waiter() {
    let machine = Machine::new();
    let task = machine.process();
    let (outer, inner) = (task.epoll_create(false).unwrap(), task.epoll_create(false).unwrap());
    let event = task.eventfd(0, false, OpenFlags::NONBLOCK).unwrap();
    assert_eq!(task.read(event, &mut [0; 8]), Err(Errno::EAGAIN));
    add(&task, inner, event, Events::IN, 0).unwrap();
    add(&task, outer, inner, Events::IN, 0).unwrap();
    let waiter = task.clone();
    let thread = std::thread::spawn(move || {
        let mut out = [(Events::empty(), 0); 1];
        block_on(blocking(&*waiter, WaitOn::Fd(outer, Events::IN), None, || waiter.epoll_wait(outer, &mut out))).map(|_| out[0].1)
    });
    task.write(event, &1u64.to_ne_bytes()).unwrap();
    assert_eq!(thread.join().unwrap(), Ok(inner as u64));
}
