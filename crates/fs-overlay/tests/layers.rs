//! What lower layers hold, and what becomes of it when it is changed.

#[path = "../../vfs/tests/common/mod.rs"]
mod common;

use agentos_abi::time::SetTime;
use agentos_abi::{Errno, Mode, OpenFlags, RenameFlags, Timespec};
use agentos_fs_overlay::OverlayFs;
use agentos_fs_tmpfs::{Image, ImageBuilder, Tmpfs};
use agentos_vfs::{Create, CreateKind, Cred, FileSystem, Namespace, Quota};
use common::{Ticks, User};
use std::sync::Arc;

/// `/usr/bin/{ls,cat}` (one file), `/etc/{motd,conf/a,conf/b}`, `/bin -> usr/bin`.
fn base() -> Arc<Image> {
    let mut image = ImageBuilder::new();
    image.file("/usr/bin/ls", "multicall", 0o755, Some([7; 32])).unwrap();
    image.link("/usr/bin/cat", "/usr/bin/ls").unwrap();
    image.file("/etc/motd", "hello", 0o644, None).unwrap();
    image.file("/etc/conf/a", "a", 0o644, None).unwrap();
    image.file("/etc/conf/b", "b", 0o644, None).unwrap();
    image.symlink("/bin", "usr/bin").unwrap();
    image.build()
}

fn over(lowers: Vec<Arc<dyn FileSystem>>) -> (User, Arc<Quota>) {
    let (clock, quota) = (Arc::new(Ticks::default()), Arc::new(Quota::new(1 << 20, 1000)));
    let fs = OverlayFs::new(Tmpfs::new(clock.clone(), quota.clone()), lowers, clock, quota.clone());
    let ns = Namespace::new(fs);
    (User { root: ns.root(), cwd: ns.root(), ns, cred: Cred::root() }, quota)
}

fn vm() -> User {
    over(vec![base()]).0
}

fn ino(user: &User, path: &str) -> u64 {
    user.at(path).unwrap().stat().unwrap().ino
}

#[test]
fn untouched_files_are_those_of_the_layer() {
    let user = vm();
    let ls = user.at("/bin/ls").unwrap();
    assert_eq!((ls.inode().static_content(), ls.inode().content_hash()), (Some(&b"multicall"[..]), Some([7; 32])));
    assert_eq!(user.names("/etc"), [".", "..", "conf", "motd"]);
    assert_eq!(ino(&user, "/bin/cat"), ls.stat().unwrap().ino);
}

#[test]
fn reading_charges_nothing() {
    let (user, quota) = over(vec![base()]);
    let before = (quota.free_bytes(), quota.free_inodes());
    user.read("/etc/motd").unwrap();
    user.names("/etc/conf");
    assert_eq!((quota.free_bytes(), quota.free_inodes()), before);
}

#[test]
fn a_written_file_keeps_its_number_and_its_other_readers_see_the_change() {
    let user = vm();
    let before = ino(&user, "/etc/motd");
    let reader = user.open("/etc/motd", OpenFlags::empty()).unwrap().file.unwrap();
    let writer = user.open("/etc/motd", OpenFlags::RDWR).unwrap().file.unwrap();
    writer.write_at(b"J", 0, false).unwrap();
    let mut buf = [0; 5];
    reader.read_at(&mut buf, 0).unwrap();
    assert_eq!(&buf, b"Jello");
    assert_eq!(ino(&user, "/etc/motd"), before);
    drop((reader, writer));
    assert_eq!(user.read("/etc/motd"), Ok(b"Jello".to_vec()), "with nobody holding it");
    assert_eq!(vm().read("/etc/motd"), Ok(b"hello".to_vec()), "another VM has its own");
}

#[test]
fn changed_content_has_no_hash_of_the_old() {
    let user = vm();
    user.write("/usr/bin/ls", b"other").unwrap();
    let inode = user.at("/usr/bin/ls").unwrap().inode().clone();
    assert_eq!((inode.content_hash(), inode.static_content()), (None, None));
}

