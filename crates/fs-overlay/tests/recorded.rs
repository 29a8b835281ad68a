//! Random system calls, recorded on Linux (tmpfs, kernel 6.18, `fs.protected_hardlinks` on) and replayed on our file systems: every
//! result and the tree at the end must be the same.
//!
//! Each line of `recorded/linux.jsonl` is a sequence; a step is `[uid, gids, umask, call, result]`. `recorded/record.py` makes more.

#[path = "replay/clock.rs"]
mod clock;

use agentos_abi::stat::makedev;
use agentos_abi::time::SetTime;
use agentos_abi::{Errno, FileType, OpenFlags, RenameFlags, Stat, Timespec};
use agentos_fs_overlay::OverlayFs;
use agentos_fs_tmpfs::{Tmpfs, TmpfsOptions};
use agentos_vfs::{Cred, Namespace, Path, Quota, Walk};
use clock::ManualClock;
use serde_json::Value;
use std::sync::Arc;

/// Quota of each file system.
const BYTES: u64 = 1 << 30;
const INODES: u64 = 1 << 20;

#[test]
fn tmpfs_does_as_linux_did() {
    replay(None);
}

/// What was made before is then in the lower layer, and what comes is in the upper one.
#[test]
fn an_overlay_does_as_linux_did() {
    for steps_in_lower in [0, 13, 50, 90] {
        replay(Some(steps_in_lower));
    }
}

/// Replays every sequence on tmpfs, which from step `overlay_at` on is the lower layer of an overlay.
fn replay(overlay_at: Option<usize>) {
    let text = include_str!("recorded/linux.jsonl");
    let failures: Vec<String> = text.lines().filter_map(|line| run(&serde_json::from_str(line).unwrap(), overlay_at).err()).collect();
    assert!(failures.is_empty(), "overlay at {overlay_at:?}: {} of {} sequences differ:\n{}", failures.len(), text.lines().count(), failures.join("\n"));
}

fn run(sequence: &Value, overlay_at: Option<usize>) -> Result<(), String> {
    let clock = Arc::new(ManualClock::new());
    let tmpfs = |quota: &Arc<Quota>| {
        let options = TmpfsOptions { mode: 0o777, allow_devices: true, ..TmpfsOptions::default() };
        Tmpfs::with_options(clock.clone(), quota.clone(), options)
    };
    let mut quota = Arc::new(Quota::new(BYTES, INODES));
    let lower = tmpfs(&quota);
    let lower_ns = Namespace::new(lower.clone());
    let mut lower_tree = None;
    let mut ns = lower_ns.clone();
    for (index, step) in sequence["steps"].as_array().unwrap().iter().enumerate() {
        if overlay_at == Some(index) {
            quota = Arc::new(Quota::new(BYTES, INODES));
            lower_tree = Some(tree(&lower_ns));
            ns = Namespace::new(OverlayFs::new(tmpfs(&quota), vec![lower.clone()], clock.clone(), quota.clone()));
        }
        let got = do_step(&ns, step);
        if step[4].as_str() != Some(&*got) {
            return Err(format!("{} step {index}: {step} got {got}", sequence["id"]));
        }
    }
    if lower_tree.is_some_and(|before| before != tree(&lower_ns)) {
        return Err(format!("{}: the lower layer changed", sequence["id"]));
    }
    let want: Vec<&str> = sequence["tree"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let got = tree(&ns);
    if got != want {
        return Err(format!("{} tree: {want:?} got {got:?}", sequence["id"]));
    }
    remove_below(&ns, &ns.root());
    // A changed root directory of an overlay is an inode of its own.
    let left = (BYTES - quota.free_bytes(), INODES - quota.free_inodes() - u64::from(overlay_at.is_some()));
    if left == (0, 0) { Ok(()) } else { Err(format!("{}: nothing is there any more, but {left:?} is charged", sequence["id"])) }
}

fn remove_below(ns: &Namespace, directory: &Path) {
    let root = ns.root();
    let walk = Walk { ns, root: &root, base: directory, cred: &Cred::root() };
    for name in names(directory) {
        if walk.unlink(name.as_bytes()) == Err(Errno::EISDIR) {
            remove_below(ns, &walk.resolve(name.as_bytes(), false).unwrap());
            walk.rmdir(name.as_bytes()).unwrap();
        }
    }
}

fn names(directory: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let emit = &mut |entry: agentos_abi::Dirent<'_>| {
        names.push(String::from_utf8(entry.name.to_vec()).unwrap());
        true
    };
    directory.read_dir(2, emit).unwrap();
    names
}

/// All names in order, with their attributes.
fn tree(ns: &Namespace) -> Vec<String> {
    let mut lines = Vec::new();
    list(ns, &ns.root(), "", &mut lines);
    lines.sort();
    lines
}

fn do_step(ns: &Namespace, step: &Value) -> String {
    let root = ns.root();
    let uid = step[0].as_u64().unwrap() as u32;
    let groups: Vec<u32> = step[1].as_array().unwrap().iter().map(|gid| gid.as_u64().unwrap() as u32).collect();
    let cred = Cred { uid, gid: groups[0], groups: groups.into(), privileged: uid == 0, guard: None };
    let umask = u32::from_str_radix(step[2].as_str().unwrap(), 8).unwrap();
    let words: Vec<&str> = step[3].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let walk = Walk { ns, root: &root, base: &root, cred: &cred };
    call(&walk, umask, &words).unwrap_or_else(|errno| errno.name().into())
}

