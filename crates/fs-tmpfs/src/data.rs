//! Content of a regular file: pages, with holes where nothing was written.

use crate::BLOCK_BYTES;
use agentos_abi::{Errno, Result};
use agentos_vfs::Quota;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Size of a page in bytes; a page that does not end its file is whole.
const PAGE_BYTES: usize = 64 << 10;
/// Largest file in bytes (MAX_LFS_FILESIZE is larger, but no VM's quota is).
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 40;

/// Content and length.
pub(crate) struct Data {
    /// By number; a hole has none. A map, so that a write far out costs one page, not a table up to it.
    pages: BTreeMap<usize, Box<[u8]>>,
    size: u64,
    /// Bytes taken from the quota.
    charged: u64,
    quota: Arc<Quota>,
}

impl Data {
    pub fn new(quota: Arc<Quota>) -> Data {
        Data { pages: BTreeMap::new(), size: 0, charged: 0, quota }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Storage in units of 512 bytes.
    pub fn blocks(&self) -> u64 {
        self.charged / 512
    }

    pub fn read(&self, buf: &mut [u8], offset: u64) -> usize {
        let left = self.size.saturating_sub(offset);
        let len = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut done = 0;
        while done < len {
            let (page, at) = place(offset + done as u64);
            let n = (PAGE_BYTES - at).min(len - done);
            let target = &mut buf[done..done + n];
            match self.pages.get(&page) {
                Some(content) => {
                    let there = content.len().saturating_sub(at).min(n);
                    target[..there].copy_from_slice(&content[at..at + there]);
                    target[there..].fill(0);
                }
                None => target.fill(0),
            }
            done += n;
        }
        len
    }

    /// Errors: EFBIG; ENOSPC, when not even the first bytes fit.
    pub fn write(&mut self, data: &[u8], offset: u64) -> Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        let room = MAX_FILE_BYTES.checked_sub(offset).filter(|room| *room > 0).ok_or(Errno::EFBIG)?;
        let len = data.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let mut done = 0;
        while done < len {
            let (page, at) = place(offset + done as u64);
            let n = (PAGE_BYTES - at).min(len - done);
            if let Err(errno) = self.reserve(page, at + n) {
                if done == 0 {
                    return Err(errno);
                }
                break;
            }
            if let Some(content) = self.pages.get_mut(&page) {
                content[at..at + n].copy_from_slice(&data[done..done + n]);
            }
            done += n;
            self.size = self.size.max(offset + done as u64);
        }
        Ok(done)
    }

    /// Makes `page` hold at least `bytes`. A page grows by doubling, so that appending is linear.
    fn reserve(&mut self, page: usize, bytes: usize) -> Result<()> {
        let have = self.pages.get(&page).map_or(0, |content| content.len());
        if have >= bytes {
            return Ok(());
        }
        let block = BLOCK_BYTES as usize;
        let want = bytes.max((have * 2).min(PAGE_BYTES)).next_multiple_of(block);
        let want = match self.quota.charge_bytes((want - have) as u64) {
            Ok(()) => want,
            // Doubling is a convenience; the last bytes of a quota must still be usable.
            Err(_) => {
                let least = bytes.next_multiple_of(block);
                self.quota.charge_bytes((least - have) as u64)?;
                least
            }
        };
        self.charged += (want - have) as u64;
        let mut grown = Vec::with_capacity(want);
        grown.extend_from_slice(self.pages.get(&page).map(|content| &**content).unwrap_or_default());
        grown.resize(want, 0);
        self.pages.insert(page, grown.into_boxed_slice());
        Ok(())
    }

    /// Cuts or extends with a hole. Errors: EFBIG.
    pub fn resize(&mut self, size: u64) -> Result<()> {
        if size > MAX_FILE_BYTES {
            return Err(Errno::EFBIG);
        }
        if size < self.size {
            let (page, at) = place(size);
            let keep = if at == 0 { page } else { page + 1 };
            for gone in self.pages.split_off(&keep).into_values() {
                self.charged -= gone.len() as u64;
                self.quota.release_bytes(gone.len() as u64);
            }
            // What is cut off must read as zeros when the file grows again.
            if let Some(content) = self.pages.get_mut(&page) {
                let from = at.min(content.len());
                content[from..].fill(0);
            }
        }
        self.size = size;
        Ok(())
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        self.quota.release_bytes(self.charged);
    }
}

/// Page and position in it. Offsets are below MAX_FILE_BYTES, so the page fits.
fn place(offset: u64) -> (usize, usize) {
    ((offset / PAGE_BYTES as u64) as usize, (offset % PAGE_BYTES as u64) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(quota: u64) -> Data {
        Data::new(Arc::new(Quota::new(quota, 10)))
    }

    #[test]
    fn a_hole_reads_as_zeros_and_costs_nothing() {
        let mut d = data(8192);
        assert_eq!(d.write(b"end", 200_000), Ok(3));
        let mut buf = [1; 5];
        assert_eq!((d.read(&mut buf, 199_998), buf), (5, [0, 0, b'e', b'n', b'd']));
        assert!(d.charged <= 8192 * 8);
    }

    #[test]
    fn a_full_quota_is_a_short_write_then_enospc() {
        let mut d = data(8192);
        assert_eq!(d.write(&[7; 8192], 0), Ok(8192));
        assert_eq!(d.write(b"x", 8192), Err(Errno::ENOSPC));
        assert_eq!(d.resize(0), Ok(()));
        assert_eq!(d.write(b"x", 0), Ok(1));
    }

    #[test]
    fn what_was_cut_off_is_zero_afterwards() {
        let mut d = data(1 << 20);
        assert_eq!(d.write(b"abcdef", 0), Ok(6));
        assert_eq!((d.resize(2), d.resize(6)), (Ok(()), Ok(())));
        let mut buf = [9; 6];
        assert_eq!((d.read(&mut buf, 0), &buf), (6, b"ab\0\0\0\0"));
    }
}
