//! open(2), rename(2) and attributes, where the suites leave gaps.

mod common;

use agentos_abi::time::SetTime;
use agentos_abi::{Errno, FileType, Mode, OpenFlags, RenameFlags, Timespec};
use common::User;
use std::sync::Arc;

#[test]
fn open_flags_and_what_they_meet() {
    let user = User::root();
    user.mkdir("/d").unwrap();
    user.write("/f", b"content").unwrap();
    user.symlink("f", "/link").unwrap();
    user.symlink("made", "/dangling").unwrap();
    let flags = |path: &str, flags| user.open(path, flags).err();
    assert_eq!(flags("/f", OpenFlags::DIRECTORY), Some(Errno::ENOTDIR));
    assert_eq!(flags("/d", OpenFlags::WRONLY), Some(Errno::EISDIR));
    assert_eq!(flags("/d", OpenFlags::CREAT), Some(Errno::EISDIR));
    assert_eq!(flags("/d/", OpenFlags::CREAT), Some(Errno::EISDIR));
    assert_eq!(flags("/new/", OpenFlags::CREAT), Some(Errno::EISDIR));
    assert_eq!(flags("/d", OpenFlags::CREAT | OpenFlags::DIRECTORY), Some(Errno::EINVAL));
    assert_eq!(flags("/d/.", OpenFlags::CREAT | OpenFlags::EXCL), Some(Errno::EEXIST));
    assert_eq!(flags("/link", OpenFlags::NOFOLLOW), Some(Errno::ELOOP));
    assert_eq!(flags("/link", OpenFlags::NOFOLLOW | OpenFlags::DIRECTORY), Some(Errno::ENOTDIR));
    assert_eq!(flags("/dangling", OpenFlags::CREAT | OpenFlags::EXCL), Some(Errno::EEXIST));
    assert_eq!(flags("/dangling", OpenFlags::empty()), Some(Errno::ENOENT));
    assert_eq!(user.open("/link", OpenFlags::NOFOLLOW | OpenFlags::PATH).unwrap().path.file_type(), FileType::Symlink);
    assert!(user.open("/dangling", OpenFlags::CREAT).unwrap().created);
    assert_eq!(user.at("/made").unwrap().file_type(), FileType::Regular);
    assert_eq!(user.open("/d", OpenFlags::empty()).unwrap().file.unwrap().read_at(&mut [0], 0), Err(Errno::EISDIR));
}

#[test]
fn an_unnamed_file_can_be_given_a_name() {
    let user = User::root();
    assert_eq!(user.open("/", OpenFlags::TMPFILE).err(), Some(Errno::EINVAL));
    let opened = user.open("/", OpenFlags::TMPFILE | OpenFlags::RDWR).unwrap();
    opened.file.as_ref().unwrap().write_at(b"x", 0, false).unwrap();
    assert!(opened.path.is_deleted());
    assert_eq!(user.names("/").len(), 2);
    user.walk().link(&opened.path, b"/named").unwrap();
    assert_eq!(user.read("/named"), Ok(b"x".to_vec()));
}

#[test]
fn a_new_file_is_open_to_its_maker_whatever_its_mode() {
    let user = User::root();
    user.walk().chmod(b"/", true, 0o777).unwrap();
    let other = user.as_user(1000);
    let opened = other.walk().open(b"/f", OpenFlags::CREAT | OpenFlags::RDWR, 0, 0).unwrap();
    assert!(opened.created && opened.file.is_some());
    assert_eq!(other.open("/f", OpenFlags::empty()).err(), Some(Errno::EACCES));
    assert_eq!(other.open("/f", OpenFlags::TRUNC).err(), Some(Errno::EACCES));
}

