//! Functions of the host that programs may call: host tools.

use crate::Syscalls;
use agentos_abi::Pid;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// One call.
#[derive(Clone, Debug, Default)]
pub struct ToolCall {
    /// Name of the toolkit.
    pub toolkit: String,
    /// Key of the tool, as the host's JavaScript has it.
    pub tool: String,
    /// Arguments as JSON, checked by the tool's schema.
    pub arguments: String,
    /// The calling process.
    pub pid: Pid,
    /// Its working directory.
    pub cwd: String,
    /// Its environment.
    pub env: Vec<(String, String)>,
}

/// What a tool answers, piece by piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolReply {
    /// A piece of a stream; more follows.
    Chunk(Vec<u8>),
    /// The end, with how it went.
    End(ToolEnd),
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolEnd {
    /// A string, to be printed as it is.
    Text(String),
    /// Anything else, as JSON.
    Json(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// No result, or the end of a stream.
    Nothing,
    /// The tool failed.
    Failed(String),
    /// The host's own check refused the arguments.
    BadArguments(String),
    /// No answer in time.
    TimedOut(String),
    /// The call was ended from outside.
    Aborted(String),
}

/// A call in progress. Dropping it cancels the call.
pub trait ToolAnswers: Send {
    /// The next piece; `None` when the host has gone.
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<ToolReply>> + Send + '_>>;
}

/// Why a call was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolRefusal {
    /// No such toolkit or tool; the text names what there is.
    Unknown(String),
    /// The arguments do not fit the schema; the text says where.
    Arguments(String),
    /// Too many calls in flight.
    Busy,
}

/// The host tools of one VM, as engines see them. The policy is not asked here: callers ask
/// [`check_tool`](crate::ProcessCalls::check_tool) first.
pub trait HostTools: Send + Sync {
    /// Keys of the tools of a toolkit; `None` when there is no such toolkit.
    fn keys(&self, toolkit: &str) -> Option<Vec<String>>;

    /// Checks arguments given as JSON and makes the call in the name of `caller`.
    ///
    /// # Errors
    /// See [`ToolRefusal`].
    fn call(&self, caller: &Arc<dyn Syscalls>, toolkit: &str, tool: &str, arguments: &str) -> Result<Box<dyn ToolAnswers>, ToolRefusal>;
}
