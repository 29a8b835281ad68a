//! The memory devices: null, zero, full, random.

use agentos_abi::{Errno, Events, OpenFlags, Pid, Result};
use agentos_kernel::{Device, Kernel, Random};
use agentos_vfs::File;
use agentos_waiter::WaitQueue;
use std::any::Any;
use std::sync::Arc;

/// A device whose only state is what it is: opening gives the device itself.
macro_rules! stateless {
    ($device:ident, $self:ident, read($buf:ident) $read:block, write($data:ident) $write:block) => {
        impl Device for $device {
            fn open(&self, _kernel: &Arc<Kernel>, _pid: Pid, _flags: OpenFlags) -> Result<Arc<dyn File>> {
                Ok(Arc::new(self.clone()))
            }
        }

        impl File for $device {
            fn read_at(&$self, $buf: &mut [u8], _offset: u64) -> Result<usize> $read

            fn write_at(&$self, $data: &[u8], offset: u64, _append: bool) -> Result<(usize, u64)> {
                let n: Result<usize> = $write;
                n.map(|n| (n, offset.saturating_add(n as u64)))
            }

            // lseek(2) succeeds on memory devices.
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
    };
}

/// /dev/null
#[derive(Clone)]
pub(crate) struct Null;
stateless!(Null, self, read(_buf) { Ok(0) }, write(data) { Ok(data.len()) });

/// /dev/zero
#[derive(Clone)]
pub(crate) struct Zero;
stateless!(Zero, self, read(buf) { buf.fill(0); Ok(buf.len()) }, write(data) { Ok(data.len()) });

/// /dev/full
#[derive(Clone)]
pub(crate) struct Full;
stateless!(Full, self, read(buf) { buf.fill(0); Ok(buf.len()) }, write(_data) { Err(Errno::ENOSPC) });

/// Most random bytes of one read: a large one must not keep the caller's thread.
const MAX_RANDOM_BYTES: usize = 1 << 20;

/// /dev/random, /dev/urandom
#[derive(Clone)]
pub(crate) struct RandomBytes(pub Arc<dyn Random>);
stateless!(RandomBytes, self, read(buf) {
    let n = buf.len().min(MAX_RANDOM_BYTES);
    self.0.fill(&mut buf[..n]);
    Ok(n)
}, write(data) { Ok(data.len()) });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_is_full_and_null_is_empty() {
        assert_eq!(Full.write_at(b"x", 0, false), Err(Errno::ENOSPC));
        assert_eq!(Null.write_at(b"xyz", 5, false), Ok((3, 8)));
        let mut buf = [1; 3];
        assert_eq!((Null.read_at(&mut buf, 0), Zero.read_at(&mut buf, 0), buf), (Ok(0), Ok(3), [0; 3]));
    }
}
