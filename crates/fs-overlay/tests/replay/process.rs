//! As much of a process as the suite's steps need: an identity, a working directory, a umask and descriptors.

use agentos_abi::stat::makedev;
use agentos_abi::time::SetTime;
use agentos_abi::{Errno, FileType, OpenFlags, RenameFlags, Result, Stat, Timespec};
use agentos_vfs::{Cred, Namespace, Opened, Path, Walk};
use serde_json::Value;

/// One step's process.
pub struct Process<'a> {
    pub ns: &'a Namespace,
    pub root: Path,
    pub cwd: Path,
    pub cred: Cred,
    pub umask: u32,
    fds: Vec<(Opened, OpenFlags)>,
}

/// A call that this harness does not do (a pointer to nowhere).
pub const NOT_DONE: &str = "?";

impl<'a> Process<'a> {
    pub fn new(ns: &'a Namespace, cwd: Path, cred: Cred, umask: u32) -> Process<'a> {
        Process { ns, root: ns.root(), cwd, cred, umask, fds: Vec::new() }
    }

    fn walk(&self) -> Walk<'_> {
        Walk { ns: self.ns, root: &self.root, base: &self.cwd, cred: &self.cred }
    }

    /// Moves to a directory, one component at a time: the path may be longer than PATH_MAX.
    pub fn chdir(&mut self, path: &str) -> Result<()> {
        for part in path.split('/').filter(|part| !part.is_empty()) {
            self.cwd = self.walk().resolve(part.as_bytes(), true)?;
        }
        Ok(())
    }

    /// Makes a call and answers its result as the suite writes it.
    pub fn call(&mut self, call: &[Value]) -> String {
        let Some(words) = call.iter().map(Value::as_str).collect::<Option<Vec<&str>>>() else { return NOT_DONE.into() };
        match self.dispatch(words[0], &words[1..]) {
            Ok(result) => result,
            Err(errno) => errno.name().into(),
        }
    }

    fn dispatch(&mut self, name: &str, args: &[&str]) -> Result<String> {
        let path = args[0].as_bytes();
        let walk = self.walk();
        match name {
            "open" => {
                let mode = args.get(2).map_or(0, |mode| number(mode) as u32);
                let opened = self.open(path, open_flags(args[1]), mode)?;
                self.fds.push(opened);
            }
            "create" => drop(walk.open(path, OpenFlags::CREAT | OpenFlags::EXCL, number(args[1]) as u32, self.umask)?),
            "mkdir" => drop(walk.mkdir(path, number(args[1]) as u32, self.umask)?),
            "mkfifo" => drop(walk.mknod(path, FileType::Fifo.bits() | number(args[1]) as u32, 0, self.umask)?),
            "mknod" => {
                let mode = node_type(args[1]).bits() | number(args[2]) as u32;
                walk.mknod(path, mode, makedev(number(args[3]) as u32, number(args[4]) as u32), self.umask)?;
            }
            "bind" => {
                drop(walk.mknod(path, FileType::Socket.bits() | 0o777, 0, self.umask).map_err(|e| if e == Errno::EEXIST { Errno::EADDRINUSE } else { e })?)
            }
            "symlink" => drop(walk.symlink(path, args[1].as_bytes())?),
            "link" => walk.link(&walk.resolve(path, false)?, args[1].as_bytes())?,
            "rename" => walk.rename(path, &self.cwd, args[1].as_bytes(), RenameFlags::empty())?,
            "unlink" => walk.unlink(path)?,
            "rmdir" => walk.rmdir(path)?,
            "chmod" => walk.chmod(path, true, number(args[1]) as u32)?,
            "chown" | "lchown" => walk.chown(path, name == "chown", id(args[1]), id(args[2]))?,
            "truncate" => walk.truncate(path, size(args[1])?)?,
            "ftruncate" => {
                let (opened, flags) = &self.fds[number(args[0]) as usize];
                let size = size(args[1])?;
                let file = opened.file.as_ref().filter(|_| flags.writable()).ok_or(Errno::EINVAL)?;
                drop(file.clone());
                opened.path.set_len(size, &self.cred)?;
            }
            "stat" | "lstat" => return Ok(fields(&walk.stat(path, name == "stat")?, args[1])),
            "fstat" => return Ok(fields(&self.fds[number(args[0]) as usize].0.path.stat()?, args[1])),
            "pathconf" => return Ok(if args[1] == "_PC_NAME_MAX" { "255" } else { "4096" }.into()),
            "utimensat" => self.utimensat(args)?,
            "write" | "pwrite" | "pread" => return self.transfer(name, args),
            other => panic!("call that is not known here: {other}"),
        }
        Ok("0".into())
    }

