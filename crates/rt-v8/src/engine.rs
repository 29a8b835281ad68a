//! [`V8Engine`]: how execve(2) reaches this crate.

use crate::pool::Pool;
use crate::program::NodeProgram;
use crate::snapshot::{Snapshot, SnapshotError};
use crate::{NODE_STUB, cli, platform};
use agentos_abi::Result;
use agentos_syscall::{Binfmt, Image, Program};
use std::sync::Arc;

/// How an engine is made.
#[derive(Clone, Debug)]
pub struct V8Config {
    /// The file that `bin/snapshot` wrote.
    pub snapshot: Vec<u8>,
    /// Isolates kept ready; 1 or 2 make a start 10 ms faster and cost 7 MB each.
    pub warm_isolates: usize,
    /// Heap limit of one process, in bytes.
    pub heap_max_bytes: usize,
}

impl V8Config {
    /// Defaults for a snapshot file: one isolate ready, 1 GiB of heap.
    pub fn new(snapshot: Vec<u8>) -> V8Config {
        V8Config { snapshot, warm_isolates: 1, heap_max_bytes: 1 << 30 }
    }
}

/// The engine. Share one between all VMs of a process.
pub struct V8Engine {
    pool: Arc<Pool>,
}

impl V8Engine {
    /// Starts V8 and fills the pool.
    ///
    /// # Errors
    /// When the snapshot file is damaged or belongs to another build.
    pub fn new(config: V8Config) -> std::result::Result<V8Engine, SnapshotError> {
        platform::init();
        let snapshot = Snapshot::unpack(&config.snapshot)?;
        Ok(V8Engine { pool: Pool::new(snapshot, config.heap_max_bytes, config.warm_isolates) })
    }

    /// Ends the waiting isolates; running programs go on.
    pub fn drain(&self) {
        self.pool.drain();
    }
}

impl Binfmt for V8Engine {
    fn name(&self) -> &'static str {
        "node"
    }

    fn matches(&self, image: &Image) -> bool {
        image.head.starts_with(NODE_STUB)
    }

    fn load(&self, image: Image) -> Result<Box<dyn Program>> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
        let argv: Vec<String> = image.argv.into_iter().map(text).collect();
        let environment = image.envp.into_iter().filter_map(|entry| text(entry).split_once('=').map(|(k, v)| (k.to_string(), v.to_string()))).collect();
        Ok(Box::new(NodeProgram { pool: self.pool.clone(), command: cli::parse(argv), environment }))
    }
}
