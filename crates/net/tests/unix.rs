//! Unix sockets. What the calls answer was observed on Linux 6.

mod support;

use agentos_abi::socket::{Family, Shutdown, SockAddr, SocketType};
use agentos_abi::{Errno, Events};
use agentos_net::{Address, InodeKey, Limits, Network, NetworkConfig, RIGHTS_PER_MESSAGE_MAX, Rights, Socket, VirtualNetwork};
use agentos_vfs::File;
use std::sync::{Arc, Weak};
use support::*;

const ENDED: Events = Events::IN.union(Events::OUT).union(Events::RDHUP).union(Events::HUP);

fn pair(kind: SocketType) -> (Arc<VirtualNetwork>, Arc<Socket>, Arc<Socket>) {
    let network = network();
    let (one, two) = network.socketpair(kind, 1).unwrap();
    (network, one, two)
}

fn socket(network: &VirtualNetwork, kind: SocketType) -> Arc<Socket> {
    network.socket(Family::Unix, kind, 0, 1).unwrap()
}

fn name(text: &str) -> Address {
    Address::Abstract(text.into())
}

fn path(ino: u64) -> Address {
    Address::Path { inode: InodeKey { dev: 1, ino }, path: format!("/tmp/{ino}").into_bytes() }
}

/// Something that can travel, and a way to see whether it still exists.
fn thing() -> (Rights, Weak<u8>) {
    let thing = Arc::new(7u8);
    (vec![thing.clone() as _], Arc::downgrade(&thing))
}

#[test]
fn streams_end_as_on_linux() {
    for kind in [SocketType::Stream, SocketType::SeqPacket] {
        let (_network, one, two) = pair(kind);
        assert_eq!(poll(&one), Events::OUT);
        drop(two);
        assert_eq!(poll(&one), ENDED);
        assert_eq!((receive(&one, 1), send(&one, b"x"), send(&one, b"x")), (Ok(vec![]), Err(Errno::EPIPE), Err(Errno::EPIPE)));

        let (_network, one, two) = pair(kind);
        two.shutdown(Shutdown::Write).unwrap();
        assert_eq!((poll(&one), poll(&two)), (Events::IN | Events::OUT | Events::RDHUP, Events::OUT));
        assert_eq!((receive(&one, 1), send(&one, b"x"), send(&two, b"x")), (Ok(vec![]), Ok(1), Err(Errno::EPIPE)));

        let (_network, one, two) = pair(kind);
        two.shutdown(Shutdown::Read).unwrap();
        assert_eq!((poll(&one), poll(&two)), (Events::OUT, Events::IN | Events::OUT | Events::RDHUP));
        assert_eq!((receive(&two, 1), send(&one, b"x"), send(&two, b"x")), (Ok(vec![]), Err(Errno::EPIPE), Ok(1)));
    }
}

#[test]
fn closing_with_unread_data_is_a_reset() {
    let (_network, one, two) = pair(SocketType::Stream);
    (send(&one, b"unread").unwrap(), send(&two, b"dat").unwrap());
    drop(two);
    assert_eq!(poll(&one), ENDED | Events::ERR);
    assert_eq!([receive(&one, 9), receive(&one, 9), receive(&one, 9)], [Ok(b"dat".to_vec()), Err(Errno::ECONNRESET), Ok(vec![])]);
    let (_network, one, two) = pair(SocketType::SeqPacket);
    (send(&one, b"unread").unwrap(), send(&two, b"dat").unwrap());
    drop(two);
    assert_eq!([receive(&one, 1), receive(&one, 1), receive(&one, 1)], [Err(Errno::ECONNRESET), Ok(b"d".to_vec()), Ok(vec![])]);
}

