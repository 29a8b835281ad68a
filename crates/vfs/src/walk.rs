//! Path resolution (path_resolution(7)).

use crate::{Cred, Namespace, Path};
use agentos_abi::fcntl::{NAME_MAX, PATH_MAX, SYMLOOP_MAX, X_OK};
use agentos_abi::{Errno, FileType, Result};
use std::borrow::Cow;

/// From where, and for whom, paths are resolved. Every operation that takes a path is a method of this.
///
/// Every one of them can answer what the walk itself does: ENOENT, ENOTDIR, EACCES (no search permission), ELOOP, ENAMETOOLONG and
/// EINVAL (a NUL byte); this is not repeated below.
#[derive(Clone, Copy)]
pub struct Walk<'a> {
    /// The mount table.
    pub ns: &'a Namespace,
    /// The process' root directory.
    pub root: &'a Path,
    /// Where relative paths start: the working directory, or what `dirfd` stands for.
    pub base: &'a Path,
    /// Whose permissions count.
    pub cred: &'a Cred,
}

/// The last component of a path, which an operation looks up by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastComponent<'p> {
    /// A name, at most NAME_MAX bytes.
    Name(Cow<'p, [u8]>),
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// The path is nothing but slashes.
    Root,
}

impl<'a> Walk<'a> {
    /// The place that `path` names. A symbolic link in the last component is followed when `follow` says so or a slash trails it.
    pub fn resolve(&self, path: &[u8], follow: bool) -> Result<Path> {
        Walker::start(*self, path)?.finish(follow)
    }

    /// The directory that holds (or would hold) the last component of `path`, and that component, not looked up. The flag tells
    /// whether slashes trail it.
    pub fn resolve_parent<'p>(&self, path: &'p [u8]) -> Result<(Path, LastComponent<'p>, bool)> {
        let mut walker = Walker::start(*self, path)?;
        let last = walker.parent()?;
        Ok((walker.at, last, walker.trailing_slash))
    }
}

/// A walk in progress: where it is and what text is left.
pub(crate) struct Walker<'a, 'p> {
    walk: Walk<'a>,
    pub(crate) at: Path,
    text: Text<'p>,
    /// What follows each symbolic link that is being followed; never exhausted texts.
    rest: Vec<Text<'p>>,
    links_followed: usize,
    /// Slashes trail the last component: it must be a directory.
    pub(crate) trailing_slash: bool,
}

struct Text<'p> {
    bytes: Cow<'p, [u8]>,
    from: usize,
}

impl<'p> Text<'p> {
    fn skip_slashes(&mut self) {
        self.from += self.bytes[self.from..].iter().take_while(|&&b| b == b'/').count();
    }

    fn is_exhausted(&self) -> bool {
        self.from == self.bytes.len()
    }

    /// The next component; the text must start with one.
    fn component(&mut self) -> Cow<'p, [u8]> {
        let len = self.bytes[self.from..].iter().position(|&b| b == b'/').unwrap_or(self.bytes.len() - self.from);
        let range = self.from..self.from + len;
        self.from = range.end;
        match &self.bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[range]),
            Cow::Owned(bytes) => Cow::Owned(bytes[range].to_vec()),
        }
    }
}

/// Where a symbolic link led.
enum Followed {
    /// Its text is to be walked now.
    Text,
    /// Straight to a place.
    Jumped,
}

