//! Memory calls that reach the kernel. brk(2) and mmap(2) are the C library's own, over `memory.grow`.

use crate::call::Call;
use agentos_abi::Result;

/// msync(2): a mapping is a private copy, so there is nothing to write back.
pub(crate) fn msync(_call: &mut Call<'_>) -> Result<i32> {
    Ok(0)
}
