//! The base image: what the listed packages put into the file tree, built once per set of packages and shared by all VMs.

use crate::error::{Error, Result};
use crate::manifest::Software;
use crate::options::UserOptions;
use crate::system_files::SYSTEM_FILES;
use agentos_fs_tmpfs::{Image, ImageBuilder};
use agentos_vfs::FileSystem;
use memmap2::Mmap;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// Directories that every image has, with mode and whether they are the user's.
const DIRECTORIES: &[(&str, u32)] = &[
    ("/dev", 0o755),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/mnt", 0o755),
    ("/opt", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/srv", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr", 0o755),
    ("/usr/bin", 0o755),
    ("/usr/sbin", 0o755),
    ("/usr/lib", 0o755),
    ("/usr/local", 0o755),
    ("/usr/local/bin", 0o755),
    ("/usr/share", 0o755),
    ("/var", 0o755),
    ("/var/log", 0o755),
    ("/var/tmp", 0o1777),
];
/// Merged /usr, as Debian has it.
const USR_LINKS: &[(&str, &str)] = &[("/bin", "usr/bin"), ("/sbin", "usr/sbin"), ("/lib", "usr/lib"), ("/var/run", "/run")];

type Key = (Vec<Software>, UserOptions);

/// The image of these packages for this user.
///
/// # Errors
/// `ERR_AGENTOS_SOFTWARE` naming the package and the file that is missing or does not fit.
pub fn base_image(software: &[Software], user: &UserOptions) -> Result<Arc<dyn FileSystem>> {
    static IMAGES: LazyLock<Mutex<HashMap<String, Arc<Image>>>> = LazyLock::new(Mutex::default);
    let key: Key = (software.to_vec(), user.clone());
    let key = format!("{key:?}");
    if let Some(image) = IMAGES.lock().get(&key) {
        return Ok(image.clone());
    }
    let image = build(software, user)?;
    IMAGES.lock().insert(key, image.clone());
    Ok(image)
}

fn build(software: &[Software], user: &UserOptions) -> Result<Arc<Image>> {
    let mut builder = ImageBuilder::new();
    let fail = |what: &str, errno: agentos_abi::Errno| Error::new("ERR_AGENTOS_SOFTWARE", format!("base image: {what}: {errno}"));
    for (path, mode) in DIRECTORIES {
        builder.directory(path, *mode, 0, 0).map_err(|e| fail(path, e))?;
    }
    for (path, target) in USR_LINKS {
        builder.symlink(path, target).map_err(|e| fail(path, e))?;
    }
    builder.directory(&user.home, 0o755, user.uid, user.gid).map_err(|e| fail(&user.home, e))?;
    builder.file("/usr/bin/node", agentos_rt_v8::NODE_STUB, 0o755, None).map_err(|e| fail("/usr/bin/node", e))?;
    for package in software {
        add(&mut builder, package, user)?;
    }
    for (path, text) in [("/etc/passwd", passwd_line(user)), ("/etc/group", group_line(user))] {
        match builder.file(path, text.into_bytes().leak(), 0o644, None) {
            // A package brings it, and the user is in it.
            Ok(()) | Err(agentos_abi::Errno::EEXIST) => {}
            Err(errno) => return Err(fail(path, errno)),
        }
    }
    for (path, text) in SYSTEM_FILES {
        match builder.file(path, text.as_bytes(), 0o444, None) {
            Ok(()) | Err(agentos_abi::Errno::EEXIST) => {}
            Err(errno) => return Err(fail(path, errno)),
        }
    }
    Ok(builder.build())
}

/// Adds one package.
fn add(builder: &mut ImageBuilder, package: &Software, user: &UserOptions) -> Result<()> {
    let fail = |what: &str, why: String| Error::new("ERR_AGENTOS_SOFTWARE", format!("package {}: {what}: {why}", package.name));
    for file in &package.files {
        let host = package.root.join(&file.source);
        let content = map(&host).map_err(|e| fail(&host.display().to_string(), format!("{e}; was the package built?")))?;
        let hash =
            file.sha256.as_deref().map(|hex| parse_hash(hex).ok_or_else(|| fail(&file.path, format!("sha256 {hex:?} is not 64 hex digits")))).transpose()?;
        let content = for_user(&file.path, content, user);
        builder.file(&file.path, content, file.mode, hash).map_err(|e| fail(&file.path, e.to_string()))?;
    }
    for directory in &package.directories {
        add_directory(builder, &package.root.join(&directory.source), &directory.path).map_err(|(what, why)| fail(&what, why))?;
    }
    for link in &package.links {
        builder.link(&link.path, &link.to).map_err(|e| fail(&link.path, e.to_string()))?;
    }
    for link in &package.symlinks {
        builder.symlink(&link.path, &link.target).map_err(|e| fail(&link.path, e.to_string()))?;
    }
    for tree in &package.trees {
        builder.directory(&tree.path, 0o755, 0, 0).map_err(|e| fail(&tree.path, e.to_string()))?;
    }
    Ok(())
}

/// Reads a host directory and what is below it into the image. What is neither a file nor a directory is left out.
///
/// Not mapped: such directories hold many small files, and each mapping is a page and a system call more.
fn add_directory(builder: &mut ImageBuilder, host: &Path, path: &str) -> std::result::Result<(), (String, String)> {
    let unreadable = |e: std::io::Error| (host.display().to_string(), e.to_string());
    builder.directory(path, 0o755, 0, 0).map_err(|e| (path.to_owned(), e.to_string()))?;
    for entry in std::fs::read_dir(host).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        let below = format!("{path}/{}", entry.file_name().display());
        if kind.is_dir() {
            add_directory(builder, &entry.path(), &below)?;
        } else if kind.is_file() {
            // Images are never dropped.
            let content = std::fs::read(entry.path()).map_err(unreadable)?.leak();
            builder.file(&below, content, 0o644, None).map_err(|e| (below.clone(), e.to_string()))?;
        }
    }
    Ok(())
}

/// A package's file, mapped for the life of the process: images are never dropped.
///
/// Packages are installed by replacing files, not by writing into them, so the mapping stays what it was.
#[allow(unsafe_code, reason = "mapping is the only way to share file content between VMs and processes without reading it")]
fn map(path: &Path) -> std::io::Result<&'static [u8]> {
    let file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(&[]);
    }
    // SAFETY: the file belongs to an installed package, which is trusted like the addon itself; truncating it under a running
    // host would be like truncating the addon.
    let map = unsafe { Mmap::map(&file)? };
    Ok(Box::leak(Box::new(map)))
}

fn parse_hash(hex: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

/// A package's passwd(5) or group(5) with the VM's user in place of the packages' default one; other files as they are.
fn for_user(path: &str, content: &'static [u8], user: &UserOptions) -> &'static [u8] {
    let line = match path {
        "/etc/passwd" => passwd_line(user),
        "/etc/group" => group_line(user),
        _ => return content,
    };
    let default = UserOptions::default();
    if *user == default {
        return content;
    }
    let text = String::from_utf8_lossy(content);
    let others = text.split_inclusive('\n').filter(|line| line.split(':').next() != Some(&default.name));
    let text: String = others.chain([line.as_str()]).collect();
    // Images are never dropped.
    text.into_bytes().leak()
}

fn passwd_line(user: &UserOptions) -> String {
    format!("{}:x:{}:{}:{0}:{}:/bin/bash\n", user.name, user.uid, user.gid, user.home)
}

fn group_line(user: &UserOptions) -> String {
    format!("{}:x:{}:\n", user.name, user.gid)
}
