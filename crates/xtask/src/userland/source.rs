//! Fetching a Debian source package, from the archive that the machine's apt is configured for, and checking it.

use super::recipe::Recipe;
use super::toolchain::run;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Releases of Debian that sources are taken from.
const RELEASES: &str = "bookworm trixie sid";

/// Downloads, checks and unpacks; gives the folder of the source.
pub fn fetch(recipe: &Recipe, scratch: &Path) -> Result<PathBuf, String> {
    let unpacked = scratch.join("src").join(format!("{}-{}", recipe.name, recipe.version().replace([':', '/'], "_")));
    if unpacked.exists() {
        std::fs::remove_dir_all(&unpacked).map_err(|e| e.to_string())?;
    }
    let downloads = scratch.join("dist");
    std::fs::create_dir_all(&downloads).map_err(|e| e.to_string())?;
    std::fs::create_dir_all(scratch.join("src")).map_err(|e| e.to_string())?;
    let files = recipe.source.sha256.keys().map(|name| downloads.join(name)).collect::<Vec<_>>();
    if files.is_empty() || files.iter().any(|f| !f.exists()) {
        let spec = format!("{}={}", recipe.source_name(), recipe.version());
        if !files.is_empty() && !recipe.source.sha256.keys().any(|name| name.ends_with(".dsc")) {
            return download(recipe, &downloads).and_then(|()| fetch(recipe, scratch));
        }
        run(apt(scratch)?.current_dir(&downloads).args(["source", "-qq", "--download-only", &spec]))?;
    }
    if files.is_empty() {
        return Err(format!("the recipe pins no files; they have these checksums:\n{}", pins(recipe, &downloads)?));
    }
    let mut description = None;
    for (name, expected) in &recipe.source.sha256 {
        let found = sha256(&downloads.join(name))?;
        if found != *expected {
            return Err(format!("{name}: sha256 is {found}, the recipe says {expected}"));
        }
        if name.ends_with(".dsc") {
            description = Some(downloads.join(name));
        }
    }
    match description {
        Some(file) => run(Command::new("dpkg-source").args(["-q".as_ref(), "--no-copy".as_ref(), "-x".as_ref(), file.as_os_str(), unpacked.as_os_str()]))?,
        None => unpack_original(&files, &unpacked)?,
    }
    let patches = std::env::current_dir().map_err(|e| e.to_string())?.join("guest/patches");
    for patch in recipe.patches.keys() {
        run(Command::new("patch").current_dir(&unpacked).args(["-p1", "-s", "-i"]).arg(patches.join(patch)))?;
    }
    if let Some(script) = &recipe.prepare {
        run(Command::new("sh").current_dir(&unpacked).env("PATCHES", &patches).args(["-ec", script]))?;
    }
    Ok(unpacked)
}

/// Without a .dsc among the pinned files: the upstream source as it is, where the archive has no description of a package any more.
fn unpack_original(files: &[PathBuf], unpacked: &Path) -> Result<(), String> {
    let original = files.iter().find(|file| file.to_string_lossy().contains(".orig.tar.")).ok_or("the recipe pins neither a .dsc nor an .orig.tar file")?;
    std::fs::create_dir_all(unpacked).map_err(|e| e.to_string())?;
    run(Command::new("tar").args(["--strip-components=1", "-C"]).arg(unpacked).arg("-xf").arg(original))
}

/// The pinned files from the archive's pool.
fn download(recipe: &Recipe, downloads: &Path) -> Result<(), String> {
    let (name, archive) = (recipe.source_name(), archive()?);
    let initial = name.get(..if name.starts_with("lib") { 4 } else { 1 }).unwrap_or(name);
    for file in recipe.source.sha256.keys() {
        let address = format!("{}/pool/main/{initial}/{name}/{file}", archive.trim_end_matches('/'));
        run(Command::new("curl").current_dir(downloads).args(["-fsSLO", &address]))?;
    }
    Ok(())
}

/// An apt-get with lists of source packages of its own, so that the machine's configuration stays as it is.
fn apt(scratch: &Path) -> Result<Command, String> {
    let root = scratch.join("apt");
    let lists = root.join("lists");
    let options = |command: &mut Command| {
        command.args(["-o", &format!("Dir::State::Lists={}", lists.display())]);
        command.args(["-o", &format!("Dir::Etc::SourceList={}", root.join("sources.list").display())]);
        command.args(["-o", "Dir::Etc::SourceParts=-", "-o", "APT::Sandbox::User=root"]);
    };
    if !root.join("sources.list").exists() {
        std::fs::create_dir_all(lists.join("partial")).map_err(|e| e.to_string())?;
        let archive = archive()?;
        let mut text = String::new();
        for release in RELEASES.split(' ') {
            let _ = writeln!(text, "deb-src {archive} {release} main");
        }
        std::fs::write(root.join("sources.list"), text).map_err(|e| e.to_string())?;
        let mut update = Command::new("apt-get");
        options(&mut update);
        run(update.args(["-qq", "update"]))?;
    }
    let mut command = Command::new("apt-get");
    options(&mut command);
    Ok(command)
}

/// The address of Debian's archive, as the machine's own sources have it.
fn archive() -> Result<String, String> {
    let output = Command::new("apt-get").args(["indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)"]).output();
    let output = output.map_err(|e| format!("apt-get indextargets: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = text.lines().find(|line| line.ends_with(" Debian Debian")).and_then(|line| line.split(' ').next());
    found.map(str::to_owned).ok_or_else(|| "this machine's apt knows no Debian archive".to_owned())
}

/// The `sha256` table of a recipe whose source has been downloaded.
fn pins(recipe: &Recipe, downloads: &Path) -> Result<String, String> {
    let plain = recipe.version().split_once(':').map_or(recipe.version(), |(_, rest)| rest);
    let description = format!("{}_{plain}.dsc", recipe.source_name());
    let text = std::fs::read_to_string(downloads.join(&description)).map_err(|e| format!("{description}: {e}"))?;
    let mut lines = format!("\"{description}\" = \"{}\"\n", sha256(&downloads.join(&description))?);
    let sums = text.split("Checksums-Sha256:").nth(1).unwrap_or_default();
    for line in sums.lines().skip(1).take_while(|line| line.starts_with(' ')) {
        if let [sum, _, name] = line.split_whitespace().collect::<Vec<_>>()[..]
            && !name.ends_with(".asc")
        {
            let _ = writeln!(lines, "\"{name}\" = \"{sum}\"");
        }
    }
    Ok(lines)
}

/// sha256 of a file, in hexadecimal digits.
pub fn sha256(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
