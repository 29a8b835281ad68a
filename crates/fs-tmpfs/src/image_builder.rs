//! Building an [`Image`], by absolute paths.

use crate::image::{Image, ImageBody, ImageContent, ImageNode};
use agentos_abi::fcntl::NAME_MAX;
use agentos_abi::{Errno, Mode, Result, Timespec};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Collects files, then makes an [`Image`] of them. Not for guests: depth is bounded only by the paths given.
///
/// Missing parent directories are made with mode 0755, owned by user 0. A name is given once; a directory
/// that is there already is given the new attributes. Symbolic links in the given paths are followed within the image, so that a file for
/// `/bin/x` lands in `/usr/bin/x` when `/bin` is a link.
pub struct ImageBuilder {
    /// By index; 0 is the root directory.
    nodes: Vec<Draft>,
    mtime: Timespec,
}

struct Draft {
    mode: Mode,
    uid: u32,
    gid: u32,
    mtime: Timespec,
    body: DraftBody,
}

enum DraftBody {
    File { content: ImageContent, hash: Option<[u8; 32]> },
    Directory(BTreeMap<Box<[u8]>, usize>),
    Symlink(Box<[u8]>),
}

/// Time of everything that is given no other (2025-01-01). Fixed, so that equal packages make equal images.
pub const IMAGE_TIME: Timespec = Timespec { sec: 1_735_689_600, nsec: 0 };
/// Symbolic links followed in one path before ELOOP.
const MAX_LINKS_FOLLOWED: usize = 40;

impl Default for ImageBuilder {
    fn default() -> Self {
        ImageBuilder::new()
    }
}

impl ImageBuilder {
    /// An image with an empty root directory. Times are [`IMAGE_TIME`] until [`ImageBuilder::mtime`].
    pub fn new() -> ImageBuilder {
        let mut builder = ImageBuilder { nodes: Vec::new(), mtime: IMAGE_TIME };
        builder.add(0o755, 0, 0, DraftBody::Directory(BTreeMap::new()));
        builder
    }

    /// The time of what is added from now on.
    pub fn mtime(&mut self, mtime: Timespec) -> &mut Self {
        self.mtime = mtime;
        self
    }

    /// Adds a directory.
    ///
    /// # Errors
    /// EEXIST when the path is a file; ENOTDIR, ELOOP, ENAMETOOLONG, EINVAL (not absolute).
    pub fn directory(&mut self, path: &str, mode: u32, uid: u32, gid: u32) -> Result<()> {
        if !path.starts_with('/') {
            return Err(Errno::EINVAL);
        }
        let at = self.make_directories(path)?;
        let mtime = self.mtime;
        let draft = &mut self.nodes[at];
        (draft.mode, draft.uid, draft.gid, draft.mtime) = (Mode::from_bits_truncate(mode), uid, gid, mtime);
        Ok(())
    }

    /// Adds a regular file of user 0. `hash` is the sha256 of the content, if known: engines key compiled code by it.
    ///
    /// # Errors
    /// EEXIST, ENOTDIR, ELOOP, ENAMETOOLONG, EINVAL (not absolute, or the last component is `.` or `..`).
    pub fn file(&mut self, path: &str, content: impl Into<ImageContent>, mode: u32, hash: Option<[u8; 32]>) -> Result<()> {
        self.file_owned(path, content, mode, (0, 0), hash)
    }

    /// Adds a regular file of any user. Errors: as [`ImageBuilder::file`].
    pub fn file_owned(&mut self, path: &str, content: impl Into<ImageContent>, mode: u32, owner: (u32, u32), hash: Option<[u8; 32]>) -> Result<()> {
        let node = self.add(mode, owner.0, owner.1, DraftBody::File { content: content.into(), hash });
        self.enter(path, node)
    }

    /// Adds a symbolic link. Errors: as [`ImageBuilder::file`].
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<()> {
        let node = self.add(0o777, 0, 0, DraftBody::Symlink(target.as_bytes().into()));
        self.enter(path, node)
    }

    /// Adds the name `path` to the file at `to`.
    ///
    /// # Errors
    /// ENOENT (`to` is missing), EPERM (it is a directory), and as [`ImageBuilder::file`].
    pub fn link(&mut self, path: &str, to: &str) -> Result<()> {
        let (parent, name) = self.parent_of(to)?;
        let node = self.child(parent, &name)?.ok_or(Errno::ENOENT)?;
        if let DraftBody::Directory(_) = self.nodes[node].body {
            return Err(Errno::EPERM);
        }
        self.enter(path, node)
    }

