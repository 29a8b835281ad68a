//! /proc/PID/stat, statm and status.

use super::files::info;
use crate::text::ticks;
use agentos_abi::{Pid, Result, SigSet};
use agentos_kernel::Kernel;
use std::fmt::Write;
use std::sync::Arc;

/// Bytes of a page (getpagesize(2)).
const PAGE: u64 = 4096;
/// Device number of a terminal that the process has none of.
const NO_TTY: u64 = 0;

/// 52 fields (proc(5)); what has no meaning here is 0. Memory is what the engine charged.
pub(super) fn stat(kernel: &Arc<Kernel>, pid: Pid) -> Result<Vec<u8>> {
    let p = info(kernel, pid)?;
    let details = kernel.process_details(pid)?;
    let tty = p.tty.and_then(|index| kernel.terminal(index).ok()).map_or(NO_TTY, |terminal| terminal.rdev);
    let start = ticks(kernel.since_boot(p.start));
    let soft_rss = u64::MAX;
    // Only the first 31 signals, as 32-bit decimal numbers.
    let low = |set: SigSet| set.0 & 0x7fff_ffff;
    let mut line = format!("{pid} (").into_bytes();
    line.extend_from_slice(&p.comm);
    let rest = format!(
        ") {} {} {} {} {tty} {} 0 0 0 0 0 {} 0 {} 0 {} {} 1 0 {start} {} {} {soft_rss} 0 0 0 0 0 {} {} {} {} 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        p.state.letter(),
        p.ppid,
        p.pgid,
        p.sid,
        p.tty_group,
        ticks(p.cpu),
        ticks(p.children_cpu),
        20 + p.nice,
        p.nice,
        p.memory,
        p.memory / PAGE,
        low(details.pending),
        low(details.blocked),
        low(details.ignored),
        low(details.caught),
    );
    line.extend_from_slice(rest.as_bytes());
    Ok(line)
}

/// Sizes in pages: all, resident, shared, text, lib, data, dirty.
pub(super) fn statm(kernel: &Arc<Kernel>, pid: Pid) -> Result<Vec<u8>> {
    let pages = info(kernel, pid)?.memory / PAGE;
    Ok(format!("{pages} {pages} 0 0 0 {pages} 0\n").into_bytes())
}

/// One `Name:\tvalue` per line.
pub(super) fn status(kernel: &Arc<Kernel>, pid: Pid) -> Result<Vec<u8>> {
    let p = info(kernel, pid)?;
    let details = kernel.process_details(pid)?;
    let ids = |ids: [u32; 4]| ids.map(|id| id.to_string()).join("\t");
    let groups: String = details.groups.iter().map(|group| format!("{group} ")).collect();
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}:\t{value}");
    };
    line("Name", &String::from_utf8_lossy(&p.comm));
    line("Umask", &format_args!("{:04o}", details.umask));
    line("State", &format_args!("{} ({})", p.state.letter(), p.state.word()));
    line("Tgid", &pid);
    line("Ngid", &0);
    line("Pid", &pid);
    line("PPid", &p.ppid);
    line("TracerPid", &0);
    line("Uid", &ids(details.uids));
    line("Gid", &ids(details.gids));
    line("FDSize", &details.descriptors.next_power_of_two().max(64));
    line("Groups", &groups);
    for (name, value) in [("NStgid", pid), ("NSpid", pid), ("NSpgid", p.pgid), ("NSsid", p.sid)] {
        line(name, &value);
    }
    for (name, bytes) in [("VmPeak", details.peak_memory), ("VmSize", p.memory), ("VmLck", 0), ("VmHWM", details.peak_memory), ("VmRSS", p.memory)] {
        line(name, &format_args!("{:8} kB", bytes / 1024));
    }
    for (name, bytes) in [("VmData", p.memory), ("VmStk", 0), ("VmExe", 0), ("VmLib", 0), ("VmSwap", 0)] {
        line(name, &format_args!("{:8} kB", bytes / 1024));
    }
    line("Threads", &1);
    line("SigQ", &format_args!("{}/1024", details.pending.0.count_ones()));
    let sets = [("SigPnd", 0), ("ShdPnd", details.pending.0), ("SigBlk", details.blocked.0), ("SigIgn", details.ignored.0), ("SigCgt", details.caught.0)];
    for (name, set) in sets {
        line(name, &format_args!("{set:016x}"));
    }
    let capabilities = if details.uids[1] == 0 { 0x1ff_ffff_ffffu64 } else { 0 };
    for (name, set) in [("CapInh", 0), ("CapPrm", capabilities), ("CapEff", capabilities), ("CapBnd", capabilities), ("CapAmb", 0)] {
        line(name, &format_args!("{set:016x}"));
    }
    line("NoNewPrivs", &1);
    line("Seccomp", &0);
    line("Cpus_allowed_list", &cpu_list(kernel.limits().cpus));
    line("voluntary_ctxt_switches", &0);
    line("nonvoluntary_ctxt_switches", &0);
    Ok(text.into_bytes())
}

/// `0` or `0-3`.
pub(crate) fn cpu_list(cpus: u32) -> String {
    if cpus <= 1 { "0".to_owned() } else { format!("0-{}", cpus - 1) }
}
