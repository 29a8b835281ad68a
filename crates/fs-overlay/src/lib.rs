//! Copy-up layers: a writable tree over read-only ones that many VMs share.
//!
//! A directory that nobody changed is answered by the lower layers directly. The first change gives it an index of its own (all
//! names, where each leads), after which the lower layers only supply files; so there are no whiteouts. A file's first change
//! copies it into an unnamed inode of the upper file system. Inode numbers do not change by that.
//!
//! Lock order: directory states (two in order of address), then a file's state, then [`Shared::nodes`].

mod attr;
mod dir;
mod file;
mod index;
mod node;

pub use node::Node;

use agentos_abi::Statfs;
use agentos_vfs::{Clock, FileSystem, InodeRef, Quota};
use node::{LowerId, Stack};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

/// OVERLAYFS_SUPER_MAGIC
const MAGIC: u32 = 0x794c_7630;
/// Inode numbers of one lower layer start at its index times this.
const LAYER_INOS: u64 = 1 << 44;
/// Inode numbers of files made in the overlay start here.
const FIRST_OWN_INO: u64 = 1 << 40;

/// An overlay file system.
pub struct OverlayFs {
    shared: Arc<Shared>,
    root: Arc<Node>,
}

/// What the nodes of one overlay have in common. Nodes hold it weakly: it holds changed nodes.
pub(crate) struct Shared {
    /// Root directory of the upper file system, which keeps the changed and new files as unnamed inodes.
    upper_root: InodeRef,
    upper: Arc<dyn FileSystem>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) quota: Arc<Quota>,
    next_ino: AtomicU64,
    /// Nodes of lower files that must be found again: changed ones, and those with several names.
    nodes: Mutex<HashMap<LowerId, Known>>,
    /// Size of `nodes`, read without the lock.
    known: AtomicUsize,
}

enum Known {
    /// Changed: the node is the only place that knows how.
    Changed(Arc<Node>),
    /// Unchanged, but with several names that must lead to one node.
    Linked(Weak<Node>),
}

impl OverlayFs {
    /// An overlay over `lowers`, topmost first. Changed content is kept by `upper` (which charges `quota` itself); directories are
    /// kept here and charge `quota`, too.
    pub fn new(upper: Arc<dyn FileSystem>, lowers: Vec<Arc<dyn FileSystem>>, clock: Arc<dyn Clock>, quota: Arc<Quota>) -> Arc<OverlayFs> {
        let shared = Arc::new(Shared {
            upper_root: upper.root(),
            upper,
            clock,
            quota,
            next_ino: AtomicU64::new(FIRST_OWN_INO),
            nodes: Mutex::default(),
            known: AtomicUsize::new(0),
        });
        let stack: Stack = lowers.iter().enumerate().map(|(layer, fs)| (layer, fs.root())).collect();
        let root = Node::lower_root(&shared, stack);
        Arc::new(OverlayFs { shared, root })
    }
}

impl FileSystem for OverlayFs {
    fn name(&self) -> &'static str {
        "overlay"
    }

    fn root(&self) -> InodeRef {
        self.root.clone()
    }

    fn statfs(&self) -> Statfs {
        Statfs { fs_type: MAGIC, ..self.shared.upper.statfs() }
    }
}

impl Shared {
    pub(crate) fn next_ino(&self) -> u64 {
        self.next_ino.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn upper_root(&self) -> &InodeRef {
        &self.upper_root
    }

    /// The node that stands for a lower file already, if one must.
    pub(crate) fn known(&self, id: LowerId) -> Option<Arc<Node>> {
        if self.known.load(Ordering::Acquire) == 0 {
            return None;
        }
        match self.nodes.lock().get(&id)? {
            Known::Changed(node) => Some(node.clone()),
            Known::Linked(node) => node.upgrade(),
        }
    }

    /// Enters a node with several names, unless another thread was first: then that one's node counts.
    pub(crate) fn enter_linked(&self, id: LowerId, node: Arc<Node>) -> Arc<Node> {
        let mut nodes = self.nodes.lock();
        let there = match nodes.get(&id) {
            Some(Known::Changed(node)) => Some(node.clone()),
            Some(Known::Linked(node)) => node.upgrade(),
            None => None,
        };
        if let Some(there) = there {
            return there;
        }
        nodes.insert(id, Known::Linked(Arc::downgrade(&node)));
        self.known.store(nodes.len(), Ordering::Release);
        node
    }

    /// Keeps a changed node for as long as a name leads to it.
    pub(crate) fn keep(&self, id: LowerId, node: Arc<Node>) {
        let mut nodes = self.nodes.lock();
        nodes.insert(id, Known::Changed(node));
        self.known.store(nodes.len(), Ordering::Release);
    }

    /// The last name is gone. The node is dropped by the caller, not under the lock.
    pub(crate) fn forget(&self, id: LowerId) {
        let gone = {
            let mut nodes = self.nodes.lock();
            let gone = nodes.remove(&id);
            self.known.store(nodes.len(), Ordering::Release);
            gone
        };
        drop(gone);
    }
}
