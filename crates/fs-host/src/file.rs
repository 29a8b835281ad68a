//! An open file of the host.

use crate::errno;
use agentos_abi::{Events, Result};
use agentos_vfs::File;
use agentos_waiter::WaitQueue;
use rustix::io::ReadWriteFlags;
use std::any::Any;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::OwnedFd;

/// A regular file, read and written at offsets.
pub(crate) struct HostFile {
    pub fd: OwnedFd,
}

impl File for HostFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        rustix::io::preadv(&self.fd, &mut [IoSliceMut::new(buf)], offset).map_err(errno)
    }

    fn write_at(&self, buf: &[u8], offset: u64, append: bool) -> Result<(usize, u64)> {
        if append {
            // One step with finding the end, so that two writers do not overwrite each other.
            let n = rustix::io::pwritev2(&self.fd, &[IoSlice::new(buf)], 0, ReadWriteFlags::APPEND).map_err(errno)?;
            let size = rustix::fs::fstat(&self.fd).map_err(errno)?.st_size;
            return Ok((n, u64::try_from(size).unwrap_or(0)));
        }
        let n = rustix::io::pwritev(&self.fd, &[IoSlice::new(buf)], offset).map_err(errno)?;
        Ok((n, offset.saturating_add(n as u64)))
    }

    fn seekable(&self) -> bool {
        true
    }

    fn poll(&self) -> Events {
        Events::READ | Events::WRITE
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        None
    }

    fn sync(&self) -> Result<()> {
        rustix::fs::fsync(&self.fd).map_err(errno)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