impl<'a, 'p> Walker<'a, 'p> {
    /// Errors: ENOENT (empty), ENAMETOOLONG, EINVAL (NUL).
    pub(crate) fn start(walk: Walk<'a>, path: &'p [u8]) -> Result<Walker<'a, 'p>> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        if path.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        if path.contains(&0) {
            return Err(Errno::EINVAL);
        }
        let at = if path[0] == b'/' { walk.root.clone() } else { walk.base.clone() };
        let text = Text { bytes: Cow::Borrowed(path), from: 0 };
        Ok(Walker { walk, at, text, rest: Vec::new(), links_followed: 0, trailing_slash: false })
    }

    /// Walks to the directory of the last component, and answers that component.
    pub(crate) fn parent(&mut self) -> Result<LastComponent<'p>> {
        loop {
            let Some(component) = self.next_component() else { return Ok(LastComponent::Root) };
            self.may_search()?;
            let is_last = self.settle();
            match (&*component, is_last) {
                (b".", true) => return Ok(LastComponent::Dot),
                (b"..", true) => return Ok(LastComponent::DotDot),
                (_, true) => return Ok(LastComponent::Name(component)),
                (b".", false) => {}
                (b"..", false) => self.up(),
                (name, false) => {
                    let child = self.child(name)?;
                    match child.file_type() {
                        FileType::Symlink => drop(self.follow(&child)?),
                        _ => self.at = child,
                    }
                }
            }
        }
    }

    /// Walks to the end.
    pub(crate) fn finish(&mut self, follow: bool) -> Result<Path> {
        loop {
            match self.parent()? {
                LastComponent::Root | LastComponent::Dot => {}
                LastComponent::DotDot => self.up(),
                LastComponent::Name(name) => {
                    let child = self.child(&name)?;
                    if child.file_type() == FileType::Symlink && (follow || self.trailing_slash) {
                        if let Followed::Text = self.follow(&child)? {
                            continue;
                        }
                    } else {
                        self.at = child;
                    }
                }
            }
            if self.trailing_slash && !self.at.is_directory() {
                return Err(Errno::ENOTDIR);
            }
            return Ok(self.at.clone());
        }
    }

    /// Follows the last component, a link; answers whether there is text to walk (call [`Walker::parent`] again) or the walk has
    /// arrived at `self.at`.
    pub(crate) fn follow_last(&mut self, link: &Path) -> Result<bool> {
        Ok(matches!(self.follow(link)?, Followed::Text))
    }

    fn next_component(&mut self) -> Option<Cow<'p, [u8]>> {
        self.text.skip_slashes();
        while self.text.is_exhausted() {
            self.text = self.rest.pop()?;
            self.text.skip_slashes();
        }
        Some(self.text.component())
    }

    /// After a component: whether it was the last, and then whether slashes trail it.
    fn settle(&mut self) -> bool {
        let after = self.text.from;
        self.text.skip_slashes();
        let is_last = self.text.is_exhausted() && self.rest.is_empty();
        if is_last && self.text.from > after {
            self.trailing_slash = true;
        }
        is_last
    }

    /// Errors: ENOTDIR, EACCES.
    fn may_search(&self) -> Result<()> {
        if !self.at.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        self.at.permission(self.walk.cred, X_OK)
    }

    /// The entry `name` of the directory here, with what is mounted on it.
    pub(crate) fn child(&self, name: &[u8]) -> Result<Path> {
        let mount = &self.at.mount;
        check_name(name)?;
        let dentry = self.at.dentry.children().lookup(&self.at.dentry, name, mount.volatile)?;
        Ok(self.walk.ns.traverse(Path { mount: mount.clone(), dentry }))
    }

    /// `..`: not above the process' root, and out of mounts.
    pub(crate) fn up(&mut self) {
        while !self.at.same(self.walk.root) {
            match (self.at.dentry.parent(), &self.at.mount.at) {
                (Some(dentry), _) => {
                    self.at.dentry = dentry;
                    break;
                }
                (None, Some(covered)) => self.at = covered.clone(),
                (None, None) => break,
            }
        }
        self.at = self.walk.ns.traverse(self.at.clone());
    }

    fn follow(&mut self, link: &Path) -> Result<Followed> {
        self.links_followed += 1;
        if self.links_followed > SYMLOOP_MAX {
            return Err(Errno::ELOOP);
        }
        if let Some(target) = link.inode().magic_link() {
            self.at = target?;
            return Ok(Followed::Jumped);
        }
        let target = link.inode().readlink()?;
        if target.is_empty() {
            return Err(Errno::ENOENT);
        }
        if target.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        if target[0] == b'/' {
            self.at = self.walk.root.clone();
        }
        let before = std::mem::replace(&mut self.text, Text { bytes: Cow::Owned(target), from: 0 });
        if !before.is_exhausted() {
            self.rest.push(before);
        }
        Ok(Followed::Text)
    }
}

/// Errors: ENAMETOOLONG.
pub(crate) fn check_name(name: &[u8]) -> Result<()> {
    if name.len() > NAME_MAX { Err(Errno::ENAMETOOLONG) } else { Ok(()) }
}
