//! The bytes of a regular file: one vector while small, sparse pages beyond.
//!
//! Pages are shared by reference count, so that a copy of a file costs nothing until one side writes.

use agentos_abi::{Errno, Result};
use agentos_vfs::Quota;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Size of a page, and of the largest file that is kept without pages, in bytes.
const PAGE: usize = 64 << 10;
/// Unit in which small files are charged and `st_blocks` counts, in bytes.
const BLOCK: u64 = 4096;
/// Largest size of a file in bytes: that of ext4 with 4 KiB blocks (2^32 - 1 of them). Holes reach that far; content is the quota's.
pub(crate) const MAX_SIZE: u64 = (u32::MAX as u64) * BLOCK;

type Page = Arc<[u8; PAGE]>;

/// Content and what it is charged with. It must be [`Content::release`]d before it is dropped.
#[derive(Clone, Default)]
pub(crate) struct Content {
    size: u64,
    storage: Storage,
    /// Bytes taken from the quota.
    charged: u64,
}

#[derive(Clone)]
enum Storage {
    /// All bytes; at most a page of them.
    Small(Vec<u8>),
    /// Written pages by index; what is missing reads as zeros. Bytes after the end of the file are zero.
    Paged(BTreeMap<u64, Page>),
}

impl Default for Storage {
    fn default() -> Self {
        Storage::Small(Vec::new())
    }
}

impl Content {
    pub fn size(&self) -> u64 {
        self.size
    }

    /// `st_blocks`: storage in units of 512 bytes.
    pub fn blocks(&self) -> u64 {
        match &self.storage {
            Storage::Small(bytes) => (bytes.len() as u64).div_ceil(BLOCK) * (BLOCK / 512),
            Storage::Paged(pages) => {
                // Every page counts in full but the one that the file ends in.
                let last = self.size.saturating_sub(1) / PAGE as u64;
                let beyond = if pages.contains_key(&last) { ((last + 1) * PAGE as u64 - self.size) / BLOCK * BLOCK } else { 0 };
                ((pages.len() * PAGE) as u64 - beyond) / 512
            }
        }
    }

    /// Copies from `offset` on; fewer bytes than asked for only at the end of the file.
    pub fn read(&self, buf: &mut [u8], offset: u64) -> usize {
        let len = (buf.len() as u64).min(self.size.saturating_sub(offset)) as usize;
        let buf = &mut buf[..len];
        match &self.storage {
            Storage::Small(bytes) => {
                if len > 0 {
                    buf.copy_from_slice(&bytes[offset as usize..offset as usize + len]);
                }
            }
            Storage::Paged(pages) => for_each_page(offset, len, |index, within, range| match pages.get(&index) {
                Some(page) => buf[range.clone()].copy_from_slice(&page[within..within + range.len()]),
                None => buf[range].fill(0),
            }),
        }
        len
    }