#[test]
fn attributes_change_without_content() {
    let user = vm();
    let before = ino(&user, "/etc/motd");
    user.walk().chmod(b"/etc/motd", true, 0o600).unwrap();
    user.walk().chown(b"/etc/conf", true, Some(5), Some(6)).unwrap();
    let time = SetTime::At(Timespec { sec: 42, nsec: 0 });
    user.walk().utimens(b"/etc/conf", true, time, time).unwrap();
    let (motd, conf) = (user.at("/etc/motd").unwrap().stat().unwrap(), user.at("/etc/conf").unwrap().stat().unwrap());
    assert_eq!((motd.mode.bits(), motd.size, motd.ino), (0o600, 5, before));
    assert_eq!((conf.uid, conf.gid, conf.mtime.sec), (5, 6, 42));
    assert_eq!(user.names("/etc/conf"), [".", "..", "a", "b"]);
}

#[test]
fn names_of_one_lower_file_stay_one_file() {
    let user = vm();
    user.write("/usr/bin/cat", b"changed").unwrap();
    assert_eq!(user.read("/usr/bin/ls"), Ok(b"changed".to_vec()));
    assert_eq!(ino(&user, "/usr/bin/ls"), ino(&user, "/usr/bin/cat"));
    user.unlink("/usr/bin/cat").unwrap();
    assert_eq!(user.at("/usr/bin/ls").unwrap().stat().unwrap().nlink, 1);
    assert_eq!(user.read("/usr/bin/ls"), Ok(b"changed".to_vec()));
}

#[test]
fn unlinking_one_of_two_lower_names_counts() {
    let user = vm();
    user.unlink("/usr/bin/cat").unwrap();
    assert_eq!(user.at("/usr/bin/ls").unwrap().stat().unwrap().nlink, 1);
    assert_eq!(user.names("/usr/bin"), [".", "..", "ls"]);
}

#[test]
fn a_removed_name_stays_removed_and_may_come_back_as_something_else() {
    let user = vm();
    user.unlink("/etc/motd").unwrap();
    assert_eq!(user.at("/etc/motd").err(), Some(Errno::ENOENT));
    assert_eq!(user.names("/etc"), [".", "..", "conf"]);
    user.mkdir("/etc/motd").unwrap();
    assert_eq!(user.names("/etc/motd"), [".", ".."]);

    assert_eq!(user.rmdir("/etc/conf"), Err(Errno::ENOTEMPTY));
    user.unlink("/etc/conf/a").unwrap();
    user.unlink("/etc/conf/b").unwrap();
    user.rmdir("/etc/conf").unwrap();
    user.mkdir("/etc/conf").unwrap();
    assert_eq!(user.names("/etc/conf"), [".", ".."], "a new directory does not show the old one's files");
}

#[test]
fn an_open_lower_file_outlives_its_name() {
    let user = vm();
    let opened = user.open("/etc/motd", OpenFlags::empty()).unwrap();
    user.unlink("/etc/motd").unwrap();
    let mut buf = [0; 5];
    assert_eq!(opened.file.unwrap().read_at(&mut buf, 0), Ok(5));
    assert_eq!(opened.inode.stat().unwrap().nlink, 0);
}

#[test]
fn lower_directories_move_with_all_they_hold() {
    let (user, quota) = over(vec![base()]);
    let (a, conf) = (ino(&user, "/etc/conf/a"), ino(&user, "/etc/conf"));
    let before = quota.free_bytes();
    user.rename("/etc/conf", "/moved").unwrap();
    assert_eq!(quota.free_bytes(), before, "no content is copied");
    assert_eq!((ino(&user, "/moved/a"), ino(&user, "/moved")), (a, conf));
    assert_eq!(user.read("/moved/b"), Ok(b"b".to_vec()));
    assert_eq!(user.names("/etc"), [".", "..", "motd"]);
    user.write("/moved/b", b"new").unwrap();
    user.rename("/moved", "/etc/conf").unwrap();
    assert_eq!(user.read("/etc/conf/b"), Ok(b"new".to_vec()));

    user.rename_with("/etc/motd", "/etc/conf", RenameFlags::EXCHANGE).unwrap();
    assert_eq!((user.read("/etc/conf"), user.read("/etc/motd/a")), (Ok(b"hello".to_vec()), Ok(b"a".to_vec())));
}

