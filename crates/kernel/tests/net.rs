//! Sockets as a process sees them: descriptors, modes, signals, names in the file tree.

mod support;

use agentos_abi::fcntl::{AT_FDCWD, Fcntl};
use agentos_abi::socket::{Family, Shutdown, SockAddr, SockOpt, SocketType};
use agentos_abi::{Errno, Events, FileType, OpenFlags, Signal};
use agentos_syscall::{WaitOn, block_on, blocking};
use support::*;

const NOTHING: OpenFlags = OpenFlags::empty();

fn inet(text: &str) -> SockAddr {
    SockAddr::Inet(text.parse().unwrap())
}

fn unix(path: &str) -> SockAddr {
    SockAddr::Unix(path.as_bytes().to_vec())
}

fn stream(task: &Handle, family: Family) -> i32 {
    task.socket(family, SocketType::Stream, 0, NOTHING).unwrap()
}

fn get(task: &Handle, fd: i32) -> agentos_abi::Result<Vec<u8>> {
    let mut buf = [0; 64];
    let len = block_on(blocking(&**task, WaitOn::Fd(fd, Events::IN), None, || task.read(fd, &mut buf)))?;
    Ok(buf[..len].to_vec())
}

#[test]
fn two_processes_talk_over_loopback() {
    let machine = Machine::new();
    let (server, client) = (machine.process(), machine.process());
    let listener = stream(&server, Family::Inet);
    server.bind(listener, &inet("127.0.0.1:8080")).unwrap();
    server.listen(listener, 1).unwrap();
    let serving = std::thread::spawn(move || {
        let (peer, from) = block_on(blocking(&*server, WaitOn::Fd(listener, Events::IN), None, || server.accept(listener, NOTHING))).unwrap();
        let request = get(&server, peer).unwrap();
        server.write(peer, &[b"echo ", &request[..]].concat()).unwrap();
        (server.getpeername(peer).unwrap() == from, server)
    });
    let fd = stream(&client, Family::Inet);
    client.connect(fd, &inet("127.0.0.1:8080")).unwrap();
    client.write(fd, b"hello").unwrap();
    assert_eq!(get(&client, fd), Ok(b"echo hello".to_vec()));
    assert!(serving.join().unwrap().0);
}

#[test]
fn calls_on_what_is_no_socket_are_refused() {
    let machine = Machine::new();
    let task = machine.process();
    let (reader, _) = task.pipe2(NOTHING).unwrap();
    assert_eq!([task.listen(reader, 1), task.getpeername(reader).map(drop), task.shutdown(reader, Shutdown::Both)], [Err(Errno::ENOTSOCK); 3]);
    assert_eq!(task.getsockname(99), Err(Errno::EBADF));
    assert_eq!(task.socket(Family::Inet, SocketType::Stream, 0, OpenFlags::APPEND), Err(Errno::EINVAL));
}

#[test]
fn flags_of_a_socket_are_those_of_its_descriptor() {
    let machine = Machine::new();
    let task = machine.process();
    let fd = task.socket(Family::Inet, SocketType::Stream, 0, OpenFlags::NONBLOCK | OpenFlags::CLOEXEC).unwrap();
    assert_eq!((task.fcntl(fd, Fcntl::GetFl), task.fcntl(fd, Fcntl::GetFd)), (Ok(0o4002), Ok(1)));
    assert_eq!(task.fstat(fd).unwrap().file_type, FileType::Socket);
    assert_eq!(task.lseek(fd, 0, 1), Err(Errno::ESPIPE));
    task.bind(fd, &inet("127.0.0.1:9000")).unwrap();
    task.listen(fd, 0).unwrap();
    assert_eq!(task.accept(fd, NOTHING), Err(Errno::EAGAIN));
    let clients: Vec<i32> = (0..2).map(|_| task.socket(Family::Inet, SocketType::Stream, 0, OpenFlags::NONBLOCK).unwrap()).collect();
    let answers: Vec<_> = [0, 1, 1].iter().map(|&at: &usize| task.connect(clients[at], &inet("127.0.0.1:9000"))).collect();
    assert_eq!(answers, [Ok(()), Err(Errno::EINPROGRESS), Err(Errno::EALREADY)]);
    task.accept(fd, NOTHING).unwrap();
    assert_eq!(task.getsockopt(clients[1], SockOpt::Error), Ok(0));
    assert_eq!(task.connect(clients[1], &inet("127.0.0.1:9000")), Ok(()));
}

#[test]
fn a_broken_stream_raises_sigpipe_unless_told_otherwise() {
    let machine = Machine::new();
    let task = machine.process();
    let (one, two) = task.socketpair(SocketType::Stream, NOTHING).unwrap();
    task.close(two).unwrap();
    task.sigprocmask(Some((agentos_abi::signal::SigHow::Block, agentos_abi::SigSet::default().with(Signal::SIGPIPE))));
    assert_eq!(task.sendmsg(one, b"x", None, &[], false, true), Err(Errno::EPIPE));
    assert!(!task.sigpending().contains(Signal::SIGPIPE));
    assert_eq!(task.sendmsg(one, b"x", None, &[], false, false), Err(Errno::EPIPE));
    assert!(task.sigpending().contains(Signal::SIGPIPE));
}

