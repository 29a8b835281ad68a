//! /proc/PID/limits.

use agentos_abi::{Pid, Resource, Result, Rlimit};
use agentos_kernel::Kernel;
use std::sync::Arc;

/// Name and unit, in Linux' order.
fn describe(resource: Resource) -> (&'static str, &'static str) {
    match resource {
        Resource::Cpu => ("Max cpu time", "seconds"),
        Resource::Fsize => ("Max file size", "bytes"),
        Resource::Data => ("Max data size", "bytes"),
        Resource::Stack => ("Max stack size", "bytes"),
        Resource::Core => ("Max core file size", "bytes"),
        Resource::Rss => ("Max resident set", "bytes"),
        Resource::Nproc => ("Max processes", "processes"),
        Resource::Nofile => ("Max open files", "files"),
        Resource::Memlock => ("Max locked memory", "bytes"),
        Resource::As => ("Max address space", "bytes"),
        Resource::Locks => ("Max file locks", "locks"),
        Resource::Sigpending => ("Max pending signals", "signals"),
        Resource::Msgqueue => ("Max msgqueue size", "bytes"),
        Resource::Nice => ("Max nice priority", ""),
        Resource::Rtprio => ("Max realtime priority", ""),
        Resource::Rttime => ("Max realtime timeout", "us"),
    }
}

fn value(value: u64) -> String {
    if value == Rlimit::INFINITY { "unlimited".to_owned() } else { value.to_string() }
}

pub(super) fn limits(kernel: &Arc<Kernel>, pid: Pid) -> Result<Vec<u8>> {
    let mut text = format!("{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (resource, limit) in kernel.process_limits(pid)? {
        let (name, unit) = describe(resource);
        text.push_str(&format!("{name:<25} {:<20} {:<20} {unit:<10}\n", value(limit.soft), value(limit.hard)));
    }
    Ok(text.into_bytes())
}