#[test]
fn a_lower_file_may_be_replaced_by_a_rename() {
    let user = vm();
    user.write("/etc/motd.new", b"new").unwrap();
    user.rename("/etc/motd.new", "/etc/motd").unwrap();
    assert_eq!(user.read("/etc/motd"), Ok(b"new".to_vec()));
    assert_eq!(user.names("/etc"), [".", "..", "conf", "motd"]);
    assert_eq!(user.rename("/usr/bin/ls", "/etc/conf"), Err(Errno::EISDIR));
    assert_eq!(user.rename("/usr", "/etc/conf"), Err(Errno::ENOTEMPTY));
}

#[test]
fn layers_merge_and_the_upper_one_wins() {
    let mut top = ImageBuilder::new();
    top.file("/etc/motd", "top", 0o644, None).unwrap();
    top.file("/etc/conf", "a file now", 0o644, None).unwrap();
    top.file("/etc/only-top", "", 0o644, None).unwrap();
    top.directory("/usr/bin/ls", 0o755, 0, 0).unwrap();
    let (user, _) = over(vec![top.build(), base()]);
    assert_eq!(user.read("/etc/motd"), Ok(b"top".to_vec()));
    assert_eq!(user.read("/etc/conf"), Ok(b"a file now".to_vec()));
    assert_eq!(user.names("/usr/bin/ls"), [".", ".."], "a directory does not merge with a file below");
    let mut names = user.names("/etc");
    names.sort();
    assert_eq!(names, [".", "..", "conf", "motd", "only-top"]);
    assert_eq!(user.read("/usr/bin/cat"), Ok(b"multicall".to_vec()));
    user.unlink("/etc/motd").unwrap();
    assert_eq!(user.at("/etc/motd").err(), Some(Errno::ENOENT), "the lower layer's does not show through");
}

#[test]
fn a_listing_that_began_before_the_first_change_goes_on() {
    let mut image = ImageBuilder::new();
    for n in 0..10 {
        image.file(&format!("/d/{n}"), "", 0o644, None).unwrap();
    }
    let (user, _) = over(vec![image.build()]);
    let directory = user.at("/d").unwrap();
    let (mut names, mut position) = (Vec::new(), 0);
    let mut read = |count: usize, names: &mut Vec<String>| {
        let mut left = count;
        let from = position;
        directory
            .read_dir(from, &mut |entry| {
                if left == 0 {
                    return false;
                }
                left -= 1;
                position = entry.next;
                names.push(String::from_utf8(entry.name.to_vec()).unwrap());
                true
            })
            .unwrap();
    };
    read(7, &mut names);
    user.unlink("/d/0").unwrap();
    user.unlink("/d/9").unwrap();
    user.write("/d/new", b"").unwrap();
    read(100, &mut names);
    assert_eq!(names, [".", "..", "0", "1", "2", "3", "4", "5", "6", "7", "8", "new"]);
}

#[test]
fn the_quota_bounds_copies_and_names() {
    let mut image = ImageBuilder::new();
    image.file("/big", vec![1; 200_000], 0o644, None).unwrap();
    image.file("/small", "x", 0o644, None).unwrap();
    let (clock, quota) = (Arc::new(Ticks::default()), Arc::new(Quota::new(100_000, 4)));
    let ns = Namespace::new(OverlayFs::new(Tmpfs::new(clock.clone(), quota.clone()), vec![image.build()], clock, quota.clone()));
    let user = User { root: ns.root(), cwd: ns.root(), ns, cred: Cred::root() };
    assert_eq!(user.open("/big", OpenFlags::RDWR).err(), Some(Errno::ENOSPC));
    assert_eq!(quota.free_bytes(), 100_000, "a failed copy leaves nothing");
    user.open("/big", OpenFlags::WRONLY | OpenFlags::TRUNC).map(drop).unwrap();
    let mut made = 0;
    while user.walk().link(&user.at("/small").unwrap(), format!("/link{made}").as_bytes()).is_ok() {
        made += 1;
    }
    assert!(made < 4, "names are charged");
    assert_eq!(user.mkdir("/d"), Err(Errno::ENOSPC));
}

