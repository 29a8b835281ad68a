//! A VM and real servers on the host's loopback interface. Nothing here leaves the machine.

use agentos_abi::socket::{Family, Shutdown, SockOpt, SocketType};
use agentos_abi::{Errno, Events, Result};
use agentos_net::egress::Egress;
use agentos_net::policy::{Mode, Policy, Rule};
use agentos_net::{Address, Limits, Network, NetworkConfig, Socket, VirtualNetwork};
use agentos_net_host::HostEgress;
use agentos_vfs::File;
use agentos_waiter::WaitQueue;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Wake, Waker};
use std::time::Duration;
use tokio::runtime::Runtime;

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Tries until the answer is not EWAIT, parking in between as a task would.
fn wait<T>(queue: &WaitQueue, events: Events, mut call: impl FnMut() -> Result<T>) -> Result<T> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        let _registration = queue.register(events, &waker);
        match call() {
            Err(Errno::EWAIT) => std::thread::park(),
            answer => return answer,
        }
    }
}

/// Waits until poll(2) shows all of `events`.
fn wait_ready(socket: &Socket, events: Events) -> Events {
    let ready = || if File::poll(socket).contains(events) { Ok(File::poll(socket)) } else { Err(Errno::EWAIT) };
    wait(socket.wait_queue().unwrap(), events, ready).unwrap() - Events::RDNORM - Events::WRNORM
}

struct Vm {
    network: Arc<VirtualNetwork>,
    _runtime: Runtime,
}

fn vm(patterns: &[&str], change: impl FnOnce(&mut NetworkConfig)) -> Vm {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let policy = Policy::new(Mode::Deny, vec![Rule::parse(Mode::Allow, patterns).unwrap()]);
    let mut config = NetworkConfig { policy, egress: Some(HostEgress::new(runtime.handle().clone())), ..NetworkConfig::default() };
    change(&mut config);
    Vm { network: VirtualNetwork::new(config), _runtime: runtime }
}

impl Vm {
    fn socket(&self) -> Arc<Socket> {
        self.network.socket(Family::Inet, SocketType::Stream, 0, 1).unwrap()
    }

    fn try_connect(&self, to: SocketAddr) -> Result<Arc<Socket>> {
        let socket = self.socket();
        wait(socket.wait_queue().unwrap(), Events::OUT, || socket.connect(&Address::Inet(to))).map(|()| socket)
    }
}

fn receive(socket: &Socket, len: usize) -> Result<Vec<u8>> {
    let mut buf = vec![0; len];
    let got = wait(socket.wait_queue().unwrap(), Events::IN, || socket.receive(&mut buf, false))?.len;
    buf.truncate(got);
    Ok(buf)
}

fn send_all(socket: &Socket, mut data: &[u8]) -> Result<()> {
    while !data.is_empty() {
        let sent = wait(socket.wait_queue().unwrap(), Events::OUT, || socket.send(data, None, Vec::new()))?;
        data = &data[sent..];
    }
    Ok(())
}

/// A server on the host that hands over its first connection.
fn server() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

fn pair(vm: &Vm, listener: &TcpListener) -> (Arc<Socket>, TcpStream) {
    let client = vm.try_connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

#[test]
fn the_hosts_loopback_is_closed_unless_a_rule_names_it() {
    let (listener, addr) = server();
    listener.set_nonblocking(true).unwrap();
    let other = if addr.port() == 1 { 2 } else { addr.port() - 1 };
    for patterns in [vec![], vec!["*".to_string()], vec![format!("127.0.0.1:{other}")], vec![format!("127.0.0.2:{}", addr.port())]] {
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        assert_eq!(vm(&patterns, |_| {}).try_connect(addr).map(drop), Err(Errno::ECONNREFUSED), "{patterns:?}");
    }
    assert_eq!(vm(&[], |_| {}).try_connect("192.0.2.1:80".parse().unwrap()).map(drop), Err(Errno::EACCES));
    assert!(listener.accept().is_err(), "nobody came");
    for pattern in [format!("127.0.0.1:{}", addr.port()), format!("localhost:{}", addr.port()), "127.0.0.0/8".to_string()] {
        vm(&[&pattern], |_| {}).try_connect(addr).unwrap_or_else(|errno| panic!("{pattern}: {errno}"));
    }
}

#[test]
fn bytes_pass_both_ways_and_directions_end_one_by_one() {
    let (listener, addr) = server();
    let vm = vm(&[&addr.to_string()], |_| {});
    let echo = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut data = Vec::new();
        stream.read_to_end(&mut data).unwrap();
        stream.write_all(&data).unwrap();
        data.len()
    });
    let client = vm.try_connect(addr).unwrap();
    assert_eq!(client.connect(&Address::Inet(addr)), Err(Errno::EISCONN));
    let data: Vec<u8> = (0..20_000_000u32).map(|n| (n % 251) as u8).collect();
    send_all(&client, &data).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.send(b"x", None, Vec::new()), Err(Errno::EPIPE));
    let mut back = Vec::new();
    loop {
        match receive(&client, 60_000).unwrap() {
            chunk if chunk.is_empty() => break,
            chunk => back.extend(chunk),
        }
    }
    assert!(back == data);
    assert_eq!(echo.join().unwrap(), data.len());
    assert!(File::poll(&*client).contains(Events::HUP | Events::RDHUP | Events::IN));
}