#[test]
fn unconnected_sockets_have_their_own_errors() {
    let network = network();
    for (kind, on_receive) in [(SocketType::Stream, Errno::EINVAL), (SocketType::SeqPacket, Errno::ENOTCONN)] {
        let socket = socket(&network, kind);
        assert_eq!(poll(&socket), Events::OUT | Events::HUP);
        assert_eq!((send(&socket, b"x"), receive(&socket, 1), socket.peer()), (Err(Errno::ENOTCONN), Err(on_receive), Err(Errno::ENOTCONN)));
        assert_eq!((socket.listen(1), socket.accept().map(drop), socket.shutdown(Shutdown::Both)), (Err(Errno::EINVAL), Err(Errno::EINVAL), Ok(())));
        assert_eq!(socket.connect(&name("nobody")), Err(Errno::ECONNREFUSED));
        assert_eq!(socket.connect(&inet("127.0.0.1:1")), Err(Errno::EINVAL));
        assert_eq!(socket.send(b"x", Some(&name("nobody")), vec![]), Err(Errno::EOPNOTSUPP));
    }
    let socket = socket(&network, SocketType::Dgram);
    assert_eq!((poll(&socket), send(&socket, b"x"), receive(&socket, 1)), (Events::OUT, Err(Errno::ENOTCONN), Err(Errno::EWAIT)));
    assert_eq!((socket.listen(1), socket.connect(&name("nobody"))), (Err(Errno::EOPNOTSUPP), Err(Errno::ECONNREFUSED)));
}

#[test]
fn a_listener_is_found_by_abstract_name_and_by_inode() {
    let network = network();
    for (addr, shown) in [(name("srv"), SockAddr::Unix(b"\0srv".to_vec())), (path(5), SockAddr::Unix(b"/tmp/5".to_vec()))] {
        let (listener, client) = (socket(&network, SocketType::Stream), socket(&network, SocketType::Stream));
        listener.bind(&addr, false).unwrap();
        assert_eq!(client.connect(&addr), Err(Errno::ECONNREFUSED), "bound, and not listening");
        listener.listen(0).unwrap();
        client.bind(&name("client"), false).unwrap();
        client.connect(&addr).unwrap();
        let server = listener.accept().unwrap();
        assert_eq!((client.peer(), server.local(), server.peer()), (Ok(shown.clone()), shown, Ok(SockAddr::Unix(b"\0client".to_vec()))));
        send(&client, b"hi").unwrap();
        assert_eq!(receive(&server, 9), Ok(b"hi".to_vec()));
        assert_eq!(socket(&network, SocketType::SeqPacket).connect(&addr), Err(Errno::EPROTOTYPE));
        assert_eq!(socket(&network, SocketType::Dgram).connect(&addr), Err(Errno::EPROTOTYPE));
        drop(listener);
        assert_eq!(socket(&network, SocketType::Stream).connect(&addr), Err(Errno::ECONNREFUSED));
    }
    // A new inode may have the number of an unlinked one whose socket lives on.
    let (old, new) = (socket(&network, SocketType::Stream), socket(&network, SocketType::Stream));
    old.bind(&path(9), false).unwrap();
    new.bind(&path(9), false).unwrap();
    new.listen(1).unwrap();
    drop(old);
    assert_eq!(socket(&network, SocketType::Stream).connect(&path(9)), Ok(()));
}

#[test]
fn names_are_unique_and_can_be_picked_automatically() {
    let network = network();
    let (one, two) = (socket(&network, SocketType::Stream), socket(&network, SocketType::Dgram));
    one.bind(&name("taken"), false).unwrap();
    assert_eq!((two.bind(&name("taken"), false), one.bind(&name("more"), false)), (Err(Errno::EADDRINUSE), Err(Errno::EINVAL)));
    two.bind(&Address::Unnamed, false).unwrap();
    assert_eq!(two.local(), SockAddr::Unix(b"\000000".to_vec()));
    drop(one);
    assert_eq!(socket(&network, SocketType::Stream).bind(&name("taken"), false), Ok(()));
}