#[test]
fn a_name_moved_while_its_file_is_open_leads_to_what_is_written_later() {
    let user = vm();
    let opened = user.open("/etc/motd", OpenFlags::empty()).unwrap();
    user.rename("/etc/motd", "/etc/moved").unwrap();
    opened.path.open(OpenFlags::RDWR, &user.cred).unwrap().file.unwrap().write_at(b"J", 0, false).unwrap();
    drop(opened);
    assert_eq!(user.read("/etc/moved"), Ok(b"Jello".to_vec()));
}

#[test]
fn a_file_without_names_cannot_be_linked_unless_it_was_made_so() {
    let user = vm();
    user.write("/new", b"x").unwrap();
    for path in ["/etc/motd", "/new"] {
        let gone = user.open(path, OpenFlags::empty()).unwrap().path;
        user.unlink(path).unwrap();
        assert_eq!(user.walk().link(&gone, b"/again"), Err(Errno::ENOENT), "{path}");
    }
    let unnamed = user.open("/etc", OpenFlags::TMPFILE | OpenFlags::RDWR).unwrap().path;
    assert_eq!(user.walk().link(&unnamed, b"/named"), Ok(()));
    assert_eq!(unnamed.stat().unwrap().nlink, 1);
    user.unlink("/named").unwrap();
    assert_eq!(user.walk().link(&unnamed, b"/named"), Err(Errno::ENOENT));
}

#[test]
fn dropping_a_tree_deeper_than_the_stack_does_not_recurse() {
    let depth = 100_000;
    let (clock, quota) = (Arc::new(Ticks::default()), Arc::new(Quota::new(1 << 20, depth)));
    let fs = OverlayFs::new(Tmpfs::new(clock.clone(), quota.clone()), vec![base()], clock, quota);
    let mut at = fs.root();
    let new = Create { kind: CreateKind::Directory, mode: Mode::RWXU, uid: 0, gid: 0 };
    while let Ok(child) = at.create(b"d", &new) {
        at = child;
    }
    drop((at, fs));
}

#[test]
fn threads_that_change_everything_at_once_neither_lock_up_nor_break_the_tree() {
    let mut image = ImageBuilder::new();
    for n in 0..30 {
        image.file(&format!("/d{}/e{}/f{n}", n % 3, n % 2), "x", 0o644, None).unwrap();
    }
    let (user, _) = over(vec![image.build()]);
    std::thread::scope(|scope| {
        for thread in 0..4u32 {
            let user = user.clone();
            scope.spawn(move || {
                let mut state = thread + 1;
                let mut pick = |n: u32| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 16) % n
                };
                for _ in 0..3000 {
                    let directory = [format!("/d{}", pick(3)), format!("/d{}/e{}", pick(3), pick(2))][pick(2) as usize].clone();
                    let (a, b) = (format!("{directory}/f{}", pick(30)), format!("/d{}/e{}", pick(3), pick(2)));
                    // Most of these fail, depending on what the others do; they must only not hang, panic or corrupt.
                    let _ = match pick(8) {
                        0 => user.write(&a, b"y"),
                        1 => user.unlink(&a),
                        2 => user.rename(&a, &b),
                        3 => user.rename(&b, &directory),
                        4 => user.mkdir(&a),
                        5 => user.rmdir(&b),
                        6 => user.rename_with(&directory, &b, RenameFlags::EXCHANGE),
                        _ => user.at(&a).and_then(|path| path.stat()).map(|_| ()),
                    };
                }
            });
        }
    });
    // Every name that is listed leads somewhere.
    let mut todo = vec![String::new()];
    while let Some(directory) = todo.pop() {
        for name in user.names(&format!("{directory}/")).into_iter().skip(2) {
            let path = format!("{directory}/{name}");
            if user.at(&path).unwrap().is_directory() {
                todo.push(path);
            }
        }
    }
}
