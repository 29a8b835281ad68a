//! An open file of a [`Tmpfs`](crate::Tmpfs).

use crate::node::Node;
use agentos_abi::{Events, Result};
use agentos_vfs::File;
use agentos_waiter::WaitQueue;
use std::any::Any;
use std::sync::Arc;

pub(crate) struct TmpfsFile(pub Arc<Node>);

impl File for TmpfsFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.0.read(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64, append: bool) -> Result<(usize, u64)> {
        self.0.write(buf, offset, append)
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
