//! Checked access to a guest's linear memory.

use agentos_abi::{Errno, Result};

/// The linear memory of the program that makes a call. It is ours alone until the call returns.
pub(crate) struct Guest<'a>(pub &'a mut [u8]);

impl Guest<'_> {
    fn range(&self, at: u32, len: usize) -> Result<std::ops::Range<usize>> {
        let start = at as usize;
        let end = start.checked_add(len).ok_or(Errno::EFAULT)?;
        // Address 0 exists in linear memory, but a null pointer is a mistake.
        if end > self.0.len() || (at == 0 && len > 0) {
            return Err(Errno::EFAULT);
        }
        Ok(start..end)
    }

    /// `len` bytes at `at`.
    pub fn slice(&self, at: u32, len: usize) -> Result<&[u8]> {
        let range = self.range(at, len)?;
        Ok(&self.0[range])
    }

    /// `len` bytes at `at`, to be written.
    pub fn slice_mut(&mut self, at: u32, len: usize) -> Result<&mut [u8]> {
        let range = self.range(at, len)?;
        Ok(&mut self.0[range])
    }

    /// Stores bytes.
    pub fn put(&mut self, at: u32, bytes: &[u8]) -> Result<()> {
        self.slice_mut(at, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// A fixed number of bytes.
    pub fn array<const N: usize>(&self, at: u32) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.slice(at, N)?);
        Ok(bytes)
    }

    /// A little-endian `u32`.
    pub fn u32(&self, at: u32) -> Result<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    /// A little-endian `i32`.
    pub fn i32(&self, at: u32) -> Result<i32> {
        self.array(at).map(i32::from_le_bytes)
    }

    /// A little-endian `u64`.
    pub fn u64(&self, at: u32) -> Result<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    /// A little-endian `i64`.
    pub fn i64(&self, at: u32) -> Result<i64> {
        self.array(at).map(i64::from_le_bytes)
    }

    /// The bytes up to a NUL, which is among the first `max`; `too_long` otherwise.
    pub fn string(&self, at: u32, max: usize, too_long: Errno) -> Result<&[u8]> {
        let start = at as usize;
        if at == 0 || start >= self.0.len() {
            return Err(Errno::EFAULT);
        }
        let end = start.saturating_add(max).min(self.0.len());
        let window = &self.0[start..end];
        match window.iter().position(|byte| *byte == 0) {
            Some(len) => Ok(&window[..len]),
            None if window.len() < max => Err(Errno::EFAULT),
            None => Err(too_long),
        }
    }

    /// A path: at most PATH_MAX bytes with its NUL, else ENAMETOOLONG.
    pub fn path(&self, at: u32) -> Result<&[u8]> {
        self.string(at, agentos_abi::fcntl::PATH_MAX, Errno::ENAMETOOLONG)
    }

    /// A NULL-terminated array of strings, as execve(2) takes it; a null pointer is the empty array. Every string costs its
    /// bytes, its NUL and a pointer of `budget`; E2BIG when that is used up.
    pub fn strings(&self, at: u32, budget: &mut usize) -> Result<Vec<Vec<u8>>> {
        let mut all = Vec::new();
        if at == 0 {
            return Ok(all);
        }
        let mut cursor = at;
        loop {
            let string = self.u32(cursor)?;
            if string == 0 {
                return Ok(all);
            }
            let bytes = self.string(string, *budget, Errno::E2BIG)?;
            *budget = budget.checked_sub(bytes.len() + 5).ok_or(Errno::E2BIG)?;
            all.push(bytes.to_vec());
            cursor = cursor.checked_add(4).ok_or(Errno::EFAULT)?;
        }
    }
}

/// Builds a record for a guest field by field, little-endian.
#[derive(Default)]
pub(crate) struct Record(pub Vec<u8>);

impl Record {
    /// A record of `size` bytes at most; a hint.
    pub fn with_size(size: usize) -> Record {
        Record(Vec::with_capacity(size))
    }

    /// Appends a `u16`.
    pub fn u16(mut self, value: u16) -> Record {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Appends a `u32`.
    pub fn u32(mut self, value: u32) -> Record {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Appends an `i32`.
    pub fn i32(self, value: i32) -> Record {
        self.u32(value as u32)
    }

    /// Appends a `u64`.
    pub fn u64(mut self, value: u64) -> Record {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Appends bytes.
    pub fn bytes(mut self, bytes: &[u8]) -> Record {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends zeros up to `size` bytes in all.
    pub fn pad_to(mut self, size: usize) -> Record {
        if self.0.len() < size {
            self.0.resize(size, 0);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(bytes: &[u8]) -> Vec<u8> {
        let mut all = vec![0xff; 16];
        all.extend_from_slice(bytes);
        all
    }

    #[test]
    fn pointers_outside_and_null_are_efault() {
        let mut bytes = memory(b"abc\0");
        let mut guest = Guest(&mut bytes);
        assert_eq!(guest.slice(16, 4), Ok(&b"abc\0"[..]));
        assert_eq!(guest.slice(16, 5), Err(Errno::EFAULT));
        assert_eq!(guest.slice(u32::MAX, 2), Err(Errno::EFAULT));
        assert_eq!(guest.slice(u32::MAX, usize::MAX), Err(Errno::EFAULT));
        assert_eq!(guest.slice(0, 1), Err(Errno::EFAULT));
        assert_eq!(guest.slice(0, 0), Ok(&b""[..]));
        assert_eq!(guest.put(19, b"xy"), Err(Errno::EFAULT));
    }

    #[test]
    fn strings_end_at_nul_or_fail() {
        let mut bytes = memory(b"abc\0def");
        let guest = Guest(&mut bytes);
        assert_eq!(guest.path(16), Ok(&b"abc"[..]));
        assert_eq!(guest.path(20), Err(Errno::EFAULT), "no NUL before the end of memory");
        assert_eq!(guest.string(16, 3, Errno::ENAMETOOLONG), Err(Errno::ENAMETOOLONG));
        assert_eq!(guest.path(0), Err(Errno::EFAULT));
        assert_eq!(guest.path(4000), Err(Errno::EFAULT));
    }

    #[test]
    fn argument_lists_have_a_budget() {
        // Two pointers and the terminator at 16, strings at 28 and 30.
        let mut bytes = memory(&[28, 0, 0, 0, 30, 0, 0, 0, 0, 0, 0, 0, b'a', 0, b'b', b'c', 0]);
        let guest = Guest(&mut bytes);
        let mut budget = 100;
        assert_eq!(guest.strings(16, &mut budget), Ok(vec![b"a".to_vec(), b"bc".to_vec()]));
        assert_eq!(budget, 100 - 6 - 7);
        assert_eq!(guest.strings(16, &mut 10), Err(Errno::E2BIG));
        assert_eq!(guest.strings(0, &mut 10), Ok(vec![]));
    }
}
