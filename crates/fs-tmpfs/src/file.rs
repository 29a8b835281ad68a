//! An open regular file.

use crate::node::{Body, Node};
use agentos_abi::{Errno, Events, OpenFlags, Result, Timespec};
use agentos_vfs::File;
use agentos_waiter::WaitQueue;
use std::any::Any;
use std::sync::Arc;

/// An access time older than this is renewed by a read even if the file did not change since (relatime), in seconds.
const RELATIME_S: i64 = 24 * 60 * 60;

/// Reads and writes the content of a node.
pub(crate) struct RegularFile {
    node: Arc<Node>,
    keep_atime: bool,
}

impl RegularFile {
    pub fn new(node: Arc<Node>, flags: OpenFlags) -> RegularFile {
        RegularFile { node, keep_atime: flags.contains(OpenFlags::NOATIME) }
    }

    /// relatime: the access time moves when it is not newer than the last change, or a day old.
    fn touch_atime(&self) {
        if self.keep_atime {
            return;
        }
        let now: Timespec = self.node.shared.clock.now();
        let mut meta = self.node.meta.lock();
        if meta.atime <= meta.mtime || meta.atime <= meta.ctime || now.sec.saturating_sub(meta.atime.sec) >= RELATIME_S {
            meta.atime = now;
        }
    }
}

impl File for RegularFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let Body::Regular(content) = &self.node.body else { return Err(Errno::EINVAL) };
        let n = content.read().read(buf, offset);
        if !buf.is_empty() {
            self.touch_atime();
        }
        Ok(n)
    }

    fn write_at(&self, buf: &[u8], offset: u64, append: bool) -> Result<(usize, u64)> {
        let Body::Regular(content) = &self.node.body else { return Err(Errno::EINVAL) };
        let (n, end) = {
            let mut content = content.write();
            let offset = if append { content.size() } else { offset };
            let n = content.write(buf, offset, &self.node.shared.quota)?;
            (n, offset.saturating_add(n as u64))
        };
        if n > 0 {
            self.node.touch();
        }
        Ok((n, end))
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
