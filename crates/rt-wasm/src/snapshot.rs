//! Copy-on-write of large memories at fork(2).
//!
//! What a program's memory has grown by is written once to a memory file, which parent and children then map privately in
//! place of their own pages: the host copies a page when one of them writes it. A later fork of the same parent copies only the pages
//! that it has written since. Small memories are copied outright: the pool keeps their pages warm, and a map costs more than they do.
//!
//! The pool wipes a slot by giving its pages back, which would bring the file's content to light in the next program.
//! [`Running`] therefore puts fresh memory back before a store goes.

use crate::process::Process;
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut, Range};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use wasmtime::{Memory, Store};

/// Growth in bytes from which memory is shared instead of copied.
const LARGE: usize = 2 << 20;
/// Bytes written since the last snapshot that a fork still copies one by one. More make a new snapshot.
const MAX_CHANGED: usize = 512 << 10;
const PAGE: usize = 4096;

/// The content of memory from `start` on, as it was once.
struct Snapshot {
    file: File,
    /// Offset in linear memory, whole pages.
    start: usize,
    len: usize,
}

/// A snapshot that lies where a program's memory is.
pub(crate) struct Mapped {
    snapshot: Arc<Snapshot>,
    /// Host address of the first byte.
    address: usize,
}

/// The store of a program, which leaves its slot clean.
pub(crate) struct Running(ManuallyDrop<Store<Process>>);

impl Running {
    /// From here on the store is dropped with care.
    pub fn new(store: Store<Process>) -> Running {
        Running(ManuallyDrop::new(store))
    }
}

impl Deref for Running {
    type Target = Store<Process>;

