//! What `node:os` tells: the VM's values, never the host's.

use super::guard;
use crate::kernel::Kernel;
use agentos_abi::{ClockId, Errno, Fd, FileType};
use deno_core::{OpDecl, OpState, ToV8, op2, v8};
use std::io;

use super::Environment;

/// Largest /etc/passwd that is searched, in bytes.
const PASSWD_MAX: usize = 1 << 20;

fn kernel(state: &OpState) -> Kernel {
    state.borrow::<Kernel>().clone()
}

#[op2]
#[string]
fn op_os_hostname(state: &mut OpState) -> Result<String, io::Error> {
    guard(|| Ok(kernel(state).task()?.uname().nodename))
}

#[op2]
#[string]
fn op_os_release(state: &mut OpState) -> Result<String, io::Error> {
    guard(|| Ok(kernel(state).task()?.uname().release))
}

#[op2]
fn op_os_loadavg(state: &mut OpState) -> Result<(f64, f64, f64), io::Error> {
    let [one, five, fifteen] = guard(|| Ok(kernel(state).task()?.sysinfo().loads))?.map(|load| load as f64 / 65536.0);
    Ok((one, five, fifteen))
}

#[op2(fast)]
#[number]
fn op_os_uptime(state: &mut OpState) -> Result<u64, io::Error> {
    guard(|| Ok(kernel(state).task()?.sysinfo().uptime_s))
}

/// As upstream's, whose fields JavaScript reads by these names.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Memory {
    total: u64,
    free: u64,
    available: u64,
    buffers: u64,
    cached: u64,
    swap_total: u64,
    swap_free: u64,
}

#[op2]
#[serde]
fn op_os_memory(state: &mut OpState) -> Result<Memory, io::Error> {
    let info = guard(|| Ok(kernel(state).task()?.sysinfo()))?;
    Ok(Memory { total: info.total_bytes, free: info.free_bytes, available: info.free_bytes, buffers: 0, cached: 0, swap_total: 0, swap_free: 0 })
}

/// As `NetworkInterface` of upstream.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Interface {
    family: &'static str,
    name: &'static str,
    address: &'static str,
    netmask: &'static str,
    scopeid: Option<u32>,
    cidr: &'static str,
    mac: &'static str,
}

/// The VM has a loopback interface; what leaves it goes through sockets of the policy, not through an interface of its own.
#[op2]
#[serde]
fn op_os_interfaces() -> Vec<Interface> {
    let mac = "00:00:00:00:00:00";
    vec![
        Interface { family: "IPv4", name: "lo", address: "127.0.0.1", netmask: "255.0.0.0", scopeid: None, cidr: "127.0.0.1/8", mac },
        Interface { family: "IPv6", name: "lo", address: "::1", netmask: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", scopeid: Some(0), cidr: "::1/128", mac },
    ]
}

/// Times of one CPU, in milliseconds.
#[derive(ToV8)]
struct CpuTimes {
    user: f64,
    nice: f64,
    sys: f64,
    idle: f64,
    irq: f64,
}

/// As `os.cpus()` gives it.
#[derive(ToV8)]
struct Cpu {
    model: String,
    speed: f64,
    times: CpuTimes,
}

#[op2]
fn op_os_cpus(state: &mut OpState) -> Result<Vec<Cpu>, io::Error> {
    let cpus = guard(|| Ok(kernel(state).task()?.sysinfo().cpus))?.clamp(1, 1024);
    let cpu = || Cpu { model: "agentOS virtual CPU".into(), speed: 0.0, times: CpuTimes { user: 0.0, nice: 0.0, sys: 0.0, idle: 0.0, irq: 0.0 } };
    Ok((0..cpus).map(|_| cpu()).collect())
}

/// An entry of /etc/passwd.
struct Passwd {
    name: String,
    home: String,
    shell: String,
}

/// getpwuid(3) by the VM's own /etc/passwd.
fn passwd(kernel: &Kernel, uid: u32) -> Option<Passwd> {
    let text = kernel.read_file(b"/etc/passwd", PASSWD_MAX).ok()?;
    String::from_utf8_lossy(&text).lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, id, _, _, home, shell] = fields[..] else { return None };
        (id.parse() == Ok(uid)).then(|| Passwd { name: name.into(), home: home.into(), shell: shell.into() })
    })
}

#[op2]
#[string]
fn op_os_homedir(state: &mut OpState) -> Option<String> {
    if let Some(home) = state.borrow::<Environment>().0.get("HOME").filter(|home| !home.is_empty()) {
        return Some(home.clone());
    }
    let kernel = kernel(state);
    let uid = kernel.task().ok()?.getresuid().1;
    passwd(&kernel, uid).map(|entry| entry.home)
}

/// As `os.userInfo()` gives it.
#[derive(ToV8)]
struct UserInfo {
    username: String,
    homedir: String,
    shell: Option<String>,
}

#[op2]
fn op_os_user_info(state: &mut OpState, #[smi] uid: u32) -> Result<UserInfo, io::Error> {
    let kernel = kernel(state);
    let entry = passwd(&kernel, uid).ok_or_else(|| io::Error::from(Errno::ENOENT))?;
    Ok(UserInfo { username: entry.name, homedir: entry.home, shell: Some(entry.shell) })
}

