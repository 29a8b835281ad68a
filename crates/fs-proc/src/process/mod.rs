//! /proc/PID: one process.

mod fd;
mod files;
mod limits;
mod mounts;
mod network;
mod stat;

use crate::node::{Attributes, Context, DirectoryNode, Entries, LinkNode, Listed, Place, Target, TextNode};
use agentos_abi::{Errno, FileType, Pid, Result};
use agentos_kernel::{Kernel, ProcessLink};
use agentos_vfs::InodeRef;
use std::sync::Arc;

/// Makes a file's content for a process.
type RenderProcess = fn(&Arc<Kernel>, Pid) -> Result<Vec<u8>>;

/// What an entry of /proc/PID is.
enum Kind {
    /// A file with a mode.
    Text(u32, RenderProcess),
    /// A magic link.
    Link(ProcessLink),
    /// fd: descriptors as magic links.
    Descriptors,
    /// fdinfo
    DescriptorInfo,
    /// task: the process' only thread.
    Tasks,
    /// net
    Network,
}

/// The entries; a position in the table is part of an inode number.
const ENTRIES: &[(&str, Kind)] = &[
    ("cgroup", Kind::Text(0o444, |_, _| Ok(b"0::/\n".to_vec()))),
    ("cmdline", Kind::Text(0o444, files::cmdline)),
    ("comm", Kind::Text(0o644, files::comm)),
    ("cwd", Kind::Link(ProcessLink::Cwd)),
    ("environ", Kind::Text(0o400, files::environ)),
    ("exe", Kind::Link(ProcessLink::Exe)),
    ("fd", Kind::Descriptors),
    ("fdinfo", Kind::DescriptorInfo),
    ("io", Kind::Text(0o400, files::io)),
    ("limits", Kind::Text(0o444, limits::limits)),
    ("loginuid", Kind::Text(0o644, |_, _| Ok(b"4294967295".to_vec()))),
    // Addresses mean nothing outside an engine: no mapping is shown.
    ("maps", Kind::Text(0o444, |_, _| Ok(Vec::new()))),
    ("mountinfo", Kind::Text(0o444, mounts::mountinfo)),
    ("mounts", Kind::Text(0o444, mounts::mounts)),
    ("net", Kind::Network),
    ("oom_adj", Kind::Text(0o644, |_, _| Ok(b"0\n".to_vec()))),
    ("oom_score", Kind::Text(0o444, |_, _| Ok(b"0\n".to_vec()))),
    ("oom_score_adj", Kind::Text(0o644, |_, _| Ok(b"0\n".to_vec()))),
    ("root", Kind::Link(ProcessLink::Root)),
    ("stat", Kind::Text(0o444, stat::stat)),
    ("statm", Kind::Text(0o444, stat::statm)),
    ("status", Kind::Text(0o444, stat::status)),
    ("task", Kind::Tasks),
    ("wchan", Kind::Text(0o444, |_, _| Ok(b"0".to_vec()))),
];

/// Room for entries in the inode numbers of one process; descriptors come above.
const INOS_PER_PROCESS: u64 = 1 << 24;

/// Inode number of an entry of a process; 0 is the directory itself.
pub(crate) fn ino(pid: Pid, entry: u64) -> u64 {
    (u64::from(pid.unsigned_abs()) + 1) * INOS_PER_PROCESS + entry
}

/// The directory of a process. Errors: ENOENT.
pub(crate) fn directory(context: &Context, kernel: &Arc<Kernel>, pid: Pid) -> Result<InodeRef> {
    make(context, kernel, pid, 0, Process { pid, is_task: false })
}

fn make<E: Entries + 'static>(context: &Context, kernel: &Arc<Kernel>, pid: Pid, entry: u64, entries: E) -> Result<InodeRef> {
    make_with_mode(context, kernel, pid, entry, 0o555, entries)
}

fn make_with_mode<E: Entries + 'static>(context: &Context, kernel: &Arc<Kernel>, pid: Pid, entry: u64, mode: u32, entries: E) -> Result<InodeRef> {
    let attributes = attributes(kernel, pid, entry, mode)?;
    Ok(Arc::new(DirectoryNode { context: context.clone(), attributes, entries }))
}

fn attributes(kernel: &Arc<Kernel>, pid: Pid, entry: u64, mode: u32) -> Result<Attributes> {
    let owner = kernel.process_owner(pid).map_err(|_| Errno::ENOENT)?;
    Ok(Attributes { ino: ino(pid, entry), mode, owner })
}

