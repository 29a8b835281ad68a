//! The virtual file system switch: what a file system driver provides, and path resolution over mounts of such drivers.
//!
//! A driver implements [`FileSystem`] and [`Inode`]; what open(2) yields is a [`File`]. A [`Namespace`] is the mount table of a
//! VM, a [`Path`] a place in it, and a [`Walk`] says from where and for whom paths are resolved: every operation that takes a path
//! is a method of it, with the permission checks and the error numbers in the order that Linux has them, so that a system call
//! only decodes and delegates. Operations on a descriptor are methods of [`Path`].
//!
//! This crate knows no driver and no process table, and reads no clock: drivers are given a [`Clock`].
//!
//! Lock order: see [`Dentry`]'s module.

mod attr;
mod clock;
mod create;
mod cred;
mod dentry;
mod directory;
mod file;
mod guard;
mod inode;
mod mount;
mod open;
mod path;
mod permission;
mod quota;
mod remove;
mod rename;
mod set_id;
mod walk;

pub use clock::Clock;
pub use cred::Cred;
pub use dentry::Dentry;
pub use directory::DirectoryFile;
pub use file::{File, FileContext};
pub use guard::{Access, Guard, Object};
pub use inode::{Create, CreateKind, FileSystem, Inode, InodeRef, SetAttr};
pub use mount::{Mount, MountFlags, MountInfo, Namespace};
pub use open::Opened;
pub use path::Path;
pub use permission::{check as check_permission, is_owner};
pub use quota::Quota;
pub use walk::{LastComponent, Walk};