    /// Writes at `offset`, growing the file, and answers how much was written.
    ///
    /// # Errors
    /// EFBIG past the largest size; ENOSPC when not even one byte fits.
    pub fn write(&mut self, data: &[u8], offset: u64, quota: &Quota) -> Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        if offset >= MAX_SIZE {
            return Err(Errno::EFBIG);
        }
        let len = (data.len() as u64).min(MAX_SIZE - offset) as usize;
        let end = offset + len as u64;
        if end <= PAGE as u64 && matches!(self.storage, Storage::Small(_)) {
            return self.write_small(&data[..len], offset as usize, quota);
        }
        self.make_paged(quota)?;
        let Storage::Paged(pages) = &mut self.storage else { return Err(Errno::EIO) };
        let (mut written, mut failed, charged) = (0, None, &mut self.charged);
        for_each_page(offset, len, |index, within, range| {
            if failed.is_some() {
                return;
            }
            match write_page(pages, index, within, &data[range.clone()], quota) {
                Ok(bytes) => {
                    *charged += bytes;
                    written = range.end;
                }
                Err(errno) => failed = Some(errno),
            }
        });
        self.size = self.size.max(offset + written as u64);
        match failed {
            Some(errno) if written == 0 => Err(errno),
            _ => Ok(written),
        }
    }

    fn write_small(&mut self, data: &[u8], at: usize, quota: &Quota) -> Result<usize> {
        let end = at + data.len();
        self.grow_small(end, quota)?;
        if let Storage::Small(bytes) = &mut self.storage {
            if at == bytes.len() {
                bytes.extend_from_slice(data);
            } else {
                bytes.resize(bytes.len().max(end), 0);
                bytes[at..end].copy_from_slice(data);
            }
            self.size = bytes.len() as u64;
        }
        Ok(data.len())
    }

    /// Charges for a small file of `len` bytes, if it grows.
    fn grow_small(&mut self, len: usize, quota: &Quota) -> Result<()> {
        let need = (len as u64).div_ceil(BLOCK) * BLOCK;
        if need > self.charged {
            quota.charge_bytes(need - self.charged)?;
            self.charged = need;
        }
        Ok(())
    }

    /// Turns a small file into one of pages.
    fn make_paged(&mut self, quota: &Quota) -> Result<()> {
        let Storage::Small(bytes) = &mut self.storage else { return Ok(()) };
        let mut pages = BTreeMap::new();
        if !bytes.is_empty() {
            quota.charge_bytes((PAGE as u64).saturating_sub(self.charged))?;
            self.charged = PAGE as u64;
            let mut page = zero_page();
            if let Some(page) = Arc::get_mut(&mut page) {
                page[..bytes.len()].copy_from_slice(bytes);
            }
            pages.insert(0, page);
        } else if self.charged > 0 {
            quota.release_bytes(std::mem::take(&mut self.charged));
        }
        self.storage = Storage::Paged(pages);
        Ok(())
    }

    /// truncate(2): cuts, or extends with a hole.
    ///
    /// # Errors
    /// EFBIG, ENOSPC.
    pub fn set_size(&mut self, size: u64, quota: &Quota) -> Result<()> {
        if size > MAX_SIZE {
            return Err(Errno::EFBIG);
        }
        if size == 0 {
            self.release(quota);
            return Ok(());
        }
        if size > PAGE as u64 {
            self.make_paged(quota)?;
        } else {
            self.grow_small_hole(size as usize, quota)?;
        }
        if let Storage::Paged(pages) = &mut self.storage
            && size < self.size
        {
            let cut = pages.split_off(&size.div_ceil(PAGE as u64));
            let freed = (cut.len() * PAGE) as u64;
            let within = (size % PAGE as u64) as usize;
            if within > 0
                && let Some(page) = pages.get_mut(&(size / PAGE as u64))
            {
                Arc::make_mut(page)[within..].fill(0);
            }
            quota.release_bytes(freed);
            self.charged -= freed;
        }
        self.size = size;
        Ok(())
    }

    fn grow_small_hole(&mut self, size: usize, quota: &Quota) -> Result<()> {
        if let Storage::Small(bytes) = &self.storage
            && size > bytes.len()
        {
            self.grow_small(size, quota)?;
        }
        if let Storage::Small(bytes) = &mut self.storage {
            bytes.resize(size, 0);
            bytes.shrink_to(size * 2);
            let need = (size as u64).div_ceil(BLOCK) * BLOCK;
            quota.release_bytes(self.charged - need);
            self.charged = need;
        }
        Ok(())
    }

    /// Empties the file and gives everything back.
    pub fn release(&mut self, quota: &Quota) {
        quota.release_bytes(std::mem::take(&mut self.charged));
        *self = Content::default();
    }
}

/// A page of zeros, made in place: an array would travel over the stack.
fn zero_page() -> Page {
    let bytes: Arc<[u8]> = std::iter::repeat_n(0, PAGE).collect();
    bytes.try_into().unwrap_or_else(|_| Arc::new([0; PAGE]))
}

/// Writes `data` into a page, at `within`. A shared page is copied first; a missing one is made, and charged. A copy of a shared
/// page is charged by whoever shared it.
fn write_page(pages: &mut BTreeMap<u64, Page>, index: u64, within: usize, data: &[u8], quota: &Quota) -> Result<u64> {
    use std::collections::btree_map::Entry;
    match pages.entry(index) {
        Entry::Occupied(mut entry) => {
            Arc::make_mut(entry.get_mut())[within..within + data.len()].copy_from_slice(data);
            Ok(0)
        }
        Entry::Vacant(entry) => {
            quota.charge_bytes(PAGE as u64)?;
            // A whole page needs no zeros underneath.
            let mut page = if data.len() == PAGE { Arc::<[u8]>::from(data).try_into().unwrap_or_else(|_| zero_page()) } else { zero_page() };
            if data.len() < PAGE
                && let Some(page) = Arc::get_mut(&mut page)
            {
                page[within..within + data.len()].copy_from_slice(data);
            }
            entry.insert(page);
            Ok(PAGE as u64)
        }
    }
}

