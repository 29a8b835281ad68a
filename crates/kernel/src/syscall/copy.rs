//! Moving data between files inside the kernel: sendfile(2), copy_file_range(2). Pipes are in [`super::splice`].

use crate::task::Task;
use agentos_abi::{Errno, Fd, Result};

/// Moved by one read and write, in bytes.
const CHUNK: usize = 64 * 1024;
/// Most that one call moves, in bytes, so that a signal does not wait long. Callers continue.
const MAX_PER_CALL: usize = 4 << 20;

impl Task {
    /// The source must be seekable: what was read but could not be written is simply read again.
    pub(super) fn do_copy_range(&self, from: Fd, from_offset: Option<&mut u64>, to: Fd, to_offset: Option<&mut u64>, count: usize) -> Result<usize> {
        let source = self.usable(from)?;
        let target = self.usable(to)?;
        if !source.flags().readable() || !target.flags().writable() {
            return Err(Errno::EBADF);
        }
        if !source.seekable() {
            return Err(Errno::EINVAL);
        }
        self.job_control(&target, true)?;
        let mut read_at = from_offset.as_deref().copied().unwrap_or_else(|| *source.offset());
        let mut write_at = to_offset.as_deref().copied();
        let limit = self.file_size_limit();
        let count = count.min(MAX_PER_CALL);
        let mut chunk = vec![0; count.min(CHUNK)];
        let mut moved = 0;
        while moved < count {
            let wanted = chunk.len().min(count - moved);
            let step = source.file.read_at(&mut chunk[..wanted], read_at).and_then(|read| match &mut write_at {
                _ if read == 0 => Ok((0, 0)),
                Some(at) => target.pwrite(&chunk[..read], *at, limit).inspect(|written| *at += *written as u64).map(|w| (read, w)),
                None => target.write(&chunk[..read], limit).map(|written| (read, written)),
            });
            let (read, written) = match step {
                Ok(step) => step,
                // What has moved counts; the error comes again with the next call.
                Err(_) if moved > 0 => break,
                Err(errno) => return self.written(Err(errno)),
            };
            moved += written;
            read_at += written as u64;
            if read == 0 || written < read {
                break;
            }
        }
        match from_offset {
            Some(offset) => *offset = read_at,
            None => *source.offset() = read_at,
        }
        if let (Some(offset), Some(at)) = (to_offset, write_at) {
            *offset = at;
        }
        Ok(moved)
    }
}
