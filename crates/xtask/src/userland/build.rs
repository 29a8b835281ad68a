//! Building one recipe: fetch, configure, make, optimize, install into the package.

use super::recipe::{Fork, Module, Recipe};
use super::source;
use super::toolchain::{Toolchain, run};
use std::path::Path;
use std::process::Command;

/// What every `configure` gets. The host is one that GNU's scripts know as 32-bit Linux with musl.
const CONFIGURE: &str = "--host=i686-pc-linux-musl --build=x86_64-pc-linux-gnu --prefix=/usr --disable-nls --disable-dependency-tracking";

/// Instead of the tools that would make a package's generated files anew.
const NOREGEN: &str = "AUTOCONF=: AUTOMAKE=: ACLOCAL=: AUTOHEADER=: MAKEINFO=true";

/// Builds and installs.
///
/// A library that was built from the same recipe, compiler scripts and C library before is used as it is.
pub fn run_recipe(recipe: &Recipe, tools: &Toolchain) -> Result<(), String> {
    let stamp = tools.scratch.join("libs").join(format!("{}.built-from", recipe.name));
    let state = library_state(recipe, tools)?;
    if recipe.package.is_none() && std::fs::read_to_string(&stamp).is_ok_and(|text| text == state) {
        return Ok(());
    }
    let source = source::fetch(recipe, &tools.scratch)?;
    let folder = tools.scratch.join("build").join(&recipe.name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|e| e.to_string())?;
    }
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let script = recipe.build.clone().unwrap_or_else(|| format!("$SRC/configure $CONFIGURE\nmake $NOREGEN {}", recipe.make.join(" ")));
    compile(recipe, tools, &source, &folder, &script)?;
    for module in &recipe.module {
        finish(recipe, module, tools, &folder)?;
    }
    for (from, to) in &recipe.data {
        let to = Path::new("npm").join(recipe.package.as_deref().unwrap_or_default()).join("rootfs").join(to.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().unwrap_or(&to)).map_err(|e| e.to_string())?;
        std::fs::copy(folder.join(from), &to).map_err(|e| format!("{from}: {e}"))?;
    }
    copyright(recipe, &source, tools)?;
    if recipe.package.is_none() {
        std::fs::write(&stamp, state).map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn library_state(recipe: &Recipe, tools: &Toolchain) -> Result<String, String> {
    let own = source::sha256(Path::new(&format!("guest/recipes/{}.toml", recipe.name)))?;
    let compiler = source::sha256(&tools.scripts.join("cc"))?;
    Ok(format!("{own} {compiler}\n{}", std::fs::read_to_string(tools.sysroot.join("built-from")).unwrap_or_default()))
}

/// The licence text goes beside the modules; that of a library waits in the scratch folder for the programs that need it.
fn copyright(recipe: &Recipe, source: &Path, tools: &Toolchain) -> Result<(), String> {
    let waiting = tools.scratch.join("libs/copyright");
    let copy = |from: &Path, to: &Path, name: &str| -> Result<(), String> {
        std::fs::create_dir_all(to).map_err(|e| e.to_string())?;
        std::fs::copy(from, to.join(format!("{name}.copyright"))).map(drop).map_err(|e| format!("{}: {e}", from.display()))
    };
    let texts = ["debian/copyright", "COPYING", "LICENSE"].map(|name| source.join(name));
    let own = texts.iter().find(|path| path.exists()).ok_or_else(|| format!("{}: no licence text", recipe.name))?;
    let Some(package) = &recipe.package else { return copy(own, &waiting, recipe.source_name()) };
    let target = Path::new("npm").join(package).join("LICENSES");
    copy(own, &target, recipe.source_name())?;
    for library in &recipe.depends {
        copy(&waiting.join(format!("{library}.copyright")), &target, library)?;
    }
    Ok(())
}

fn compile(recipe: &Recipe, tools: &Toolchain, source: &Path, folder: &Path, script: &str) -> Result<(), String> {
    let vfork = recipe.module.iter().any(|m| m.fork == Fork::Vfork);
    let cflags = format!(
        "-O2 -ffile-prefix-map={}= -ffile-prefix-map={}= {}{}",
        source.display(),
        folder.display(),
        if vfork { "-Dfork=vfork " } else { "" },
        recipe.cflags
    );
    let jobs = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let site = if recipe.gnu { tools.scripts.join("config.site") } else { "/dev/null".into() };
    run(Command::new("sh")
        .current_dir(folder)
        .env("CONFIG_SITE", site)
        .args(["-ec", script])
        .env("SRC", source)
        .env("DEPS", tools.scratch.join("libs"))
        .env("CONFIGURE", format!("{CONFIGURE} {}", recipe.configure.join(" ")))
        .env("NOREGEN", NOREGEN)
        .env("MAKEFLAGS", format!("-j{jobs}"))
        .env("CFLAGS", cflags)
        .env("CC", tools.scripts.join("cc"))
        .env("AR", "llvm-ar-22")
        .env("RANLIB", "llvm-ranlib-22")
        .env("NM", "llvm-nm-22")
        .env("STRIP", "true")
        .env("CC_FOR_BUILD", "gcc")
        .env("BUILD_CC", "gcc")
        .env("PKG_CONFIG", "false")
        .env("FORCE_UNSAFE_CONFIGURE", "1")
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .env("ZERO_AR_DATE", "1")
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env("AGENTOS_SYSROOT", &tools.sysroot)
        .env("AGENTOS_DEPS", tools.scratch.join("libs")))
}

/// Optimizes a linked module and puts it into the package.
fn finish(recipe: &Recipe, module: &Module, tools: &Toolchain, folder: &Path) -> Result<(), String> {
    let package = recipe.package.as_deref().ok_or("a recipe with modules names a package")?;
    let target = Path::new("npm").join(package).join("bin");
    std::fs::create_dir_all(&target).map_err(|e| e.to_string())?;
    let level = module.optimize.as_deref().unwrap_or("-O2");
    let mut command = Command::new(tools.scripts.join("wasm-opt"));
    command.env("AGENTOS_BINARYEN", &tools.binaryen).arg(folder.join(&module.file)).args(&module.passes).arg(level);
    if module.fork == Fork::Asyncify {
        let list = folder.join(format!("{}.never-forks", module.name));
        std::fs::write(&list, never_forks(module, &tools.sysroot)?).map_err(|e| format!("{}: {e}", list.display()))?;
        command.args(["--asyncify", "--pass-arg=asyncify-imports@linux.fork"]).arg(format!("--pass-arg=asyncify-removelist@@{}", list.display()));
        // Instrumented code is large and plain; another round makes it smaller.
        command.arg(level);
    }
    run(command.arg("--translate-to-exnref").arg("-o").arg(target.join(format!("{}.wasm", module.name))))
}

/// Functions that stay uninstrumented: those of the C library, whose callbacks (streams, comparisons, signal handlers) do not
/// fork in any of our programs, and those that the recipe names.
fn never_forks(module: &Module, sysroot: &Path) -> Result<String, String> {
    let output = Command::new("llvm-nm-22").args(["--defined-only", "--extern-only"]).arg(sysroot.join("lib/libc.a")).output();
    let output = output.map_err(|e| format!("llvm-nm-22: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let functions = text.lines().filter_map(|line| line.split_once(" T ").or_else(|| line.split_once(" W "))).map(|(_, name)| name);
    // The sort's own, which call the comparison.
    let mut names: Vec<&str> = functions.filter(|name| !matches!(*name, "fork" | "_Fork")).chain(["sift", "trinkle"]).collect();
    names.extend(module.never_forks.iter().map(String::as_str));
    names.sort_unstable();
    names.dedup();
    Ok(names.join("\n"))
}
