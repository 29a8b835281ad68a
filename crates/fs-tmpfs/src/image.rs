//! Immutable trees: the base image that all VMs with the same packages share.
//!
//! Built once by an [`ImageBuilder`], read without locks. Content is borrowed for the life of the process (a mapped file).

use agentos_abi::{Dirent, Errno, Events, FileType, Mode, OpenFlags, Result, Stat, Statfs, Timespec};
use agentos_vfs::{File, FileSystem, Inode, InodeRef, SetAttr};
use agentos_waiter::WaitQueue;
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

/// Modification time of everything in an image. Fixed, so that equal packages make equal images.
const IMAGE_TIME: Timespec = Timespec { sec: 1_735_689_600, nsec: 0 };

/// A finished image.
pub struct Image {
    root: InodeRef,
    files: u64,
}

/// Collects the entries of an image.
pub struct ImageBuilder {
    entries: Vec<Entry>,
}

struct Entry {
    mode: u32,
    uid: u32,
    gid: u32,
    names: u32,
    body: EntryBody,
}

enum EntryBody {
    /// Names in order, with the index of their entry.
    Directory(Vec<(Box<[u8]>, usize)>, HashMap<Box<[u8]>, usize>),
    Regular(&'static [u8], Option<[u8; 32]>),
    Symlink(Box<[u8]>),
}

impl Default for ImageBuilder {
    fn default() -> Self {
        ImageBuilder::new()
    }
}

/// Index of the root entry.
const ROOT: usize = 0;
/// Links followed on the way to a parent directory.
const MAX_LINKS: usize = 8;

impl ImageBuilder {
    /// An empty root directory.
    pub fn new() -> ImageBuilder {
        ImageBuilder { entries: vec![Entry::directory(0o755, 0, 0)] }
    }

    /// Adds a directory and its missing parents; an existing one gets mode and owner.
    ///
    /// # Errors
    /// ENOTDIR, EINVAL (not absolute), ELOOP.
    pub fn directory(&mut self, path: &str, mode: u32, uid: u32, gid: u32) -> Result<()> {
        let at = self.make_directories(path)?;
        let entry = &mut self.entries[at];
        (entry.mode, entry.uid, entry.gid) = (mode, uid, gid);
        Ok(())
    }