fn call(walk: &Walk<'_>, umask: u32, words: &[&str]) -> Result<String, Errno> {
    let path = words[1].as_bytes();
    let octal = |at: usize| u32::from_str_radix(words[at], 8).unwrap();
    match words[0] {
        "open" => {
            let flags = open_flags(words[2]) | OpenFlags::NONBLOCK;
            let opened = walk.open(path, flags, octal(3), umask)?;
            no_peer(&opened.path, flags)?;
        }
        "write" => {
            let opened = walk.open(path, OpenFlags::WRONLY, 0, 0)?;
            no_peer(&opened.path, OpenFlags::WRONLY)?;
            opened.file.ok_or(Errno::EIO)?.write_at(b"xyz", 0, false)?;
        }
        "mkdir" => drop(walk.mkdir(path, octal(2), umask)?),
        "mkfifo" => drop(walk.mknod(path, FileType::Fifo.bits() | octal(2), 0, umask)?),
        "mknod" => {
            let file_type = match words[2] {
                "c" => FileType::CharDevice,
                "d" => FileType::Directory,
                _ => FileType::Regular,
            };
            walk.mknod(path, file_type.bits() | octal(3), makedev(1, 2), umask)?;
        }
        "symlink" => drop(walk.symlink(path, words[2].as_bytes())?),
        "link" => walk.link(&walk.resolve(path, words[3] == "follow")?, words[2].as_bytes())?,
        "renameat2" => walk.rename(path, walk.base, words[2].as_bytes(), RenameFlags::from_bits_retain(words[3].parse().unwrap()))?,
        "unlink" => walk.unlink(path)?,
        "rmdir" => walk.rmdir(path)?,
        "chmod" => walk.chmod(path, true, octal(2))?,
        "chown" | "lchown" => walk.chown(path, words[0] == "chown", words[2].parse().ok(), words[3].parse().ok())?,
        "truncate" => walk.truncate(path, words[2].parse().unwrap())?,
        "access" => walk.access(path, true, words[2].parse().unwrap())?,
        "readlink" => return Ok(String::from_utf8(walk.readlink(path)?).unwrap()),
        "utimensat" => walk.utimens(path, words[4] == "follow", time(words[2], 5, 7), time(words[3], 6, 8))?,
        other => panic!("call that is not known here: {other}"),
    }
    Ok("0".into())
}

/// What the kernel adds to open(2): there is no device behind a number, and nobody at the other end of a FIFO.
fn no_peer(path: &Path, flags: OpenFlags) -> Result<(), Errno> {
    match path.file_type() {
        _ if flags.contains(OpenFlags::PATH) => Ok(()),
        FileType::CharDevice => Err(Errno::ENXIO),
        FileType::Fifo if flags.writable() && !flags.readable() => Err(Errno::ENXIO),
        _ => Ok(()),
    }
}

fn time(word: &str, sec: i64, nsec: u32) -> SetTime {
    match word {
        "now" => SetTime::Now,
        "omit" => SetTime::Omit,
        _ => SetTime::At(Timespec { sec, nsec }),
    }
}

fn open_flags(names: &str) -> OpenFlags {
    let one = |name: &str| match name {
        "O_RDONLY" => OpenFlags::empty(),
        "O_WRONLY" => OpenFlags::WRONLY,
        "O_RDWR" => OpenFlags::RDWR,
        "O_CREAT" => OpenFlags::CREAT,
        "O_EXCL" => OpenFlags::EXCL,
        "O_TRUNC" => OpenFlags::TRUNC,
        "O_NOFOLLOW" => OpenFlags::NOFOLLOW,
        "O_DIRECTORY" => OpenFlags::DIRECTORY,
        "O_PATH" => OpenFlags::PATH,
        "O_TMPFILE" => OpenFlags::TMPFILE,
        "O_NOATIME" => OpenFlags::NOATIME,
        other => panic!("flag that is not known here: {other}"),
    };
    names.split(',').map(one).fold(OpenFlags::empty(), |all, flag| all | flag)
}

/// Every name below, with its attributes.
fn list(ns: &Namespace, directory: &Path, prefix: &str, out: &mut Vec<String>) {
    let root = ns.root();
    for name in names(directory) {
        let walk = Walk { ns, root: &root, base: directory, cred: &Cred::root() };
        let child = walk.resolve(name.as_bytes(), false).unwrap();
        let path = format!("{prefix}{name}");
        out.push(format!("{path} {}", fields(&child.stat().unwrap())));
        if child.is_directory() {
            list(ns, &child, &format!("{path}/"), out);
        }
    }
}

/// Type, mode, links, owner, group and, but for directories, size.
fn fields(stat: &Stat) -> String {
    let (file_type, size) = match stat.file_type {
        FileType::Regular => ("regular", stat.size.to_string()),
        FileType::Directory => ("dir", "*".into()),
        FileType::Symlink => ("symlink", stat.size.to_string()),
        FileType::Fifo => ("fifo", stat.size.to_string()),
        FileType::Socket => ("socket", stat.size.to_string()),
        FileType::CharDevice => ("char", stat.size.to_string()),
        FileType::BlockDevice => ("block", stat.size.to_string()),
    };
    format!("{file_type},0{:o},{},{},{},{size}", stat.mode.bits(), stat.nlink, stat.uid, stat.gid)
}
