//! From an agent's name to a session: starts its program in the VM.

use super::PermissionPolicy;
use super::mcp::McpServer;
use super::services::ClientFiles;
use super::session::{AgentSession, Setup};
use super::transport::ProcessTransport;
use crate::error::{Error, Result};
use crate::files::Files;
use crate::permissions::Permissions;
use crate::vm::{SpawnRequest, Vm};
use agentos_abi::wait::WaitTarget;
use agentos_abi::{Errno, WaitOptions, WaitStatus};
use agentos_kernel::policy::{Scope, SessionName};
use agentos_syscall::{WaitOn, block_on, blocking};
use agentos_tools::instructions;
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
    /// Who answers the agent's own permission requests.
    pub permissions: PermissionPolicy,
    /// What the agent and its children may not do, although the VM may. Read by [`Permissions::from_json`].
    #[serde(skip)]
    pub narrowed: Option<Permissions>,
}

impl SessionOptions {
    /// Reads options from JSON.
    ///
    /// # Errors
    /// `ERR_AGENTOS_INVALID_OPTION`.
    pub fn from_json(mut json: Value) -> Result<SessionOptions> {
        // One key for both: a word says who answers the agent, an object says what the agent may do.
        let narrowed = match json.get("permissions") {
            Some(Value::Object(_)) => json.as_object_mut().and_then(|options| options.remove("permissions")),
            _ => None,
        };
        let options: SessionOptions = serde_json::from_value(json).map_err(|error| Error::new("ERR_AGENTOS_INVALID_OPTION", format!("options: {error}")))?;
        let narrowed = narrowed.map(|narrowed| Permissions::from_json("permissions", &narrowed)).transpose()?;
        Ok(SessionOptions { narrowed, ..options })
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
        let name = SessionName::default();
        let request = SpawnRequest {
            program: entry.command,
            args: entry.args,
            cwd: Some(cwd.clone()),
            env,
            permissions: options.narrowed,
            session: Some(name.clone()),
            ..SpawnRequest::default()
        };
        let files = UserFiles { vm: self.clone(), scope: self.scope(&request)? };
        let process = self.spawn(&request).await?;
        let setup = Setup {
            agent: agent.to_owned(),
            cwd,
            mcp_servers: options.mcp_servers.iter().map(McpServer::to_wire).collect(),
            additional_instructions: match self.tools() {
                Some(tools) => instructions(tools.kits(), options.additional_instructions),
                None => options.additional_instructions,
            },
            permissions: if self.approves_all() { PermissionPolicy::Auto } else { options.permissions },
            permission_timeout: Some(self.permission_timeout()),
        };
        let session = AgentSession::start(ProcessTransport::new(process), Arc::new(files), setup).await?;
        let _ = name.set(session.id().into());
        Ok(session)
    }
}

/// The VM's tree with the rights of its user: what an agent could not open itself, it must not get through the host.
struct UserFiles {
    vm: Vm,
    /// The agent's.
    scope: Option<Arc<Scope>>,
}

impl UserFiles {
    /// Runs `access` in a process of the VM's user that lives as long as the access.
    fn with<T>(&self, access: impl Fn(&Files) -> Result<T>) -> Result<T> {
        let vm = &self.vm;
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
        if let Some(scope) = &self.scope {
            vm.enter_scope(child.getpid(), scope).map_err(fail)?;
        }
        let files = Files::new(child.clone(), (uid, gid));
        // A question of the policy is waited for here.
        let asking = || match access(&files) {
            Err(error) if error.errno == Some(-Errno::EWAIT.raw()) => Err(Errno::EWAIT),
            done => Ok(done),
        };
        let outcome = enter().map_err(fail).and_then(|()| block_on(blocking(&*child, WaitOn::Signal, None, asking)).map_err(fail)?);
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
