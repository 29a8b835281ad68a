//! /proc/PID/fd and fdinfo: descriptors.

use super::{attributes, gone, ino, magic_link};
use crate::node::{Context, Entries, Listed, TextNode};
use crate::root::parse_number;
use agentos_abi::{Errno, Fd, FileType, Pid, Result};
use agentos_kernel::Kernel;
use agentos_vfs::InodeRef;
use std::sync::Arc;

/// Descriptors are numbered from here among the entries of a process.
const FIRST_FD: u64 = 1000;
/// Their fdinfo files from here.
const FIRST_FDINFO: u64 = 1 << 23;

fn number(fd: Fd) -> u64 {
    u64::from(fd.unsigned_abs())
}

/// The descriptor that a name means, if it is open. Errors: ENOENT.
fn open_fd(kernel: &Arc<Kernel>, pid: Pid, name: &[u8]) -> Result<Fd> {
    let fd = parse_number(name).ok_or(Errno::ENOENT)?;
    if kernel.has_descriptor(pid, fd).map_err(gone)? { Ok(fd) } else { Err(Errno::ENOENT) }
}

fn list(kernel: &Arc<Kernel>, pid: Pid, first: u64, file_type: FileType) -> Result<Vec<Listed>> {
    let fds = kernel.descriptors(pid).map_err(gone)?;
    let listed = fds.into_iter().map(|fd| Listed { position: 1 + number(fd), name: fd.to_string().into_bytes(), ino: ino(pid, first + number(fd)), file_type });
    Ok(listed.collect())
}

/// fd
pub(super) struct Descriptors {
    pub(super) pid: Pid,
}

impl Entries for Descriptors {
    fn lookup(&self, context: &Context, kernel: &Arc<Kernel>, name: &[u8]) -> Result<InodeRef> {
        let pid = self.pid;
        let fd = open_fd(kernel, pid, name)?;
        let flags = kernel.descriptor(pid, fd).map_err(gone)?.flags;
        // The mode tells how it is open, as Linux shows it.
        let mode = 0o100 | if flags.readable() { 0o400 } else { 0 } | if flags.writable() { 0o200 } else { 0 };
        let attributes = attributes(kernel, pid, FIRST_FD + number(fd), mode)?;
        let text = move |kernel: &Arc<Kernel>| Ok(kernel.descriptor(pid, fd).map_err(gone)?.link);
        let place = move |kernel: &Arc<Kernel>| kernel.descriptor(pid, fd).map_err(gone)?.place;
        Ok(magic_link(context, attributes, pid, Box::new(text), Box::new(place)))
    }

    fn list(&self, kernel: &Arc<Kernel>) -> Result<Vec<Listed>> {
        list(kernel, self.pid, FIRST_FD, FileType::Symlink)
    }
}

/// fdinfo
pub(super) struct DescriptorInfos {
    pub(super) pid: Pid,
}

impl Entries for DescriptorInfos {
    fn lookup(&self, context: &Context, kernel: &Arc<Kernel>, name: &[u8]) -> Result<InodeRef> {
        let pid = self.pid;
        let fd = open_fd(kernel, pid, name)?;
        Ok(Arc::new(TextNode {
            context: context.clone(),
            attributes: attributes(kernel, pid, FIRST_FDINFO + number(fd), 0o400)?,
            render: Box::new(move |kernel| {
                let info = kernel.descriptor(pid, fd).map_err(gone)?;
                Ok(format!("pos:\t{}\nflags:\t{:07o}\n", info.offset, info.flags.bits()).into_bytes())
            }),
        }))
    }

    fn list(&self, kernel: &Arc<Kernel>) -> Result<Vec<Listed>> {
        list(kernel, self.pid, FIRST_FDINFO, FileType::Regular)
    }
}
