//! Records as the wasm32 port of musl lays them out: asm-generic, 32-bit `long`, 64-bit times.

use crate::memory::{Guest, Record};
use agentos_abi::socket::SockAddr;
use agentos_abi::termios::{InputFlags, LocalFlags, OutputFlags, Termios, Winsize, cc};
use agentos_abi::wait::Rusage;
use agentos_abi::{Errno, Result, Stat, Statfs, Timespec};
use agentos_syscall::Sysinfo;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

fn major(dev: u64) -> u32 {
    ((dev >> 8) & 0xfff) as u32 | ((dev >> 32) & 0xffff_f000) as u32
}

fn minor(dev: u64) -> u32 {
    (dev & 0xff) as u32 | ((dev >> 12) & 0xffff_ff00) as u32
}

/// `struct statx` (256 bytes), all of STATX_BASIC_STATS and STATX_BTIME.
pub(crate) fn statx(stat: &Stat) -> Vec<u8> {
    let time = |record: Record, t: Timespec| record.u64(t.sec as u64).u32(t.nsec).u32(0);
    let mut record = Record::with_size(256)
        .u32(0xfff)
        .u32(stat.blksize)
        .u64(0)
        .u32(stat.nlink)
        .u32(stat.uid)
        .u32(stat.gid)
        .u16(stat.st_mode() as u16)
        .u16(0)
        .u64(stat.ino)
        .u64(stat.size)
        .u64(stat.blocks)
        .u64(0);
    for t in [stat.atime, stat.btime, stat.ctime, stat.mtime] {
        record = time(record, t);
    }
    record.u32(major(stat.rdev)).u32(minor(stat.rdev)).u32(major(stat.dev)).u32(minor(stat.dev)).pad_to(256).0
}

/// The kernel's `struct stat` of fstatat64 (104 bytes with 32-bit times).
pub(crate) fn kstat(stat: &Stat) -> Vec<u8> {
    let mut record = Record::with_size(104)
        .u64(stat.dev)
        .u64(stat.ino)
        .u32(stat.st_mode())
        .u32(stat.nlink)
        .u32(stat.uid)
        .u32(stat.gid)
        .u64(stat.rdev)
        .u64(0)
        .u64(stat.size)
        .u32(stat.blksize)
        .u32(0)
        .u64(stat.blocks);
    for t in [stat.atime, stat.mtime, stat.ctime] {
        record = record.u32(t.sec as u32).u32(t.nsec);
    }
    record.pad_to(104).0
}

/// `struct statfs` (88 bytes).
pub(crate) fn statfs(fs: &Statfs) -> Vec<u8> {
    Record::with_size(88)
        .u32(fs.fs_type)
        .u32(fs.bsize)
        .u64(fs.blocks)
        .u64(fs.bfree)
        .u64(fs.bfree)
        .u64(fs.files)
        .u64(fs.ffree)
        .u64(0)
        .u32(fs.namelen)
        .u32(fs.bsize)
        .u32(fs.flags)
        .pad_to(88)
        .0
}

/// The kernel's `struct rusage`: 18 `long`s.
pub(crate) fn rusage(usage: &Rusage) -> Vec<u8> {
    let time = |record: Record, t: Duration| record.u32(t.as_secs() as u32).u32(t.subsec_micros());
    let record = time(time(Record::with_size(72), usage.utime), usage.stime);
    record.u32(u32::try_from(usage.maxrss_kib).unwrap_or(u32::MAX)).pad_to(72).0
}

/// `struct sysinfo` up to `mem_unit`; memory in units of 4 KiB, so that it fits 32 bits.
pub(crate) fn sysinfo(info: &Sysinfo) -> Vec<u8> {
    const UNIT: u64 = 4096;
    let pages = |bytes: u64| u32::try_from(bytes / UNIT).unwrap_or(u32::MAX);
    let mut record = Record::with_size(64).u32(u32::try_from(info.uptime_s).unwrap_or(u32::MAX));
    for load in info.loads {
        record = record.u32(u32::try_from(load).unwrap_or(u32::MAX));
    }
    record.u32(pages(info.total_bytes)).u32(pages(info.free_bytes)).pad_to(40).u16(info.processes).pad_to(52).u32(UNIT as u32).pad_to(64).0
}