#[test]
fn a_reader_is_woken_and_a_peek_leaves_the_bytes() {
    let (listener, addr) = server();
    let vm = vm(&[&addr.to_string()], |_| {});
    let (client, mut server) = pair(&vm, &listener);
    assert_eq!(File::poll(&*client) - Events::WRNORM, Events::OUT);
    let waiting = {
        let client = client.clone();
        std::thread::spawn(move || {
            let mut buf = [0; 8];
            wait(client.wait_queue().unwrap(), Events::IN, || client.receive(&mut buf, true)).map(|message| message.len)
        })
    };
    server.write_all(b"hello").unwrap();
    assert_eq!(waiting.join().unwrap(), Ok(5));
    assert_eq!(wait_ready(&client, Events::IN), Events::IN | Events::OUT);
    assert_eq!(receive(&client, 3), Ok(b"hel".to_vec()));
    assert_eq!(File::poll(&*client) - Events::RDNORM - Events::WRNORM, Events::IN | Events::OUT);
    assert_eq!(receive(&client, 9), Ok(b"lo".to_vec()));
    assert_eq!(File::poll(&*client) - Events::WRNORM, Events::OUT, "nothing is left, and poll says so");
    drop(server);
    assert_eq!(wait_ready(&client, Events::RDHUP), Events::IN | Events::OUT | Events::RDHUP);
    assert_eq!(receive(&client, 9), Ok(vec![]));
}

#[test]
fn a_reset_is_seen_by_poll_and_told_once() {
    let (listener, addr) = server();
    let vm = vm(&[&addr.to_string()], |_| {});
    let (client, server) = pair(&vm, &listener);
    send_all(&client, b"unread").unwrap();
    let mut seen = [0; 6];
    while server.peek(&mut seen).unwrap() < 6 {}
    drop(server);
    let events = wait_ready(&client, Events::ERR);
    assert_eq!(events, Events::IN | Events::OUT | Events::ERR | Events::HUP | Events::RDHUP);
    assert_eq!(client.option(SockOpt::Error), Ok(104));
    assert_eq!((client.option(SockOpt::Error), receive(&client, 1)), (Ok(0), Ok(vec![])));
    assert_eq!(client.send(b"x", None, Vec::new()), Err(Errno::EPIPE));
}

#[test]
fn a_full_connection_makes_the_writer_wait() {
    let (listener, addr) = server();
    let vm = vm(&[&addr.to_string()], |_| {});
    let (client, mut server) = pair(&vm, &listener);
    let chunk = vec![7; 1 << 20];
    let mut total = 0;
    let errno = loop {
        match client.send(&chunk, None, Vec::new()) {
            Ok(sent) => total += sent,
            // The host may still be moving bytes from one buffer to the other.
            Err(Errno::EWAIT) if !File::poll(&*client).contains(Events::OUT) => break Errno::EWAIT,
            Err(Errno::EWAIT) => {}
            Err(errno) => break errno,
        }
    };
    assert_eq!(errno, Errno::EWAIT);
    assert!(total < 100 << 20, "the host's buffers bound what is in flight, not our memory: {total}");
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        server.read_to_end(&mut all).unwrap();
        all.len()
    });
    wait_ready(&client, Events::OUT);
    send_all(&client, &chunk).unwrap();
    drop(client);
    assert!(reader.join().unwrap() >= total + chunk.len());
}

#[test]
fn a_closed_port_refuses_after_the_fact() {
    let (listener, addr) = server();
    drop(listener);
    let vm = vm(&[&addr.to_string()], |_| {});
    assert_eq!(vm.try_connect(addr).map(drop), Err(Errno::ECONNREFUSED));
    let socket = vm.socket();
    // The refusal may be as fast as the call.
    if socket.connect(&Address::Inet(addr)) == Err(Errno::ECONNREFUSED) {
        return;
    }
    assert_eq!(wait_ready(&socket, Events::ERR), Events::IN | Events::OUT | Events::ERR | Events::HUP | Events::RDHUP);
    assert_eq!((socket.option(SockOpt::Error), socket.option(SockOpt::Error)), (Ok(111), Ok(0)));
}

