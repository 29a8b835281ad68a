//! The files that stand for toolkits, as execve(2) sees them.

use super::calls::Calls;
use super::program;
use crate::engines::Engines;
use agentos_abi::{Errno, Result};
use agentos_syscall::{Binfmt, Image, Program, ProgramStart};
use std::sync::Arc;

/// How such a file begins; the name of the toolkit follows. `agentos` itself has none.
pub(super) const MAGIC: &str = "\u{7f}agentos-tools ";

/// Runs toolkits of one VM.
pub struct ToolBinfmt {
    calls: Arc<Calls>,
    engines: &'static Engines,
}

impl ToolBinfmt {
    /// For the VM that has these toolkits.
    pub fn new(calls: Arc<Calls>, engines: &'static Engines) -> Arc<ToolBinfmt> {
        Arc::new(ToolBinfmt { calls, engines })
    }
}

impl Binfmt for ToolBinfmt {
    fn name(&self) -> &'static str {
        "host-tool"
    }

    fn matches(&self, image: &Image) -> bool {
        image.head.starts_with(MAGIC.as_bytes())
    }

    fn load(&self, image: Image) -> Result<Box<dyn Program>> {
        let rest = image.head.get(MAGIC.len()..).unwrap_or_default();
        let name = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let name = String::from_utf8(name.to_vec()).map_err(|_| Errno::ENOEXEC)?;
        // A copied or invented file names whatever it likes; it gets what this VM has.
        if !name.is_empty() && self.calls.kits().get(&name).is_none() {
            return Err(Errno::ENOEXEC);
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let args = image.argv.into_iter().skip(1).map(text).collect();
        Ok(Box::new(Prepared { calls: self.calls.clone(), engines: self.engines, name, args }))
    }
}

struct Prepared {
    calls: Arc<Calls>,
    engines: &'static Engines,
    name: String,
    args: Vec<String>,
}

impl Program for Prepared {
    fn start(self: Box<Self>, start: ProgramStart) {
        let account = start.task.cpu_account().clone();
        self.engines.wasm.spawn(&account, program::run(self.calls, start.task, self.name, self.args));
    }
}
