//! Processors, load and time since boot.

use crate::text::ticks;
use agentos_abi::Result;
use agentos_kernel::{Kernel, ProcessState};
use std::sync::Arc;
use std::time::Duration;

/// One block per processor that programs see; nothing of the host's.
pub(super) fn cpuinfo(kernel: &Arc<Kernel>) -> Result<Vec<u8>> {
    let cpus = kernel.limits().cpus;
    let block = |cpu: u32| {
        format!(
            "processor\t: {cpu}\nvendor_id\t: agentOS\ncpu family\t: 6\nmodel\t\t: 0\nmodel name\t: agentOS virtual CPU\nstepping\t: 0\n\
             cpu MHz\t\t: 1000.000\ncache size\t: 0 KB\nphysical id\t: 0\nsiblings\t: {cpus}\ncore id\t\t: {cpu}\ncpu cores\t: {cpus}\n\
             flags\t\t: fpu\nbogomips\t: 2000.00\n\n"
        )
    };
    Ok((0..cpus).map(block).collect::<String>().into_bytes())
}

/// Runnable processes.
fn running(kernel: &Arc<Kernel>) -> usize {
    kernel.processes().iter().filter(|process| process.pid != 1 && process.state == ProcessState::Running).count().max(1)
}

/// No averages are kept: zeros, then runnable and all processes, and the last pid.
pub(super) fn loadavg(kernel: &Arc<Kernel>) -> Result<Vec<u8>> {
    let all = kernel.stats().processes + 1;
    Ok(format!("0.00 0.00 0.00 {}/{all} {}\n", running(kernel), kernel.last_pid()).into_bytes())
}

/// Time that no process used.
fn idle(kernel: &Arc<Kernel>) -> Duration {
    let stats = kernel.stats();
    (stats.uptime * kernel.limits().cpus).saturating_sub(stats.cpu)
}

fn seconds(time: Duration) -> String {
    format!("{}.{:02}", time.as_secs(), time.subsec_millis() / 10)
}

pub(super) fn uptime(kernel: &Arc<Kernel>) -> Result<Vec<u8>> {
    Ok(format!("{} {}\n", seconds(kernel.uptime()), seconds(idle(kernel))).into_bytes())
}

/// CPU time in ticks (user, nice, system, idle, ...), boot time, forks.
pub(super) fn stat(kernel: &Arc<Kernel>) -> Result<Vec<u8>> {
    let stats = kernel.stats();
    let cpus = kernel.limits().cpus.max(1);
    let row = |name: &str, share: u32| {
        let (user, idle) = (ticks(stats.cpu / share), ticks(idle(kernel) / share));
        format!("{name} {user} 0 0 {idle} 0 0 0 0 0 0\n")
    };
    let each: String = (0..cpus).map(|cpu| row(&format!("cpu{cpu}"), cpus)).collect();
    let boot = kernel.now().sec.saturating_sub(i64::try_from(stats.uptime.as_secs()).unwrap_or(0));
    let running = running(kernel);
    let text = format!(
        "{}{each}intr 0\nctxt 0\nbtime {boot}\nprocesses {}\nprocs_running {running}\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
        row("cpu ", 1),
        stats.forks + 1,
    );
    Ok(text.into_bytes())
}
