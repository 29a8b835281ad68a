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
pub fn run_recipe(recipe: &Recipe, tools: &Toolchain) -> Result<(), String> {
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
    run(Command::new("sh")
        .current_dir(folder)
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
        // Instrumented code is large and plain; another round makes it smaller.
        command.args(["--asyncify", "--pass-arg=asyncify-imports@linux.fork", level]);
    }
    run(command.arg("--translate-to-exnref").arg("-o").arg(target.join(format!("{}.wasm", module.name))))
}
