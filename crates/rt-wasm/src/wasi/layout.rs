//! Records and flag sets of preview 1.

use crate::memory::Record;
use agentos_abi::time::SetTime;
use agentos_abi::{Errno, FileType, OpenFlags, Result, Stat, Timespec};

/// `filetype`.
pub(super) fn file_type(kind: FileType) -> u8 {
    match kind {
        FileType::BlockDevice => 1,
        FileType::CharDevice => 2,
        FileType::Directory => 3,
        FileType::Regular => 4,
        FileType::Socket => 6,
        FileType::Symlink => 7,
        FileType::Fifo => 0,
    }
}

/// Nanoseconds since the epoch; times before it or beyond 2554 do not fit.
pub(super) fn nanos(time: Timespec) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(if time.sec < 0 { 0 } else { u64::MAX })
}

/// `filestat` (64 bytes).
pub(super) fn filestat(stat: &Stat) -> Vec<u8> {
    Record::with_size(64)
        .u64(stat.dev)
        .u64(stat.ino)
        .bytes(&[file_type(stat.file_type)])
        .pad_to(24)
        .u64(stat.nlink.into())
        .u64(stat.size)
        .u64(nanos(stat.atime))
        .u64(nanos(stat.mtime))
        .u64(nanos(stat.ctime))
        .0
}

/// `fdflags` with the open flags that they mean; rsync is sync.
const FD_FLAGS: [(u16, OpenFlags); 4] = [(1, OpenFlags::APPEND), (2, OpenFlags::DSYNC), (4, OpenFlags::NONBLOCK), (16, OpenFlags::SYNC)];

/// Open flags of `fdflags`. EINVAL for an unknown bit.
pub(super) fn open_flags(raw: u32) -> Result<OpenFlags> {
    if raw & !0x1f != 0 {
        return Err(Errno::EINVAL);
    }
    let mut flags = if raw & 8 != 0 { OpenFlags::SYNC } else { OpenFlags::empty() };
    // Only ever added: O_SYNC contains O_DSYNC, so taking one away would take the other.
    for (bit, flag) in FD_FLAGS {
        if raw & u32::from(bit) != 0 {
            flags |= flag;
        }
    }
    Ok(flags)
}

/// `fdflags` of open flags.
pub(super) fn fd_flags(flags: OpenFlags) -> u16 {
    FD_FLAGS.iter().filter(|(_, flag)| flags.contains(*flag)).fold(0, |all, (bit, _)| all | bit)
}

/// Access and modification time from `fstflags`. EINVAL when one is both given and "now".
pub(super) fn set_times(atime: u64, mtime: u64, flags: u32) -> Result<(SetTime, SetTime)> {
    let pick = |time: u64, given: bool, now: bool| match (given, now) {
        (true, true) => Err(Errno::EINVAL),
        (true, false) => Ok(SetTime::At(Timespec::from_nanos(time.into()))),
        (false, true) => Ok(SetTime::Now),
        (false, false) => Ok(SetTime::Omit),
    };
    Ok((pick(atime, flags & 1 != 0, flags & 2 != 0)?, pick(mtime, flags & 4 != 0, flags & 8 != 0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_convert_both_ways() {
        for raw in [0, 1, 4, 5, 2] {
            assert_eq!(u32::from(fd_flags(open_flags(raw).unwrap())), raw);
        }
        // sync includes dsync, as O_SYNC includes O_DSYNC.
        assert_eq!(fd_flags(open_flags(16).unwrap()), 18);
        assert_eq!(open_flags(32), Err(Errno::EINVAL));
    }

    #[test]
    fn times_are_now_or_given_but_not_both() {
        assert_eq!(set_times(1_500_000_000, 0, 1 | 8), Ok((SetTime::At(Timespec { sec: 1, nsec: 500_000_000 }), SetTime::Now)));
        assert_eq!(set_times(0, 0, 0), Ok((SetTime::Omit, SetTime::Omit)));
        assert_eq!(set_times(0, 0, 3), Err(Errno::EINVAL));
    }
}
