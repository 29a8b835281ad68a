//! What `AgentOs.create` takes, with its defaults and checks.

use crate::error::{Error, Result};
use crate::manifest::Software;
use crate::permissions::Permissions;
use agentos_account::{Bounds, Limit, Unit};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Options of a VM. Everything is denied that is not listed here.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct VmOptions {
    /// Packages whose files the VM has. Nothing runs that is not in one of them.
    pub software: Vec<Software>,
    /// Functions of the host that are commands of the VM.
    pub toolkits: Vec<agentos_tools::ToolkitSpec>,
    /// Host directories and other trees.
    pub mounts: Vec<MountOptions>,
    /// What programs may do. Read by [`Permissions::from_json`].
    #[serde(skip)]
    pub permissions: Permissions,
    /// How long a question stays open, in milliseconds; 300,000 when absent. Then the answer is no.
    pub permission_timeout_ms: Option<u64>,
    /// Every question is answered with "once", for runs that nobody watches.
    pub auto_approve: bool,
    /// Bounds.
    pub limits: LimitOptions,
    /// Environment of every process.
    pub env: BTreeMap<String, String>,
    /// The user that programs run as.
    pub user: UserOptions,
    /// Host name; `"agentos"` when absent.
    pub hostname: Option<String>,
}

/// A mount.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MountOptions {
    /// Absolute path in the VM; made when missing.
    pub path: String,
    /// What is mounted there.
    pub driver: DriverOptions,
    /// Refuse writes.
    #[serde(default)]
    pub read_only: bool,
}

/// A file system driver with its settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "type", deny_unknown_fields)]
pub enum DriverOptions {
    /// A directory of the host. Symbolic links never lead out of it.
    HostDir {
        /// Host path.
        path: PathBuf,
    },
    /// An empty tree in memory.
    Memory,
}

/// Bounds of a VM, in the units of [`Limit`]. Each default is in docs/limits.md.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LimitOptions {
    /// All memory, in MiB.
    pub max_memory_mb: Option<u64>,
    /// Share of one CPU, in percent; no bound when absent.
    pub max_cpu_percent: Option<u64>,
    /// Processes at once.
    pub max_processes: Option<u64>,
    /// Open files of all processes.
    pub max_open_files: Option<u64>,
    /// Bytes in writable in-memory file systems.
    pub max_fs_bytes: Option<u64>,
    /// Files in writable in-memory file systems; one per 4 KiB of `maxFsBytes` when absent.
    pub max_inodes: Option<u64>,
    /// Pipes.
    pub max_pipes: Option<u64>,
    /// Pseudo-terminals.
    pub max_ptys: Option<u64>,
    /// Sockets.
    pub max_sockets: Option<u64>,
    /// Bytes kept of each stream of one `exec`.
    pub max_output_bytes: Option<u64>,
    /// Milliseconds that one `exec` may take; no bound when absent.
    pub max_exec_ms: Option<u64>,
    /// Bytes of arguments and environment of a program.
    pub max_arg_bytes: Option<u64>,
}

impl LimitOptions {
    fn get(&self, limit: Limit) -> Option<u64> {
        match limit {
            Limit::Memory => self.max_memory_mb,
            Limit::CpuPercent => self.max_cpu_percent,
            Limit::Processes => self.max_processes,
            Limit::OpenFiles => self.max_open_files,
            Limit::FsBytes => self.max_fs_bytes,
            Limit::Inodes => self.max_inodes,
            Limit::Pipes => self.max_pipes,
            Limit::Ptys => self.max_ptys,
            Limit::Sockets => self.max_sockets,
            Limit::OutputBytes => self.max_output_bytes,
            Limit::ExecMs => self.max_exec_ms,
            Limit::ArgBytes => self.max_arg_bytes,
        }
    }

    /// The bounds, with defaults for what is absent.
    pub fn bounds(&self) -> Bounds {
        let mut bounds = Bounds::default();
        for limit in Limit::ALL {
            if let Some(value) = self.get(limit) {
                let factor = if limit.unit() == Unit::MiB { 1 << 20 } else { 1 };
                bounds.set(limit, value.saturating_mul(factor));
            }
        }
        if self.max_inodes.is_none() {
            // As a disk's file system would have, within bounds.
            bounds.set(Limit::Inodes, (bounds.get(Limit::FsBytes) / INODE_RATIO).clamp(1024, 4 << 20));
        }
        bounds
    }
}

/// Bytes of `maxFsBytes` for which there is one inode.
const INODE_RATIO: u64 = 4096;

/// The user of a VM.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UserOptions {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Login name.
    pub name: String,
    /// Home directory.
    pub home: String,
}

impl Default for UserOptions {
    fn default() -> Self {
        UserOptions { uid: 1000, gid: 1000, name: "agent".into(), home: "/home/user".into() }
    }
}

impl VmOptions {
    /// Reads options from JSON.
    ///
    /// # Errors
    /// `ERR_AGENTOS_INVALID_OPTION` that names the option, what it got and what is accepted.
    pub fn from_json(mut json: serde_json::Value) -> Result<VmOptions> {
        let permissions = json.as_object_mut().and_then(|options| options.remove("permissions"));
        let mut options: VmOptions = serde_json::from_value(json).map_err(|e| Error::new("ERR_AGENTOS_INVALID_OPTION", format!("options: {e}")))?;
        if let Some(permissions) = permissions {
            options.permissions = Permissions::from_json("permissions", &permissions)?;
        }
        options.check()?;
        Ok(options)
    }

    fn check(&self) -> Result<()> {
        let absolute = |name: &str, path: &str| match path.starts_with('/') && !path.contains('\0') {
            true => Ok(()),
            false => Err(Error::option(name, format_args!("{path:?}"), "an absolute path")),
        };
        absolute("user.home", &self.user.home)?;
        for (i, mount) in self.mounts.iter().enumerate() {
            absolute(&format!("mounts[{i}].path"), &mount.path)?;
        }
        if let Some(name) = &self.hostname
            && (name.is_empty() || name.len() > 64 || name.contains(['\0', '/', '\n']))
        {
            return Err(Error::option("hostname", format_args!("{name:?}"), "1 to 64 bytes without a slash or line end"));
        }
        if self.user.name.is_empty() || self.user.name.contains([':', '\n', '\0', '/']) {
            return Err(Error::option("user.name", format_args!("{:?}", self.user.name), "a name without ':', '/' or line ends"));
        }
        for (i, software) in self.software.iter().enumerate() {
            for needed in &software.dependencies {
                if !self.software.iter().any(|s| s.name == *needed) {
                    return Err(Error::option(&format!("software[{i}]"), &software.name, &format!("it together with {needed}, which it needs")));
                }
            }
        }
        if let Some(limit) = Limit::ALL.into_iter().find(|limit| self.limits.get(*limit) == Some(0)) {
            return Err(Error::option(&format!("limits.{}", limit.option()), 0, "a positive number"));
        }
        if let Some((name, _)) = self.env.iter().find(|(k, v)| k.is_empty() || k.contains(['=', '\0']) || v.contains('\0')) {
            return Err(Error::option("env", format_args!("{name:?}"), "names without '=' and NUL, values without NUL"));
        }
        Ok(())
    }
}