    /// The kernel's part of open(2): sockets, and FIFOs without a peer.
    fn open(&self, path: &[u8], flags: OpenFlags, mode: u32) -> Result<(Opened, OpenFlags)> {
        let opened = self.walk().open(path, flags, mode, self.umask)?;
        match opened.path.file_type() {
            FileType::Socket | FileType::CharDevice | FileType::BlockDevice => Err(Errno::ENXIO),
            FileType::Fifo if flags.writable() && !flags.readable() && flags.contains(OpenFlags::NONBLOCK) => Err(Errno::ENXIO),
            _ => Ok((opened, flags)),
        }
    }

    fn transfer(&self, name: &str, args: &[&str]) -> Result<String> {
        let (opened, flags) = &self.fds[number(args[0]) as usize];
        let file = opened.file.as_ref().ok_or(Errno::EBADF)?;
        if name == "pread" {
            let mut buf = vec![0; number(args[1]) as usize];
            let n = file.read_at(&mut buf, number(args[2]))?;
            return Ok(String::from_utf8_lossy(&buf[..n]).into_owned());
        }
        let offset = if name == "pwrite" { number(args[2]) } else { 0 };
        file.write_at(args[1].as_bytes(), offset, flags.contains(OpenFlags::APPEND))?;
        Ok("0".into())
    }

    fn utimensat(&self, args: &[&str]) -> Result<()> {
        let base = if args[0] == "AT_FDCWD" { &self.cwd } else { &self.fds[number(args[0]) as usize].0.path };
        let follow = !args[6..].iter().any(|flag| flag.contains("AT_SYMLINK_NOFOLLOW"));
        let time = |sec: &str, nsec: &str| match nsec {
            "UTIME_NOW" => SetTime::Now,
            "UTIME_OMIT" => SetTime::Omit,
            _ => SetTime::At(Timespec { sec: sec.parse().unwrap(), nsec: nsec.parse().unwrap() }),
        };
        Walk { base, ..self.walk() }.utimens(args[1].as_bytes(), follow, time(args[2], args[3]), time(args[4], args[5]))
    }

    /// The few shell lines of the suite.
    pub fn shell(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (home, umask) = (self.cwd.clone(), self.umask);
        match words.as_slice() {
            ["mkdir", "-p", path] => {
                for part in path.split('/') {
                    let _ = self.walk().mkdir(part.as_bytes(), 0o777, umask);
                    self.chdir(part).unwrap();
                }
                self.cwd = home;
            }
            ["rm", "-rf", path] => {
                let first = path.split('/').next().unwrap_or(path);
                remove_tree(self, first);
            }
            ["dd", _, target, ..] => self.write_file(target.trim_start_matches("of="), &[1; 12345]),
            ["echo", text, ">", target] => self.write_file(target, format!("{text}\n").as_bytes()),
            ["ln", "-s", target, path] => drop(self.walk().symlink(target.as_bytes(), path.as_bytes()).unwrap()),
            _ => panic!("shell line that is not known here: {line}"),
        }
    }

    fn write_file(&self, path: &str, content: &[u8]) {
        let flags = OpenFlags::CREAT | OpenFlags::TRUNC | OpenFlags::WRONLY;
        let opened = self.walk().open(path.as_bytes(), flags, 0o644, self.umask).unwrap();
        opened.file.unwrap().write_at(content, 0, false).unwrap();
    }
}