/// Errors: EACCES when the caller may not look into `pid`.
fn inspect(kernel: &Arc<Kernel>, pid: Pid) -> Result<()> {
    if kernel.may_inspect(pid) { Ok(()) } else { Err(Errno::EACCES) }
}

/// A magic link of a process that only those who may look into it can follow.
fn magic_link(context: &Context, attributes: Attributes, pid: Pid, target: Target, place: Place) -> InodeRef {
    Arc::new(LinkNode {
        context: context.clone(),
        attributes,
        target: Box::new(move |kernel| inspect(kernel, pid).and_then(|()| target(kernel))),
        place: Some(Box::new(move |kernel| inspect(kernel, pid).and_then(|()| place(kernel)))),
    })
}

struct Process {
    pid: Pid,
    /// Below task: the same files, without a further task directory.
    is_task: bool,
}

impl Process {
    fn shown(&self) -> impl Iterator<Item = (usize, &'static (&'static str, Kind))> {
        let is_task = self.is_task;
        ENTRIES.iter().enumerate().filter(move |(_, (_, kind))| !(is_task && matches!(kind, Kind::Tasks)))
    }

    fn link(&self, context: &Context, attributes: Attributes, link: ProcessLink) -> InodeRef {
        let pid = self.pid;
        let place = move |kernel: &Arc<Kernel>| kernel.process_link(pid, link).map_err(gone);
        let text = move |kernel: &Arc<Kernel>| place(kernel).map(|path| path.display(&kernel.namespace().root()));
        magic_link(context, attributes, pid, Box::new(text), Box::new(place))
    }
}

impl Entries for Process {
    fn lookup(&self, context: &Context, kernel: &Arc<Kernel>, name: &[u8]) -> Result<InodeRef> {
        let (index, (_, kind)) = self.shown().find(|(_, (entry, _))| entry.as_bytes() == name).ok_or(Errno::ENOENT)?;
        let (pid, entry) = (self.pid, index as u64 + 1);
        match kind {
            Kind::Text(mode, render) => Ok(Arc::new(TextNode {
                context: context.clone(),
                attributes: attributes(kernel, pid, entry, *mode)?,
                render: Box::new(move |kernel| render(kernel, pid).map_err(gone)),
            })),
            Kind::Link(link) => Ok(self.link(context, attributes(kernel, pid, entry, 0o777)?, *link)),
            Kind::Descriptors => make_with_mode(context, kernel, pid, entry, 0o500, fd::Descriptors { pid }),
            Kind::DescriptorInfo => make_with_mode(context, kernel, pid, entry, 0o500, fd::DescriptorInfos { pid }),
            Kind::Tasks => make(context, kernel, pid, entry, Tasks { pid }),
            Kind::Network => make(context, kernel, pid, entry, network::Network { pid }),
        }
    }

    fn list(&self, kernel: &Arc<Kernel>) -> Result<Vec<Listed>> {
        kernel.process_owner(self.pid).map_err(|_| Errno::ENOENT)?;
        let listed = self.shown().map(|(index, (name, kind))| Listed {
            position: index as u64 + 1,
            name: name.as_bytes().to_vec(),
            ino: ino(self.pid, index as u64 + 1),
            file_type: match kind {
                Kind::Text(..) => FileType::Regular,
                Kind::Link(_) => FileType::Symlink,
                _ => FileType::Directory,
            },
        });
        Ok(listed.collect())
    }
}

/// /proc/PID/task
struct Tasks {
    pid: Pid,
}

impl Entries for Tasks {
    fn lookup(&self, context: &Context, kernel: &Arc<Kernel>, name: &[u8]) -> Result<InodeRef> {
        if crate::root::parse_number(name) != Some(self.pid) {
            return Err(Errno::ENOENT);
        }
        make(context, kernel, self.pid, ENTRIES.len() as u64 + 1, Process { pid: self.pid, is_task: true })
    }

    fn list(&self, _kernel: &Arc<Kernel>) -> Result<Vec<Listed>> {
        let ino = ino(self.pid, ENTRIES.len() as u64 + 1);
        Ok(vec![Listed { position: 1, name: self.pid.to_string().into_bytes(), ino, file_type: FileType::Directory }])
    }
}

/// A process that has gone is a file that has gone.
fn gone(errno: Errno) -> Errno {
    if errno == Errno::ESRCH { Errno::ENOENT } else { errno }
}
