//! What the tests share: a way to wait, short spellings, and an egress that is a table.

#![allow(dead_code, reason = "each test file uses its part")]

use agentos_abi::socket::{Family, Shutdown, SockAddr, SocketType};
use agentos_abi::{Errno, Events, Result};
use agentos_net::egress::{Egress, EgressStream, LookupDone};
use agentos_net::{Address, Network, NetworkConfig, Socket, VirtualNetwork};
use agentos_vfs::File;
use agentos_waiter::WaitQueue;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Tries until the answer is not EWAIT, parking in between as a task would.
pub fn wait<T>(queue: &WaitQueue, events: Events, mut call: impl FnMut() -> Result<T>) -> Result<T> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        let _registration = queue.register(events, &waker);
        match call() {
            Err(Errno::EWAIT) => std::thread::park(),
            answer => return answer,
        }
    }
}

/// A network without a way out.
pub fn network() -> Arc<VirtualNetwork> {
    VirtualNetwork::new(NetworkConfig::default())
}

pub fn tcp(network: &VirtualNetwork) -> Arc<Socket> {
    network.socket(Family::Inet, SocketType::Stream, 0, 7).unwrap()
}

pub fn inet(text: &str) -> Address {
    Address::Inet(text.parse().unwrap())
}

pub fn name_of(socket: &Socket) -> Address {
    match socket.local() {
        SockAddr::Inet(addr) => Address::Inet(addr),
        other => panic!("{other:?} is no Internet address"),
    }
}

pub fn listener(network: &VirtualNetwork, at: &str, backlog: i32) -> Arc<Socket> {
    let socket = tcp(network);
    socket.bind(&inet(at), false).unwrap();
    socket.listen(backlog).unwrap();
    socket
}

/// A client and the accepted socket.
pub fn tcp_pair(network: &VirtualNetwork) -> (Arc<Socket>, Arc<Socket>) {
    let listener = listener(network, "127.0.0.1:0", 5);
    let client = tcp(network);
    client.connect(&name_of(&listener)).unwrap();
    let server = listener.accept().unwrap();
    (client, server)
}

pub fn send(socket: &Socket, data: &[u8]) -> Result<usize> {
    socket.send(data, None, Vec::new())
}

pub fn receive(socket: &Socket, len: usize) -> Result<Vec<u8>> {
    let mut buf = vec![0; len];
    let got = socket.receive(&mut buf, false)?.len;
    buf.truncate(got);
    Ok(buf)
}

/// The events a poll(2) for IN, OUT and RDHUP would show, without the synonyms.
pub fn poll(socket: &Socket) -> Events {
    File::poll(socket) - Events::RDNORM - Events::WRNORM
}

/// An outside world that is a table: names with addresses, and connections that are echoes.
#[derive(Default)]
pub struct Outside {
    pub names: HashMap<String, Vec<IpAddr>>,
    /// Look-ups stay open until the test ends them.
    pub slow: bool,
    pub asked: Mutex<Vec<(String, LookupDone)>>,
    pub connected: Mutex<Vec<SocketAddr>>,
    /// Connections are never made.
    pub dead: bool,
}

impl Outside {
    pub fn with(names: &[(&str, &[&str])]) -> Outside {
        let parse = |(name, ips): &(&str, &[&str])| (name.to_string(), ips.iter().map(|ip| ip.parse().unwrap()).collect());
        Outside { names: names.iter().map(parse).collect(), ..Outside::default() }
    }
}

impl Egress for Outside {
    fn connect(&self, to: SocketAddr, _queue: &WaitQueue) -> Result<Box<dyn EgressStream>> {
        self.connected.lock().unwrap().push(to);
        Ok(Box::new(Echo { data: Mutex::default(), dead: self.dead }))
    }

    fn resolve(&self, name: &str, done: LookupDone) {
        if self.slow {
            self.asked.lock().unwrap().push((name.to_string(), done));
        } else {
            done(self.names.get(name).cloned().ok_or(Errno::ENOENT));
        }
    }
}

struct Echo {
    data: Mutex<Vec<u8>>,
    dead: bool,
}

impl EgressStream for Echo {
    fn connected(&self) -> Result<()> {
        if self.dead { Err(Errno::EWAIT) } else { Ok(()) }
    }

    fn receive(&self, buf: &mut [u8], _peek: bool) -> Result<usize> {
        let mut data = self.data.lock().unwrap();
        let len = data.len().min(buf.len());
        buf[..len].copy_from_slice(&data[..len]);
        data.drain(..len);
        if len == 0 { Err(Errno::EWAIT) } else { Ok(len) }
    }

    fn send(&self, buf: &[u8]) -> Result<usize> {
        self.data.lock().unwrap().extend(buf);
        Ok(buf.len())
    }

    fn shutdown(&self, _how: Shutdown) -> Result<()> {
        Ok(())
    }

    fn poll(&self) -> Events {
        Events::WRITE
    }

    fn take_error(&self) -> Option<Errno> {
        None
    }

    fn queued(&self) -> usize {
        self.data.lock().unwrap().len()
    }

    fn set_no_delay(&self, _on: bool) {}
}
