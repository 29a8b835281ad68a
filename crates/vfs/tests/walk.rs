//! Path resolution.

mod common;

use agentos_abi::{Errno, OpenFlags};
use common::User;

fn tree() -> User {
    let user = User::root();
    for directory in ["/a", "/a/b", "/a/b/c", "/d"] {
        user.mkdir(directory).unwrap();
    }
    user.write("/a/f", b"content").unwrap();
    user
}

#[test]
fn dots_and_slashes() {
    let mut user = tree();
    user.chdir("a/b").unwrap();
    for path in ["/a/f", "../f", "c/../../f", "//a///f", "./.././f", "../../../../../a/f"] {
        assert_eq!(user.read(path), Ok(b"content".to_vec()), "{path}");
    }
    assert!(user.at("/..").unwrap().same(&user.root));
    assert!(user.at("///").unwrap().same(&user.root));
    assert_eq!(user.at("").err(), Some(Errno::ENOENT));
    for path in ["/a/f/", "/a/f/.", "/a/f/..", "/a/f/x"] {
        assert_eq!(user.at(path).err(), Some(Errno::ENOTDIR), "{path}");
    }
}

#[test]
fn lengths_and_nul() {
    let user = tree();
    let long_name = "x".repeat(256);
    assert_eq!(user.at(&long_name).err(), Some(Errno::ENAMETOOLONG));
    assert_eq!(user.mkdir(&long_name).err(), Some(Errno::ENAMETOOLONG));
    assert_eq!(user.mkdir(&long_name[1..]), Ok(()));
    assert_eq!(user.at(&"/".repeat(4096)).err(), Some(Errno::ENAMETOOLONG));
    assert!(user.at(&"/".repeat(4095)).is_ok());
    assert_eq!(user.at("a\0b").err(), Some(Errno::EINVAL));
}

#[test]
fn symbolic_links_are_followed_relative_to_where_they_are() {
    let user = tree();
    user.symlink("../f", "/a/b/relative").unwrap();
    user.symlink("/a", "/d/absolute").unwrap();
    user.symlink("f/", "/a/slash").unwrap();
    user.symlink("b/", "/a/directory").unwrap();
    assert_eq!(user.read("/a/b/relative"), Ok(b"content".to_vec()));
    assert_eq!(user.read("/d/absolute/b/relative"), Ok(b"content".to_vec()));
    assert_eq!(user.at("/a/slash").err(), Some(Errno::ENOTDIR));
    assert!(user.at("/a/directory").unwrap().same(&user.at("/a/b").unwrap()));
    // Without following, a trailing slash follows all the same.
    assert!(user.walk().resolve(b"/a/directory/", false).unwrap().is_directory());
    assert!(!user.walk().resolve(b"/a/directory", false).unwrap().is_directory());
}

#[test]
fn forty_links_are_followed_and_one_more_is_eloop() {
    let user = tree();
    user.symlink("/a/f", "/l1").unwrap();
    for n in 2..=41 {
        user.symlink(&format!("l{}", n - 1), &format!("/l{n}")).unwrap();
    }
    assert!(user.at("/l40").is_ok());
    assert_eq!(user.at("/l41").err(), Some(Errno::ELOOP));
    user.symlink("/loop", "/loop").unwrap();
    assert_eq!(user.at("/loop/x").err(), Some(Errno::ELOOP));
    assert_eq!(user.open("/loop", OpenFlags::CREAT).err(), Some(Errno::ELOOP));
}

#[test]
fn search_permission_is_needed_on_every_directory() {
    let user = tree();
    user.walk().chmod(b"/a/b", true, 0o700).unwrap();
    let other = user.as_user(1000);
    assert!(other.at("/a/b").is_ok());
    for path in ["/a/b/.", "/a/b/..", "/a/b/c", "/a/b/missing"] {
        assert_eq!(other.at(path).err(), Some(Errno::EACCES), "{path}");
    }
    assert_eq!(other.at("/a/f/x").err(), Some(Errno::ENOTDIR), "no directory comes before no permission");
}

#[test]
fn a_changed_root_holds_its_process() {
    let mut user = tree();
    user.root = user.at("/a/b").unwrap();
    user.cwd = user.root.clone();
    assert!(user.at("/../../..").unwrap().same(&user.root));
    user.symlink("/../../f", "escape").unwrap();
    assert_eq!(user.at("escape").err(), Some(Errno::ENOENT));
    assert_eq!(user.getcwd(), Ok("/".into()));
}

#[test]
fn a_working_directory_follows_its_renaming_and_outlives_its_removal() {
    let mut user = tree();
    user.chdir("/a/b/c").unwrap();
    user.rename("/a/b", "/d/moved").unwrap();
    assert_eq!(user.getcwd(), Ok("/d/moved/c".into()));
    assert!(user.at("../..").unwrap().same(&user.at("/d").unwrap()));
    user.rmdir("/d/moved/c").unwrap();
    assert_eq!(user.getcwd(), Err(Errno::ENOENT));
    assert_eq!(user.cwd.display(&user.root), b"/d/moved/c (deleted)");
    assert_eq!(user.mkdir("x"), Err(Errno::ENOENT));
    assert_eq!(user.cwd.read_dir(0, &mut |_| true), Err(Errno::ENOENT));
    assert!(user.at("..").unwrap().same(&user.at("/d/moved").unwrap()), "the way up stays");
    user.mkdir("/d/moved/c").unwrap();
    assert_eq!(user.getcwd(), Err(Errno::ENOENT), "another directory of the same name is another directory");
}

#[test]
fn an_open_file_is_shown_where_it_is_now() {
    let user = tree();
    let opened = user.open("/a/f", OpenFlags::empty()).unwrap();
    user.rename("/a/f", "/d/g").unwrap();
    assert_eq!(opened.path.display(&user.root), b"/d/g");
    user.write("/d/h", b"").unwrap();
    user.rename("/d/h", "/d/g").unwrap();
    assert_eq!(opened.path.display(&user.root), b"/d/g (deleted)");
    assert!(opened.path.is_deleted());
}

#[test]
fn paths_beyond_path_max_are_bounded_and_their_places_are_dropped_without_recursion() {
    let mut user = User::root();
    for _ in 0..100_000 {
        user.mkdir("directory").unwrap();
        user.chdir("directory").unwrap();
    }
    assert_eq!(user.getcwd(), Err(Errno::ENAMETOOLONG));
    let shown = user.cwd.display(&user.root);
    assert!(shown.starts_with(b"(too long)/directory/") && shown.len() < 5000);
    user.cwd = user.root.clone();
}
