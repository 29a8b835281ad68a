//! From an agent's name to a session: starts its program in the VM.

use super::PermissionPolicy;
use super::mcp::McpServer;
use super::services::ClientFiles;
use super::session::{AgentSession, Setup};
use super::transport::ProcessTransport;
use crate::error::{Error, Result};
use crate::files::Files;
use crate::vm::{SpawnRequest, Vm};
use agentos_abi::wait::WaitTarget;
use agentos_abi::{Errno, WaitOptions, WaitStatus};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Options of `createSession`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SessionOptions {
    /// Working directory; the home directory when absent.
    pub cwd: Option<String>,
    /// Environment of the agent, above the VM's and the package's.
    pub env: BTreeMap<String, String>,
    /// Servers of the Model Context Protocol that the agent shall use.
    pub mcp_servers: Vec<McpServer>,
    /// Added to the agent's own instructions.
    pub additional_instructions: Option<String>,
    /// Who answers permission requests.
    pub permissions: PermissionPolicy,
}

impl SessionOptions {
    /// Reads options from JSON.
    ///
    /// # Errors
    /// `ERR_AGENTOS_INVALID_OPTION`.
    pub fn from_json(json: Value) -> Result<SessionOptions> {
        serde_json::from_value(json).map_err(|error| Error::new("ERR_AGENTOS_INVALID_OPTION", format!("options: {error}")))
    }
}

impl Vm {
    /// Starts an agent and opens a conversation with it.
    ///
    /// # Errors
    /// `ERR_AGENTOS_UNKNOWN_AGENT`, `ERR_AGENTOS_DISPOSED`, those of [`Vm::spawn`], and `ERR_AGENTOS_AGENT_FAILED` when the
    /// agent does not come up.
    pub async fn create_session(&self, agent: &str, options: SessionOptions) -> Result<AgentSession> {
        let entry = self.agent(agent)?;
        let cwd = options.cwd.unwrap_or_else(|| self.user().home.clone());
        let mut env = entry.env.clone();
        env.extend(options.env);
        let process = self.spawn(&SpawnRequest { program: entry.command, args: entry.args, cwd: Some(cwd.clone()), env, ..SpawnRequest::default() })?;
        let setup = Setup {
            agent: agent.to_owned(),
            cwd,
            mcp_servers: options.mcp_servers.iter().map(McpServer::to_wire).collect(),
            additional_instructions: options.additional_instructions,
            permissions: options.permissions,
        };
        AgentSession::start(ProcessTransport::new(process), Arc::new(UserFiles(self.clone())), setup).await
    }
}

/// The VM's tree with the rights of its user: what an agent could not open itself, it must not get through the host.
struct UserFiles(Vm);

impl UserFiles {
    /// Runs `access` in a process of the VM's user that lives as long as the access.
    fn with<T>(&self, access: impl FnOnce(&Files) -> Result<T>) -> Result<T> {
        let vm = &self.0;
        // Also refuses a VM that was disposed.
        vm.files()?;
        let (uid, gid) = (vm.user().uid, vm.user().gid);
        let fail = |errno: Errno| Error::syscall(errno, "fork", None);
        let child = vm.init().fork().map_err(fail)?;
        let enter = || {
            child.setgroups(&[gid])?;
            child.setresgid(Some(gid), Some(gid), Some(gid))?;
            child.setresuid(Some(uid), Some(uid), Some(uid))
        };
        let outcome = enter().map_err(fail).and_then(|()| access(&Files::new(child.clone(), (uid, gid))));
        child.exit(WaitStatus::Exited(0));
        let _ = vm.init().wait4(WaitTarget::Pid(child.getpid()), WaitOptions::NOHANG);
        outcome
    }
}

impl ClientFiles for UserFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>> {
        self.with(|files| files.read(path))
    }

    fn write(&self, path: &str, content: &[u8]) -> Result<()> {
        self.with(|files| files.write(path, content, None))
    }
}
