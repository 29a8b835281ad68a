//! The virtual file system switch: what a file system driver provides, and path resolution over mounts of such drivers.
//!
//! A driver implements [`FileSystem`] and [`Inode`]; what open(2) yields is a [`File`]. `Namespace` walks paths over a
//! mount table and performs every operation that takes a path, with permission checks, so that a system call only decodes
//! and delegates. This crate knows no driver and no process table.

mod cred;
mod file;
mod inode;
mod path;

pub use cred::Cred;
pub use file::{File, FileContext};
pub use inode::{CreateKind, FileSystem, Inode, InodeRef, SetAttr};
pub use path::Path;
