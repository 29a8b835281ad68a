//! The form of a recipe: one file `guest/recipes/NAME.toml` per source package.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// How one source package becomes modules, or a library for other recipes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name of the file without its ending.
    #[serde(skip)]
    pub name: String,
    /// The software package below `npm/` that the modules go to; none for a library.
    pub package: Option<String>,
    /// SPDX expression.
    pub licence: String,
    /// Where the source comes from.
    pub source: Source,
    /// Recipes of libraries that must be built before.
    #[serde(default)]
    pub depends: Vec<String>,
    /// Arguments of `configure` beside those that every program gets.
    #[serde(default)]
    pub configure: Vec<String>,
    /// Whether `configure` starts from the answers in guest/toolchain/config.site: GNU packages.
    #[serde(default)]
    pub gnu: bool,
    /// Added to CFLAGS; `-O2` is there already.
    #[serde(default)]
    pub cflags: String,
    /// Arguments of `make`.
    #[serde(default)]
    pub make: Vec<String>,
    /// Shell commands instead of `configure && make`, in an empty folder, with `$SRC` for the source and `$CONFIGURE` for the arguments.
    pub build: Option<String>,
    /// Shell commands in the unpacked source, before all else.
    pub prepare: Option<String>,
    /// Changes to the source: file below `guest/patches` to the reason.
    #[serde(default)]
    pub patches: BTreeMap<String, String>,
    /// Files of the build that are installed beside the programs: path in the build folder to path in the VM.
    #[serde(default)]
    pub data: BTreeMap<String, String>,
    /// What users should know.
    #[serde(default)]
    pub gaps: Vec<String>,
    /// The programs.
    #[serde(default)]
    pub module: Vec<Module>,
}

/// A Debian source package.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Name of the package; that of the recipe when absent.
    pub debian: Option<String>,
    /// Its version.
    pub version: String,
    /// sha256 of each of its files.
    #[serde(default)]
    pub sha256: BTreeMap<String, String>,
}

/// One WebAssembly module.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// Name below the package's `bin/`, without ending.
    pub name: String,
    /// What the build makes, relative to the build folder.
    pub file: String,
    /// How the program forks.
    #[serde(default)]
    pub fork: Fork,
    /// Passes of binaryen that go first.
    #[serde(default)]
    pub passes: Vec<String>,
    /// Functions of an instrumented program that call through pointers or deep into the program, but have no fork below them.
    #[serde(default)]
    pub never_forks: Vec<String>,
    /// Level of the optimizer: `-O2` when absent.
    pub optimize: Option<String>,
    /// The main command; `name` when absent.
    pub command: Option<String>,
    /// Further names of the same program: hard links.
    #[serde(default)]
    pub links: Vec<String>,
    /// One line for docs/commands.md.
    pub summary: String,
    /// A command line, run by the tests in a VM, and what it must print.
    pub smoke: Option<[String; 2]>,
}

/// What becomes of fork(2).
#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Fork {
    /// The program does not fork, or by posix_spawn, popen and system alone.
    #[default]
    None,
    /// `-Dfork=vfork`: the child only calls exec.
    Vfork,
    /// A true fork: the module is instrumented so that its stack can be copied.
    Asyncify,
}

impl Recipe {
    /// The source package's name.
    pub fn source_name(&self) -> &str {
        self.source.debian.as_deref().unwrap_or(&self.name)
    }

    /// The source package's version.
    pub fn version(&self) -> &str {
        &self.source.version
    }
}

/// All recipes of a folder, by name.
pub fn load(folder: &Path) -> Result<Vec<Recipe>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut recipes = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| e.to_string())?.path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut recipe: Recipe = toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        recipe.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        recipes.push(recipe);
    }
    recipes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(recipes)
}
