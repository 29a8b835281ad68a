//! Files that every VM has besides those of its packages: where names are looked up, and the little of /sys that programs read.

/// Path and content. A package may bring its own.
pub const SYSTEM_FILES: &[(&str, &str)] = &[
    // The name server inside the VM (agentos_net::NAME_SERVER), which answers by the policy.
    ("/etc/resolv.conf", "nameserver 127.0.0.53\n"),
    // What lscpu(1), nproc(1) and C libraries read: one processor, as /proc/cpuinfo has it.
    ("/sys/devices/system/cpu/kernel_max", "0\n"),
    ("/sys/devices/system/cpu/online", "0\n"),
    ("/sys/devices/system/cpu/possible", "0\n"),
    ("/sys/devices/system/cpu/present", "0\n"),
    ("/sys/devices/system/cpu/cpu0/topology/core_cpus", "1\n"),
    ("/sys/devices/system/cpu/cpu0/topology/core_id", "0\n"),
    ("/sys/devices/system/cpu/cpu0/topology/core_siblings", "1\n"),
    ("/sys/devices/system/cpu/cpu0/topology/physical_package_id", "0\n"),
    ("/sys/devices/system/cpu/cpu0/topology/thread_siblings", "1\n"),
    ("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0\n"),
    ("/sys/devices/system/node/online", "0\n"),
    ("/sys/devices/system/node/node0/cpulist", "0\n"),
    ("/sys/devices/system/node/node0/cpumap", "1\n"),
];