#[test]
fn writing_takes_set_id_bits_away() {
    let user = User::root();
    user.write("/f", b"").unwrap();
    let mode = || user.at("/f").unwrap().stat().unwrap().mode.bits();
    user.walk().chmod(b"/f", true, 0o6777).unwrap();
    user.write("/f", b"root may").unwrap();
    assert_eq!(mode(), 0o6777);
    let other = user.as_user(1000);
    let opened = other.open("/f", OpenFlags::WRONLY).unwrap();
    assert_eq!(mode(), 0o6777, "opening alone changes nothing");
    opened.file.unwrap().write_at(b"x", 0, false).unwrap();
    assert_eq!(mode(), 0o777);
    user.walk().chmod(b"/f", true, 0o6777).unwrap();
    other.walk().truncate(b"/f", 0).unwrap();
    assert_eq!(mode(), 0o777);
    user.walk().chmod(b"/f", true, 0o6777).unwrap();
    user.walk().chown(b"/f", true, Some(5), None).unwrap();
    assert_eq!(mode(), 0o777, "a change of owner does so for everybody");
}

#[test]
fn a_set_group_id_directory_hands_its_group_down() {
    let user = User::root();
    user.mkdir("/d").unwrap();
    user.walk().chown(b"/d", true, None, Some(7)).unwrap();
    user.walk().chmod(b"/d", true, 0o2777).unwrap();
    let other = user.as_user(1000);
    other.mkdir("/d/sub").unwrap();
    other.write("/d/f", b"").unwrap();
    let sub = user.at("/d/sub").unwrap().stat().unwrap();
    assert_eq!((sub.gid, sub.mode.contains(Mode::SGID)), (7, true));
    assert_eq!(user.at("/d/f").unwrap().stat().unwrap().gid, 7);
    let opened = other.walk().open(b"/d/g", OpenFlags::CREAT, 0o2775, 0).unwrap();
    assert!(!opened.path.stat().unwrap().mode.contains(Mode::SGID), "no power of a foreign group");
}

#[test]
fn rename_flags_and_loops() {
    let user = User::root();
    for directory in ["/a", "/a/b", "/e"] {
        user.mkdir(directory).unwrap();
    }
    user.write("/f", b"f").unwrap();
    user.write("/a/b/g", b"g").unwrap();
    assert_eq!(user.rename("/a", "/a/b/c"), Err(Errno::EINVAL));
    assert_eq!(user.rename("/a/b", "/a"), Err(Errno::ENOTEMPTY));
    assert_eq!(user.rename("/a/.", "/x"), Err(Errno::EBUSY));
    assert_eq!(user.rename("/f/", "/x"), Err(Errno::ENOTDIR));
    assert_eq!(user.rename("/f", "/x/"), Err(Errno::ENOTDIR));
    assert_eq!(user.rename_with("/f", "/e", RenameFlags::NOREPLACE), Err(Errno::EEXIST));
    assert_eq!(user.rename_with("/f", "/missing", RenameFlags::EXCHANGE), Err(Errno::ENOENT));
    assert_eq!(user.rename_with("/f", "/e", RenameFlags::EXCHANGE | RenameFlags::NOREPLACE), Err(Errno::EINVAL));
    assert_eq!(user.rename_with("/a", "/a/b/g", RenameFlags::EXCHANGE), Err(Errno::EINVAL));

    let file = user.at("/f").unwrap();
    let directory = user.at("/a/b").unwrap();
    user.rename_with("/f", "/a/b", RenameFlags::EXCHANGE).unwrap();
    assert_eq!((file.display(&user.root), directory.display(&user.root)), (b"/a/b".to_vec(), b"/f".to_vec()));
    assert_eq!(user.read("/f/g"), Ok(b"g".to_vec()));
    user.rename("/f", "/e").unwrap();
    assert_eq!(user.read("/e/g"), Ok(b"g".to_vec()));
    user.rename("/e/", "/made/").unwrap();
    assert_eq!(user.names("/"), [".", "..", "a", "made"]);
}

#[test]
fn two_names_of_one_file_are_not_renamed() {
    let user = User::root();
    user.write("/f", b"x").unwrap();
    user.walk().link(&user.at("/f").unwrap(), b"/g").unwrap();
    assert_eq!(user.rename("/f", "/g"), Ok(()));
    assert_eq!(user.names("/"), [".", "..", "f", "g"]);
}

