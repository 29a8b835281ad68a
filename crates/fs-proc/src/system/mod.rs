//! What is not about one process: /proc/meminfo, stat, version, sys and so on.

mod cpu;
mod memory;
mod sys;

use crate::node::{Attributes, Context, DirectoryNode, Listed, TextNode};
use crate::text::uuid;
use agentos_abi::{Errno, FileType, Result};
use agentos_kernel::{Kernel, RELEASE, VERSION};
use agentos_vfs::InodeRef;
use std::sync::Arc;

type RenderSystem = fn(&Arc<Kernel>) -> Result<Vec<u8>>;

/// Entries are numbered from here.
const FIRST_INO: u64 = 100;

const FILES: &[(&str, RenderSystem)] = &[
    ("cmdline", |_| Ok(b"\n".to_vec())),
    ("cpuinfo", cpu::cpuinfo),
    ("devices", |_| Ok(b"Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n\nBlock devices:\n".to_vec())),
    ("diskstats", |_| Ok(Vec::new())),
    ("filesystems", filesystems),
    ("loadavg", cpu::loadavg),
    ("meminfo", memory::meminfo),
    ("partitions", |_| Ok(b"major minor  #blocks  name\n\n".to_vec())),
    ("stat", cpu::stat),
    ("swaps", |_| Ok(b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n".to_vec())),
    ("uptime", cpu::uptime),
    ("version", |_| Ok(format!("Linux version {RELEASE} (agentos@agentos) {VERSION}\n").into_bytes())),
    ("vmstat", memory::vmstat),
];
const SYS: &str = "sys";

fn ino(index: usize) -> u64 {
    FIRST_INO + index as u64
}

/// An entry of /proc. Errors: ENOENT.
pub(crate) fn lookup(context: &Context, _kernel: &Arc<Kernel>, name: &[u8]) -> Result<InodeRef> {
    if name == SYS.as_bytes() {
        let entries = sys::Directory::top();
        return Ok(Arc::new(DirectoryNode { context: context.clone(), attributes: Attributes::system(ino(FILES.len()), 0o555), entries }));
    }
    let index = FILES.iter().position(|(file, _)| file.as_bytes() == name).ok_or(Errno::ENOENT)?;
    let render = FILES[index].1;
    Ok(Arc::new(TextNode { context: context.clone(), attributes: Attributes::system(ino(index), 0o444), render: Box::new(render) }))
}

/// All of them, positions from `first` on.
pub(crate) fn list(first: u64) -> Vec<Listed> {
    let files = FILES.iter().map(|(name, _)| (*name, FileType::Regular));
    let all = files.chain([(SYS, FileType::Directory)]);
    all.enumerate()
        .map(|(index, (name, file_type))| Listed { position: first + index as u64, name: name.as_bytes().to_vec(), ino: ino(index), file_type })
        .collect()
}

/// The types that are mounted, and those that always exist.
fn filesystems(kernel: &Arc<Kernel>) -> Result<Vec<u8>> {
    let mut names: Vec<&str> = vec!["proc", "tmpfs", "devtmpfs", "devpts", "pipefs", "sockfs"];
    for mount in kernel.namespace().mounts() {
        if !names.contains(&mount.fs_name) {
            names.push(mount.fs_name);
        }
    }
    Ok(names.iter().map(|name| format!("nodev\t{name}\n")).collect::<String>().into_bytes())
}

/// A fresh UUID, each time.
fn random_uuid(kernel: &Arc<Kernel>) -> Result<Vec<u8>> {
    let mut bytes = [0; 16];
    kernel.random(&mut bytes);
    Ok((uuid(bytes) + "\n").into_bytes())
}

/// The UUID of this boot.
fn boot_id(kernel: &Arc<Kernel>) -> Result<Vec<u8>> {
    Ok((uuid(kernel.boot_id()) + "\n").into_bytes())
}