/// Size of the kernel's `struct termios`.
pub(crate) const TERMIOS_BYTES: usize = 36;

/// The kernel's `struct termios`.
pub(crate) fn termios(t: &Termios) -> Vec<u8> {
    Record::with_size(TERMIOS_BYTES).u32(t.input.bits()).u32(t.output.bits()).u32(t.control).u32(t.local.bits()).bytes(&[t.line]).bytes(&t.cc).0
}

/// Reads a `struct termios`.
pub(crate) fn read_termios(mem: &Guest<'_>, at: u32) -> Result<Termios> {
    let raw: [u8; TERMIOS_BYTES] = mem.array(at)?;
    let word = |n: usize| u32::from_le_bytes([raw[n], raw[n + 1], raw[n + 2], raw[n + 3]]);
    let mut chars = [0; cc::NCCS];
    chars.copy_from_slice(&raw[17..17 + cc::NCCS]);
    Ok(Termios {
        input: InputFlags::from_bits_truncate(word(0)),
        output: OutputFlags::from_bits_truncate(word(4)),
        control: word(8),
        local: LocalFlags::from_bits_truncate(word(12)),
        line: raw[16],
        cc: chars,
    })
}

/// `struct winsize`.
pub(crate) fn winsize(w: &Winsize) -> Vec<u8> {
    Record::with_size(8).u16(w.rows).u16(w.cols).u16(w.xpixel).u16(w.ypixel).0
}

/// Reads a `struct winsize`.
pub(crate) fn read_winsize(mem: &Guest<'_>, at: u32) -> Result<Winsize> {
    let raw: [u8; 8] = mem.array(at)?;
    let half = |n: usize| u16::from_le_bytes([raw[n], raw[n + 1]]);
    Ok(Winsize { rows: half(0), cols: half(2), xpixel: half(4), ypixel: half(6) })
}

/// Encodes a socket address.
pub(crate) fn sockaddr(addr: &SockAddr) -> Vec<u8> {
    match addr {
        SockAddr::Unix(path) => {
            let record = Record::default().u16(1).bytes(path);
            // A path name ends in NUL, an abstract name does not, an unnamed socket has none.
            if path.first().is_some_and(|byte| *byte != 0) { record.bytes(&[0]).0 } else { record.0 }
        }
        SockAddr::Inet(SocketAddr::V4(v4)) => Record::default().u16(2).bytes(&v4.port().to_be_bytes()).bytes(&v4.ip().octets()).pad_to(16).0,
        SockAddr::Inet(SocketAddr::V6(v6)) => {
            Record::default().u16(10).bytes(&v6.port().to_be_bytes()).u32(v6.flowinfo()).bytes(&v6.ip().octets()).u32(v6.scope_id()).0
        }
    }
}

