//! TCP inside the VM. What the calls answer was observed on Linux 6.

mod support;

use agentos_abi::socket::{Family, Shutdown, SockAddr, SockOpt, SocketType};
use agentos_abi::{Errno, Events};
use agentos_account::{Account, Bounds, Limit};
use agentos_net::{Limits, ListenerInfo, Network, NetworkConfig, VirtualNetwork};
use agentos_vfs::File;
use std::sync::Arc;
use support::*;

const ENDED: Events = Events::IN.union(Events::OUT).union(Events::RDHUP).union(Events::HUP);

#[test]
fn two_tasks_talk_over_loopback() {
    let network = network();
    let listener = listener(&network, "127.0.0.1:8080", 1);
    let server = std::thread::spawn(move || {
        let peer = wait(listener.wait_queue().unwrap(), Events::IN, || listener.accept()).unwrap();
        let mut total = 0;
        loop {
            let data = wait(peer.wait_queue().unwrap(), Events::IN, || receive(&peer, 1000)).unwrap();
            if data.is_empty() {
                return total;
            }
            total += data.len();
            let mut rest = &data[..];
            while !rest.is_empty() {
                let sent = wait(peer.wait_queue().unwrap(), Events::OUT, || send(&peer, rest)).unwrap();
                rest = &rest[sent..];
            }
        }
    });
    let client = tcp(&network);
    client.connect(&inet("127.0.0.1:8080")).unwrap();
    // More than both buffers hold, so that both sides have to wait for each other.
    let data: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let writer = {
        let (client, data) = (client.clone(), data.clone());
        std::thread::spawn(move || {
            let mut rest = &data[..];
            while !rest.is_empty() {
                let sent = wait(client.wait_queue().unwrap(), Events::OUT, || send(&client, rest)).unwrap();
                rest = &rest[sent..];
            }
            client.shutdown(Shutdown::Write).unwrap();
        })
    };
    let mut echo = Vec::new();
    while echo.len() < data.len() {
        echo.extend(wait(client.wait_queue().unwrap(), Events::IN, || receive(&client, 5000)).unwrap());
    }
    writer.join().unwrap();
    assert!(echo == data);
    assert_eq!(server.join().unwrap(), data.len());
}

#[test]
fn an_unconnected_socket_is_hung_up() {
    let socket = tcp(&network());
    assert_eq!(poll(&socket), Events::OUT | Events::HUP);
    assert_eq!(send(&socket, b"x"), Err(Errno::EPIPE));
    assert_eq!(receive(&socket, 1), Err(Errno::ENOTCONN));
    assert_eq!(socket.shutdown(Shutdown::Both), Err(Errno::ENOTCONN));
    assert_eq!(socket.peer(), Err(Errno::ENOTCONN));
    assert_eq!(socket.accept().map(drop), Err(Errno::EINVAL));
    assert_eq!(socket.local(), SockAddr::Inet("0.0.0.0:0".parse().unwrap()));
}

#[test]
fn after_a_clean_close_the_first_write_succeeds_and_the_next_is_a_broken_pipe() {
    let (client, server) = tcp_pair(&network());
    drop(server);
    assert_eq!(poll(&client), Events::IN | Events::OUT | Events::RDHUP);
    assert_eq!(receive(&client, 5), Ok(vec![]));
    assert_eq!(send(&client, b"abc"), Ok(3));
    assert_eq!(poll(&client), ENDED | Events::ERR);
    assert_eq!(send(&client, b"abc"), Err(Errno::EPIPE));
    assert_eq!(send(&client, b"abc"), Err(Errno::EPIPE));
    assert_eq!(receive(&client, 5), Ok(vec![]));
    assert_eq!(poll(&client), ENDED);
    assert_eq!((client.peer(), client.shutdown(Shutdown::Write)), (Err(Errno::ENOTCONN), Err(Errno::ENOTCONN)));
}

#[test]
fn closing_with_unread_data_resets_the_connection() {
    let (client, server) = tcp_pair(&network());
    send(&client, b"unread").unwrap();
    send(&server, b"data").unwrap();
    drop(server);
    assert_eq!(poll(&client), ENDED | Events::ERR);
    assert_eq!(receive(&client, 9), Ok(b"data".to_vec()));
    assert_eq!(receive(&client, 9), Err(Errno::ECONNRESET));
    assert_eq!(receive(&client, 9), Ok(vec![]));
    assert_eq!(send(&client, b"x"), Err(Errno::EPIPE));
    assert_eq!(poll(&client), ENDED);
}

#[test]
fn so_error_tells_of_a_reset_once() {
    let (client, server) = tcp_pair(&network());
    send(&client, b"unread").unwrap();
    drop(server);
    assert_eq!(client.option(SockOpt::Error), Ok(104));
    assert_eq!(client.option(SockOpt::Error), Ok(0));
}