#[test]
fn a_full_backlog_makes_connect_wait() {
    let network = network();
    let listener = socket(&network, SocketType::Stream);
    listener.bind(&name("srv"), false).unwrap();
    listener.listen(0).unwrap();
    let clients: Vec<_> = (0..2).map(|_| socket(&network, SocketType::Stream)).collect();
    assert_eq!((clients[0].connect(&name("srv")), clients[1].connect(&name("srv"))), (Ok(()), Err(Errno::EWAIT)));
    let second = clients[1].clone();
    let waiting = std::thread::spawn(move || wait(second.wait_queue().unwrap(), Events::OUT, || second.connect(&name("srv"))));
    listener.accept().unwrap();
    assert_eq!(waiting.join().unwrap(), Ok(()));
    drop(listener);
    assert_eq!((poll(&clients[1]), receive(&clients[1], 1)), (ENDED | Events::ERR, Err(Errno::ECONNRESET)));
}

#[test]
fn buffers_are_bounded_and_the_writer_is_woken_by_the_reader() {
    let (_network, one, two) = pair(SocketType::Stream);
    let chunk = [7; 100_000];
    assert_eq!([send(&one, &chunk), send(&one, &chunk), send(&one, &chunk), send(&one, &chunk)], [Ok(100_000), Ok(100_000), Ok(12_992), Err(Errno::EWAIT)]);
    assert_eq!(poll(&one), Events::empty());
    let waiting = std::thread::spawn(move || wait(one.wait_queue().unwrap(), Events::OUT, || send(&one, &[7; 100_000])));
    let mut total = 0;
    while total < 312_992 {
        total += wait(two.wait_queue().unwrap(), Events::IN, || receive(&two, 50_000)).unwrap().len();
    }
    assert_eq!((waiting.join().unwrap(), total), (Ok(100_000), 312_992));
}

#[test]
fn packets_keep_their_bounds() {
    for kind in [SocketType::SeqPacket, SocketType::Dgram] {
        let (_network, one, two) = pair(kind);
        (send(&one, b"first").unwrap(), send(&one, b"").unwrap(), send(&one, b"third").unwrap());
        let mut buf = [0; 3];
        let message = two.receive(&mut buf, false).unwrap();
        assert_eq!((message.len, message.truncated), (3, true));
        assert_eq!((receive(&two, 9), receive(&two, 9), receive(&two, 9)), (Ok(vec![]), Ok(b"third".to_vec()), Err(Errno::EWAIT)));
        assert_eq!(send(&one, &[0; 212_993]), Err(Errno::EMSGSIZE));
        let sent = (0..10_000).take_while(|_| send(&one, &[0; 1000]).is_ok()).count();
        assert_eq!((sent, send(&one, b"x"), poll(&one)), (169, Ok(1), Events::empty()));
        assert_eq!(send(&one, &[0; 1000]), Err(Errno::EWAIT));
        let waiting = std::thread::spawn(move || wait(one.wait_queue().unwrap(), Events::OUT, || send(&one, &[0; 1000])));
        (0..2).for_each(|_| drop(receive(&two, 1000).unwrap()));
        assert_eq!(waiting.join().unwrap(), Ok(1000));
    }
}

#[test]
fn datagrams_know_their_peer_and_its_end() {
    let network = network();
    let (server, client, stranger) = (socket(&network, SocketType::Dgram), socket(&network, SocketType::Dgram), socket(&network, SocketType::Dgram));
    server.bind(&path(1), false).unwrap();
    client.bind(&name("client"), false).unwrap();
    client.connect(&path(1)).unwrap();
    send(&client, b"hi").unwrap();
    let message = server.receive(&mut [0; 9], false).unwrap();
    assert_eq!((message.from, client.peer()), (Some(SockAddr::Unix(b"\0client".to_vec())), Ok(SockAddr::Unix(b"/tmp/1".to_vec()))));
    assert_eq!(stranger.send(b"x", Some(&name("client")), vec![]), Err(Errno::EPERM));
    assert_eq!(stranger.connect(&name("client")), Err(Errno::EPERM));
    assert_eq!(server.send(b"back", Some(&name("client")), vec![]), Ok(4));
    drop(server);
    assert_eq!((receive(&client, 9), poll(&client)), (Ok(b"back".to_vec()), Events::OUT));
    assert_eq!((send(&client, b"x"), send(&client, b"x"), client.peer()), (Err(Errno::ECONNREFUSED), Err(Errno::ENOTCONN), Err(Errno::ENOTCONN)));
}