    fn deref(&self) -> &Store<Process> {
        &self.0
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Store<Process> {
        &mut self.0
    }
}

impl Drop for Running {
    #[allow(unsafe_code, reason = "the only drop of the store")]
    fn drop(&mut self) {
        if let Some(mapped) = self.0.data_mut().mapped.take()
            && let Err(error) = map_fresh(mapped.address, mapped.snapshot.len)
        {
            // The slot would show this program's memory to the next one: it is never used again.
            tracing::error!(%error, "cannot clean the memory of a program");
            return;
        }
        // SAFETY: dropped here and nowhere else, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.0) };
    }
}

/// Gives `to`, whose memory is as large, the content that `from` has beyond what both modules start with. Answers the offset from
/// which that was done: what lies below is to be copied. `None`: not worth it, or the host cannot.
pub(crate) fn share(from: &mut Running, source: Memory, to: &mut Running, target: Memory) -> Option<usize> {
    let start = usize::try_from(source.ty(&**from).minimum()).ok()?.checked_mul(64 << 10)?;
    let size = source.data_size(&**from);
    if size.checked_sub(start)? < LARGE || target.data_size(&**to) != size {
        return None;
    }
    let current = from.data().mapped.as_ref().map(|mapped| mapped.snapshot.clone());
    let base = source.data_ptr(&**from) as usize;
    let reusable = current.filter(|snapshot| snapshot.start == start).and_then(|snapshot| {
        let mut changed = changed_pages(base + start, snapshot.len).ok()?;
        // What has grown since.
        if start + snapshot.len < size {
            changed.push(snapshot.len..size - start);
        }
        (changed.iter().map(ExactSizeIterator::len).sum::<usize>() <= MAX_CHANGED).then_some((snapshot, changed))
    });
    let (snapshot, changed) = match reusable {
        Some(found) => found,
        None => (take(from, source, start)?, Vec::new()),
    };
    let address = target.data_ptr(&**to) as usize + start;
    map_file(address, &snapshot).ok()?;
    to.data_mut().mapped = Some(Mapped { snapshot, address });
    for range in changed {
        let range = start + range.start..start + range.end;
        target.data_mut(&mut **to)[range.clone()].copy_from_slice(&source.data(&**from)[range]);
    }
    Some(start)
}

/// Makes a snapshot of a program's memory from `start` on and puts it in place.
fn take(from: &mut Running, source: Memory, start: usize) -> Option<Arc<Snapshot>> {
    let bytes = source.data(&**from).get(start..)?;
    let file = memory_file().ok()?;
    file.write_all_at(bytes, 0).ok()?;
    let snapshot = Arc::new(Snapshot { file, start, len: bytes.len() });
    let address = bytes.as_ptr() as usize;
    map_file(address, &snapshot).ok()?;
    from.data_mut().mapped = Some(Mapped { snapshot: snapshot.clone(), address });
    Some(snapshot)
}

#[allow(unsafe_code, reason = "memfd_create")]
fn memory_file() -> io::Result<File> {
    // SAFETY: the name is a NUL-terminated literal; a non-negative answer is a descriptor that nobody else owns.
    unsafe {
        match libc::memfd_create(c"agentos-fork".as_ptr(), libc::MFD_CLOEXEC) {
            -1 => Err(io::Error::last_os_error()),
            fd => Ok(File::from_raw_fd(fd)),
        }
    }
}

/// Lays a snapshot over memory of a slot.
#[allow(unsafe_code, reason = "replaces pages of a slot that is ours")]
fn map_file(address: usize, snapshot: &Snapshot) -> io::Result<()> {
    let flags = libc::MAP_PRIVATE | libc::MAP_FIXED | libc::MAP_NORESERVE;
    // SAFETY: the range is accessible memory of an instance whose store is borrowed exclusively and does not run; what is laid there is
    // as readable and writable as before, and holds what the program is to see.
    map(unsafe { libc::mmap(address as *mut _, snapshot.len, libc::PROT_READ | libc::PROT_WRITE, flags, snapshot.file.as_raw_fd(), 0) })
}

/// Puts zeroes of the host's own, as the pool's slots have, in the place of a snapshot.
#[allow(unsafe_code, reason = "replaces pages of a slot that is ours")]
fn map_fresh(address: usize, len: usize) -> io::Result<()> {
    let flags = libc::MAP_PRIVATE | libc::MAP_FIXED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: as in `map_file`; the program has ended.
    map(unsafe { libc::mmap(address as *mut _, len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) })
}

fn map(result: *mut libc::c_void) -> io::Result<()> {
    if result == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Ranges of bytes, as offsets, whose pages are no longer those of the mapped file, by /proc/self/pagemap.
fn changed_pages(address: usize, len: usize) -> io::Result<Vec<Range<usize>>> {
    /// Bits of an entry: in memory, swapped out, a page of a file.
    const PRESENT: u64 = 1 << 63;
    const SWAPPED: u64 = 1 << 62;
    const OF_FILE: u64 = 1 << 61;
    let pages = len / PAGE;
    let mut raw = vec![0; pages * 8];
    File::open("/proc/self/pagemap")?.read_exact_at(&mut raw, (address / PAGE * 8) as u64)?;
    let mut changed: Vec<Range<usize>> = Vec::new();
    for (page, entry) in raw.chunks_exact(8).enumerate() {
        let entry = entry.try_into().map_or(PRESENT, u64::from_ne_bytes);
        if entry & (PRESENT | SWAPPED) == 0 || entry & OF_FILE != 0 {
            continue;
        }
        match changed.last_mut() {
            Some(last) if last.end == page * PAGE => last.end += PAGE,
            _ => changed.push(page * PAGE..(page + 1) * PAGE),
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(unsafe_code, reason = "a mapping of the test's own")]
    fn written_pages_of_a_private_mapping_are_found() {
        let file = memory_file().unwrap();
        file.write_all_at(&[7; 8 * PAGE], 0).unwrap();
        let snapshot = Snapshot { file, start: 0, len: 8 * PAGE };
        // SAFETY: a fresh mapping, unmapped by nobody.
        let memory = unsafe {
            let at = libc::mmap(std::ptr::null_mut(), snapshot.len, libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
            map_file(at as usize, &snapshot).unwrap();
            std::slice::from_raw_parts_mut(at.cast::<u8>(), snapshot.len)
        };
        assert!(memory.iter().all(|byte| *byte == 7));
        memory[PAGE] = 1;
        memory[2 * PAGE + 5] = 1;
        memory[7 * PAGE] = 1;
        let changed = changed_pages(memory.as_ptr() as usize, memory.len()).unwrap();
        assert_eq!(changed, [PAGE..3 * PAGE, 7 * PAGE..8 * PAGE]);
        map_fresh(memory.as_ptr() as usize, memory.len()).unwrap();
        assert!(memory.iter().all(|byte| *byte == 0));
    }
}