    /// Whether there is something at `path` (links in the last component are not followed).
    pub fn contains(&self, path: &str) -> bool {
        let mut at = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            match self.child(at, name.as_bytes()) {
                Ok(Some(child)) => at = child,
                _ => return false,
            }
        }
        true
    }

    /// The image.
    pub fn build(self) -> Arc<Image> {
        let mut links = vec![0u32; self.nodes.len()];
        for draft in &self.nodes {
            if let DraftBody::Directory(entries) = &draft.body {
                entries.values().for_each(|child| links[*child] += 1);
            }
        }
        let bytes = self.nodes.iter().map(|draft| if let DraftBody::File { content, .. } = &draft.body { content.bytes().len() as u64 } else { 0 }).sum();
        let count = self.nodes.len() as u64;
        let root = Finish { drafts: self.nodes.into_iter().map(Some).collect(), done: vec![None; links.len()], links }.root();
        Arc::new(Image { root, inodes: count, bytes })
    }

    fn add(&mut self, mode: u32, uid: u32, gid: u32, body: DraftBody) -> usize {
        self.nodes.push(Draft { mode: Mode::from_bits_truncate(mode), uid, gid, mtime: self.mtime, body });
        self.nodes.len() - 1
    }

    fn enter(&mut self, path: &str, node: usize) -> Result<()> {
        let (parent, name) = self.parent_of(path)?;
        if self.child(parent, &name)?.is_some() {
            return Err(Errno::EEXIST);
        }
        self.entries(parent)?.insert(name, node);
        Ok(())
    }

    fn entries(&mut self, at: usize) -> Result<&mut BTreeMap<Box<[u8]>, usize>> {
        match &mut self.nodes[at].body {
            DraftBody::Directory(entries) => Ok(entries),
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn child(&self, at: usize, name: &[u8]) -> Result<Option<usize>> {
        match &self.nodes[at].body {
            DraftBody::Directory(entries) => Ok(entries.get(name).copied()),
            _ => Err(Errno::ENOTDIR),
        }
    }

    /// The directory that holds the last component (made if missing), and the component.
    fn parent_of(&mut self, path: &str) -> Result<(usize, Box<[u8]>)> {
        if !path.starts_with('/') {
            return Err(Errno::EINVAL);
        }
        let path = path.trim_end_matches('/');
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        check_name(name)?;
        Ok((self.make_directories(parent)?, name.as_bytes().into()))
    }

    /// The directory at `path`, made if missing.
    fn make_directories(&mut self, path: &str) -> Result<usize> {
        let mut trail = vec![0];
        let mut todo: Vec<Vec<u8>> = components(path.as_bytes());
        let mut followed = 0;
        while let Some(name) = todo.pop() {
            let at = *trail.last().unwrap_or(&0);
            if name == b".." {
                trail.truncate(trail.len().saturating_sub(1).max(1));
                continue;
            }
            let name = std::str::from_utf8(&name).map_err(|_| Errno::EINVAL)?;
            check_name(name)?;
            let child = match self.child(at, name.as_bytes())? {
                Some(child) => child,
                None => {
                    let child = self.add(0o755, 0, 0, DraftBody::Directory(BTreeMap::new()));
                    self.entries(at)?.insert(name.as_bytes().into(), child);
                    child
                }
            };
            match &self.nodes[child].body {
                DraftBody::Directory(_) => trail.push(child),
                DraftBody::File { .. } => return Err(if todo.is_empty() { Errno::EEXIST } else { Errno::ENOTDIR }),
                DraftBody::Symlink(target) => {
                    followed += 1;
                    if followed > MAX_LINKS_FOLLOWED {
                        return Err(Errno::ELOOP);
                    }
                    if target.first() == Some(&b'/') {
                        trail.truncate(1);
                    }
                    todo.extend(components(target));
                }
            }
        }
        Ok(*trail.last().unwrap_or(&0))
    }
}

/// Components in reverse order, to be popped.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = path.split(|b| *b == b'/').filter(|name| !name.is_empty() && *name != b".").map(<[u8]>::to_vec).collect();
    names.reverse();
    names
}

fn check_name(name: &str) -> Result<()> {
    match name {
        "" | "." | ".." => Err(Errno::EINVAL),
        _ if name.contains('\0') => Err(Errno::EINVAL),
        _ if name.len() > NAME_MAX => Err(Errno::ENAMETOOLONG),
        _ => Ok(()),
    }
}

/// Turns drafts into nodes, children first.
struct Finish {
    drafts: Vec<Option<Draft>>,
    done: Vec<Option<Arc<ImageNode>>>,
    links: Vec<u32>,
}

impl Finish {
    fn root(mut self) -> Arc<ImageNode> {
        self.node(0)
    }

    fn node(&mut self, at: usize) -> Arc<ImageNode> {
        if let Some(node) = &self.done[at] {
            return node.clone();
        }
        let draft = self.drafts[at].take().unwrap_or_else(|| unreachable!("a directory has one name, so there is no cycle"));
        let mut links = self.links[at];
        let body = match draft.body {
            DraftBody::File { content, hash } => ImageBody::File { content, hash },
            DraftBody::Symlink(target) => ImageBody::Symlink(target),
            DraftBody::Directory(entries) => {
                let entries: Box<[_]> = entries.into_iter().map(|(name, child)| (name, self.node(child))).collect();
                links = 2 + entries.iter().filter(|(_, child)| matches!(child.body, ImageBody::Directory(_))).count() as u32;
                ImageBody::Directory(entries)
            }
        };
        let node = ImageNode { ino: at as u64 + 1, mode: draft.mode, uid: draft.uid, gid: draft.gid, links, mtime: draft.mtime, body };
        let node = Arc::new(node);
        self.done[at] = Some(node.clone());
        node
    }
}