#[op2(fast)]
fn op_os_get_priority(state: &mut OpState, #[smi] pid: i32) -> Result<i32, io::Error> {
    guard(|| own_process(&kernel(state), pid).and_then(|kernel| Ok(kernel.task()?.nice())))
}

#[op2(fast)]
fn op_os_set_priority(state: &mut OpState, #[smi] pid: i32, #[smi] priority: i32) -> Result<(), io::Error> {
    guard(|| own_process(&kernel(state), pid).and_then(|kernel| Ok(kernel.task()?.set_nice(priority)?)))
}

/// The kernel knows priorities of the calling process only. EPERM for others.
fn own_process(kernel: &Kernel, pid: i32) -> io::Result<Kernel> {
    if pid == 0 || pid == kernel.task()?.getpid() { Ok(kernel.clone()) } else { Err(Errno::EPERM.into()) }
}

/// System and user time in microseconds, by the process' CPU clock.
pub(super) fn cpu_usage(state: &OpState, out: &mut [f64]) {
    if let ([system, user, ..], Ok(task)) = (out, state.borrow::<Kernel>().task()) {
        *system = 0.0;
        *user = task.clock_gettime(ClockId::ProcessCpu).as_nanos() as f64 / 1e3;
    }
}

#[op2(fast)]
fn op_os_cpu_usage(state: &mut OpState, #[buffer] out: &mut [f64]) {
    cpu_usage(state, out);
}

/// Bytes an isolate takes beside its heap, measured: code, tables and stacks of a booted one.
const ISOLATE_BASE_BYTES: f64 = 7e6;

/// `process.memoryUsage()`: heap figures are the isolate's; the resident size is derived from them, because the host process' own
/// would tell about other VMs.
#[op2(fast)]
fn op_os_memory_usage(scope: &mut v8::PinScope<'_, '_>, #[buffer] out: &mut [f64]) {
    let heap = scope.get_heap_statistics();
    if let [rss, total, used, external, ..] = out {
        *total = heap.total_heap_size() as f64;
        *used = heap.used_heap_size() as f64;
        *external = heap.external_memory() as f64;
        *rss = ISOLATE_BASE_BYTES + *total + *external;
    }
}

/// `process.resourceUsage()`: 16 numbers in the order of `struct rusage`, times in microseconds.
#[op2(fast)]
fn op_os_resource_usage(state: &mut OpState, #[buffer] out: &mut [f64]) {
    let Ok(usage) = kernel(state).task().map(|task| task.getrusage(false)) else { return };
    out.fill(0.0);
    if let [user, system, max_rss, ..] = out {
        *user = usage.utime.as_micros() as f64;
        *system = usage.stime.as_micros() as f64;
        *max_rss = usage.maxrss_kib as f64;
    }
}

#[op2(fast)]
#[number]
fn op_os_constrained_memory(state: &mut OpState) -> u64 {
    kernel(state).task().map_or(0, |task| task.sysinfo().total_bytes)
}

#[op2]
#[string]
fn op_os_build_os() -> &'static str {
    "linux"
}

/// Numbers of upstream's `HandleType`.
const HANDLE_TCP: u32 = 0;
const HANDLE_TTY: u32 = 1;
const HANDLE_FILE: u32 = 3;
const HANDLE_PIPE: u32 = 4;
const HANDLE_UNKNOWN: u32 = 5;

/// libuv's `uv_guess_handle`.
#[op2(fast)]
fn op_os_guess_handle_type(state: &mut OpState, #[smi] fd: u32) -> u32 {
    let (kernel, Ok(fd)) = (kernel(state), Fd::try_from(fd)) else { return HANDLE_UNKNOWN };
    let Ok(stat) = kernel.task().and_then(|task| task.fstat(fd)) else { return HANDLE_UNKNOWN };
    match stat.file_type {
        FileType::CharDevice if super::tty::is_terminal(&kernel, fd) => HANDLE_TTY,
        FileType::Regular | FileType::CharDevice => HANDLE_FILE,
        FileType::Fifo => HANDLE_PIPE,
        FileType::Socket => {
            let address = kernel.task().and_then(|task| task.getsockname(fd));
            if matches!(address, Ok(agentos_abi::socket::SockAddr::Inet(_))) { HANDLE_TCP } else { HANDLE_PIPE }
        }
        _ => HANDLE_UNKNOWN,
    }
}

pub(super) fn replacements() -> Vec<(&'static str, OpDecl)> {
    vec![
        ("op_hostname", op_os_hostname()),
        ("op_os_release", op_os_release()),
        ("op_loadavg", op_os_loadavg()),
        ("op_os_uptime", op_os_uptime()),
        ("op_system_memory_info", op_os_memory()),
        ("op_network_interfaces", op_os_interfaces()),
        ("op_cpus", op_os_cpus()),
        ("op_homedir", op_os_homedir()),
        ("op_node_os_user_info", op_os_user_info()),
        ("op_node_os_get_priority", op_os_get_priority()),
        ("op_node_os_set_priority", op_os_set_priority()),
        ("op_runtime_cpu_usage", op_os_cpu_usage()),
        ("op_runtime_memory_usage", op_os_memory_usage()),
        ("op_node_process_resource_usage", op_os_resource_usage()),
        ("op_node_process_constrained_memory", op_os_constrained_memory()),
        ("op_node_build_os", op_os_build_os()),
        ("op_node_guess_handle_type", op_os_guess_handle_type()),
    ]
}
