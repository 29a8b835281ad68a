//! Writing to a set-id file takes the bits away.

use crate::open::clear_set_id;
use crate::{Cred, File, FileContext, InodeRef};
use agentos_abi::ioctl::{Ioctl, IoctlReply};
use agentos_abi::{Events, Result, Stat};
use agentos_waiter::WaitQueue;
use std::any::Any;
use std::sync::Arc;

/// A file that had set-id bits when an unprivileged caller opened it for writing: the first write clears them, so that nobody
/// lends his rights to content that somebody else wrote.
pub(crate) struct SetIdClearing {
    file: Arc<dyn File>,
    inode: InodeRef,
    cred: Cred,
}

impl SetIdClearing {
    pub(crate) fn new(file: Arc<dyn File>, inode: InodeRef, cred: Cred) -> SetIdClearing {
        SetIdClearing { file, inode, cred }
    }
}

impl File for SetIdClearing {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64, append: bool) -> Result<(usize, u64)> {
        if !buf.is_empty() {
            clear_set_id(&self.inode, &self.cred)?;
        }
        self.file.write_at(buf, offset, append)
    }

    fn seekable(&self) -> bool {
        self.file.seekable()
    }

    fn poll(&self) -> Events {
        self.file.poll()
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        self.file.wait_queue()
    }

    fn stat(&self) -> Option<Stat> {
        self.file.stat()
    }

    fn ioctl(&self, request: Ioctl, context: &FileContext) -> Result<IoctlReply> {
        self.file.ioctl(request, context)
    }

    fn sync(&self) -> Result<()> {
        self.file.sync()
    }

    fn as_any(&self) -> &dyn Any {
        self.file.as_any()
    }
}
