//! The list of all bounds that the owner of a VM may set.

use agentos_abi::Errno;

/// A bound of a VM. The names are those of `AgentOs.create({ limits })`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Memory of the VM.
    Memory,
    /// Share of one CPU.
    CpuPercent,
    /// Processes.
    Processes,
    /// Open file descriptions.
    OpenFiles,
    /// Content of in-memory file systems.
    FsBytes,
    /// Files of in-memory file systems.
    Inodes,
    /// Pipes and FIFOs.
    Pipes,
    /// Pseudo-terminals.
    Ptys,
    /// Sockets.
    Sockets,
    /// Output kept of one call.
    OutputBytes,
    /// Duration of one call.
    ExecMs,
    /// Arguments and environment.
    ArgBytes,
}

/// What a bound counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// MiB in the option, bytes in the account.
    MiB,
    /// Bytes.
    Bytes,
    /// Things.
    Count,
    /// Percent of one CPU.
    Percent,
    /// Milliseconds.
    Ms,
}

/// What happens beyond a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// System calls fail.
    Errno(Errno, &'static str),
    /// Something else happens, which the text says.
    Other(&'static str),
}

/// One row of docs/limits.md.
struct Row {
    name: &'static str,
    unit: Unit,
    what: &'static str,
    /// In the account's unit; `u64::MAX` is no bound.
    default: u64,
    excess: Excess,
}

const fn row(name: &'static str, unit: Unit, what: &'static str, default: u64, excess: Excess) -> Row {
    Row { name, unit, what, default, excess }
}

const ROWS: [Row; Limit::COUNT] = [
    row(
        "maxMemoryMb",
        Unit::MiB,
        "WebAssembly memories, V8 heaps and buffers, files in memory, pipe and socket buffers, together",
        1024 << 20,
        Excess::Errno(
            Errno::ENOMEM,
            "brk, mmap, fork, execve; ENOSPC from write to files in memory; JavaScript: RangeError, or the process ends with status 134",
        ),
    ),
    row(
        "maxCpuPercent",
        Unit::Percent,
        "CPU time of all programs over wall time, of one CPU",
        u64::MAX,
        Excess::Other("programs pause until they are within it"),
    ),
    row("maxProcesses", Unit::Count, "processes, zombies included", 256, Excess::Errno(Errno::EAGAIN, "fork")),
    row("maxOpenFiles", Unit::Count, "open file descriptions of all processes", 65_536, Excess::Errno(Errno::ENFILE, "open, pipe, socket")),
    row("maxFsBytes", Unit::Bytes, "content of files in memory", 1 << 30, Excess::Errno(Errno::ENOSPC, "write, truncate")),
    row("maxInodes", Unit::Count, "files in memory, names beyond a file's first included", 262_144, Excess::Errno(Errno::ENOSPC, "open, mkdir, link")),
    row("maxPipes", Unit::Count, "pipes and open FIFOs", 4096, Excess::Errno(Errno::ENFILE, "pipe, open of a FIFO")),
    row("maxPtys", Unit::Count, "pseudo-terminals", 256, Excess::Errno(Errno::ENOSPC, "open of /dev/ptmx")),
    row("maxSockets", Unit::Count, "sockets, connections that wait to be accepted included", 4096, Excess::Errno(Errno::ENFILE, "socket, accept")),
    row(
        "maxOutputBytes",
        Unit::Bytes,
        "output kept of each stream of one `exec`, and the most that its own option may ask for",
        16 << 20,
        Excess::Other("the rest is read and dropped, `truncated` is true"),
    ),
    row(
        "maxExecMs",
        Unit::Ms,
        "how long one `exec` may take, and the most that its own `timeoutMs` may ask for",
        u64::MAX,
        Excess::Other("SIGTERM to its process group, SIGKILL 2 s later, `timedOut` is true"),
    ),
    row(
        "maxArgBytes",
        Unit::Bytes,
        "arguments and environment of a program, 8 bytes a string included; one string 128 KiB",
        2 << 20,
        Excess::Errno(Errno::E2BIG, "execve"),
    ),
];

impl Limit {
    /// How many there are.
    pub const COUNT: usize = 12;
    /// All, in the order of the documentation.
    pub const ALL: [Limit; Limit::COUNT] = [
        Limit::Memory,
        Limit::CpuPercent,
        Limit::Processes,
        Limit::OpenFiles,
        Limit::FsBytes,
        Limit::Inodes,
        Limit::Pipes,
        Limit::Ptys,
        Limit::Sockets,
        Limit::OutputBytes,
        Limit::ExecMs,
        Limit::ArgBytes,
    ];

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The name of the option.
    pub fn option(self) -> &'static str {
        self.row().name
    }

    /// The option's unit.
    pub fn unit(self) -> Unit {
        self.row().unit
    }

    /// What is counted.
    pub fn what(self) -> &'static str {
        self.row().what
    }

    /// The default, in the unit of the account (bytes, not MiB); `u64::MAX` is no bound.
    pub fn default_value(self) -> u64 {
        self.row().default
    }

    /// What happens beyond it.
    pub fn excess(self) -> Excess {
        self.row().excess
    }

    /// The errno of a charge beyond it.
    pub fn errno(self) -> Errno {
        match self.row().excess {
            Excess::Errno(errno, _) => errno,
            Excess::Other(_) => Errno::EAGAIN,
        }
    }

    /// The value of the option that stands for `value` in the account.
    pub fn in_option_unit(self, value: u64) -> f64 {
        match self.unit() {
            Unit::MiB => value as f64 / f64::from(1 << 20),
            _ => value as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_in_its_row() {
        for (at, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, at, "{limit:?}");
            assert_eq!(limit.option(), ROWS[at].name);
        }
    }
}