/// Decodes a socket address. Errors: EINVAL (length), EAFNOSUPPORT.
pub(crate) fn read_sockaddr(raw: &[u8]) -> Result<SockAddr> {
    let family = raw.first_chunk::<2>().map(|bytes| u16::from_le_bytes(*bytes)).ok_or(Errno::EINVAL)?;
    let port = || raw.get(2..4).map(|p| u16::from_be_bytes([p[0], p[1]])).ok_or(Errno::EINVAL);
    match family {
        1 => {
            let path = &raw[2..];
            let len = match path.first() {
                Some(0) | None => path.len(),
                Some(_) => path.iter().position(|byte| *byte == 0).unwrap_or(path.len()),
            };
            if len > agentos_abi::socket::UNIX_PATH_MAX { Err(Errno::EINVAL) } else { Ok(SockAddr::Unix(path[..len].to_vec())) }
        }
        2 => {
            let ip: [u8; 4] = raw.get(4..8).and_then(|ip| ip.try_into().ok()).ok_or(Errno::EINVAL)?;
            Ok(SockAddr::Inet(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(ip)), port()?)))
        }
        10 => {
            let ip: [u8; 16] = raw.get(8..24).and_then(|ip| ip.try_into().ok()).ok_or(Errno::EINVAL)?;
            let word = |n: usize| raw.get(n..n + 4).map_or(0, |w| u32::from_le_bytes([w[0], w[1], w[2], w[3]]));
            Ok(SockAddr::Inet(SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::from(ip), port()?, word(4), word(24)))))
        }
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agentos_abi::{FileType, Mode};

    fn stat() -> Stat {
        let t = |sec| Timespec { sec, nsec: 5 };
        Stat {
            dev: agentos_abi::stat::makedev(8, 1),
            ino: 7,
            file_type: FileType::Regular,
            mode: Mode::from_bits_truncate(0o644),
            nlink: 1,
            uid: 1000,
            gid: 100,
            rdev: agentos_abi::stat::makedev(0x12345, 0x6789a),
            size: 1 << 33,
            blksize: 4096,
            blocks: 16,
            atime: t(1),
            mtime: t(2),
            ctime: t(3),
            btime: t(4),
        }
    }

    #[test]
    fn statx_matches_the_kernels_offsets() {
        let raw = statx(&stat());
        let word = |at: usize| u32::from_le_bytes(raw[at..at + 4].try_into().unwrap());
        let long = |at: usize| u64::from_le_bytes(raw[at..at + 8].try_into().unwrap());
        assert_eq!(raw.len(), 256);
        assert_eq!((word(4), word(16), word(20), word(24)), (4096, 1, 1000, 100));
        assert_eq!(u16::from_le_bytes([raw[28], raw[29]]), 0o100644);
        assert_eq!((long(32), long(40), long(48)), (7, 1 << 33, 16));
        // stx_atime, stx_btime, stx_ctime, stx_mtime.
        assert_eq!((long(64), long(80), long(96), long(112)), (1, 4, 3, 2));
        assert_eq!((word(128), word(132), word(136), word(140)), (0x12345, 0x6789a, 8, 1));
    }

    #[test]
    fn record_sizes_are_musls() {
        assert_eq!(kstat(&stat()).len(), 104);
        assert_eq!(statfs(&Statfs::default()).len(), 88);
        assert_eq!(rusage(&Rusage::default()).len(), 72);
        assert_eq!(termios(&Termios::default()).len(), TERMIOS_BYTES);
        let info = sysinfo(&Sysinfo { total_bytes: 8 << 30, ..Sysinfo::default() });
        assert_eq!(
            (info.len(), u32::from_le_bytes(info[16..20].try_into().unwrap()), u32::from_le_bytes(info[52..56].try_into().unwrap())),
            (64, 2 << 20, 4096)
        );
    }

    #[test]
    fn termios_and_addresses_survive_the_round_trip() {
        let mut memory = vec![0; 16];
        memory.extend(termios(&Termios::default()));
        assert_eq!(read_termios(&Guest(&mut memory), 16), Ok(Termios::default()));
        for addr in [
            SockAddr::Unix(b"/run/x".to_vec()),
            SockAddr::Unix(b"\0abstract".to_vec()),
            SockAddr::Unix(vec![]),
            SockAddr::Inet("127.0.0.1:80".parse().unwrap()),
            SockAddr::Inet("[::1]:443".parse().unwrap()),
        ] {
            assert_eq!(read_sockaddr(&sockaddr(&addr)), Ok(addr));
        }
        assert_eq!(read_sockaddr(&[]), Err(Errno::EINVAL));
        assert_eq!(read_sockaddr(&[2, 0, 0]), Err(Errno::EINVAL));
        assert_eq!(read_sockaddr(&[16, 0]), Err(Errno::EAFNOSUPPORT));
    }
}