    /// Adds a regular file owned by root. `hash` is the sha256 of its content.
    ///
    /// # Errors
    /// EEXIST, ENOTDIR, EINVAL.
    pub fn file(&mut self, path: &str, content: &'static [u8], mode: u32, hash: Option<[u8; 32]>) -> Result<()> {
        self.add(path, Entry { mode, uid: 0, gid: 0, names: 1, body: EntryBody::Regular(content, hash) })
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// EEXIST, ENOTDIR, EINVAL.
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<()> {
        self.add(path, Entry { mode: 0o777, uid: 0, gid: 0, names: 1, body: EntryBody::Symlink(target.as_bytes().into()) })
    }

    /// Adds another name of a file.
    ///
    /// # Errors
    /// ENOENT (`to`), EPERM (a directory), EEXIST, ENOTDIR, EINVAL.
    pub fn link(&mut self, path: &str, to: &str) -> Result<()> {
        let (parent, name) = split(to)?;
        let parent = self.make_directories(parent)?;
        let target = self.entries[parent].child(name).ok_or(Errno::ENOENT)?;
        if matches!(self.entries[target].body, EntryBody::Directory(..)) {
            return Err(Errno::EPERM);
        }
        let (parent, name) = split(path)?;
        let parent = self.make_directories(parent)?;
        self.enter(parent, name, target)?;
        self.entries[target].names += 1;
        Ok(())
    }

    /// The image.
    pub fn build(self) -> Arc<Image> {
        let files = self.entries.len() as u64;
        let mut nodes: Vec<Option<Arc<ImageNode>>> = self.entries.iter().map(|_| None).collect();
        // Children before parents: an entry is made only after its directory, so every child of a directory has a higher index,
        // except for further names, which lead to files.
        let mut entries: Vec<Option<Entry>> = self.entries.into_iter().map(Some).collect();
        for pass_directories in [false, true] {
            for index in (0..entries.len()).rev() {
                let is_directory = entries[index].as_ref().is_some_and(|e| matches!(e.body, EntryBody::Directory(..)));
                if is_directory != pass_directories {
                    continue;
                }
                let Some(entry) = entries[index].take() else { continue };
                nodes[index] = Some(ImageNode::make(index, entry, &nodes));
            }
        }
        let root: InodeRef = match nodes.swap_remove(ROOT) {
            Some(root) => root,
            None => unreachable!("the root entry is always there"),
        };
        Arc::new(Image { root, files })
    }

    fn add(&mut self, path: &str, entry: Entry) -> Result<()> {
        let (parent, name) = split(path)?;
        let parent = self.make_directories(parent)?;
        let index = self.entries.len();
        self.entries.push(entry);
        self.enter(parent, name, index).inspect_err(|_| drop(self.entries.pop()))
    }

    fn enter(&mut self, parent: usize, name: &str, index: usize) -> Result<()> {
        let EntryBody::Directory(names, by_name) = &mut self.entries[parent].body else { return Err(Errno::ENOTDIR) };
        if by_name.contains_key(name.as_bytes()) {
            return Err(Errno::EEXIST);
        }
        by_name.insert(name.as_bytes().into(), index);
        names.push((name.as_bytes().into(), index));
        Ok(())
    }

    /// The directory at `path`, made with its parents where missing. Symbolic links of the image are followed.
    fn make_directories(&mut self, path: &str) -> Result<usize> {
        self.walk(path, MAX_LINKS)
    }

    fn walk(&mut self, path: &str, links: usize) -> Result<usize> {
        if !path.starts_with('/') && !path.is_empty() {
            return Err(Errno::EINVAL);
        }
        let mut at = ROOT;
        let mut walked = String::new();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if name == "." || name == ".." {
                return Err(Errno::EINVAL);
            }
            let next = match self.entries[at].child(name) {
                Some(index) => index,
                None => {
                    let index = self.entries.len();
                    self.entries.push(Entry::directory(0o755, 0, 0));
                    self.enter(at, name, index)?;
                    index
                }
            };
            at = match &self.entries[next].body {
                EntryBody::Directory(..) => next,
                EntryBody::Regular(..) => return Err(Errno::ENOTDIR),
                EntryBody::Symlink(target) => {
                    let target = String::from_utf8_lossy(target).into_owned();
                    let target = if target.starts_with('/') { target } else { format!("{walked}/{target}") };
                    self.walk(&target, links.checked_sub(1).ok_or(Errno::ELOOP)?)?
                }
            };
            walked = format!("{walked}/{name}");
        }
        Ok(at)
    }
}

impl Entry {
    fn directory(mode: u32, uid: u32, gid: u32) -> Entry {
        Entry { mode, uid, gid, names: 1, body: EntryBody::Directory(Vec::new(), HashMap::new()) }
    }

    fn child(&self, name: &str) -> Option<usize> {
        match &self.body {
            EntryBody::Directory(_, by_name) => by_name.get(name.as_bytes()).copied(),
            _ => None,
        }
    }
}

/// Parent and last component.
fn split(path: &str) -> Result<(&str, &str)> {
    match path.rsplit_once('/') {
        Some((parent, name)) if path.starts_with('/') && !matches!(name, "" | "." | "..") => Ok((parent, name)),
        _ => Err(Errno::EINVAL),
    }
}

impl FileSystem for Image {
    fn name(&self) -> &'static str {
        "image"
    }

    fn root(&self) -> InodeRef {
        self.root.clone()
    }

    fn statfs(&self) -> Statfs {
        Statfs { fs_type: crate::MAGIC, bsize: 4096, files: self.files, namelen: 255, ..Statfs::default() }
    }
}

struct ImageNode {
    stat: Stat,
    body: Body,
}

