//! execve(2): from a path to a started program.
//!
//! [`image`] resolves the file and follows `#!` lines, [`args`] bounds what is passed, [`Binfmts`] finds the engine, and
//! [`Kernel::execve`](crate::Kernel) commits: from there on the old program is gone.

mod args;
mod commit;
mod image;
mod shebang;

use agentos_abi::{Errno, Result};
use agentos_syscall::{Binfmt, Image};
use std::sync::Arc;

/// The engines, in the order in which they are asked.
#[derive(Default)]
pub(crate) struct Binfmts(Vec<Arc<dyn Binfmt>>);

impl Binfmts {
    pub(crate) fn register(&mut self, binfmt: Arc<dyn Binfmt>) {
        self.0.push(binfmt);
    }

    /// The first engine that takes the file. Errors: ENOEXEC.
    pub(crate) fn find(&self, image: &Image) -> Result<Arc<dyn Binfmt>> {
        self.0.iter().find(|binfmt| binfmt.matches(image)).cloned().ok_or(Errno::ENOEXEC)
    }
}