/// Calls `each` with page index, offset within the page, and the range of the buffer.
fn for_each_page(offset: u64, len: usize, mut each: impl FnMut(u64, usize, std::ops::Range<usize>)) {
    let mut done = 0;
    while done < len {
        let at = offset + done as u64;
        let within = (at % PAGE as u64) as usize;
        let n = (PAGE - within).min(len - done);
        each(at / PAGE as u64, within, done..done + n);
        done += n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(content: &Content) -> Vec<u8> {
        let mut buf = vec![0xee; content.size() as usize];
        assert_eq!(content.read(&mut buf, 0), buf.len());
        buf
    }

    #[test]
    fn a_file_grows_from_small_to_paged_and_keeps_its_bytes() {
        let quota = Quota::new(1 << 20, 1);
        let mut content = Content::default();
        let chunk: Vec<u8> = (0..10_000u32).map(|i| i as u8).collect();
        let mut expected = Vec::new();
        for _ in 0..20 {
            assert_eq!(content.write(&chunk, content.size(), &quota), Ok(10_000));
            expected.extend_from_slice(&chunk);
        }
        assert_eq!(bytes(&content), expected);
        assert_eq!(content.blocks(), 200_000u64.div_ceil(4096) * 8);
        content.release(&quota);
        assert_eq!(quota.free_bytes(), 1 << 20);
    }

    #[test]
    fn holes_read_as_zeros_and_cost_nothing() {
        let quota = Quota::new(PAGE as u64 * 2, 1);
        let mut content = Content::default();
        assert_eq!(content.write(b"x", 1 << 40, &quota), Ok(1));
        assert_eq!((content.size(), quota.free_bytes()), ((1 << 40) + 1, PAGE as u64));
        let mut buf = [1; 3];
        assert_eq!(content.read(&mut buf, (1 << 40) - 2), 3);
        assert_eq!(&buf, b"\0\0x");
        assert_eq!(content.read(&mut buf, (1 << 40) + 1), 0);
        content.release(&quota);
    }

    #[test]
    fn cut_bytes_do_not_come_back_when_the_file_grows_again() {
        let quota = Quota::new(1 << 20, 1);
        for size in [100u64, 200_000] {
            let mut content = Content::default();
            content.write(&vec![7; size as usize], 0, &quota).unwrap();
            content.set_size(10, &quota).unwrap();
            content.set_size(size, &quota).unwrap();
            let mut expected = vec![0; size as usize];
            expected[..10].fill(7);
            assert_eq!(bytes(&content), expected);
            content.release(&quota);
            assert_eq!(quota.free_bytes(), 1 << 20);
        }
    }

    #[test]
    fn a_full_quota_writes_what_fits_then_enospc() {
        let quota = Quota::new(PAGE as u64 * 2, 1);
        let mut content = Content::default();
        assert_eq!(content.write(&vec![1; PAGE * 3], 0, &quota), Ok(PAGE * 2));
        assert_eq!(content.write(&[1], content.size(), &quota), Err(Errno::ENOSPC));
        assert_eq!(content.size(), PAGE as u64 * 2);
        content.release(&quota);
    }

    #[test]
    fn sizes_and_offsets_at_the_limit_are_efbig() {
        let quota = Quota::new(1 << 20, 1);
        let mut content = Content::default();
        assert_eq!(content.set_size(MAX_SIZE + 1, &quota), Err(Errno::EFBIG));
        assert_eq!(content.write(b"x", MAX_SIZE, &quota), Err(Errno::EFBIG));
        assert_eq!(content.write(b"xy", MAX_SIZE - 1, &quota), Ok(1));
        assert_eq!(content.set_size(MAX_SIZE, &quota), Ok(()));
        content.release(&quota);
    }

    #[test]
    fn a_clone_shares_pages_until_one_side_writes() {
        let quota = Quota::new(1 << 20, 1);
        let mut content = Content::default();
        content.write(&vec![1; PAGE + 1], 0, &quota).unwrap();
        let copy = content.clone();
        content.write(&[2], 0, &quota).unwrap();
        assert_eq!((bytes(&content)[0], bytes(&copy)[0]), (2, 1));
    }
}
