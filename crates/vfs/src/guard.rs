//! A further check beside permission bits, made on the resolved place (Linux: a security module's hooks).

use crate::Path;
use agentos_abi::Result;

/// What is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Open for reading, list, read a link.
    Read,
    /// Open for writing, truncate, change attributes.
    Write,
    /// Make the name.
    Create,
    /// Remove the name.
    Delete,
    /// Look at attributes.
    Stat,
    /// Give another name to a directory and all that is in it.
    MoveTree,
}

/// To what.
#[derive(Clone, Copy, Debug)]
pub enum Object<'a> {
    /// Something that exists.
    At(&'a Path),
    /// An entry of a directory that does not exist yet.
    Entry(&'a Path, &'a [u8]),
}

impl Object<'_> {
    /// The absolute path in the namespace; deleted names end in ` (deleted)`.
    pub fn path(&self, root: &Path) -> Vec<u8> {
        match self {
            Object::At(path) => path.display(root),
            Object::Entry(parent, name) => {
                let mut path = parent.display(root);
                if !path.ends_with(b"/") {
                    path.push(b'/');
                }
                path.extend_from_slice(name);
                path
            }
        }
    }
}

/// Whoever has to agree. Called with directories locked: it must neither walk paths nor wait.
pub trait Guard: Send + Sync {
    /// Whether all of `wanted` may be done, in one operation.
    ///
    /// # Errors
    /// EACCES, EXDEV for a tree that must not be moved as a whole, EWAIT.
    fn check(&self, wanted: &[(Access, Object<'_>)]) -> Result<()>;
}
