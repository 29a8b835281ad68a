//! Bounds of arguments and environment (execve(2), "Limits on size of arguments and environment").

use crate::limits::MAX_ARG_STRLEN;
use agentos_abi::{Errno, Result};

/// What one entry costs beside its bytes and NUL: the pointer to it, as on 64-bit Linux.
const POINTER_BYTES: usize = 8;

/// Checks the strings that a new program is given against `limit` bytes. Errors: E2BIG.
pub(super) fn check(argv: &[Vec<u8>], envp: &[Vec<u8>], limit: usize) -> Result<()> {
    let mut total = 0usize;
    for string in argv.iter().chain(envp) {
        if string.len() >= MAX_ARG_STRLEN {
            return Err(Errno::E2BIG);
        }
        total = total.saturating_add(string.len() + 1 + POINTER_BYTES);
        if total > limit {
            return Err(Errno::E2BIG);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_string_and_all_together_are_bounded() {
        let limit = 2 << 20;
        check(&[vec![b'a'; MAX_ARG_STRLEN - 1]], &[], limit).unwrap();
        assert_eq!(check(&[vec![b'a'; MAX_ARG_STRLEN]], &[], limit), Err(Errno::E2BIG));
        let half: Vec<Vec<u8>> = (0..8).map(|_| vec![b'a'; 120 * 1024]).collect();
        check(&half, &half, limit).unwrap();
        let more = [half.clone(), half.clone()].concat();
        assert_eq!(check(&more, &half, limit), Err(Errno::E2BIG));
        assert_eq!(check(&vec![Vec::new(); limit / 9 + 1], &[], limit), Err(Errno::E2BIG), "empty strings cost their pointers");
    }
}
