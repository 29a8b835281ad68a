//! How execve(2) finds an engine for a file.

use crate::Syscalls;
use agentos_abi::{Result, Stat};
use std::sync::Arc;

/// The file to execute, as an engine may read it. No descriptor is involved.
pub trait ImageFile: Send + Sync {
    /// Reads at `offset`; 0 is the end.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize>;
    /// Attributes (`dev`, `ino`, `size`, `mtime` identify a version of a file that has no content hash).
    fn stat(&self) -> Result<Stat>;
    /// Sha256 of the content, when the file system knows it.
    fn content_hash(&self) -> Option<[u8; 32]>;
    /// The content as one slice, when it is in memory and immutable.
    fn static_content(&self) -> Option<&'static [u8]>;
}

/// What execve(2) resolved, after `#!` lines.
pub struct Image {
    /// First bytes of the file, at most 256.
    pub head: Vec<u8>,
    /// The file.
    pub file: Arc<dyn ImageFile>,
    /// Absolute path of the file as resolved, for /proc/PID/exe and the program's own use.
    pub path: Vec<u8>,
    /// Arguments, interpreters of `#!` lines included.
    pub argv: Vec<Vec<u8>>,
    /// Environment, `NAME=value`.
    pub envp: Vec<Vec<u8>>,
}

/// An engine, as execve(2) sees it.
pub trait Binfmt: Send + Sync {
    /// Name for /proc and messages.
    fn name(&self) -> &'static str;
    /// Whether the file is for this engine, judged by its first bytes and name.
    fn matches(&self, image: &Image) -> bool;
    /// Prepares the program; the old program still runs and gets an error back. Must not touch the process.
    ///
    /// # Errors
    /// ENOEXEC (malformed), ENOMEM.
    fn load(&self, image: Image) -> Result<Box<dyn Program>>;
}

/// What a started program is given.
pub struct ProgramStart {
    /// The process.
    pub task: Arc<dyn Syscalls>,
}

/// A loaded program, ready to run in a process.
pub trait Program: Send {
    /// Starts it on the engine's own threads and returns at once. The engine calls `exit` on the task when the program ends,
    /// and drops it when the process has ended.
    fn start(self: Box<Self>, start: ProgramStart);
}
