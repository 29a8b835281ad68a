//! Dependencies point down only: compares `cargo metadata` with the list of ARCHITECTURE.md, "Layers".

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// Allowed edges inside the workspace. Any crate may name `agentos-abi` and `agentos-waiter`; `xtask` may name any.
const ALLOWED: &[(&str, &[&str])] = &[
    ("agentos-abi", &[]),
    ("agentos-waiter", &[]),
    ("agentos-account", &[]),
    ("agentos-policy", &[]),
    ("agentos-tools", &[]),
    ("agentos-syscall", &["agentos-account"]),
    ("agentos-vfs", &["agentos-account"]),
    ("agentos-net", &["agentos-account", "agentos-policy", "agentos-vfs"]),
    ("agentos-kernel", &["agentos-account", "agentos-policy", "agentos-syscall", "agentos-vfs", "agentos-net"]),
    ("agentos-fs-tmpfs", &["agentos-vfs"]),
    ("agentos-fs-overlay", &["agentos-vfs"]),
    ("agentos-fs-host", &["agentos-vfs"]),
    ("agentos-fs-proc", &["agentos-kernel", "agentos-vfs"]),
    ("agentos-fs-dev", &["agentos-kernel", "agentos-vfs"]),
    ("agentos-net-host", &["agentos-net", "agentos-vfs"]),
    ("agentos-rt-wasm", &["agentos-account", "agentos-syscall"]),
    ("agentos-rt-v8", &["agentos-account", "agentos-syscall"]),
    (
        "agentos",
        &[
            "agentos-account",
            "agentos-policy",
            "agentos-tools",
            "agentos-syscall",
            "agentos-vfs",
            "agentos-kernel",
            "agentos-rt-wasm",
            "agentos-rt-v8",
            "agentos-fs-tmpfs",
            "agentos-fs-overlay",
            "agentos-fs-host",
            "agentos-fs-proc",
            "agentos-fs-dev",
            "agentos-net",
            "agentos-net-host",
        ],
    ),
    ("agentos-node", &["agentos"]),
];

/// Crates that must never see an engine, an executor or the binding, however indirectly.
const PURE: &[&str] =
    &["agentos-abi", "agentos-waiter", "agentos-account", "agentos-policy", "agentos-syscall", "agentos-vfs", "agentos-net", "agentos-kernel"];
const IMPURE: &[&str] = &["v8", "deno_core", "wasmtime", "napi", "tokio"];

/// Edges that the list does not have.
pub fn check() -> Result<Vec<String>, String> {
    let output = Command::new("cargo").args(["metadata", "--format-version", "1", "--no-deps"]).output().map_err(|e| format!("cargo metadata: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata has no packages")?;
    let mut problems = Vec::new();
    for package in packages.iter().filter(|p| p["source"].is_null()) {
        let name = package["name"].as_str().unwrap_or_default();
        if name == "xtask" {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(n, _)| *n == name) else {
            problems.push(format!("crate {name} is in no layer: add it to crates/xtask/src/layers.rs and ARCHITECTURE.md"));
            continue;
        };
        for dependency in normal_dependencies(package) {
            let inside = dependency.starts_with("agentos");
            let free = matches!(dependency, "agentos-abi" | "agentos-waiter");
            if inside && !free && !allowed.contains(&dependency) {
                problems.push(format!("{name} -> {dependency} is not an allowed edge"));
            }
            if PURE.contains(&name) && IMPURE.contains(&dependency) {
                problems.push(format!("{name} -> {dependency}: the kernel side knows no engine, executor or binding"));
            }
        }
    }
    Ok(problems)
}

/// Names of the dependencies that ship, not those of tests and build scripts.
fn normal_dependencies(package: &Value) -> BTreeSet<&str> {
    let all = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(|d| d["kind"].is_null()).filter_map(|d| d["name"].as_str()).collect()
}
