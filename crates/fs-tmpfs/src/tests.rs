//! The drivers as `vfs` sees them.

use crate::{ImageBuilder, ImageContent, Tmpfs, TmpfsOptions};
use agentos_abi::{Dirent, Errno, FileType, Mode, OpenFlags, Timespec};
use agentos_vfs::{Clock, Create, CreateKind, FileSystem, InodeRef, Quota};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A clock that only moves when told to.
#[derive(Default)]
struct Ticks(AtomicI64);

impl Clock for Ticks {
    fn now(&self) -> Timespec {
        Timespec { sec: self.0.load(Ordering::Relaxed), nsec: 0 }
    }
}

fn new(kind: CreateKind<'_>) -> Create<'_> {
    Create { kind, mode: Mode::from_bits_truncate(0o755), uid: 1, gid: 2 }
}

fn tmpfs(bytes: u64, inodes: u64) -> (InodeRef, Arc<Quota>, Arc<Ticks>) {
    let (quota, clock) = (Arc::new(Quota::new(bytes, inodes)), Arc::new(Ticks::default()));
    (Tmpfs::new(clock.clone(), quota.clone()).root(), quota, clock)
}

fn names(directory: &InodeRef, from: u64) -> Vec<(Vec<u8>, u64)> {
    let mut all = Vec::new();
    let emit = &mut |entry: Dirent<'_>| {
        all.push((entry.name.to_vec(), entry.next));
        true
    };
    directory.read_dir(from, emit).unwrap();
    all
}

#[test]
fn each_file_and_each_further_name_takes_an_inode_and_gives_it_back() {
    let (root, quota, _) = tmpfs(1 << 20, 3);
    let file = root.create(b"a", &new(CreateKind::Regular)).unwrap();
    root.link(b"b", &file).unwrap();
    root.link(b"c", &file).unwrap();
    assert_eq!(root.link(b"d", &file), Err(Errno::ENOSPC));
    assert_eq!(root.create(b"d", &new(CreateKind::Directory)).err(), Some(Errno::ENOSPC));
    root.unlink(b"a").unwrap();
    root.unlink(b"b").unwrap();
    assert_eq!(quota.free_inodes(), 2);
    root.unlink(b"c").unwrap();
    assert_eq!(quota.free_inodes(), 2, "an open file keeps its inode");
    drop(file);
    assert_eq!(quota.free_inodes(), 3);
}

#[test]
fn the_target_of_a_symbolic_link_is_charged() {
    let (root, quota, _) = tmpfs(10, 3);
    root.create(b"l", &new(CreateKind::Symlink(b"12345678"))).unwrap();
    assert_eq!(root.create(b"m", &new(CreateKind::Symlink(b"123"))).err(), Some(Errno::ENOSPC));
    assert_eq!((quota.free_bytes(), quota.free_inodes()), (2, 2));
    root.unlink(b"l").unwrap();
    assert_eq!((quota.free_bytes(), quota.free_inodes()), (10, 3));
}

#[test]
fn dropping_a_tree_deeper_than_the_stack_gives_everything_back() {
    let depth = 200_000;
    let (root, quota, _) = tmpfs(1 << 20, depth);
    let mut at = root.clone();
    for _ in 0..depth {
        at = at.create(b"d", &new(CreateKind::Directory)).unwrap();
    }
    drop((at, root));
    assert_eq!(quota.free_inodes(), depth);
}

#[test]
fn a_listing_in_parts_survives_changes_behind_it() {
    let (root, ..) = tmpfs(1 << 20, 100);
    for name in [b"a", b"b", b"c", b"d"] {
        root.create(name, &new(CreateKind::Regular)).unwrap();
    }
    let position = names(&root, 0)[1].1;
    root.unlink(b"a").unwrap();
    root.unlink(b"c").unwrap();
    root.create(b"e", &new(CreateKind::Regular)).unwrap();
    let rest: Vec<Vec<u8>> = names(&root, position).into_iter().map(|(name, _)| name).collect();
    assert_eq!(rest, [b"d".to_vec(), b"e".to_vec()]);
}