#[test]
fn one_direction_can_end_before_the_other() {
    let (client, server) = tcp_pair(&network());
    send(&server, b"last").unwrap();
    server.shutdown(Shutdown::Write).unwrap();
    assert_eq!((poll(&client), poll(&server)), (Events::IN | Events::OUT | Events::RDHUP, Events::OUT));
    assert_eq!((receive(&client, 9), receive(&client, 9)), (Ok(b"last".to_vec()), Ok(vec![])));
    assert_eq!((send(&client, b"hi"), receive(&server, 9), send(&server, b"x")), (Ok(2), Ok(b"hi".to_vec()), Err(Errno::EPIPE)));
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!((poll(&client), poll(&server)), (ENDED, ENDED));
    assert_eq!(client.shutdown(Shutdown::Write), Err(Errno::ENOTCONN));
}

#[test]
fn shutting_down_reading_does_not_concern_the_peer() {
    let (client, server) = tcp_pair(&network());
    server.shutdown(Shutdown::Read).unwrap();
    assert_eq!(receive(&server, 1), Ok(vec![]));
    assert_eq!((send(&client, b"hey"), receive(&server, 9)), (Ok(3), Ok(b"hey".to_vec())));
    assert_eq!(poll(&client), Events::OUT);
}

#[test]
fn a_full_buffer_makes_the_writer_wait_until_half_of_it_is_read() {
    let (client, server) = tcp_pair(&network());
    let chunk = vec![b'x'; 100_000];
    assert_eq!(
        [send(&client, &chunk), send(&client, &chunk), send(&client, &chunk), send(&client, &chunk)],
        [Ok(100_000), Ok(100_000), Ok(12_992), Err(Errno::EWAIT)]
    );
    assert_eq!((poll(&client), poll(&server)), (Events::empty(), Events::IN | Events::OUT));
    receive(&server, 1000).unwrap();
    assert_eq!((poll(&client), send(&client, &chunk)), (Events::empty(), Ok(1000)));
    receive(&server, 150_000).unwrap();
    assert_eq!(poll(&client), Events::OUT);
}

#[test]
fn a_listener_is_ready_when_a_connection_waits() {
    let network = network();
    let listener = listener(&network, "127.0.0.1:0", 5);
    assert_eq!((poll(&listener), listener.accept().map(drop)), (Events::empty(), Err(Errno::EWAIT)));
    assert_eq!((receive(&listener, 1), send(&listener, b"x")), (Err(Errno::ENOTCONN), Err(Errno::EPIPE)));
    let client = tcp(&network);
    assert_eq!(listener.connect(&name_of(&listener)), Err(Errno::EISCONN));
    client.connect(&name_of(&listener)).unwrap();
    assert_eq!(poll(&listener), Events::IN);
    let server = listener.accept().unwrap();
    assert_eq!((client.local(), server.local()), (server.peer().unwrap(), client.peer().unwrap()));
    assert_eq!(client.connect(&name_of(&listener)), Err(Errno::EISCONN));
    assert_eq!((listener.option(SockOpt::Listening), server.option(SockOpt::Listening)), (Ok(1), Ok(0)));
}

#[test]
fn a_full_backlog_delays_connections_and_closing_it_resets_them() {
    let network = network();
    let listener = listener(&network, "127.0.0.1:0", 0);
    let to = name_of(&listener);
    let [first, second, third] = [tcp(&network), tcp(&network), tcp(&network)];
    assert_eq!(first.connect(&to), Ok(()));
    assert_eq!((second.connect(&to), third.connect(&to), second.connecting()), (Err(Errno::EWAIT), Err(Errno::EWAIT), true));
    assert_eq!((poll(&second), send(&second, b"x"), receive(&second, 1)), (Events::empty(), Err(Errno::EWAIT), Err(Errno::EWAIT)));
    let accepted = listener.accept().unwrap();
    assert_eq!(accepted.peer(), Ok(first.local()));
    assert_eq!((poll(&second), second.connect(&to), second.connect(&to)), (Events::OUT, Ok(()), Err(Errno::EISCONN)));
    drop(listener);
    assert_eq!((poll(&second), receive(&second, 1), receive(&second, 1)), (ENDED | Events::ERR, Err(Errno::ECONNRESET), Ok(vec![])));
    assert_eq!((third.option(SockOpt::Error), third.option(SockOpt::Error)), (Ok(111), Ok(0)));
    assert_eq!((poll(&third), receive(&third, 1)), (ENDED, Ok(vec![])));
    assert_eq!(send(&first, b"still there"), Ok(11));
}

