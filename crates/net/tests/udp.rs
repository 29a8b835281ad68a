//! UDP inside the VM, and the name server that C libraries ask. What the calls answer was observed on Linux 6.

mod support;

use agentos_abi::socket::{Family, Shutdown, SockAddr, SockOpt, SocketType};
use agentos_abi::{Errno, Events};
use agentos_net::policy::{Mode, Policy, Rule};
use agentos_net::{Limits, NAME_SERVER, Network, NetworkConfig, Socket, VirtualNetwork};
use agentos_vfs::File;
use std::sync::Arc;
use support::*;

fn udp(network: &VirtualNetwork) -> Arc<Socket> {
    network.socket(Family::Inet, SocketType::Dgram, 0, 1).unwrap()
}

fn bound(network: &VirtualNetwork, at: &str) -> Arc<Socket> {
    let socket = udp(network);
    socket.bind(&inet(at), false).unwrap();
    socket
}

fn from(text: &str) -> Option<SockAddr> {
    Some(SockAddr::Inet(text.parse().unwrap()))
}

#[test]
fn datagrams_keep_their_bounds_and_carry_their_sender() {
    let network = network();
    let (one, two) = (bound(&network, "127.0.0.1:5000"), bound(&network, "0.0.0.0:6000"));
    assert_eq!(one.send(b"first", Some(&inet("127.0.0.1:6000")), vec![]), Ok(5));
    assert_eq!(one.send(b"second", Some(&inet("127.0.0.2:6000")), vec![]), Ok(6));
    assert_eq!(poll(&two), Events::IN | Events::OUT);
    let mut buf = [0; 3];
    let message = two.receive(&mut buf, true).unwrap();
    assert_eq!((message.len, message.truncated, message.from), (3, true, from("127.0.0.1:5000")));
    assert_eq!((receive(&two, 10), receive(&two, 10), receive(&two, 10)), (Ok(b"first".to_vec()), Ok(b"second".to_vec()), Err(Errno::EWAIT)));
    assert_eq!(two.send(b"", Some(&inet("127.0.0.1:5000")), vec![]), Ok(0));
    let message = one.receive(&mut buf, false).unwrap();
    assert_eq!((message.len, message.from), (0, from("127.0.0.1:6000")));
}

#[test]
fn a_connected_socket_hears_of_its_peer_only() {
    let network = network();
    let (one, two, stranger) = (bound(&network, "127.0.0.1:5000"), udp(&network), udp(&network));
    assert_eq!((send(&two, b"x"), two.peer(), two.shutdown(Shutdown::Read)), (Err(Errno::EDESTADDRREQ), Err(Errno::ENOTCONN), Err(Errno::ENOTCONN)));
    two.connect(&inet("127.0.0.1:5000")).unwrap();
    assert_eq!(two.local(), SockAddr::Inet("127.0.0.1:32768".parse().unwrap()));
    send(&two, b"hello").unwrap();
    assert_eq!(receive(&one, 9), Ok(b"hello".to_vec()));
    let to = name_of(&two);
    assert_eq!((stranger.send(b"spoof", Some(&to), vec![]), one.send(b"reply", Some(&to), vec![])), (Ok(5), Ok(5)));
    assert_eq!((receive(&two, 9), receive(&two, 9)), (Ok(b"reply".to_vec()), Err(Errno::EWAIT)));
}

#[test]
fn a_port_that_nobody_has_is_refused_at_the_next_call_of_a_connected_socket() {
    let network = network();
    let socket = udp(&network);
    assert_eq!(socket.send(b"x", Some(&inet("127.0.0.1:9")), vec![]), Ok(1));
    assert_eq!(receive(&socket, 1), Err(Errno::EWAIT));
    socket.connect(&inet("127.0.0.1:9")).unwrap();
    assert_eq!(send(&socket, b"x"), Ok(1));
    assert_eq!(poll(&socket), Events::OUT | Events::ERR);
    assert_eq!((send(&socket, b"x"), send(&socket, b"x"), receive(&socket, 1)), (Err(Errno::ECONNREFUSED), Ok(1), Err(Errno::ECONNREFUSED)));
    send(&socket, b"x").unwrap();
    assert_eq!((socket.option(SockOpt::Error), socket.option(SockOpt::Error)), (Ok(111), Ok(0)));
}

#[test]
fn sizes_and_destinations_are_checked() {
    let network = network();
    let socket = udp(&network);
    let to = |addr: &str, len: usize| socket.send(&vec![0; len], Some(&inet(addr)), vec![]);
    assert_eq!([to("127.0.0.1:9", 65_507), to("127.0.0.1:9", 65_508)], [Ok(65_507), Err(Errno::EMSGSIZE)]);
    assert_eq!([to("127.0.0.1:0", 1), to("8.8.8.8:53", 1), to("[::1]:9", 1)], [Err(Errno::EINVAL), Err(Errno::EACCES), Err(Errno::EAFNOSUPPORT)]);
    assert_eq!((socket.listen(1), socket.accept().map(drop)), (Err(Errno::EOPNOTSUPP), Err(Errno::EOPNOTSUPP)));
    // Connecting sends nothing: resolvers use it to learn which way they would go.
    assert_eq!(socket.connect(&inet("8.8.8.8:53")), Ok(()));
    assert_eq!((socket.local(), send(&socket, b"x")), (SockAddr::Inet("10.0.2.15:32768".parse().unwrap()), Err(Errno::EACCES)));
}