#[test]
fn a_path_is_a_socket_inode_under_the_umask() {
    let machine = Machine::new();
    let task = machine.process();
    task.umask(0o027);
    let listener = stream(&task, Family::Unix);
    task.bind(listener, &unix("/tmp/sock")).unwrap();
    assert_eq!(task.fstatat(AT_FDCWD, b"/tmp/sock", agentos_abi::AtFlags::empty()).unwrap().st_mode(), 0o140750);
    assert_eq!(task.getsockname(listener), Ok(unix("/tmp/sock")));
    assert_eq!(task.openat(AT_FDCWD, b"/tmp/sock", NOTHING, 0), Err(Errno::ENXIO));
    assert_eq!(task.bind(listener, &unix("/tmp/other")), Err(Errno::EINVAL));
    assert_eq!(task.fstatat(AT_FDCWD, b"/tmp/other", agentos_abi::AtFlags::empty()).map(drop), Err(Errno::ENOENT));
    let second = stream(&task, Family::Unix);
    assert_eq!(task.bind(second, &unix("/tmp/sock")), Err(Errno::EADDRINUSE));
    assert_eq!(task.bind(second, &SockAddr::Unix(vec![b'x'; 109])), Err(Errno::EINVAL));

    let client = stream(&task, Family::Unix);
    assert_eq!(task.connect(client, &unix("/tmp/sock")), Err(Errno::ECONNREFUSED));
    assert_eq!(task.connect(client, &unix("/tmp/none")), Err(Errno::ENOENT));
    machine.file("/tmp/file", b"", 0o666);
    assert_eq!(task.connect(client, &unix("/tmp/file")), Err(Errno::ECONNREFUSED));
    task.listen(listener, 1).unwrap();
    let stranger = machine.process();
    stranger.setresgid(Some(1000), Some(1000), Some(1000)).unwrap();
    stranger.setresuid(Some(1000), Some(1000), Some(1000)).unwrap();
    let other = stream(&stranger, Family::Unix);
    assert_eq!(stranger.connect(other, &unix("/tmp/sock")), Err(Errno::EACCES));
    task.connect(client, &unix("/tmp/sock")).unwrap();
    let (accepted, from) = task.accept(listener, NOTHING).unwrap();
    assert_eq!((from, task.getpeername(client)), (unix(""), Ok(unix("/tmp/sock"))));
    task.write(accepted, b"hi").unwrap();
    assert_eq!(get(&task, client), Ok(b"hi".to_vec()));
    // The name outlives the socket, and leads nowhere.
    task.close(listener).unwrap();
    assert_eq!(task.connect(second, &unix("/tmp/sock")), Err(Errno::ECONNREFUSED));
}

#[test]
fn an_open_file_travels_to_another_process() {
    let machine = Machine::new();
    let sender = machine.process();
    let (here, there) = sender.socketpair(SocketType::Stream, NOTHING).unwrap();
    let receiver = sender.fork().unwrap();
    let (reader, writer) = sender.pipe2(NOTHING).unwrap();
    assert_eq!(sender.sendmsg(here, b"take it", None, &[reader, 99], false, true), Err(Errno::EBADF));
    sender.sendmsg(here, b"take it", None, &[reader], false, true).unwrap();
    sender.close(reader).unwrap();
    let mut buf = [0; 16];
    let received = receiver.recvmsg(there, &mut buf, false, false).unwrap();
    assert_eq!((received.len, received.fds.len()), (7, 1));
    sender.write(writer, b"through").unwrap();
    assert_eq!(get(&receiver, received.fds[0]), Ok(b"through".to_vec()));
    // It was the last reader.
    receiver.close(received.fds[0]).unwrap();
    assert_eq!(sender.poll(&mut [agentos_abi::poll::PollFd { fd: writer, events: Events::OUT, revents: Events::empty() }]), Ok(1));
    assert_eq!(sender.recvmsg(here, &mut buf, false, true), Err(Errno::EAGAIN));
}

#[test]
fn only_the_super_user_takes_low_ports() {
    let machine = Machine::new();
    let task = machine.process();
    task.setresuid(Some(1000), Some(1000), Some(1000)).unwrap();
    let fd = stream(&task, Family::Inet);
    assert_eq!((task.bind(fd, &inet("127.0.0.1:80")), task.bind(fd, &inet("127.0.0.1:8080"))), (Err(Errno::EACCES), Ok(())));
    let root = stream(&machine.init, Family::Inet);
    assert_eq!(machine.init.bind(root, &inet("127.0.0.1:80")), Ok(()));
    assert_eq!(task.bind(fd, &unix("/tmp/x")), Err(Errno::EAFNOSUPPORT));
}

#[test]
fn names_come_from_etc_hosts_first_and_everything_else_is_denied() {
    let machine = Machine::new();
    let task = machine.process();
    assert_eq!(task.resolve("localhost").unwrap().addresses[0].to_string(), "127.0.0.1");
    machine.init.mkdirat(AT_FDCWD, b"/etc", 0o755).unwrap();
    machine.file("/etc/hosts", b"10.9.8.7 inner\n", 0o644);
    assert_eq!(task.resolve("inner").unwrap().addresses[0].to_string(), "10.9.8.7");
    assert_eq!(task.resolve("example.com").map(drop), Err(Errno::EACCES));
    let fd = stream(&task, Family::Inet);
    assert_eq!(task.connect(fd, &inet("10.9.8.7:80")), Err(Errno::EACCES));
}