#[test]
fn a_connection_that_waits_for_the_backlog_is_woken_by_accept() {
    let network = network();
    let listener = listener(&network, "127.0.0.1:0", 0);
    let to = name_of(&listener);
    let first = tcp(&network);
    first.connect(&to).unwrap();
    let second = tcp(&network);
    assert_eq!(second.connect(&to), Err(Errno::EWAIT));
    let waiting = std::thread::spawn(move || wait(second.wait_queue().unwrap(), Events::OUT, || second.connect(&to)));
    listener.accept().unwrap();
    assert_eq!(waiting.join().unwrap(), Ok(()));
    listener.accept().unwrap();
}

#[test]
fn nobody_listening_is_refused_and_the_socket_can_try_again() {
    let network = network();
    let socket = tcp(&network);
    assert_eq!([socket.connect(&inet("127.0.0.1:9")), socket.connect(&inet("127.0.0.1:0"))], [Err(Errno::ECONNREFUSED); 2]);
    let listener = listener(&network, "127.0.0.1:9000", 1);
    assert_eq!(socket.connect(&inet("0.0.0.0:9000")), Ok(()));
    listener.accept().unwrap();
}

#[test]
fn bind_checks_address_port_and_privilege() {
    let network = network();
    let cases = [
        ("127.0.0.1:80", false, Err(Errno::EACCES)),
        ("127.0.0.1:80", true, Ok(())),
        ("127.0.0.1:1023", false, Err(Errno::EACCES)),
        ("127.0.0.1:1024", false, Ok(())),
        ("8.8.8.8:4000", false, Err(Errno::EADDRNOTAVAIL)),
        ("10.0.2.15:4000", false, Ok(())),
        ("[::1]:4000", false, Err(Errno::EAFNOSUPPORT)),
    ];
    for (addr, privileged, expected) in cases {
        assert_eq!(tcp(&network).bind(&inet(addr), privileged), expected, "{addr}");
    }
    let bound = tcp(&network);
    bound.bind(&inet("127.0.0.1:0"), false).unwrap();
    assert_eq!(bound.bind(&inet("127.0.0.1:0"), false), Err(Errno::EINVAL));
    assert_eq!(tcp(&network).bind(&name_of(&bound), false), Err(Errno::EADDRINUSE));
    drop(bound.clone());
    let to = name_of(&bound);
    drop(bound);
    assert_eq!(tcp(&network).bind(&to, false), Ok(()));
}

#[test]
fn a_dual_stack_listener_serves_both_families() {
    let network = network();
    let listener = network.socket(Family::Inet6, SocketType::Stream, 6, 1).unwrap();
    listener.bind(&inet("[::]:5000"), false).unwrap();
    listener.listen(5).unwrap();
    let client = tcp(&network);
    client.connect(&inet("127.0.0.1:5000")).unwrap();
    let server = listener.accept().unwrap();
    assert_eq!(server.local(), SockAddr::Inet("[::ffff:127.0.0.1]:5000".parse().unwrap()));
    let SockAddr::Inet(peer) = server.peer().unwrap() else { panic!() };
    assert_eq!(peer.ip().to_string(), "::ffff:127.0.0.1");
    let client6 = network.socket(Family::Inet6, SocketType::Stream, 0, 1).unwrap();
    client6.connect(&inet("[::ffff:127.0.0.1]:5000")).unwrap();
    assert_eq!(client6.peer(), Ok(SockAddr::Inet("[::ffff:127.0.0.1]:5000".parse().unwrap())));
}

#[test]
fn the_host_reaches_listeners_and_hears_of_them() {
    let network = network();
    assert_eq!(network.connect_from_host(3000).map(drop), Err(Errno::ECONNREFUSED));
    let waiting = {
        let network = network.clone();
        std::thread::spawn(move || {
            wait(network.listeners_queue(), Events::IN, || match network.listeners() {
                list if list.is_empty() => Err(Errno::EWAIT),
                list => Ok(list),
            })
        })
    };
    let listener = listener(&network, "0.0.0.0:3000", 0);
    let expected = ListenerInfo { local: "0.0.0.0:3000".parse().unwrap(), owner: 7 };
    assert_eq!(waiting.join().unwrap(), Ok(vec![expected]));
    let host = network.connect_from_host(3000).unwrap();
    assert_eq!(network.connect_from_host(3000).map(drop), Err(Errno::EAGAIN));
    let server = listener.accept().unwrap();
    send(&host, b"GET /").unwrap();
    assert_eq!(receive(&server, 9), Ok(b"GET /".to_vec()));
    drop(listener);
    assert_eq!(network.listeners(), []);
}