#[test]
fn nothing_can_be_made_in_a_removed_directory() {
    let (root, ..) = tmpfs(1 << 20, 100);
    let directory = root.create(b"d", &new(CreateKind::Directory)).unwrap();
    let file = root.create(b"f", &new(CreateKind::Regular)).unwrap();
    root.rmdir(b"d").unwrap();
    assert_eq!(directory.create(b"x", &new(CreateKind::Regular)).err(), Some(Errno::ENOENT));
    assert_eq!(directory.link(b"x", &file), Err(Errno::ENOENT));
    assert_eq!(root.rename(b"f", &directory, b"x", false), Err(Errno::ENOENT));
    assert_eq!(directory.stat().unwrap().nlink, 0);
}

#[test]
fn a_file_without_names_cannot_be_linked_unless_it_was_made_so() {
    let (root, ..) = tmpfs(1 << 20, 100);
    let gone = root.create(b"f", &new(CreateKind::Regular)).unwrap();
    root.unlink(b"f").unwrap();
    assert_eq!(root.link(b"g", &gone), Err(Errno::ENOENT));
    let unnamed = root.create_unnamed(&new(CreateKind::Regular)).unwrap();
    assert_eq!(unnamed.stat().unwrap().nlink, 0);
    assert_eq!(root.link(b"g", &unnamed), Ok(()));
    assert_eq!(unnamed.stat().unwrap().nlink, 1);
}

#[test]
fn rename_replaces_exchanges_and_refuses() {
    let (root, ..) = tmpfs(1 << 20, 100);
    let a = root.create(b"a", &new(CreateKind::Directory)).unwrap();
    let b = root.create(b"b", &new(CreateKind::Directory)).unwrap();
    let file = a.create(b"f", &new(CreateKind::Regular)).unwrap();
    assert_eq!(a.rename(b"f", &root, b"a", false), Err(Errno::EISDIR));
    assert_eq!(root.rename(b"b", &a, b"f", false), Err(Errno::ENOTDIR));
    assert_eq!(root.rename(b"b", &root, b"a", false), Err(Errno::ENOTEMPTY));
    assert_eq!(a.rename(b"f", &b, b"missing", true), Err(Errno::ENOENT));
    root.rename(b"b", &a, b"f", true).unwrap();
    assert_eq!((root.lookup(b"b").unwrap().stat().unwrap().ino, root.stat().unwrap().nlink), (file.stat().unwrap().ino, 3));
    root.rename(b"a", &root, b"c", false).unwrap();
    assert_eq!(root.lookup(b"c").unwrap().lookup(b"f").unwrap().stat().unwrap().ino, b.stat().unwrap().ino);
}

#[test]
fn inodes_of_another_file_system_are_exdev() {
    let (root, ..) = tmpfs(1 << 20, 100);
    let (other, ..) = tmpfs(1 << 20, 100);
    let file = other.create(b"f", &new(CreateKind::Regular)).unwrap();
    assert_eq!(root.link(b"f", &file), Err(Errno::EXDEV));
    assert_eq!(other.rename(b"f", &root, b"f", false), Err(Errno::EXDEV));
}

#[test]
fn devices_are_refused_unless_the_file_system_was_made_for_them() {
    let (root, ..) = tmpfs(1 << 20, 100);
    assert_eq!(root.create(b"null", &new(CreateKind::CharDevice(0x103))).err(), Some(Errno::EPERM));
    let options = TmpfsOptions { allow_devices: true, ..TmpfsOptions::default() };
    let fs = Tmpfs::with_options(Arc::new(Ticks::default()), Arc::new(Quota::new(0, 1)), options);
    assert_eq!(fs.root().create(b"null", &new(CreateKind::CharDevice(0x103))).unwrap().stat().unwrap().rdev, 0x103);
}

#[test]
fn reading_moves_the_access_time_as_relatime_does() {
    let (root, _, clock) = tmpfs(1 << 20, 100);
    let inode = root.create(b"f", &new(CreateKind::Regular)).unwrap();
    let file = inode.clone().open(OpenFlags::RDWR).unwrap();
    let quiet = inode.clone().open(OpenFlags::NOATIME).unwrap();
    let atime_after_read_at = |now: i64, file: &Arc<dyn agentos_vfs::File>| {
        clock.0.store(now, Ordering::Relaxed);
        file.read_at(&mut [0], 0).unwrap();
        inode.stat().unwrap().atime.sec
    };
    assert_eq!(atime_after_read_at(5, &quiet), 0);
    assert_eq!(atime_after_read_at(10, &file), 10, "older than the last change");
    assert_eq!(atime_after_read_at(20, &file), 10, "newer than the last change");
    assert_eq!(atime_after_read_at(10 + 86_400, &file), 86_410, "a day old");
}