#[test]
fn times_need_ownership_or_to_be_now() {
    let user = User::root();
    user.write("/f", b"").unwrap();
    user.walk().chmod(b"/f", true, 0o666).unwrap();
    let other = user.as_user(1000);
    let at = SetTime::At(Timespec { sec: 5, nsec: 6 });
    assert_eq!(other.walk().utimens(b"/f", true, SetTime::Now, SetTime::Now), Ok(()));
    assert_eq!(other.walk().utimens(b"/f", true, SetTime::Now, SetTime::Omit), Err(Errno::EPERM));
    assert_eq!(other.walk().utimens(b"/f", true, at, at), Err(Errno::EPERM));
    assert_eq!(other.walk().utimens(b"/missing", true, SetTime::Omit, SetTime::Omit), Ok(()));
    user.walk().chmod(b"/f", true, 0o644).unwrap();
    assert_eq!(other.walk().utimens(b"/f", true, SetTime::Now, SetTime::Now), Err(Errno::EACCES));
    assert_eq!(user.walk().utimens(b"/f", true, at, SetTime::Omit), Ok(()));
    assert_eq!(user.at("/f").unwrap().stat().unwrap().atime, Timespec { sec: 5, nsec: 6 });
}

#[test]
fn a_sticky_directory_protects_the_files_of_others() {
    let user = User::root();
    user.walk().mkdir(b"/tmp", 0o1777, 0).unwrap();
    let (one, two) = (user.as_user(1), user.as_user(2));
    one.write("/tmp/f", b"").unwrap();
    two.write("/tmp/g", b"").unwrap();
    assert_eq!(two.unlink("/tmp/f"), Err(Errno::EPERM));
    assert_eq!(two.rename("/tmp/f", "/tmp/x"), Err(Errno::EPERM));
    assert_eq!(two.rename("/tmp/g", "/tmp/f"), Err(Errno::EPERM));
    assert_eq!(one.unlink("/tmp/f"), Ok(()));
}

#[test]
fn a_listing_has_dots_first_and_goes_on_where_it_stopped() {
    let user = User::root();
    user.mkdir("/d").unwrap();
    for name in ["/d/a", "/d/b", "/d/c"] {
        user.write(name, b"").unwrap();
    }
    let directory = user.at("/d").unwrap();
    let (mut names, mut position) = (Vec::new(), 0);
    loop {
        let mut taken = None;
        directory
            .read_dir(position, &mut |entry| {
                let first = taken.is_none();
                if first {
                    taken = Some((entry.name.to_vec(), entry.ino, entry.next));
                }
                first
            })
            .unwrap();
        let Some((name, ino, next)) = taken else { break };
        names.push((String::from_utf8(name).unwrap(), ino));
        position = next;
    }
    let ino = |path: &str| user.at(path).unwrap().stat().unwrap().ino;
    let expected = [(".", "/d"), ("..", "/"), ("a", "/d/a"), ("b", "/d/b"), ("c", "/d/c")];
    assert_eq!(names, expected.map(|(name, path)| (name.to_string(), ino(path))));
    assert_eq!(user.at("/d/a").unwrap().read_dir(0, &mut |_| true), Err(Errno::ENOTDIR));
}

#[test]
fn walks_and_renames_in_parallel_neither_lock_up_nor_lose_anything() {
    let user = User::root();
    for directory in ["/a", "/b", "/a/sub"] {
        user.mkdir(directory).unwrap();
    }
    user.write("/a/sub/f", b"x").unwrap();
    let user = Arc::new(user);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let user = user.clone();
            scope.spawn(move || {
                for turn in 0..2000 {
                    match (thread + turn) % 4 {
                        0 => drop(user.rename("/a/sub", "/b/sub")),
                        1 => drop(user.rename("/b/sub", "/a/sub")),
                        2 => drop(user.at("/a/sub/f").or_else(|_| user.at("/b/sub/f"))),
                        _ => drop(user.rename_with("/a", "/b", RenameFlags::EXCHANGE)),
                    }
                }
            });
        }
    });
    let found = [user.at("/a/sub/f"), user.at("/b/sub/f")].into_iter().filter(Result::is_ok).count();
    assert_eq!(found, 1);
}
