//! The mount table.

mod common;

use agentos_abi::fcntl::W_OK;
use agentos_abi::{Errno, FileType, OpenFlags};
use agentos_vfs::MountFlags;
use common::{User, tmpfs};

fn mounted(flags: MountFlags) -> User {
    let user = User::root();
    user.mkdir("/mnt").unwrap();
    user.write("/mnt/hidden", b"").unwrap();
    let fs = tmpfs();
    user.ns.mount(&user.at("/mnt").unwrap(), fs, flags, "source").unwrap();
    user
}

#[test]
fn a_mount_hides_what_it_covers_until_it_goes() {
    let user = mounted(MountFlags::empty());
    assert_eq!(user.at("/mnt/hidden").err(), Some(Errno::ENOENT));
    user.write("/mnt/new", b"x").unwrap();
    assert_ne!(user.at("/mnt").unwrap().stat().unwrap().dev, user.root.stat().unwrap().dev);
    assert!(user.at("/mnt/..").unwrap().same(&user.root));
    assert_eq!(user.at("/mnt/new").unwrap().display(&user.root), b"/mnt/new");
    let all = user.ns.mounts();
    assert_eq!(all.iter().map(|mount| (&*mount.mount_point, &*mount.source)).collect::<Vec<_>>(), [(&b"/"[..], "rootfs"), (b"/mnt", "source")]);

    let inside = user.at("/mnt/new").unwrap();
    let top = user.at("/mnt").unwrap();
    assert_eq!(user.ns.unmount(&top), Err(Errno::EBUSY), "somebody is inside");
    drop(inside);
    assert_eq!(user.ns.unmount(&top), Ok(()));
    assert_eq!(user.ns.unmount(&top), Err(Errno::EINVAL));
    assert!(user.at("/mnt/hidden").is_ok());
    assert_eq!(user.ns.unmount(&user.at("/mnt").unwrap()), Err(Errno::EINVAL), "no mount there any more");
    assert_eq!(user.ns.unmount(&user.root), Err(Errno::EINVAL));
}

#[test]
fn mounts_stack() {
    let user = mounted(MountFlags::empty());
    user.write("/mnt/first", b"").unwrap();
    user.ns.mount(&user.at("/mnt").unwrap(), tmpfs(), MountFlags::empty(), "second").unwrap();
    assert_eq!(user.at("/mnt/first").err(), Some(Errno::ENOENT));
    assert!(user.at("/mnt/..").unwrap().same(&user.root), "out of both");
    let top = user.at("/mnt").unwrap();
    user.ns.unmount(&top).unwrap();
    drop(top);
    assert!(user.at("/mnt/first").is_ok());
}

#[test]
fn a_mount_point_cannot_be_removed_or_renamed_and_nothing_moves_across() {
    let user = mounted(MountFlags::empty());
    user.mkdir("/d").unwrap();
    user.write("/f", b"").unwrap();
    assert_eq!(user.rmdir("/mnt"), Err(Errno::EBUSY));
    assert_eq!(user.rename("/mnt", "/x"), Err(Errno::EBUSY));
    assert_eq!(user.rename("/d", "/mnt"), Err(Errno::EBUSY));
    assert_eq!(user.rename("/f", "/mnt/f"), Err(Errno::EXDEV));
    assert_eq!(user.walk().link(&user.at("/f").unwrap(), b"/mnt/f"), Err(Errno::EXDEV));
    assert_eq!(user.ns.mount(&user.at("/f").unwrap(), tmpfs(), MountFlags::empty(), ""), Err(Errno::ENOTDIR));
}

#[test]
fn a_mount_follows_the_renaming_of_a_directory_above() {
    let user = User::root();
    user.mkdir("/a").unwrap();
    user.mkdir("/a/mnt").unwrap();
    user.ns.mount(&user.at("/a/mnt").unwrap(), tmpfs(), MountFlags::empty(), "").unwrap();
    user.write("/a/mnt/f", b"x").unwrap();
    user.rename("/a", "/b").unwrap();
    assert_eq!(user.read("/b/mnt/f"), Ok(b"x".to_vec()));
    assert_eq!(user.ns.mounts()[1].mount_point, b"/b/mnt");
}

#[test]
fn nothing_changes_on_a_read_only_mount() {
    let fs = tmpfs();
    let user = User::root();
    user.mkdir("/mnt").unwrap();
    let mount = |flags| user.ns.mount(&user.at("/mnt").unwrap(), fs.clone(), flags, "").unwrap();
    mount(MountFlags::empty());
    user.write("/mnt/f", b"x").unwrap();
    user.mkdir("/mnt/d").unwrap();
    user.ns.unmount(&user.at("/mnt").unwrap()).unwrap();
    mount(MountFlags::RDONLY);

    assert_eq!(user.read("/mnt/f"), Ok(b"x".to_vec()));
    assert_eq!(user.write("/mnt/f", b"y"), Err(Errno::EROFS));
    assert_eq!(user.write("/mnt/new", b"y"), Err(Errno::EROFS));
    assert_eq!(user.open("/mnt/f", OpenFlags::TRUNC).err(), Some(Errno::EROFS));
    assert!(user.open("/mnt/f", OpenFlags::CREAT).is_ok(), "nothing to create");
    assert_eq!(user.mkdir("/mnt/x"), Err(Errno::EROFS));
    assert_eq!(user.mkdir("/mnt/d"), Err(Errno::EEXIST), "before EROFS, as on Linux");
    assert_eq!(user.unlink("/mnt/f"), Err(Errno::EROFS));
    assert_eq!(user.unlink("/mnt/missing"), Err(Errno::EROFS));
    assert_eq!(user.rmdir("/mnt/d"), Err(Errno::EROFS));
    assert_eq!(user.rename("/mnt/f", "/mnt/g"), Err(Errno::EROFS));
    assert_eq!(user.walk().chmod(b"/mnt/f", true, 0), Err(Errno::EROFS));
    assert_eq!(user.walk().chown(b"/mnt/f", true, Some(1), None), Err(Errno::EROFS));
    assert_eq!(user.walk().truncate(b"/mnt/f", 0), Err(Errno::EROFS));
    assert_eq!(user.walk().access(b"/mnt/f", true, W_OK), Err(Errno::EROFS));
    assert_eq!(user.walk().statfs(b"/mnt").unwrap().flags & 1, 1);
}

#[test]
fn devices_open_only_where_the_mount_allows_it() {
    let user = mounted(MountFlags::NODEV);
    user.walk().mknod(b"/mnt/null", FileType::CharDevice.bits() | 0o666, 0x103, 0).unwrap();
    user.walk().mknod(b"/null", FileType::CharDevice.bits() | 0o666, 0x103, 0).unwrap();
    assert_eq!(user.open("/mnt/null", OpenFlags::empty()).err(), Some(Errno::EACCES));
    let opened = user.open("/null", OpenFlags::empty()).unwrap();
    assert!(opened.file.is_none(), "devices are the kernel's to open");
    assert_eq!(user.as_user(1).walk().mknod(b"/x", FileType::CharDevice.bits(), 0x103, 0).err(), Some(Errno::EACCES));
}