fn remove_tree(process: &mut Process<'_>, name: &str) {
    if process.walk().unlink(name.as_bytes()) == Err(Errno::EISDIR) {
        let home = process.cwd.clone();
        process.chdir(name).unwrap();
        let mut names = Vec::new();
        let emit = &mut |entry: agentos_abi::Dirent<'_>| {
            names.push(String::from_utf8_lossy(entry.name).into_owned());
            true
        };
        process.cwd.read_dir(2, emit).unwrap();
        names.iter().for_each(|name| remove_tree(process, name));
        process.cwd = home;
        process.walk().rmdir(name.as_bytes()).unwrap();
    }
}

fn fields(stat: &Stat, names: &str) -> String {
    let one = |name: &str| match name {
        "type" => match stat.file_type {
            FileType::Regular => "regular".into(),
            FileType::Directory => "dir".into(),
            FileType::Symlink => "symlink".into(),
            FileType::Fifo => "fifo".into(),
            FileType::Socket => "socket".into(),
            FileType::CharDevice => "char".into(),
            FileType::BlockDevice => "block".into(),
        },
        "mode" => format!("0{:o}", stat.mode.bits()),
        "inode" => stat.ino.to_string(),
        "nlink" => stat.nlink.to_string(),
        "uid" => stat.uid.to_string(),
        "gid" => stat.gid.to_string(),
        "size" => stat.size.to_string(),
        "blocks" => stat.blocks.to_string(),
        "major" => (stat.rdev >> 8 & 0xfff).to_string(),
        "minor" => (stat.rdev & 0xff).to_string(),
        "atime" => stat.atime.sec.to_string(),
        "mtime" => stat.mtime.sec.to_string(),
        "ctime" => stat.ctime.sec.to_string(),
        "atime_ns" => stat.atime.nsec.to_string(),
        "mtime_ns" => stat.mtime.nsec.to_string(),
        "ctime_ns" => stat.ctime.nsec.to_string(),
        other => panic!("field that is not known here: {other}"),
    };
    names.split(',').map(one).collect::<Vec<String>>().join(",")
}

/// Hexadecimal with `0x`, octal with a leading zero, else decimal.
fn number(text: &str) -> u64 {
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).unwrap();
    }
    match text.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u64::from_str_radix(octal, 8).unwrap(),
        _ => text.parse().unwrap(),
    }
}

/// A length of truncate(2): negative ones are the system call's to refuse.
fn size(text: &str) -> Result<u64> {
    text.parse::<i64>().ok().and_then(|size| u64::try_from(size).ok()).ok_or(Errno::EINVAL)
}

fn id(text: &str) -> Option<u32> {
    let id: i64 = text.parse().unwrap();
    u32::try_from(id).ok().filter(|id| *id != u32::MAX)
}

fn node_type(letter: &str) -> FileType {
    match letter {
        "b" => FileType::BlockDevice,
        "c" => FileType::CharDevice,
        "d" => FileType::Directory,
        "o" => FileType::Regular,
        _ => FileType::Fifo,
    }
}

fn open_flags(names: &str) -> OpenFlags {
    let one = |name: &str| match name.trim_start_matches("O_") {
        "WRONLY" => OpenFlags::WRONLY,
        "RDWR" => OpenFlags::RDWR,
        "CREAT" => OpenFlags::CREAT,
        "EXCL" => OpenFlags::EXCL,
        "TRUNC" => OpenFlags::TRUNC,
        "APPEND" => OpenFlags::APPEND,
        "NONBLOCK" => OpenFlags::NONBLOCK,
        "NOFOLLOW" => OpenFlags::NOFOLLOW,
        "DIRECTORY" => OpenFlags::DIRECTORY,
        _ => OpenFlags::empty(),
    };
    names.split(',').map(one).fold(OpenFlags::empty(), |all, flag| all | flag)
}