#[test]
fn a_full_mailbox_loses_datagrams_and_the_vm_has_a_ceiling() {
    let network = VirtualNetwork::new(NetworkConfig { limits: Limits { buffer_bytes: 300_000, ..Limits::default() }, ..NetworkConfig::default() });
    let (one, two, sender) = (bound(&network, "127.0.0.1:5000"), bound(&network, "127.0.0.1:6000"), udp(&network));
    let send_to = |addr: &str, len| sender.send(&vec![0; len], Some(&inet(addr)), vec![]);
    for _ in 0..1000 {
        assert_eq!(send_to("127.0.0.1:5000", 1000), Ok(1000));
    }
    let received = (0..1000).take_while(|_| receive(&one, 2000).is_ok()).count();
    assert_eq!(received, 212_992 / 1256);
    // Empty datagrams cost memory as well.
    for _ in 0..1000 {
        assert_eq!(send_to("127.0.0.1:5000", 0), Ok(0));
    }
    assert_eq!((0..1000).take_while(|_| receive(&one, 1).is_ok()).count(), 832);
    for _ in 0..1000 {
        let _ = send_to("127.0.0.1:5000", 1000);
    }
    let answers: Vec<_> = (0..100).map(|_| send_to("127.0.0.1:6000", 1000)).collect();
    assert_eq!((answers[0], answers[99]), (Ok(1000), Err(Errno::ENOBUFS)));
    drop((one, two));
    let again = bound(&network, "127.0.0.1:5000");
    assert_eq!(send_to("127.0.0.1:5000", 1000), Ok(1000));
    assert_eq!(receive(&again, 1000).unwrap().len(), 1000);
}

#[test]
fn a_reader_is_woken() {
    let network = network();
    let reader = bound(&network, "127.0.0.1:5000");
    let waiting = std::thread::spawn(move || wait(reader.wait_queue().unwrap(), Events::IN, || receive(&reader, 9)));
    udp(&network).send(b"wake", Some(&inet("127.0.0.1:5000")), vec![]).unwrap();
    assert_eq!(waiting.join().unwrap(), Ok(b"wake".to_vec()));
}

/// A query for the addresses of `a.example` or `b.example`.
fn question(first: u8, kind: u8) -> Vec<u8> {
    [b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01", &[first][..], b"\x07example\x00\x00", &[kind], b"\x00\x01"].concat()
}

#[test]
fn the_name_server_answers_under_the_policy() {
    let policy = Policy::new(Mode::Deny, vec![Rule::parse(Mode::Allow, &["a.example"]).unwrap()]);
    let outside = Outside::with(&[("a.example", &["8.8.4.4", "2001:4860::1"]), ("b.example", &["8.8.8.8"])]);
    let network = VirtualNetwork::new(NetworkConfig { policy, egress: Some(Arc::new(outside)), ..NetworkConfig::default() });
    let socket = udp(&network);
    let server = agentos_net::Address::Inet(NAME_SERVER);
    let ask = |query: &[u8]| {
        socket.send(query, Some(&server), vec![]).unwrap();
        let mut buf = [0; 600];
        let message = socket.receive(&mut buf, false)?;
        assert_eq!(message.from, Some(SockAddr::Inet(NAME_SERVER)));
        Ok(buf[..message.len].to_vec())
    };
    let answer = ask(&question(b'a', 1)).unwrap();
    assert_eq!((answer[3], answer[7], &answer[answer.len() - 4..]), (0x80, 1, &[8, 8, 4, 4][..]));
    let answer = ask(&question(b'a', 28)).unwrap();
    assert_eq!((answer[7], answer[answer.len() - 1]), (1, 1));
    assert_eq!(ask(&question(b'b', 1)).unwrap()[3], 0x83, "a denied name does not exist");
    assert_eq!(ask(&question(b'a', 15)).unwrap()[3..8], [0x80, 0, 1, 0, 0], "no mail exchangers, no error");
    assert_eq!(ask(b"nonsense"), Err(Errno::EWAIT));
}

#[test]
fn the_name_server_answers_later_when_the_look_up_takes_time() {
    let policy = Policy::new(Mode::Deny, vec![Rule::parse(Mode::Allow, &["*.example"]).unwrap()]);
    let outside = Arc::new(Outside { slow: true, ..Outside::default() });
    let network = VirtualNetwork::new(NetworkConfig { policy, egress: Some(outside.clone()), ..NetworkConfig::default() });
    let (one, two) = (udp(&network), udp(&network));
    let server = agentos_net::Address::Inet(NAME_SERVER);
    one.send(&question(b'a', 1), Some(&server), vec![]).unwrap();
    two.send(&question(b'a', 1), Some(&server), vec![]).unwrap();
    assert_eq!((receive(&one, 600), outside.asked.lock().unwrap().len()), (Err(Errno::EWAIT), 1));
    let waiting = std::thread::spawn(move || wait(one.wait_queue().unwrap(), Events::IN, || receive(&one, 600)));
    let (name, done) = outside.asked.lock().unwrap().pop().unwrap();
    assert_eq!(name, "a.example");
    done(Ok(vec!["8.8.4.4".parse().unwrap()]));
    assert_eq!(waiting.join().unwrap().unwrap(), receive(&two, 600).unwrap());
}