#[test]
fn limits_end_in_errors() {
    let limits = Limits { buffer_bytes: 10_000, ..Limits::default() };
    let account = Account::new(Bounds::default().with(Limit::Sockets, 4));
    let network = VirtualNetwork::new(NetworkConfig { limits, account, ..NetworkConfig::default() });
    let (client, server) = tcp_pair(&network);
    let extra = [tcp(&network), tcp(&network)];
    assert_eq!(network.socket(Family::Inet, SocketType::Stream, 0, 1).map(drop), Err(Errno::ENFILE));
    drop(extra);
    tcp(&network);
    assert_eq!((send(&client, &[0; 20_000]), send(&client, b"x")), (Ok(10_000), Err(Errno::ENOBUFS)));
    receive(&server, 4000).unwrap();
    assert_eq!(send(&server, &[0; 9000]), Ok(4000));
    drop((client, server));
    let (client, _server) = tcp_pair(&network);
    assert_eq!(send(&client, &[0; 20_000]), Ok(10_000));
}

#[test]
fn shutting_the_network_down_ends_everything() {
    let network = network();
    let (client, server) = tcp_pair(&network);
    let listener = listener(&network, "127.0.0.1:4444", 5);
    let waiting = {
        let client = client.clone();
        std::thread::spawn(move || wait(client.wait_queue().unwrap(), Events::IN, || receive(&client, 1)))
    };
    network.shut_down();
    assert!(matches!(waiting.join().unwrap(), Ok(_) | Err(Errno::ENOTCONN)));
    assert_eq!(send(&server, b"x"), Err(Errno::EPIPE));
    assert_eq!(listener.accept().map(drop), Err(Errno::EINVAL));
    assert_eq!(network.socket(Family::Inet, SocketType::Stream, 0, 1).map(drop), Err(Errno::ENETDOWN));
    assert_eq!(network.listeners(), []);
}

#[test]
fn options_answer_as_on_linux() {
    let socket = tcp(&network());
    let read = [SockOpt::Type, SockOpt::Domain, SockOpt::Error, SockOpt::Linger, SockOpt::SendBuffer].map(|option| socket.option(option));
    assert_eq!(read, [Ok(1), Ok(2), Ok(0), Ok(-1), Ok(212_992)]);
    socket.set_option(SockOpt::ReuseAddr, 5).unwrap();
    socket.set_option(SockOpt::SendBuffer, 1).unwrap();
    socket.set_option(SockOpt::ReceiveBuffer, 1).unwrap();
    assert_eq!([SockOpt::ReuseAddr, SockOpt::SendBuffer, SockOpt::ReceiveBuffer].map(|option| socket.option(option)), [Ok(1), Ok(4608), Ok(2304)]);
    assert_eq!(socket.set_option(SockOpt::Type, 1), Err(Errno::ENOPROTOOPT));
    assert_eq!(socket.set_option(SockOpt::V6Only, 1), Err(Errno::ENOPROTOOPT));
    assert_eq!(socket.stat().unwrap().st_mode(), 0o140777);
}

#[test]
fn sockets_that_do_not_exist_have_their_own_errors() {
    let network = network();
    let cases = [
        (Family::Inet, SocketType::SeqPacket, 0, Errno::ESOCKTNOSUPPORT),
        (Family::Inet, SocketType::Stream, 17, Errno::EPROTONOSUPPORT),
        (Family::Inet6, SocketType::Dgram, 6, Errno::EPROTONOSUPPORT),
        (Family::Unix, SocketType::Stream, 6, Errno::EPROTONOSUPPORT),
    ];
    for (family, kind, protocol, errno) in cases {
        assert_eq!(network.socket(family, kind, protocol, 1).map(drop), Err(errno));
    }
}

#[test]
fn wakers_that_poll_do_not_deadlock() {
    // An epoll instance may look at every one of its sockets from inside a waker.
    struct Polls(Vec<Arc<agentos_net::Socket>>);
    impl std::task::Wake for Polls {
        fn wake(self: Arc<Self>) {
            for socket in &self.0 {
                let _ = File::poll(&**socket);
            }
        }
    }
    let network = network();
    let listener = listener(&network, "127.0.0.1:0", 5);
    let client = tcp(&network);
    let waker = Arc::new(Polls(vec![listener.clone(), client.clone()])).into();
    let queues = [listener.wait_queue().unwrap(), client.wait_queue().unwrap()];
    let _registrations = queues.map(|queue| queue.register(Events::IN | Events::OUT, &waker));
    client.connect(&name_of(&listener)).unwrap();
    let server = listener.accept().unwrap();
    send(&server, b"x").unwrap();
    receive(&client, 1).unwrap();
    server.shutdown(Shutdown::Write).unwrap();
    drop(server);
    listener.shutdown(Shutdown::Read).unwrap();
    network.shut_down();
}
