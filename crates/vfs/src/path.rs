//! A place in the tree: mount and name, as a resolved path.

use crate::InodeRef;

/// A resolved place.
#[derive(Clone)]
pub struct Path {
    /// The file there.
    pub inode: InodeRef,
}
