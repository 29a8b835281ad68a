//! Size and manners of source files: lengths, module docs, machine paths, leftovers.

use std::path::Path;
use std::process::Command;

/// A file longer than this, tests not counted, has more than one concern.
const MAX_LINES: usize = 800;

/// What is wrong with the tracked files.
pub fn check() -> Result<Vec<String>, String> {
    let output = Command::new("git").args(["ls-files", "-co", "--exclude-standard"]).output().map_err(|e| format!("git ls-files: {e}"))?;
    let files = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut problems = Vec::new();
    for file in files.lines().filter(|f| !f.starts_with("third_party/")) {
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        problems.extend(check_file(file, &text));
    }
    Ok(problems)
}

fn check_file(file: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let extension = Path::new(file).extension().and_then(|e| e.to_str()).unwrap_or_default();
    let is_source = matches!(extension, "rs" | "ts" | "js" | "mjs");
    if !is_source {
        return problems;
    }
    let code = if extension == "rs" { text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text) } else { text };
    let lines = code.lines().count();
    if lines > MAX_LINES && !file.ends_with(".d.ts") {
        problems.push(format!("{file}: {lines} lines, at most {MAX_LINES}: split it by concern"));
    }
    if extension == "rs" && !text.starts_with("//!") && !text.starts_with("#!") {
        problems.push(format!("{file}:1: no module documentation (`//!`)"));
    }
    for (i, line) in text.lines().enumerate() {
        // Spelled in two parts, so that this file passes its own check.
        for banned in [concat!("todo", "!("), concat!("unimple", "mented!("), concat!("dbg", "!(")] {
            if line.contains(banned) {
                problems.push(format!("{file}:{}: {banned}...)", i + 1));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_without_docs_is_told_twice() {
        let text = "fn a() {}\n".repeat(MAX_LINES + 1);
        assert_eq!(check_file("a.rs", &text).len(), 2);
    }

    #[test]
    fn test_modules_do_not_count() {
        let text = format!("//! Doc.\n\n#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(MAX_LINES));
        assert!(check_file("a.rs", &text).is_empty());
    }
}