enum Body {
    Directory { names: Vec<(Box<[u8]>, Arc<ImageNode>)>, by_name: HashMap<Box<[u8]>, usize> },
    Regular(&'static [u8], Option<[u8; 32]>),
    Symlink(Box<[u8]>),
}

impl ImageNode {
    fn make(index: usize, entry: Entry, nodes: &[Option<Arc<ImageNode>>]) -> Arc<ImageNode> {
        let (file_type, size, nlink, body) = match entry.body {
            EntryBody::Regular(content, hash) => (FileType::Regular, content.len() as u64, entry.names, Body::Regular(content, hash)),
            EntryBody::Symlink(target) => (FileType::Symlink, target.len() as u64, entry.names, Body::Symlink(target)),
            EntryBody::Directory(names, _) => {
                let names: Vec<_> = names.into_iter().filter_map(|(name, index)| Some((name, nodes[index].clone()?))).collect();
                let by_name = names.iter().enumerate().map(|(i, (name, _))| (name.clone(), i)).collect();
                let subdirectories = names.iter().filter(|(_, node)| node.stat.file_type == FileType::Directory).count() as u32;
                (FileType::Directory, 4096, 2 + subdirectories, Body::Directory { names, by_name })
            }
        };
        let time = IMAGE_TIME;
        let stat = Stat {
            dev: 0,
            ino: index as u64 + 2,
            file_type,
            mode: Mode::from_bits_truncate(entry.mode),
            nlink,
            uid: entry.uid,
            gid: entry.gid,
            rdev: 0,
            size,
            blksize: 4096,
            blocks: size.div_ceil(512),
            atime: time,
            mtime: time,
            ctime: time,
            btime: time,
        };
        Arc::new(ImageNode { stat, body })
    }
}

impl Inode for ImageNode {
    fn stat(&self) -> Result<Stat> {
        Ok(self.stat)
    }

    fn file_type(&self) -> FileType {
        self.stat.file_type
    }

    fn set_attr(&self, _attr: &SetAttr) -> Result<()> {
        Err(Errno::EROFS)
    }

    fn lookup(&self, name: &[u8]) -> Result<InodeRef> {
        match &self.body {
            Body::Directory { names, by_name } => by_name.get(name).map(|i| names[*i].1.clone() as InodeRef).ok_or(Errno::ENOENT),
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn readlink(&self) -> Result<Vec<u8>> {
        match &self.body {
            Body::Symlink(target) => Ok(target.to_vec()),
            _ => Err(Errno::EINVAL),
        }
    }

    fn read_dir(&self, from: u64, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()> {
        let Body::Directory { names, .. } = &self.body else { return Err(Errno::ENOTDIR) };
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        for (i, (name, node)) in names.iter().enumerate().skip(from) {
            if !emit(Dirent { ino: node.stat.ino, next: i as u64 + 1, file_type: node.stat.file_type, name }) {
                break;
            }
        }
        Ok(())
    }

    fn open(self: Arc<Self>, flags: OpenFlags) -> Result<Arc<dyn File>> {
        match &self.body {
            Body::Regular(..) if flags.writable() => Err(Errno::EROFS),
            Body::Regular(content, _) => Ok(Arc::new(ImageFile(content))),
            Body::Directory { .. } => Err(Errno::EISDIR),
            Body::Symlink(_) => Err(Errno::ELOOP),
        }
    }

    fn content_hash(&self) -> Option<[u8; 32]> {
        match &self.body {
            Body::Regular(_, hash) => *hash,
            _ => None,
        }
    }

    fn static_content(&self) -> Option<&'static [u8]> {
        match &self.body {
            Body::Regular(content, _) => Some(content),
            _ => None,
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An open file of an image.
struct ImageFile(&'static [u8]);

impl File for ImageFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn write_at(&self, _buf: &[u8], _offset: u64, _append: bool) -> Result<(usize, u64)> {
        Err(Errno::EBADF)
    }

    fn seekable(&self) -> bool {
        true
    }

    fn poll(&self) -> Events {
        Events::READ | Events::WRITE
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        None
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_share_an_inode_and_symlinked_parents_are_followed() {
        let mut b = ImageBuilder::new();
        b.directory("/usr/bin", 0o755, 0, 0).unwrap();
        b.symlink("/bin", "usr/bin").unwrap();
        b.file("/bin/ls", b"x", 0o755, None).unwrap();
        b.link("/usr/bin/cat", "/bin/ls").unwrap();
        assert_eq!(b.file("/usr/bin/cat", b"y", 0o755, None), Err(Errno::EEXIST));
        let image = b.build();
        let bin = image.root().lookup(b"usr").unwrap().lookup(b"bin").unwrap();
        let (ls, cat) = (bin.lookup(b"ls").unwrap().stat().unwrap(), bin.lookup(b"cat").unwrap().stat().unwrap());
        assert_eq!((ls.ino, ls.nlink), (cat.ino, 2));
    }
}
