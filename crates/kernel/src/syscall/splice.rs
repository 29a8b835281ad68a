//! Moving data through pipes inside the kernel: splice(2), tee(2).

use crate::fd::Description;
use crate::pipe::{Pipe, PipeEnd};
use crate::task::Task;
use agentos_abi::{Errno, Fd, OpenFlags, Result};
use parking_lot::Mutex;
use std::sync::Arc;

/// Moved by one read and write, in bytes.
const CHUNK: usize = 64 * 1024;

/// A descriptor, and the offset to use instead of its own.
type Side<'a> = (Fd, Option<&'a mut u64>);

impl Task {
    pub(super) fn do_splice(&self, from: Side<'_>, to: Side<'_>, count: usize, dont_wait: bool) -> Result<usize> {
        let (source, target) = (self.usable(from.0)?, self.usable(to.0)?);
        if !source.flags().readable() || !target.flags().writable() {
            return Err(Errno::EBADF);
        }
        let (in_pipe, out_pipe) = (pipe_of(&source), pipe_of(&target));
        if (in_pipe.is_some() && from.1.is_some()) || (out_pipe.is_some() && to.1.is_some()) {
            return Err(Errno::ESPIPE);
        }
        let waits = !dont_wait && !source.flags().contains(OpenFlags::NONBLOCK) && !target.flags().contains(OpenFlags::NONBLOCK);
        let result = match (in_pipe, out_pipe) {
            (None, None) => Err(Errno::EINVAL),
            (Some(input), Some(output)) => pipe_to_pipe(&input, &output, count),
            (Some(input), None) => self.pipe_to_file(&input, &target, to.1, count),
            (None, Some(output)) => file_to_pipe(&source, from.1, &output, count),
        };
        self.written(match result {
            Err(Errno::EWAIT) if !waits => Err(Errno::EAGAIN),
            other => other,
        })
    }

    pub(super) fn do_tee(&self, from: Fd, to: Fd, count: usize, dont_wait: bool) -> Result<usize> {
        let (source, target) = (self.usable(from)?, self.usable(to)?);
        let (Some(input), Some(output)) = (pipe_of(&source), pipe_of(&target)) else { return Err(Errno::EINVAL) };
        if !source.flags().readable() || !target.flags().writable() {
            return Err(Errno::EBADF);
        }
        if Arc::ptr_eq(&input, &output) {
            return Err(Errno::EINVAL);
        }
        let mut piece = vec![0; count.min(CHUNK)];
        let result = input.peek(&mut piece).and_then(|found| if found == 0 { Ok(0) } else { output.write(&piece[..found]) });
        self.written(match result {
            Err(Errno::EWAIT) if dont_wait => Err(Errno::EAGAIN),
            other => other,
        })
    }

    fn pipe_to_file(&self, input: &Pipe, target: &Description, offset: Option<&mut u64>, count: usize) -> Result<usize> {
        if offset.is_some() && !target.seekable() {
            return Err(Errno::ESPIPE);
        }
        // Linux refuses what would not stay where it was put.
        if target.flags().contains(OpenFlags::APPEND) {
            return Err(Errno::EINVAL);
        }
        let limit = self.file_size_limit();
        let mut at = offset.as_deref().copied();
        let moved = input.drain(count, |piece| match &mut at {
            Some(at) => target.pwrite(piece, *at, limit).inspect(|written| *at += *written as u64),
            None => target.write(piece, limit),
        })?;
        if let (Some(offset), Some(at)) = (offset, at) {
            *offset = at;
        }
        Ok(moved)
    }
}

fn pipe_of(description: &Description) -> Option<Arc<Pipe>> {
    description.file.as_any().downcast_ref::<PipeEnd>().map(|end| end.pipe().clone())
}

/// Held while two pipes are locked at once, so that nobody does the same the other way round.
static TWO_PIPES: Mutex<()> = Mutex::new(());

/// Errors: EINVAL for one and the same pipe.
fn pipe_to_pipe(input: &Arc<Pipe>, output: &Arc<Pipe>, count: usize) -> Result<usize> {
    if Arc::ptr_eq(input, output) {
        return Err(Errno::EINVAL);
    }
    let _order = TWO_PIPES.lock();
    input.drain(count, |piece| output.write(piece))
}

/// What the pipe has no room for is not read, or of a stream lost: only as much as fits is asked for.
fn file_to_pipe(source: &Description, offset: Option<&mut u64>, output: &Pipe, count: usize) -> Result<usize> {
    if offset.is_some() && !source.seekable() {
        return Err(Errno::ESPIPE);
    }
    let room = output.room();
    if output.sides().0 == 0 {
        return Err(Errno::EPIPE);
    }
    if room == 0 {
        return Err(Errno::EWAIT);
    }
    let mut piece = vec![0; count.min(CHUNK).min(room)];
    let read = match &offset {
        Some(at) => source.pread(&mut piece, **at)?,
        None => source.read(&mut piece)?,
    };
    let mut written = 0;
    while written < read {
        match output.write(&piece[written..read]) {
            Ok(n) => written += n,
            Err(_) if written > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    if let Some(at) = offset {
        *at += written as u64;
    }
    Ok(written)
}