#[test]
fn appending_writers_never_overwrite_each_other() {
    let (root, ..) = tmpfs(1 << 22, 100);
    let inode = root.create(b"f", &new(CreateKind::Regular)).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4u8 {
            let file = inode.clone().open(OpenFlags::WRONLY).unwrap();
            scope.spawn(move || {
                for _ in 0..1000 {
                    file.write_at(&[writer; 7], 0, true).unwrap();
                }
            });
        }
    });
    let mut content = vec![0; 28_000];
    assert_eq!(inode.clone().open(OpenFlags::empty()).unwrap().read_at(&mut content, 0), Ok(28_000));
    assert!(content.chunks(7).all(|record| record.iter().all(|byte| *byte == record[0])));
}

#[test]
fn concurrent_renames_keep_every_file() {
    let (root, ..) = tmpfs(1 << 20, 1000);
    let directories = [root.create(b"a", &new(CreateKind::Directory)).unwrap(), root.create(b"b", &new(CreateKind::Directory)).unwrap()];
    std::thread::scope(|scope| {
        for thread in 0..4usize {
            let directories = &directories;
            scope.spawn(move || {
                let name = [b'0' + thread as u8];
                directories[0].create(&name, &new(CreateKind::Regular)).unwrap();
                for turn in 0..500 {
                    directories[turn % 2].rename(&name, &directories[(turn + 1) % 2], &name, false).unwrap();
                }
            });
        }
    });
    assert_eq!((names(&directories[0], 0).len(), names(&directories[1], 0).len()), (4, 0));
}

#[test]
fn an_image_is_read_only_and_knows_its_contents() {
    let mut builder = ImageBuilder::new();
    builder.directory("/usr/bin", 0o755, 0, 0).unwrap();
    builder.symlink("/bin", "usr/bin").unwrap();
    builder.file("/bin/ls", "multicall", 0o755, Some([7; 32])).unwrap();
    builder.link("/usr/bin/cat", "/bin/ls").unwrap();
    builder.file("/etc/motd", ImageContent::Shared(Arc::new(b"hello".to_vec())), 0o644, None).unwrap();
    assert_eq!(builder.file("/usr/bin/cat", "again", 0o755, None), Err(Errno::EEXIST));
    assert_eq!(builder.link("/x", "/missing"), Err(Errno::ENOENT));
    assert_eq!(builder.file("relative", "", 0o755, None), Err(Errno::EINVAL));
    assert_eq!(builder.directory("/etc/motd", 0o755, 0, 0), Err(Errno::EEXIST));
    assert_eq!(builder.directory("/etc/motd/x", 0o755, 0, 0), Err(Errno::ENOTDIR));
    let root = builder.build().root();

    let bin = root.lookup(b"usr").unwrap().lookup(b"bin").unwrap();
    let (ls, cat) = (bin.lookup(b"ls").unwrap(), bin.lookup(b"cat").unwrap());
    assert_eq!((ls.stat().unwrap().ino, ls.stat().unwrap().nlink), (cat.stat().unwrap().ino, 2));
    assert_eq!((ls.static_content(), ls.content_hash()), (Some(&b"multicall"[..]), Some([7; 32])));
    assert_eq!(names(&bin, 0).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), [b"cat".to_vec(), b"ls".to_vec()]);
    assert_eq!(names(&bin, 1).len(), 1);
    assert_eq!(root.stat().unwrap().nlink, 4);
    let motd = root.lookup(b"etc").unwrap().lookup(b"motd").unwrap();
    let mut buf = [0; 8];
    assert_eq!(motd.clone().open(OpenFlags::empty()).unwrap().read_at(&mut buf, 1), Ok(4));
    assert_eq!((&buf[..4], motd.static_content()), (&b"ello"[..], None));
    assert_eq!(motd.clone().open(OpenFlags::RDWR).err(), Some(Errno::EROFS));
    assert_eq!(root.create(b"x", &new(CreateKind::Regular)).err(), Some(Errno::EROFS));
    assert_eq!(root.lookup(b"bin").unwrap().file_type(), FileType::Symlink);
}
