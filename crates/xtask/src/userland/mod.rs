//! `cargo xtask userland`: builds the programs of the software packages from their sources, by the recipes in `guest/recipes`.
//!
//!     cargo xtask userland                 every recipe
//!     cargo xtask userland grep sed        these, and the libraries they need
//!     cargo xtask userland --index         only docs/commands.md, SOURCES.lock and programs.json, from the recipes
//!     cargo xtask userland --changed       builds the recipes that HEAD's commit touches; fails when a module's bytes differ
//!     cargo xtask userland --check         exits 1 when those are stale, or a module does not match its checksum

mod build;
mod catalogue;
mod changed;
mod recipe;
mod source;
mod toolchain;

use recipe::Recipe;
use std::path::{Path, PathBuf};

/// Runs the command with the arguments that follow `userland`.
pub fn main(args: &[String]) -> Result<Vec<String>, String> {
    let recipes = recipe::load(Path::new("guest/recipes"))?;
    match args {
        [only] if only == "--check" => return catalogue::check(&recipes),
        [only] if only == "--changed" => return changed::rebuild(&recipes, &scratch()),
        [only] if only == "--index" => return catalogue::write(&recipes).map(|()| Vec::new()),
        _ => {}
    }
    let wanted = select(&recipes, args)?;
    let tools = toolchain::prepare(&scratch())?;
    let mut problems = Vec::new();
    for recipe in wanted {
        eprintln!("userland: {} {}", recipe.name, recipe.version());
        if let Err(error) = build::run_recipe(recipe, &tools) {
            problems.push(format!("{}: {error}", recipe.name));
        }
    }
    catalogue::write(&recipes)?;
    Ok(problems)
}

/// Where sources are unpacked and compiled: AGENTOS_USERLAND, or a folder of the user's cache.
fn scratch() -> PathBuf {
    if let Some(path) = std::env::var_os("AGENTOS_USERLAND") {
        return path.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache"));
    cache.join("agentos/userland")
}

/// The recipes named, each after those it depends on; all of them when none is named.
fn select<'a>(recipes: &'a [Recipe], names: &[String]) -> Result<Vec<&'a Recipe>, String> {
    let mut selected = Vec::new();
    let all: Vec<&str> = recipes.iter().map(|r| r.name.as_str()).collect();
    let names: Vec<&str> = if names.is_empty() { all } else { names.iter().map(String::as_str).collect() };
    for name in names {
        add(recipes, name, &mut selected, 0)?;
    }
    Ok(selected)
}

fn add<'a>(recipes: &'a [Recipe], name: &str, selected: &mut Vec<&'a Recipe>, depth: usize) -> Result<(), String> {
    let recipe = recipes.iter().find(|r| r.name == name).ok_or_else(|| format!("no recipe {name:?} in guest/recipes"))?;
    if depth > recipes.len() {
        return Err(format!("{name}: depends on itself"));
    }
    for needed in &recipe.depends {
        add(recipes, needed, selected, depth + 1)?;
    }
    if !selected.iter().any(|r| r.name == recipe.name) {
        selected.push(recipe);
    }
    Ok(())
}