#[test]
fn rights_stay_with_their_bytes() {
    let (_network, one, two) = pair(SocketType::Stream);
    let mut buf = [0; 100];
    send(&one, b"abc").unwrap();
    one.send(b"def", None, thing().0).unwrap();
    send(&one, b"ghi").unwrap();
    let message = two.receive(&mut buf, false).unwrap();
    assert_eq!((&buf[..message.len], message.rights.len()), (&b"abcdef"[..], 1), "up to the end of what carries them");
    assert_eq!(receive(&two, 9), Ok(b"ghi".to_vec()));

    one.send(b"abcdef", None, thing().0).unwrap();
    let message = two.receive(&mut buf[..2], false).unwrap();
    assert_eq!((message.len, message.rights.len()), (2, 1), "with the first byte");
    let message = two.receive(&mut buf, false).unwrap();
    assert_eq!((message.len, message.rights.len()), (4, 0));

    let (rights, alive) = thing();
    one.send(b"abc", None, rights).unwrap();
    send(&one, b"x").unwrap();
    let peeked = two.receive(&mut buf, true).unwrap();
    assert_eq!((peeked.len, peeked.rights.len()), (3, 1));
    drop(peeked);
    assert!(alive.upgrade().is_some());
    assert_eq!(File::read_at(&*two, &mut buf, 0), Ok(3), "read(2) stops there too");
    assert!(alive.upgrade().is_none(), "and drops them");
}

#[test]
fn rights_are_bounded_and_die_with_their_socket() {
    let limits = Limits { rights_in_flight: 300, ..Limits::default() };
    let network = VirtualNetwork::new(NetworkConfig { limits, ..NetworkConfig::default() });
    for kind in [SocketType::Stream, SocketType::SeqPacket, SocketType::Dgram] {
        let (one, two) = network.socketpair(kind, 1).unwrap();
        let many = |count| (0..count).map(|_| Arc::new(0u8) as _).collect::<Rights>();
        assert_eq!(one.send(b"x", None, many(RIGHTS_PER_MESSAGE_MAX + 1)), Err(Errno::EINVAL));
        let (rights, alive) = thing();
        one.send(b"x", None, rights).unwrap();
        assert_eq!((one.send(b"x", None, many(253)), one.send(b"x", None, many(47))), (Ok(1), Err(Errno::ENOBUFS)));
        drop(two);
        assert!(alive.upgrade().is_none());
    }
    let (one, two) = network.socketpair(SocketType::Stream, 1).unwrap();
    let (rights, alive) = thing();
    one.send(b"", None, rights).unwrap();
    assert!(alive.upgrade().is_none(), "no byte, nothing to travel with");
    drop(two);
    let (rights, alive) = thing();
    assert_eq!(one.send(b"x", None, rights), Err(Errno::EPIPE));
    assert!(alive.upgrade().is_none());
}

#[test]
fn a_socket_that_travels_in_itself_ends_with_the_vm() {
    for kind in [SocketType::Stream, SocketType::SeqPacket, SocketType::Dgram] {
        let (network, one, two) = pair(kind);
        let gone = Arc::downgrade(&two);
        one.send(b"x", None, vec![two.clone() as _]).unwrap();
        two.send(b"x", None, vec![one.clone() as _]).unwrap();
        drop((one, two));
        assert!(gone.upgrade().is_some());
        network.shut_down();
        assert!(gone.upgrade().is_none());
    }
}

#[test]
fn a_socket_sent_and_never_received_is_closed_with_its_carrier() {
    let (network, one, two) = pair(SocketType::Stream);
    let (inner, other) = network.socketpair(SocketType::Stream, 1).unwrap();
    one.send(b"x", None, vec![inner as _]).unwrap();
    assert_eq!(poll(&other), Events::OUT);
    drop((one, two));
    assert_eq!(poll(&other), ENDED);
}
