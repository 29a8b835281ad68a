//! /proc/PID/net: the tables that tools look for, with the loopback interface and the listening sockets of the VM.

use super::{attributes, ino};
use crate::node::{Context, Entries, Listed, TextNode};
use agentos_abi::{Errno, FileType, Pid, Result};
use agentos_kernel::Kernel;
use agentos_vfs::InodeRef;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Entries are numbered from here.
const FIRST: u64 = 500;

const DEV_HEADER: &str = "Inter-|   Receive                                                |  Transmit\n \
face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n";
const DEV_LO: &str = "    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n";
const TCP_HEADER: &str =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n";
const TCP6_HEADER: &str =
    "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const UDP_HEADER: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops             \n";
const UNIX_HEADER: &str = "Num       RefCount Protocol Flags    Type St Inode Path\n";
const ROUTE_HEADER: &str =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT                                                       \n";
const IF_INET6: &str = "00000000000000000000000000000001 01 80 10 80       lo\n";

type RenderTable = fn(&Arc<Kernel>) -> String;

const TABLES: &[(&str, RenderTable)] = &[
    ("dev", |_| format!("{DEV_HEADER}{DEV_LO}")),
    ("if_inet6", |_| IF_INET6.to_owned()),
    ("route", |_| ROUTE_HEADER.to_owned()),
    ("tcp", |kernel| listeners(kernel, TCP_HEADER, |addr| addr.is_ipv4())),
    ("tcp6", |kernel| listeners(kernel, TCP6_HEADER, |addr| addr.is_ipv6())),
    ("udp", |_| UDP_HEADER.to_owned()),
    ("udp6", |_| TCP6_HEADER.to_owned()),
    ("unix", |_| UNIX_HEADER.to_owned()),
];

/// An address as the kernel's C code prints it: each 32-bit word in host order.
fn hexadecimal(addr: SocketAddr) -> String {
    let octets = match addr.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let words: String = octets.chunks(4).flat_map(|word| word.iter().rev()).map(|byte| format!("{byte:02X}")).collect();
    format!("{words}:{:04X}", addr.port())
}

/// Listening sockets (state 0A); connections are not listed.
fn listeners(kernel: &Arc<Kernel>, header: &str, wanted: fn(&SocketAddr) -> bool) -> String {
    let mut text = header.to_owned();
    for (index, listener) in kernel.network().listeners().into_iter().filter(|l| wanted(&l.local)).enumerate() {
        let uid = kernel.process_owner(listener.owner).map_or(0, |owner| owner.0);
        let any = hexadecimal(SocketAddr::new(if listener.local.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) }, 0));
        let local = hexadecimal(listener.local);
        text.push_str(&format!("{index:4}: {local} {any} 0A 00000000:00000000 00:00000000 00000000 {uid:5}        0 0 1 0000000000000000 100 0 0 10 0\n"));
    }
    text
}

/// net
pub(super) struct Network {
    pub(super) pid: Pid,
}

impl Entries for Network {
    fn lookup(&self, context: &Context, kernel: &Arc<Kernel>, name: &[u8]) -> Result<InodeRef> {
        let index = TABLES.iter().position(|(table, _)| table.as_bytes() == name).ok_or(Errno::ENOENT)?;
        let render = TABLES[index].1;
        let attributes = attributes(kernel, self.pid, FIRST + index as u64, 0o444)?;
        Ok(Arc::new(TextNode { context: context.clone(), attributes, render: Box::new(move |kernel| Ok(render(kernel).into_bytes())) }))
    }

    fn list(&self, _kernel: &Arc<Kernel>) -> Result<Vec<Listed>> {
        let listed = TABLES.iter().zip(0..).map(|((name, _), index)| Listed {
            position: index + 1,
            name: name.as_bytes().to_vec(),
            ino: ino(self.pid, FIRST + index),
            file_type: FileType::Regular,
        });
        Ok(listed.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_in_host_order() {
        assert_eq!(hexadecimal("127.0.0.1:8080".parse().unwrap()), "0100007F:1F90");
        assert_eq!(hexadecimal("[::1]:80".parse().unwrap()), "00000000000000000000000001000000:0050");
    }
}
