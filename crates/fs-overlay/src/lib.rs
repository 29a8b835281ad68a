//! Copy-up layers: a writable tree over read-only ones that many VMs share.
//!
//! A directory that nobody changed is answered by the lower layers directly. The first change gives it an index of its own (all
//! names, where each leads), after which the lower layers only supply files; so there are no whiteouts. A file's first change
//! copies it into an unnamed inode of the upper file system. Inode numbers do not change by that.
//!
//! Lock order: [`Shared::rename_lock`], directory states (two in order of address), then a file's state, then [`Shared::nodes`].

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
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// Held by whoever locks more than one directory.
    pub(crate) rename_lock: Mutex<()>,
    /// The one node of each lower file that is in use or changed: whoever reaches the file by whatever name gets that one.
    nodes: Mutex<HashMap<LowerId, Known>>,
}

enum Known {
    /// Changed: the node is the only place that knows how.
    Changed(Arc<Node>),
    /// Unchanged: gone when nobody uses it.
    InUse(Weak<Node>),
}

impl Known {
    fn node(&self) -> Option<Arc<Node>> {
        match self {
            Known::Changed(node) => Some(node.clone()),
            Known::InUse(node) => node.upgrade(),
        }
    }
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
            rename_lock: Mutex::new(()),
            nodes: Mutex::default(),
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

    /// The node that stands for a lower file already.
    pub(crate) fn known(&self, id: LowerId) -> Option<Arc<Node>> {
        self.nodes.lock().get(&id)?.node()
    }

    /// Enters a new node, unless another thread was first: then that one's node counts. Nodes are dropped after the lock, which
    /// their end takes itself.
    pub(crate) fn enter(&self, id: LowerId, node: Arc<Node>) -> Arc<Node> {
        let there = {
            let mut nodes = self.nodes.lock();
            let there = nodes.get(&id).and_then(Known::node);
            if there.is_none() {
                nodes.insert(id, Known::InUse(Arc::downgrade(&node)));
            }
            there
        };
        there.unwrap_or(node)
    }

    /// Keeps a changed node for as long as a name leads to it.
    pub(crate) fn keep(&self, id: LowerId, node: Arc<Node>) {
        let before = self.nodes.lock().insert(id, Known::Changed(node));
        drop(before);
    }

    /// The last name is gone.
    pub(crate) fn forget(&self, id: LowerId) {
        let gone = self.nodes.lock().remove(&id);
        drop(gone);
    }

    /// A node has ended; another one may stand for the file already.
    fn forget_ended(&self, id: LowerId) {
        let mut nodes = self.nodes.lock();
        if let Some(Known::InUse(node)) = nodes.get(&id)
            && node.strong_count() == 0
        {
            nodes.remove(&id);
        }
    }
}
