//! /dev: the device files of a VM and what the simple ones do (null(4), random(4), full(4)).
//!
//! As in Linux a device file is only a number; [`DevFs::new`] registers with the kernel what stands behind those of memory
//! devices. Terminals are the kernel's own.

mod memory;
mod pts;
mod tree;

use agentos_abi::stat::makedev;
use agentos_abi::{FileType, Statfs};
use agentos_kernel::{Kernel, Random};
use agentos_vfs::{Clock, FileSystem, InodeRef};
use memory::{Full, Null, RandomBytes, Zero};
use pts::Terminals;
use std::sync::Arc;
use tree::{DevDirectory, DevNode};

/// TMPFS_MAGIC: what statfs(2) shows for Linux' devtmpfs.
const MAGIC: u32 = 0x0102_1994;

/// Device numbers of Linux' admin-guide/devices.txt, with name and mode.
const DEVICES: &[(&str, u32, u32, u32)] = &[
    ("null", 1, 3, 0o666),
    ("zero", 1, 5, 0o666),
    ("full", 1, 7, 0o666),
    ("random", 1, 8, 0o666),
    ("urandom", 1, 9, 0o666),
    ("tty", 5, 0, 0o666),
    ("console", 5, 1, 0o600),
    ("ptmx", 5, 2, 0o666),
];
const LINKS: &[(&str, &str)] = &[("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")];
/// Mount points for other file systems.
const DIRECTORIES: &[(&str, u32)] = &[("shm", 0o1777)];

/// The file system at /dev.
pub struct DevFs {
    root: Arc<DevDirectory>,
}

impl DevFs {
    /// Makes the tree and registers its memory devices with `kernel`. Files are stamped with the time of `clock`.
    pub fn new(kernel: &Kernel, random: Arc<dyn Random>, clock: &dyn Clock) -> Arc<DevFs> {
        kernel.register_device(makedev(1, 3), Arc::new(Null));
        kernel.register_device(makedev(1, 5), Arc::new(Zero));
        kernel.register_device(makedev(1, 7), Arc::new(Full));
        // Both never wait and never run dry, as since Linux 5.6.
        kernel.register_device(makedev(1, 8), Arc::new(RandomBytes(random.clone())));
        kernel.register_device(makedev(1, 9), Arc::new(RandomBytes(random)));
        let now = clock.now();
        let mut root = DevDirectory::new(1, 0o755, now);
        for (name, major, minor, mode) in DEVICES {
            root.add(name, |ino| DevNode::new(ino, FileType::CharDevice, *mode, makedev(*major, *minor), "", now));
        }
        for (name, target) in LINKS {
            root.add(name, |ino| DevNode::new(ino, FileType::Symlink, 0o777, 0, target, now));
        }
        for (name, mode) in DIRECTORIES {
            root.add(name, |ino| Arc::new(DevDirectory::new(ino, *mode, now)));
        }
        root.add("pts", |ino| Arc::new(Terminals::new(ino, kernel.downgrade(), now)));
        Arc::new(DevFs { root: Arc::new(root) })
    }
}

impl FileSystem for DevFs {
    fn name(&self) -> &'static str {
        "devtmpfs"
    }

    fn root(&self) -> InodeRef {
        self.root.clone()
    }

    /// Terminals come and go without a path operation.
    fn is_volatile(&self) -> bool {
        true
    }

    fn statfs(&self) -> Statfs {
        Statfs { fs_type: MAGIC, bsize: 4096, namelen: 255, ..Statfs::default() }
    }
}
