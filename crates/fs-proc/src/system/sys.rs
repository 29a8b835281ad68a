//! /proc/sys: settings, all read-only.

use super::{RenderSystem, boot_id, random_uuid};
use crate::node::{Attributes, Context, DirectoryNode, Entries, Listed, TextNode};
use agentos_abi::{Errno, FileType, Result};
use agentos_kernel::limits::PID_MAX;
use agentos_kernel::{Kernel, Limit, RELEASE, VERSION};
use agentos_vfs::InodeRef;
use std::sync::Arc;

/// Entries are numbered from here.
const FIRST_INO: u64 = 1000;

/// Path below /proc/sys, and content. Directories are what the paths imply.
const SETTINGS: &[(&str, RenderSystem)] = &[
    ("fs/file-max", |kernel| line(kernel.account().bounds().get(Limit::OpenFiles))),
    ("fs/file-nr", |kernel| line(format!("{}\t0\t{}", kernel.stats().open_files, kernel.account().bounds().get(Limit::OpenFiles)))),
    ("fs/nr_open", |kernel| line(kernel.limits().max_process_files.1)),
    ("fs/pipe-max-size", |_| line(1 << 20)),
    ("fs/pipe-user-pages-soft", |kernel| line(kernel.limits().max_pipe_bytes / 4096)),
    ("kernel/cap_last_cap", |_| line(40)),
    ("kernel/domainname", |_| line("(none)")),
    ("kernel/hostname", |kernel| line(kernel.hostname())),
    ("kernel/ngroups_max", |_| line(65536)),
    ("kernel/osrelease", |_| line(RELEASE)),
    ("kernel/ostype", |_| line("Linux")),
    ("kernel/overflowgid", |_| line(65534)),
    ("kernel/overflowuid", |_| line(65534)),
    ("kernel/pid_max", |_| line(PID_MAX)),
    ("kernel/random/boot_id", boot_id),
    ("kernel/random/entropy_avail", |_| line(256)),
    ("kernel/random/poolsize", |_| line(256)),
    ("kernel/random/uuid", random_uuid),
    ("kernel/threads-max", |kernel| line(kernel.account().bounds().get(Limit::Processes))),
    ("kernel/version", |_| line(VERSION)),
    ("net/core/somaxconn", |_| line(4096)),
    ("net/ipv4/ip_local_port_range", |_| line("32768\t60999")),
    ("vm/overcommit_memory", |_| line(0)),
    ("vm/swappiness", |_| line(0)),
];

fn line(value: impl std::fmt::Display) -> Result<Vec<u8>> {
    Ok(format!("{value}\n").into_bytes())
}

/// A directory below /proc/sys, by the prefix of its settings.
pub(super) struct Directory {
    /// Empty, or ending in a slash.
    prefix: &'static str,
}

impl Directory {
    pub(super) fn top() -> Directory {
        Directory { prefix: "" }
    }

    /// Names directly in here, with where the first setting below stands; each once, since the table is sorted.
    fn names(&self) -> impl Iterator<Item = (usize, &'static str, &'static str, bool)> {
        let prefix = self.prefix;
        let mut last = "";
        SETTINGS.iter().enumerate().filter_map(move |(index, (path, _))| {
            let rest = path.strip_prefix(prefix)?;
            let (name, is_directory) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
            let new = last != name;
            last = name;
            new.then_some((index, name, *path, is_directory))
        })
    }
}

impl Entries for Directory {
    fn lookup(&self, context: &Context, _kernel: &Arc<Kernel>, name: &[u8]) -> Result<InodeRef> {
        let (index, name, path, is_directory) = self.names().find(|(_, entry, ..)| entry.as_bytes() == name).ok_or(Errno::ENOENT)?;
        let context = context.clone();
        if is_directory {
            let prefix = &path[..self.prefix.len() + name.len() + 1];
            let attributes = Attributes::system(ino(index, prefix), 0o555);
            return Ok(Arc::new(DirectoryNode { context, attributes, entries: Directory { prefix } }));
        }
        Ok(Arc::new(TextNode { context, attributes: Attributes::system(ino(index, ""), 0o444), render: Box::new(SETTINGS[index].1) }))
    }

    fn list(&self, _kernel: &Arc<Kernel>) -> Result<Vec<Listed>> {
        let listed = self.names().zip(1..).map(|((index, name, path, is_directory), position)| Listed {
            position,
            name: name.as_bytes().to_vec(),
            ino: if is_directory { ino(index, &path[..self.prefix.len() + name.len() + 1]) } else { ino(index, "") },
            file_type: if is_directory { FileType::Directory } else { FileType::Regular },
        });
        Ok(listed.collect())
    }
}

/// A directory shares the place of its first setting; its depth tells them apart.
fn ino(index: usize, prefix: &str) -> u64 {
    FIRST_INO + index as u64 + 1000 * prefix.matches('/').count() as u64
}
