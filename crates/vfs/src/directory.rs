//! The open file of a directory.

use crate::File;
use agentos_abi::{Errno, Events, Result};
use agentos_waiter::WaitQueue;
use std::any::Any;

/// An opened directory: it can only be listed, which [`crate::Path::read_dir`] does.
#[derive(Clone, Copy, Debug, Default)]
pub struct DirectoryFile;

impl File for DirectoryFile {
    fn read_at(&self, _buf: &mut [u8], _offset: u64) -> Result<usize> {
        Err(Errno::EISDIR)
    }

    fn write_at(&self, _buf: &[u8], _offset: u64, _append: bool) -> Result<(usize, u64)> {
        Err(Errno::EBADF)
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

    fn as_any(&self) -> &dyn Any {
        self
    }
}
