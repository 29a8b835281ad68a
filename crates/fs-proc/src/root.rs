//! The directory /proc itself: what is always there, then one directory per process.

use crate::node::{Attributes, Context, DirectoryNode, Entries, LinkNode, Listed};
use crate::{process, system};
use agentos_abi::{Errno, FileType, Pid, Result};
use agentos_kernel::Kernel;
use agentos_vfs::InodeRef;
use std::sync::Arc;

const ROOT_INO: u64 = 1;
/// Positions of processes in a listing start here.
const FIRST_PID_POSITION: u64 = 1000;

/// Links at the top: name and target.
const LINKS: &[(&str, fn(Pid) -> String)] = &[
    ("self", |pid| pid.to_string()),
    ("thread-self", |pid| format!("{pid}/task/{pid}")),
    ("mounts", |_| "self/mounts".to_owned()),
    ("net", |_| "self/net".to_owned()),
];

/// The root directory.
pub(crate) fn directory(context: &Context) -> InodeRef {
    Arc::new(DirectoryNode { context: context.clone(), attributes: Attributes::system(ROOT_INO, 0o555), entries: Root })
}

struct Root;

fn link_ino(index: usize) -> u64 {
    ROOT_INO + 1 + index as u64
}

/// Whom /proc/self is about. Errors: ENOENT for the host, which is no process.
fn current(kernel: &Arc<Kernel>) -> Result<Pid> {
    kernel.current().ok_or(Errno::ENOENT)
}

impl Entries for Root {
    fn lookup(&self, context: &Context, kernel: &Arc<Kernel>, name: &[u8]) -> Result<InodeRef> {
        if let Some(index) = LINKS.iter().position(|(link, _)| link.as_bytes() == name) {
            let target = LINKS[index].1;
            let needs_caller = index < 2;
            return Ok(Arc::new(LinkNode {
                context: context.clone(),
                attributes: Attributes::system(link_ino(index), 0o777),
                target: Box::new(move |kernel| {
                    let pid = if needs_caller { current(kernel)? } else { 0 };
                    Ok(target(pid).into_bytes())
                }),
                place: None,
            }));
        }
        if let Some(pid) = parse_number(name) {
            return process::directory(context, kernel, pid);
        }
        system::lookup(context, kernel, name)
    }

    fn list(&self, kernel: &Arc<Kernel>) -> Result<Vec<Listed>> {
        let mut listed: Vec<Listed> = LINKS
            .iter()
            .zip(0..)
            .map(|((name, _), index)| Listed { position: 1 + index as u64, name: name.as_bytes().to_vec(), ino: link_ino(index), file_type: FileType::Symlink })
            .collect();
        listed.extend(system::list(LINKS.len() as u64 + 1));
        listed.extend(kernel.pids().into_iter().map(|pid| Listed {
            position: FIRST_PID_POSITION + u64::from(pid.unsigned_abs()),
            name: pid.to_string().into_bytes(),
            ino: process::ino(pid, 0),
            file_type: FileType::Directory,
        }));
        Ok(listed)
    }
}

/// A number without a sign or leading zeros, as names of processes and descriptors are written.
pub(crate) fn parse_number(name: &[u8]) -> Option<i32> {
    let text = std::str::from_utf8(name).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    let number: i32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
