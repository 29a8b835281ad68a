//! Memory: the VM's limit is all there is.

use agentos_abi::Result;
use agentos_kernel::Kernel;
use std::sync::Arc;

/// What free(1) and top(1) read. Files are not counted: they have limits of their own.
pub(super) fn meminfo(kernel: &Arc<Kernel>) -> Result<Vec<u8>> {
    let stats = kernel.stats();
    let total = stats.memory_limit_bytes / 1024;
    let used = stats.memory_bytes / 1024;
    let free = total.saturating_sub(used);
    let rows = [
        ("MemTotal", total),
        ("MemFree", free),
        ("MemAvailable", free),
        ("Buffers", 0),
        ("Cached", 0),
        ("SwapCached", 0),
        ("Active", used),
        ("Inactive", 0),
        ("Active(anon)", used),
        ("Inactive(anon)", 0),
        ("Active(file)", 0),
        ("Inactive(file)", 0),
        ("Unevictable", 0),
        ("Mlocked", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Dirty", 0),
        ("Writeback", 0),
        ("AnonPages", used),
        ("Mapped", 0),
        ("Shmem", 0),
        ("Slab", 0),
        ("SReclaimable", 0),
        ("SUnreclaim", 0),
        ("CommitLimit", total),
        ("Committed_AS", used),
    ];
    Ok(rows.map(|(name, kib)| format!("{:<16}{kib:>8} kB\n", format!("{name}:"))).concat().into_bytes())
}

/// Counters that vmstat(8) looks for.
pub(super) fn vmstat(kernel: &Arc<Kernel>) -> Result<Vec<u8>> {
    let stats = kernel.stats();
    let free_pages = stats.memory_limit_bytes.saturating_sub(stats.memory_bytes) / 4096;
    let names = ["pgpgin", "pgpgout", "pswpin", "pswpout", "pgfault", "pgmajfault"];
    let zeros = names.map(|name| format!("{name} 0\n")).concat();
    Ok(format!("nr_free_pages {free_pages}\n{zeros}").into_bytes())
}
