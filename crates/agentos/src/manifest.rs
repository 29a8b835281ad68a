//! What a software package says about itself (docs/software-packages.md).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A software package: files that the VM's base image gets, and the agents among them.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Software {
    /// Package name, `"@agentos/common"`.
    pub name: String,
    /// Package version.
    pub version: String,
    /// Absolute host directory that `source` paths start at.
    pub root: PathBuf,
    /// Single files.
    #[serde(default)]
    pub files: Vec<FileEntry>,
    /// Further names of files in the image.
    #[serde(default)]
    pub links: Vec<LinkEntry>,
    /// Symbolic links.
    #[serde(default)]
    pub symlinks: Vec<SymlinkEntry>,
    /// Host directories whose files are put into the image.
    #[serde(default)]
    pub directories: Vec<DirectoryEntry>,
    /// Whole host directories, mounted read-only.
    #[serde(default)]
    pub trees: Vec<TreeEntry>,
    /// Agents by name: how `createSession(name)` starts them.
    #[serde(default)]
    pub agents: BTreeMap<String, AgentEntry>,
    /// Environment that every process of the VM gets, below the user's own.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Names of packages that must be listed too.
    #[serde(default)]
    pub dependencies: Vec<String>,
}

/// One file of the image.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileEntry {
    /// Absolute path in the VM.
    pub path: String,
    /// Host file, relative to the package's root.
    pub source: PathBuf,
    /// Permission bits; 0o644 when absent.
    #[serde(default = "default_mode")]
    pub mode: u32,
    /// Hex sha256 of the content, by which compiled programs are found.
    #[serde(default)]
    pub sha256: Option<String>,
}

fn default_mode() -> u32 {
    0o644
}

/// A hard link in the image.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkEntry {
    /// Absolute path of the new name.
    pub path: String,
    /// Absolute path of the file.
    pub to: String,
    /// Always true; kept so that a manifest reads without this page.
    #[serde(default = "default_true")]
    pub hard: bool,
}

fn default_true() -> bool {
    true
}

/// A symbolic link in the image.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SymlinkEntry {
    /// Absolute path of the link.
    pub path: String,
    /// Its target, as readlink(2) shows it.
    pub target: String,
}

/// A host directory that is read into the image: regular files and directories, readable for everybody.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DirectoryEntry {
    /// Absolute path in the VM.
    pub path: String,
    /// Host directory, relative to the package's root.
    pub source: PathBuf,
}

/// A host directory in the VM, without copying.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TreeEntry {
    /// Absolute path of the mount point.
    pub path: String,
    /// Host directory, relative to the package's root.
    pub source: PathBuf,
    /// Always true: a package's own files are never written.
    #[serde(default = "default_true")]
    pub read_only: bool,
}

/// How an agent is started; it speaks the Agent Client Protocol on its standard input and output.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentEntry {
    /// Absolute path in the VM.
    pub command: String,
    /// Arguments after the command's name.
    #[serde(default)]
    pub args: Vec<String>,
    /// Environment of the agent.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}
