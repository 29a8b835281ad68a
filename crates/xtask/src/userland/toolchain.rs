//! What every recipe is built with: clang, our port of musl, binaryen.

use super::recipe::Recipe;
use super::source;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The npm package of binaryen, and its version.
const BINARYEN: &str = "binaryen@132.0.0";

/// Debian packages that the recipes need.
const PACKAGES: &str = "clang-22 lld-22 llvm-22 libclang-rt-22-dev-wasm32 dpkg-dev autoconf automake libtool gettext autopoint bison flex texinfo";

/// Paths of the tools.
pub struct Toolchain {
    /// Everything below is in here.
    pub scratch: PathBuf,
    /// Scripts of `guest/toolchain`.
    pub scripts: PathBuf,
    /// Headers and libraries of the C library.
    pub sysroot: PathBuf,
    /// The unpacked npm package.
    pub binaryen: PathBuf,
}

/// Builds what is missing: the C library, and binaryen from npm.
pub fn prepare(scratch: &Path) -> Result<Toolchain, String> {
    if Command::new("clang-22").arg("--version").output().is_err() {
        return Err(format!("clang-22 is needed to build programs: apt-get install {PACKAGES}"));
    }
    std::fs::create_dir_all(scratch.join("libs/lib")).map_err(|e| e.to_string())?;
    std::fs::create_dir_all(scratch.join("libs/include")).map_err(|e| e.to_string())?;
    let here = std::env::current_dir().map_err(|e| e.to_string())?;
    // Several may run at a time, on different recipes; what they share is made by the first.
    let lock = std::fs::File::create(scratch.join("lock")).map_err(|e| e.to_string())?;
    lock.lock().map_err(|e| e.to_string())?;
    let tools = Toolchain {
        scratch: scratch.to_owned(),
        scripts: here.join("guest/toolchain"),
        sysroot: scratch.join("sysroot"),
        binaryen: scratch.join("binaryen/package"),
    };
    if !tools.binaryen.exists() {
        let folder = scratch.join("binaryen");
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        run(Command::new("sh").current_dir(&folder).args(["-ec", &format!("npm pack --silent {BINARYEN} && tar xzf *.tgz")]))?;
    }
    build_libc(&tools, &here)?;
    Ok(tools)
}

/// The port is built anew when one of its files has changed.
fn build_libc(tools: &Toolchain, here: &Path) -> Result<(), String> {
    let table = here.join("crates/rt-wasm/src/linux/table.rs");
    let state = fingerprint(&[here.join("guest/musl"), table.clone()])?;
    let stamp = tools.sysroot.join("built-from");
    if std::fs::read_to_string(&stamp).is_ok_and(|text| text == state) {
        return Ok(());
    }
    eprintln!("userland: musl");
    let text = std::fs::read_to_string("guest/musl/source.toml").map_err(|e| format!("guest/musl/source.toml: {e}"))?;
    let mut musl: Recipe = toml::from_str(&text).map_err(|e| format!("guest/musl/source.toml: {e}"))?;
    musl.name = "musl".to_owned();
    let source = source::fetch(&musl, &tools.scratch)?;
    run(Command::new(here.join("guest/musl/port.sh")).args([source.as_os_str(), table.as_os_str()]))?;
    run(Command::new(here.join("guest/musl/build.sh")).args([&source, &tools.sysroot]))?;
    std::fs::write(&stamp, state).map_err(|e| e.to_string())
}

/// Names and checksums of all files below.
fn fingerprint(paths: &[PathBuf]) -> Result<String, String> {
    let mut state = String::new();
    let mut stack = paths.to_vec();
    stack.sort();
    while let Some(path) = stack.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).map_err(|e| e.to_string())?;
            let mut below = entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
            below.sort();
            stack.append(&mut below);
        } else {
            state += &format!("{} {}\n", source::sha256(&path)?, path.file_name().unwrap_or_default().display());
        }
    }
    Ok(state)
}

/// Runs a command, and gives the end of its output when it fails.
pub fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{}: {e}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(25)..].join("\n");
    Err(format!("{}: {}\n{last}", command.get_program().display(), output.status))
}
