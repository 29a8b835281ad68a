//! /proc: the kernel's state as files (proc(5)), in the formats that ps, top, free, uptime and shells read.
//!
//! Everything shown is the VM's own: its processes, its memory limit, its mounts. Nothing of the host appears, because this crate
//! sees only [`Kernel`]. Content is made when a file is opened and stays as it is for that open file.
//!
//! [`node`] has the three kinds of entries; [`root`] and [`process`] the trees; [`system`] what is not about one process.

mod node;
mod process;
mod root;
mod system;
mod text;

use agentos_abi::Statfs;
use agentos_kernel::Kernel;
use agentos_vfs::{FileSystem, InodeRef};
use node::Context;
use std::sync::Arc;

/// PROC_SUPER_MAGIC
const MAGIC: u32 = 0x9fa0;

/// The file system at /proc.
pub struct ProcFs {
    root: InodeRef,
}

impl ProcFs {
    /// A view of `kernel`, which it does not keep alive.
    pub fn new(kernel: &Arc<Kernel>) -> Arc<ProcFs> {
        let context = Context::new(kernel);
        Arc::new(ProcFs { root: root::directory(&context) })
    }
}

impl FileSystem for ProcFs {
    fn name(&self) -> &'static str {
        "proc"
    }

    fn root(&self) -> InodeRef {
        self.root.clone()
    }

    fn statfs(&self) -> Statfs {
        Statfs { fs_type: MAGIC, bsize: 4096, namelen: 255, ..Statfs::default() }
    }

    /// Processes come and go without a path operation.
    fn is_volatile(&self) -> bool {
        true
    }
}
