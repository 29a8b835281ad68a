//! The system call table: number, name, handler and support level. Code, trace source and documentation at once.
//!
//! Numbers are asm-generic's for 32-bit machines, with 64-bit times from 403 on; the older calls with 32-bit times are
//! accepted too, because musl 1.2.3 uses them when a value fits.

use crate::call::Call;
use crate::linux::calls::{event, fd, io, memory, net, path, process, signal, system, time, waitable};
use agentos_abi::Result;

/// How much of a call there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// As on Linux.
    Full,
    /// With a difference that the note names.
    Partial,
    /// Answers success without doing anything, which Linux would allow.
    Accepted,
    /// Always the error that the note names.
    Refused,
}

/// One row.
pub struct Syscall {
    /// Number, as in `aos.syscall(number, ..)`.
    pub number: u16,
    /// Linux' name, as in `linux.name(..)`.
    pub name: &'static str,
    /// Number of register arguments.
    pub arity: u8,
    /// How much of it there is.
    pub support: Support,
    /// What differs, or empty.
    pub note: &'static str,
    pub(crate) handler: fn(&mut Call<'_>) -> Result<i32>,
}

/// All calls that are known, by number. A number that is missing answers ENOSYS.
pub fn table() -> &'static [Syscall] {
    TABLE
}

/// The call of a number.
pub(crate) fn find(number: usize) -> Option<&'static Syscall> {
    let at = if number < LINUX_NUMBERS { number } else { number.checked_sub(GUEST_FIRST)?.checked_add(LINUX_NUMBERS)? };
    let row = *INDEX.get(at)?;
    TABLE.get(usize::from(row))
}

/// Numbers of Linux that the index covers.
const LINUX_NUMBERS: usize = 460;
/// First number of the calls between the kernel and the guest's start code.
const GUEST_FIRST: usize = 10_000;
/// Marks a number without a call.
const NONE: u16 = u16::MAX;

static INDEX: [u16; LINUX_NUMBERS + 8] = {
    let mut index = [NONE; LINUX_NUMBERS + 8];
    let mut row = 0;
    while row < TABLE.len() {
        let number = TABLE[row].number as usize;
        let at = if number >= GUEST_FIRST { number - GUEST_FIRST + LINUX_NUMBERS } else { number };
        index[at] = row as u16;
        row += 1;
    }
    index
};

macro_rules! calls {
    ($($number:literal $name:ident $arity:literal $handler:path, $support:ident $(, $note:literal)?;)*) => {
        static TABLE: &[Syscall] = &[$(Syscall {
            number: $number, name: stringify!($name), arity: $arity, handler: $handler, support: Support::$support, note: concat!($($note)?),
        }),*];
    };
}

