//! What the recipes say about the packages: `npm/PACKAGE/{programs.json,SOURCES.lock,SHA256SUMS}` and docs/commands.md.

use super::recipe::{Fork, Recipe};
use super::source::sha256;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Commands that agents may look for and that cannot be had yet, with the reason: guest/missing.toml.
#[derive(serde::Deserialize)]
struct Missing {
    missing: BTreeMap<String, String>,
}

/// Writes the files.
pub fn write(recipes: &[Recipe]) -> Result<(), String> {
    for (path, text) in generate(recipes)? {
        std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}

/// The files that are not as [`write`] would write them.
pub fn check(recipes: &[Recipe]) -> Result<Vec<String>, String> {
    let stale = |(path, text): (PathBuf, String)| match std::fs::read_to_string(&path) {
        Ok(found) if found == text => None,
        _ => Some(format!("{}: stale, run cargo xtask userland --index", path.display())),
    };
    let mut problems: Vec<String> = generate(recipes)?.into_iter().filter_map(stale).collect();
    for recipe in recipes {
        for module in &recipe.module {
            let path = Path::new("npm").join(recipe.package.as_deref().unwrap_or_default()).join(format!("bin/{}.wasm", module.name));
            if !path.exists() {
                problems.push(format!("{}: missing, run cargo xtask userland {}", path.display(), recipe.name));
            }
        }
    }
    Ok(problems)
}

fn generate(recipes: &[Recipe]) -> Result<Vec<(PathBuf, String)>, String> {
    let packages: BTreeSet<&str> = recipes.iter().filter_map(|r| r.package.as_deref()).collect();
    let mut files = Vec::new();
    for package in packages {
        let of_package: Vec<&Recipe> = recipes.iter().filter(|r| r.package.as_deref() == Some(package)).collect();
        let folder = Path::new("npm").join(package);
        files.push((folder.join("programs.json"), pretty(&programs(&folder, &of_package))));
        files.push((folder.join("SOURCES.lock"), pretty(&sources(recipes, &of_package))));
    }
    files.push((PathBuf::from("docs/commands.md"), commands(recipes)?));
    Ok(files)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn programs(folder: &Path, recipes: &[&Recipe]) -> Value {
    let mut rows = Vec::new();
    for module in recipes.iter().flat_map(|r| &r.module) {
        let source = format!("bin/{}.wasm", module.name);
        let command = module.command.as_ref().unwrap_or(&module.name);
        // A module that has not been built is left out here; `check` tells of it.
        let Ok(sum) = sha256(&folder.join(&source)) else { continue };
        rows.push(json!({ "module": module.name, "source": source, "command": command, "links": module.links, "sha256": sum, "smoke": module.smoke }));
    }
    Value::Array(rows)
}

fn sources(all: &[Recipe], recipes: &[&Recipe]) -> Value {
    let mut libraries = BTreeSet::new();
    recipes.iter().for_each(|r| collect_libraries(all, r, &mut libraries));
    let library = |name: &&str| all.iter().find(|r| r.name == **name).map(entry);
    json!({
        "fetch": "apt-get source SOURCE=VERSION",
        "rebuild": "cargo xtask userland RECIPE",
        "recipes": recipes.iter().map(|r| entry(r)).collect::<Vec<_>>(),
        "libraries": libraries.iter().filter_map(library).collect::<Vec<_>>(),
        "everywhere": [
            { "source": "musl", "version": musl_version(), "licence": "MIT", "changes": "guest/musl" },
            { "source": "llvm-toolchain-22", "licence": "Apache-2.0 WITH LLVM-exception", "changes": "none", "what": "compiler-rt builtins" },
        ],
    })
}

fn musl_version() -> String {
    let text = std::fs::read_to_string("guest/musl/source.toml").unwrap_or_default();
    toml::from_str::<Recipe>(&text).map(|r| r.source.version).unwrap_or_default()
}

fn collect_libraries<'a>(all: &'a [Recipe], recipe: &'a Recipe, found: &mut BTreeSet<&'a str>) {
    for name in &recipe.depends {
        if found.insert(name)
            && let Some(library) = all.iter().find(|r| r.name == *name)
        {
            collect_libraries(all, library, found);
        }
    }
}

fn entry(recipe: &Recipe) -> Value {
    let modules: Vec<&str> = recipe.module.iter().map(|m| m.name.as_str()).collect();
    json!({ "recipe": recipe.name, "source": recipe.source_name(), "version": recipe.version(), "licence": recipe.licence, "modules": modules, "patches": recipe.patches, "files": recipe.source.sha256 })
}

fn commands(recipes: &[Recipe]) -> Result<String, String> {
    let mut rows = BTreeMap::new();
    for recipe in recipes {
        for module in &recipe.module {
            let command = module.command.as_ref().unwrap_or(&module.name);
            for name in std::iter::once(command).chain(&module.links) {
                let package = recipe.package.as_deref().unwrap_or_default();
                rows.insert(name.clone(), format!("| `{name}` | {} | @agentos/{package} | {} {} |", module.summary, recipe.source_name(), recipe.version()));
            }
        }
    }
    let mut text = String::from(
        "# Commands\n\nWritten from `guest/recipes` by `cargo xtask userland --index`. Scripts (egrep, zcat, which, ...) and `node`, `npm`, `npx` come beside them.\n\n| command | what | package | source |\n|---|---|---|---|\n",
    );
    rows.values().for_each(|row| {
        let _ = writeln!(text, "{row}");
    });
    let forks = recipes.iter().flat_map(|r| &r.module).filter(|m| m.fork == Fork::Asyncify).map(|m| format!("`{}`", m.name)).collect::<Vec<_>>();
    let _ = write!(text, "\nInstrumented for fork(2): {}.\n\n## Known gaps\n\n", forks.join(", "));
    for recipe in recipes {
        recipe.gaps.iter().for_each(|gap| {
            let _ = writeln!(text, "- {}: {gap}", recipe.name);
        });
    }
    let missing = std::fs::read_to_string("guest/missing.toml").map_err(|e| format!("guest/missing.toml: {e}"))?;
    let missing: Missing = toml::from_str(&missing).map_err(|e| format!("guest/missing.toml: {e}"))?;
    text += "\n## Not there yet\n\nThese say so themselves, with exit status 127.\n\n";
    for (name, reason) in missing.missing {
        let _ = writeln!(text, "- `{name}`: {reason}");
    }
    Ok(text)
}
