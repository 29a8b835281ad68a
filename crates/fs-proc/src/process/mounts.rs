//! /proc/PID/mounts and mountinfo.

use crate::text::escaped;
use agentos_abi::{Pid, Result};
use agentos_kernel::Kernel;
use agentos_vfs::{MountFlags, MountInfo};
use std::sync::Arc;

/// Mount ids begin here, as on a Linux that has mounted some for itself.
const FIRST_ID: usize = 20;

fn options(flags: MountFlags) -> String {
    let mut text = if flags.contains(MountFlags::RDONLY) { "ro" } else { "rw" }.to_owned();
    for (flag, name) in [(MountFlags::NOSUID, ",nosuid"), (MountFlags::NODEV, ",nodev"), (MountFlags::NOEXEC, ",noexec")] {
        if flags.contains(flag) {
            text.push_str(name);
        }
    }
    text + ",relatime"
}

fn superblock(flags: MountFlags) -> &'static str {
    if flags.contains(MountFlags::RDONLY) { "ro" } else { "rw" }
}

pub(super) fn mounts(kernel: &Arc<Kernel>, _pid: Pid) -> Result<Vec<u8>> {
    let line = |mount: &MountInfo| {
        let point = escaped(&mount.mount_point);
        format!("{} {point} {} {} 0 0\n", escaped(mount.source.as_bytes()), mount.fs_name, options(mount.flags))
    };
    Ok(kernel.namespace().mounts().iter().map(line).collect::<String>().into_bytes())
}

pub(super) fn mountinfo(kernel: &Arc<Kernel>, _pid: Pid) -> Result<Vec<u8>> {
    let mounts = kernel.namespace().mounts();
    let mut text = String::new();
    for (index, mount) in mounts.iter().enumerate() {
        let (id, parent) = (FIRST_ID + index, parent(&mounts, index).map_or(1, |parent| FIRST_ID + parent));
        let (major, minor) = (mount.dev >> 8 & 0xfff, mount.dev & 0xff | mount.dev >> 12 & 0xfff00);
        let (point, source) = (escaped(&mount.mount_point), escaped(mount.source.as_bytes()));
        let line = format!("{id} {parent} {major}:{minor} / {point} {} - {} {source} {}\n", options(mount.flags), mount.fs_name, superblock(mount.flags));
        text.push_str(&line);
    }
    Ok(text.into_bytes())
}

/// The earlier mount with the longest mount point that holds this one's.
fn parent(mounts: &[MountInfo], index: usize) -> Option<usize> {
    let point = &mounts[index].mount_point;
    let holds = |other: &MountInfo| {
        let prefix = other.mount_point.strip_suffix(b"/").unwrap_or(&other.mount_point);
        point.starts_with(prefix) && matches!(point.get(prefix.len()), None | Some(b'/'))
    };
    (0..index).filter(|other| holds(&mounts[*other])).max_by_key(|other| mounts[*other].mount_point.len())
}
