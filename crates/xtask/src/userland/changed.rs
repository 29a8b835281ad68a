//! Rebuilding what a commit touches, for continuous integration: the committed modules must be what the recipes make.

use super::recipe::Recipe;
use super::source::sha256;
use super::{build, toolchain};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A commit that touches more recipes than this (the first of them, a new compiler) is checked by hand.
const MOST: usize = 3;

/// Builds the recipes that HEAD's commit touches and compares the modules. Without the compiler it says so and does nothing.
pub fn rebuild(recipes: &[Recipe], scratch: &Path) -> Result<Vec<String>, String> {
    let output = Command::new("git").args(["diff", "--name-only", "HEAD~1", "HEAD", "--", "guest/recipes"]).output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    let touched: Vec<&Recipe> = recipes.iter().filter(|r| text.lines().any(|line| line == format!("guest/recipes/{}.toml", r.name))).collect();
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    if touched.len() > MOST || Command::new("clang-22").arg("--version").output().is_err() {
        eprintln!("userland: {} recipes changed and are not built again here (no clang-22, or more than {MOST})", touched.len());
        return Ok(Vec::new());
    }
    let tools = toolchain::prepare(scratch)?;
    let mut problems = Vec::new();
    for recipe in touched {
        for library in recipe.depends.iter().filter_map(|name| recipes.iter().find(|r| r.name == *name)) {
            build::run_recipe(library, &tools)?;
        }
        let before = sums(recipe);
        build::run_recipe(recipe, &tools)?;
        for ((path, old), (_, new)) in before.iter().zip(sums(recipe)) {
            if old.is_ok() && *old != new {
                problems.push(format!("{}: the recipe makes other bytes than are committed", path.display()));
            }
        }
    }
    Ok(problems)
}

fn sums(recipe: &Recipe) -> Vec<(PathBuf, Result<String, String>)> {
    let folder = Path::new("npm").join(recipe.package.as_deref().unwrap_or_default()).join("bin");
    let path = |name: &str| folder.join(format!("{name}.wasm"));
    recipe.module.iter().map(|m| (path(&m.name), sha256(&path(&m.name)))).collect()
}