#[test]
fn a_server_of_the_vm_hides_the_hosts() {
    let (_listener, addr) = server();
    let vm = vm(&["localhost"], |_| {});
    let inside = vm.socket();
    inside.bind(&Address::Inet(addr), false).unwrap();
    inside.listen(1).unwrap();
    let client = vm.socket();
    client.connect(&Address::Inet(addr)).unwrap();
    assert_eq!(inside.accept().unwrap().peer(), Ok(client.local()));
}

#[test]
fn a_configured_name_leads_to_the_host() {
    let (listener, addr) = server();
    let hosts = |config: &mut NetworkConfig| config.hosts = vec![("backend".into(), addr.ip())];
    let vm = vm(&[&format!("backend:{}", addr.port())], hosts);
    assert_eq!(vm.try_connect(addr).map(drop), Err(Errno::ECONNREFUSED), "the address alone is not allowed");
    assert_eq!(vm.network.resolve("backend"), Ok(vec![addr.ip()]));
    let (client, mut server) = pair(&vm, &listener);
    server.write_all(b"hi").unwrap();
    assert_eq!(receive(&client, 9), Ok(b"hi".to_vec()));
    // Where the VM is on the host is not shown.
    assert_eq!(client.local(), agentos_abi::socket::SockAddr::Inet("127.0.0.1:32768".parse().unwrap()));
}

/// A listener whose queue is full, so that Linux leaves further connections without an answer.
fn deaf_server() -> (socket2::Socket, SocketAddr, Vec<TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    let taken = (0..8).map_while(|_| TcpStream::connect_timeout(&addr, Duration::from_millis(100)).ok()).collect();
    (socket, addr, taken)
}

#[test]
fn a_server_that_does_not_answer_times_out_and_waiting_connections_are_bounded() {
    let (_socket, addr, _taken) = deaf_server();
    let limits = Limits { pending_connects: 2, egress_connections: 3, ..Limits::default() };
    let vm = vm(&[&addr.to_string()], |config| config.limits = limits);
    let sockets: Vec<_> = (0..3).map(|_| vm.socket()).collect();
    let answers: Vec<_> = sockets.iter().map(|socket| socket.connect(&Address::Inet(addr))).collect();
    assert_eq!(answers, [Err(Errno::EWAIT), Err(Errno::EWAIT), Err(Errno::EAGAIN)]);
    drop(sockets);
    assert_eq!(vm.socket().connect(&Address::Inet(addr)), Err(Errno::EWAIT), "what was given up counts no more");

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let egress = HostEgress::with_connect_timeout(runtime.handle().clone(), Duration::from_millis(50));
    let queue = WaitQueue::new();
    let stream = egress.connect(addr, &queue).unwrap();
    assert_eq!(wait(&queue, Events::OUT, || stream.connected()), Err(Errno::ETIMEDOUT));
}

#[test]
fn connections_are_counted_until_they_are_closed() {
    let (listener, addr) = server();
    let limits = Limits { egress_connections: 1, ..Limits::default() };
    let vm = vm(&[&addr.to_string()], |config| config.limits = limits);
    let (client, _server) = pair(&vm, &listener);
    assert_eq!(vm.try_connect(addr).map(drop), Err(Errno::ENOBUFS));
    drop(client);
    vm.try_connect(addr).unwrap();
}

#[test]
fn the_hosts_resolver_is_asked() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let egress = HostEgress::new(runtime.handle().clone());
    let (sender, answers) = mpsc::channel();
    for name in ["localhost", "no-such-name.invalid"] {
        let sender = sender.clone();
        egress.resolve(name, Box::new(move |answer| sender.send((name, answer)).unwrap()));
        let (_, answer) = answers.recv().unwrap();
        match name {
            "localhost" => assert!(answer.unwrap().iter().all(|ip| ip.is_loopback())),
            // Without a name server the answer is a failure, with one that there is no such name.
            _ => assert!(matches!(answer, Err(Errno::ENOENT | Errno::EIO)), "{answer:?}"),
        }
    }
}

#[test]
fn the_end_of_the_vm_closes_its_connections() {
    let (listener, addr) = server();
    let vm = vm(&[&addr.to_string()], |_| {});
    let (client, mut server) = pair(&vm, &listener);
    vm.network.shut_down();
    assert_eq!(server.read(&mut [0; 1]).unwrap(), 0);
    assert_eq!(client.send(b"x", None, Vec::new()), Err(Errno::EPIPE));
}