calls! {
    5 setxattr 5 path::no_xattr, Refused, "EOPNOTSUPP";
    6 lsetxattr 5 path::no_xattr, Refused, "EOPNOTSUPP";
    7 fsetxattr 5 path::no_xattr, Refused, "EOPNOTSUPP";
    8 getxattr 4 path::no_xattr, Refused, "EOPNOTSUPP";
    9 lgetxattr 4 path::no_xattr, Refused, "EOPNOTSUPP";
    10 fgetxattr 4 path::no_xattr, Refused, "EOPNOTSUPP";
    11 listxattr 3 path::no_xattr, Refused, "EOPNOTSUPP";
    12 llistxattr 3 path::no_xattr, Refused, "EOPNOTSUPP";
    13 flistxattr 3 path::no_xattr, Refused, "EOPNOTSUPP";
    14 removexattr 2 path::no_xattr, Refused, "EOPNOTSUPP";
    15 lremovexattr 2 path::no_xattr, Refused, "EOPNOTSUPP";
    16 fremovexattr 2 path::no_xattr, Refused, "EOPNOTSUPP";
    17 getcwd 2 path::getcwd, Full;
    19 eventfd2 2 event::eventfd2, Full;
    20 epoll_create1 1 event::epoll_create1, Full;
    21 epoll_ctl 4 event::epoll_ctl, Full;
    22 epoll_pwait 6 event::epoll_pwait, Full;
    23 dup 1 fd::dup, Full;
    24 dup3 3 fd::dup3, Full;
    25 fcntl64 3 fd::fcntl, Partial, "no leases, no F_SETOWN";
    26 inotify_init1 1 system::no_system, Refused, "ENOSYS";
    29 ioctl 3 fd::ioctl, Partial, "terminals, FIONREAD, FIONBIO, FIOCLEX; others ENOTTY";
    30 ioprio_set 3 system::accept, Accepted;
    31 ioprio_get 2 system::accept, Accepted, "0";
    32 flock 2 fd::flock, Full;
    33 mknodat 4 path::mknodat, Full;
    34 mkdirat 3 path::mkdirat, Full;
    35 unlinkat 3 path::unlinkat, Full;
    36 symlinkat 3 path::symlinkat, Full;
    37 linkat 5 path::linkat, Full;
    38 renameat 4 path::renameat, Full;
    39 umount2 2 system::not_permitted, Refused, "EPERM";
    40 mount 5 system::not_permitted, Refused, "EPERM";
    41 pivot_root 2 system::not_permitted, Refused, "EPERM";
    43 statfs64 3 path::statfs64, Full;
    44 fstatfs64 3 path::fstatfs64, Full;
    45 truncate64 3 path::truncate64, Full;
    46 ftruncate64 3 path::ftruncate64, Full;
    47 fallocate 6 path::fallocate, Partial, "mode 0 and KEEP_SIZE";
    48 faccessat 3 path::faccessat, Full;
    49 chdir 1 path::chdir, Full;
    50 fchdir 1 path::fchdir, Full;
    51 chroot 1 system::not_permitted, Refused, "EPERM";
    52 fchmod 2 path::fchmod, Full;
    53 fchmodat 3 path::fchmodat, Full;
    54 fchownat 5 path::fchownat, Full;
    55 fchown 3 path::fchown, Full;
    56 openat 4 path::openat, Full;
    57 close 1 fd::close, Full;
    59 pipe2 2 fd::pipe2, Full;
    61 getdents64 3 path::getdents64, Full;
    62 _llseek 5 io::llseek, Full;
    63 read 3 io::read, Full;
    64 write 3 io::write, Full;
    65 readv 3 io::readv, Full;
    66 writev 3 io::writev, Full;
    67 pread64 5 io::pread64, Full;
    68 pwrite64 5 io::pwrite64, Full;
    69 preadv 5 io::preadv, Full;
    70 pwritev 5 io::pwritev, Full;
    71 sendfile64 4 io::sendfile64, Full;
    72 pselect6 6 event::pselect6, Full;
    73 ppoll 5 event::ppoll, Full;
    74 signalfd4 4 waitable::signalfd4, Full;
    75 vmsplice 4 io::vmsplice, Full;
    76 splice 6 io::splice, Full;
    77 tee 4 io::tee, Full;
    78 readlinkat 4 path::readlinkat, Full;
    79 fstatat64 4 path::fstatat64, Full;
    80 fstat64 2 path::fstat64, Full;
    81 sync 0 system::accept, Accepted;
    82 fsync 1 fd::fsync, Full;
    83 fdatasync 1 fd::fsync, Full;
    84 sync_file_range 6 fd::fsync, Full;
    85 timerfd_create 2 waitable::timerfd_create, Full;
    86 timerfd_settime 4 waitable::timerfd_settime_time32, Full;
    87 timerfd_gettime 2 waitable::timerfd_gettime_time32, Full;
    88 utimensat 4 path::utimensat_time32, Full;
    89 acct 1 system::not_permitted, Refused, "EPERM";
    90 capget 2 system::not_permitted, Refused, "EPERM";
    91 capset 2 system::not_permitted, Refused, "EPERM";
    92 personality 1 system::accept, Accepted;
    93 exit 1 process::exit, Full;
    94 exit_group 1 process::exit, Full;
    95 waitid 5 process::waitid, Full;
    96 set_tid_address 1 process::gettid, Full;
    97 unshare 1 system::not_permitted, Refused, "EPERM";
    98 futex 6 event::futex, Partial, "one thread: WAIT waits for a signal, WAKE wakes nobody";
    99 set_robust_list 2 system::accept, Accepted;
    101 nanosleep 2 time::nanosleep, Full;
    102 getitimer 2 time::getitimer, Full;
    103 setitimer 3 time::setitimer, Full;
    107 timer_create 3 waitable::timer_create, Partial, "no SIGEV_THREAD";
    108 timer_gettime 2 waitable::timer_gettime_time32, Full;
    109 timer_getoverrun 1 waitable::timer_getoverrun, Full;
    110 timer_settime 4 waitable::timer_settime_time32, Full;
    111 timer_delete 1 waitable::timer_delete, Full;
    112 clock_settime 2 system::not_permitted, Refused, "EPERM";
    113 clock_gettime 2 time::clock_gettime_time32, Full;
    114 clock_getres 2 time::clock_getres_time32, Full;
    115 clock_nanosleep 4 time::clock_nanosleep_time32, Full;
    116 syslog 3 system::not_permitted, Refused, "EPERM";
    117 ptrace 4 system::not_permitted, Refused, "EPERM";
    118 sched_setparam 2 system::accept, Accepted;
    119 sched_setscheduler 3 system::accept, Accepted;
    120 sched_getscheduler 1 system::accept, Accepted, "SCHED_OTHER";
    121 sched_getparam 2 system::sched_getparam, Full;
    122 sched_setaffinity 3 system::accept, Accepted;
    123 sched_getaffinity 3 system::sched_getaffinity, Full;
    124 sched_yield 0 system::accept, Accepted;
    125 sched_get_priority_max 1 system::accept, Accepted, "0";
    126 sched_get_priority_min 1 system::accept, Accepted, "0";
    129 kill 2 signal::kill, Full;
    130 tkill 2 signal::tkill, Full;
    131 tgkill 3 signal::tgkill, Full;
    132 sigaltstack 2 system::accept, Accepted, "handlers run on the C stack";
    133 rt_sigsuspend 2 signal::rt_sigsuspend, Full;
    134 rt_sigaction 4 signal::rt_sigaction, Full;
    135 rt_sigprocmask 4 signal::rt_sigprocmask, Full;
    136 rt_sigpending 2 signal::rt_sigpending, Full;
    137 rt_sigtimedwait 4 signal::rt_sigtimedwait_time32, Full;
    138 rt_sigqueueinfo 3 signal::rt_sigqueueinfo, Full;
    140 setpriority 3 process::setpriority, Partial, "own process";
    141 getpriority 2 process::getpriority, Partial, "own process";
    142 reboot 4 system::not_permitted, Refused, "EPERM";
    143 setregid 2 process::setregid, Full;
    144 setgid 1 process::setgid, Full;
    145 setreuid 2 process::setreuid, Full;
    146 setuid 1 process::setuid, Full;
    147 setresuid 3 process::setresuid, Full;
    148 getresuid 3 process::getresuid, Full;
    149 setresgid 3 process::setresgid, Full;
    150 getresgid 3 process::getresgid, Full;
    151 setfsuid 1 process::setfsuid, Accepted, "answers the effective id";
    152 setfsgid 1 process::setfsgid, Accepted, "answers the effective id";
    153 times 1 process::times, Full;
    154 setpgid 2 process::setpgid, Full;
    155 getpgid 1 process::getpgid, Full;
    156 getsid 1 process::getsid, Full;
    157 setsid 0 process::setsid, Full;
    158 getgroups 2 process::getgroups, Full;
    159 setgroups 2 process::setgroups, Full;
    160 uname 1 system::uname, Full;
    161 sethostname 2 system::sethostname, Full;
    162 setdomainname 2 system::not_permitted, Refused, "EPERM";
    163 getrlimit 2 process::getrlimit, Full;
    164 setrlimit 2 process::setrlimit, Full;
    165 getrusage 2 process::getrusage, Full;
    166 umask 1 process::umask, Full;
    167 prctl 5 process::prctl, Partial, "PR_SET_NAME; others EINVAL";
    168 getcpu 3 system::getcpu, Full;
    169 gettimeofday 2 time::gettimeofday_time32, Full;
    170 settimeofday 2 system::not_permitted, Refused, "EPERM";
    171 adjtimex 1 system::not_permitted, Refused, "EPERM";
    172 getpid 0 process::getpid, Full;
    173 getppid 0 process::getppid, Full;
    174 getuid 0 process::getuid, Full;
    175 geteuid 0 process::geteuid, Full;
    176 getgid 0 process::getgid, Full;
    177 getegid 0 process::getegid, Full;
    178 gettid 0 process::gettid, Full;
    179 sysinfo 1 system::sysinfo, Full;
    198 socket 3 net::socket, Full;
    199 socketpair 4 net::socketpair, Partial, "AF_UNIX";
    200 bind 3 net::bind, Full;
    201 listen 2 net::listen, Full;
    202 accept 3 net::accept, Full;
    203 connect 3 net::connect, Full;
    204 getsockname 3 net::getsockname, Full;
    205 getpeername 3 net::getpeername, Full;
    206 sendto 6 net::sendto, Full;
    207 recvfrom 6 net::recvfrom, Full;
    208 setsockopt 5 net::setsockopt, Partial, "options without effect are accepted";
    209 getsockopt 5 net::getsockopt, Partial, "options with an int value";
    210 shutdown 2 net::shutdown, Full;
    211 sendmsg 3 net::sendmsg, Full;
    212 recvmsg 3 net::recvmsg, Full;
    213 readahead 4 system::accept, Accepted;
    220 clone 5 process::clone, Refused, "ENOSYS: fork, vfork and posix_spawn have their own entries";
    221 execve 3 process::execve, Full;
    223 fadvise64_64 6 system::accept, Accepted;
    226 mprotect 3 system::accept, Accepted, "linear memory has no protection";
    227 msync 3 memory::msync, Accepted, "mappings are private copies";
    228 mlock 2 system::accept, Accepted;
    229 munlock 2 system::accept, Accepted;
    230 mlockall 1 system::accept, Accepted;
    231 munlockall 0 system::accept, Accepted;
    232 mincore 3 system::accept, Accepted;
    233 madvise 3 system::accept, Accepted;
    240 rt_tgsigqueueinfo 4 signal::rt_tgsigqueueinfo, Full;
    242 accept4 4 net::accept4, Full;
    260 wait4 4 process::wait4, Full;
    261 prlimit64 4 process::prlimit64, Partial, "own process";
    267 syncfs 1 fd::fsync, Full;
    268 setns 2 system::not_permitted, Refused, "EPERM";
    276 renameat2 5 path::renameat2, Full;
    278 getrandom 3 system::getrandom, Full;
    281 execveat 5 process::execveat, Full;
    283 membarrier 3 system::accept, Accepted;
    285 copy_file_range 6 io::copy_file_range, Full;
    286 preadv2 6 io::preadv2, Partial, "no flags";
    287 pwritev2 6 io::pwritev2, Partial, "no flags";
    291 statx 5 path::statx, Full;
    403 clock_gettime64 2 time::clock_gettime64, Full;
    404 clock_settime64 2 system::not_permitted, Refused, "EPERM";
    406 clock_getres_time64 2 time::clock_getres_time64, Full;
    407 clock_nanosleep_time64 4 time::clock_nanosleep_time64, Full;
    408 timer_gettime64 2 waitable::timer_gettime64, Full;
    409 timer_settime64 4 waitable::timer_settime64, Full;
    410 timerfd_gettime64 2 waitable::timerfd_gettime64, Full;
    411 timerfd_settime64 4 waitable::timerfd_settime64, Full;
    412 utimensat_time64 4 path::utimensat_time64, Full;
    413 pselect6_time64 6 event::pselect6_time64, Full;
    414 ppoll_time64 5 event::ppoll_time64, Full;
    421 rt_sigtimedwait_time64 4 signal::rt_sigtimedwait_time64, Full;
    422 futex_time64 6 event::futex_time64, Partial, "as futex";
    436 close_range 3 fd::close_range, Full;
    437 openat2 4 path::openat2, Partial, "no RESOLVE flags";
    439 faccessat2 4 path::faccessat2, Full;
    452 fchmodat2 4 path::fchmodat2, Full;
    10000 start_size 1 process::start_size, Full, "of this ABI: takes the pending word's address, answers the size of the start block";
    10001 start_block 1 process::start_block, Full, "of this ABI: stores argc, argv, envp and the auxiliary vector";
    10002 vfork_enter 0 process::vfork_enter, Full, "of this ABI: the first half of vfork";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_find_their_rows() {
        assert!(TABLE.is_sorted_by_key(|row| row.number));
        for row in TABLE {
            assert_eq!(find(row.number.into()).map(|found| found.name), Some(row.name));
        }
        for missing in [0, 18, 459, 460, 467, 468, 9999, 10003, 10008, usize::MAX] {
            assert!(find(missing).is_none(), "{missing}");
        }
    }
}
