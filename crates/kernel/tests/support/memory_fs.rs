//! The least file system that the kernel's tests need: directories, files and nodes in memory.

use agentos_abi::{Dirent, Errno, Events, FileType, Mode, OpenFlags, Result, Stat, Statfs, Timespec};
use agentos_vfs::{Create, CreateKind, File, FileSystem, Inode, InodeRef, SetAttr};
use agentos_waiter::WaitQueue;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

static NEXT_INO: AtomicU64 = AtomicU64::new(1);

pub struct MemoryFs(InodeRef);

struct Node {
    ino: u64,
    file_type: FileType,
    attributes: Mutex<(Mode, u32, u32)>,
    children: Mutex<BTreeMap<Vec<u8>, InodeRef>>,
    data: Mutex<Vec<u8>>,
}

struct Content(Arc<Node>);

impl MemoryFs {
    pub fn new() -> Arc<MemoryFs> {
        Arc::new(MemoryFs(Node::new(FileType::Directory, Mode::from_bits_truncate(0o755), 0, 0, Vec::new())))
    }
}

impl Node {
    fn new(file_type: FileType, mode: Mode, uid: u32, gid: u32, data: Vec<u8>) -> Arc<Node> {
        let ino = NEXT_INO.fetch_add(1, Ordering::Relaxed);
        Arc::new(Node { ino, file_type, attributes: Mutex::new((mode, uid, gid)), children: Mutex::default(), data: Mutex::new(data) })
    }
}

impl FileSystem for MemoryFs {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn root(&self) -> InodeRef {
        self.0.clone()
    }

    fn statfs(&self) -> Statfs {
        Statfs::default()
    }
}

impl Inode for Node {
    fn stat(&self) -> Result<Stat> {
        let (mode, uid, gid) = *self.attributes.lock().unwrap();
        let time = Timespec::default();
        let size = self.data.lock().unwrap().len() as u64;
        Ok(Stat {
            dev: 0,
            ino: self.ino,
            file_type: self.file_type,
            mode,
            nlink: 1,
            uid,
            gid,
            rdev: 0,
            size,
            blksize: 4096,
            blocks: 0,
            atime: time,
            mtime: time,
            ctime: time,
            btime: time,
        })
    }

    fn file_type(&self) -> FileType {
        self.file_type
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        let mut attributes = self.attributes.lock().unwrap();
        attributes.0 = attr.mode.unwrap_or(attributes.0);
        attributes.1 = attr.uid.unwrap_or(attributes.1);
        attributes.2 = attr.gid.unwrap_or(attributes.2);
        if let Some(size) = attr.size {
            self.data.lock().unwrap().resize(size as usize, 0);
        }
        Ok(())
    }

    fn lookup(&self, name: &[u8]) -> Result<InodeRef> {
        self.children.lock().unwrap().get(name).cloned().ok_or(Errno::ENOENT)
    }

    fn create(&self, name: &[u8], new: &Create<'_>) -> Result<InodeRef> {
        let data = if let CreateKind::Symlink(target) = new.kind { target.to_vec() } else { Vec::new() };
        let node = Node::new(new.kind.file_type(), new.mode, new.uid, new.gid, data);
        self.children.lock().unwrap().insert(name.to_vec(), node.clone());
        Ok(node)
    }

    fn unlink(&self, name: &[u8]) -> Result<()> {
        self.children.lock().unwrap().remove(name).map(drop).ok_or(Errno::ENOENT)
    }

    fn rmdir(&self, name: &[u8]) -> Result<()> {
        self.unlink(name)
    }

    fn readlink(&self) -> Result<Vec<u8>> {
        if self.file_type == FileType::Symlink { Ok(self.data.lock().unwrap().clone()) } else { Err(Errno::EINVAL) }
    }

    fn read_dir(&self, from: u64, emit: &mut dyn FnMut(Dirent<'_>) -> bool) -> Result<()> {
        for (at, (name, inode)) in self.children.lock().unwrap().iter().enumerate().skip(from as usize) {
            if !emit(Dirent { ino: inode.stat()?.ino, next: at as u64 + 1, file_type: inode.file_type(), name }) {
                break;
            }
        }
        Ok(())
    }

    fn open(self: Arc<Self>, _flags: OpenFlags) -> Result<Arc<dyn File>> {
        Ok(Arc::new(Content(self)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl File for Content {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let data = self.0.data.lock().unwrap();
        let rest = data.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, buf: &[u8], offset: u64, append: bool) -> Result<(usize, u64)> {
        let mut data = self.0.data.lock().unwrap();
        let start = if append { data.len() } else { offset as usize };
        let end = start + buf.len();
        if data.len() < end {
            data.resize(end, 0);
        }
        data[start..end].copy_from_slice(buf);
        Ok((buf.len(), end as u64))
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
