//! Host tools for JavaScript: a call without a process in between. `js/tools.js` makes modules of them.

use super::guard_async;
use crate::kernel::Kernel;
use agentos_abi::Errno;
use agentos_syscall::{ToolAnswers, ToolEnd, ToolRefusal, ToolReply, WaitOn};
use deno_core::{AsyncRefCell, OpDecl, OpState, RcRef, Resource, ResourceId, ToJsBuffer, op2};
use deno_error::JsErrorBox;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

/// A piece of an answer, as JavaScript reads it.
#[derive(serde::Serialize)]
struct Piece {
    /// `"text"`, `"json"`, `"bytes"`, `"nothing"`, `"chunk"`, or `"failed"`.
    kind: &'static str,
    text: Option<String>,
    bytes: Option<ToJsBuffer>,
    /// The stream that goes on.
    rid: Option<ResourceId>,
}

impl Piece {
    fn new(kind: &'static str) -> Piece {
        Piece { kind, text: None, bytes: None, rid: None }
    }

    fn text(kind: &'static str, text: String) -> Piece {
        Piece { text: Some(text), ..Piece::new(kind) }
    }

    fn bytes(kind: &'static str, bytes: Vec<u8>) -> Piece {
        Piece { bytes: Some(bytes.into()), ..Piece::new(kind) }
    }

    fn of(reply: Option<ToolReply>) -> Piece {
        match reply {
            Some(ToolReply::Chunk(bytes)) => Piece::bytes("chunk", bytes),
            Some(ToolReply::End(ToolEnd::Text(text))) => Piece::text("text", text),
            Some(ToolReply::End(ToolEnd::Json(text))) => Piece::text("json", text),
            Some(ToolReply::End(ToolEnd::Bytes(bytes))) => Piece::bytes("bytes", bytes),
            Some(ToolReply::End(ToolEnd::Nothing)) => Piece::new("nothing"),
            Some(ToolReply::End(ToolEnd::Failed(text) | ToolEnd::BadArguments(text) | ToolEnd::TimedOut(text) | ToolEnd::Aborted(text))) => {
                Piece::text("failed", text)
            }
            None => Piece::text("failed", "the host has gone".into()),
        }
    }
}

/// A stream of pieces.
struct ToolStream(AsyncRefCell<Box<dyn ToolAnswers>>);

impl Resource for ToolStream {
    fn name(&self) -> std::borrow::Cow<'_, str> {
        "toolStream".into()
    }
}

/// Keys of a toolkit's tools; null when there is no such toolkit.
#[op2]
#[serde]
fn op_agentos_tool_keys(state: &mut OpState, #[string] toolkit: &str) -> Option<Vec<String>> {
    state.borrow::<Kernel>().task().ok()?.host_tools()?.keys(toolkit)
}

/// Makes a call and answers its first piece.
#[op2]
#[serde]
async fn op_agentos_tool_call(
    state: Rc<RefCell<OpState>>,
    #[string] toolkit: String,
    #[string] tool: String,
    #[string] arguments: String,
) -> Result<Piece, JsErrorBox> {
    let kernel = state.borrow().borrow::<Kernel>().clone();
    let begun = guard_async(async {
        match kernel.wait_async(WaitOn::Signal, None, |task| task.check_tool(&toolkit, &tool)).await {
            Ok(()) => {}
            Err(Errno::EACCES) => return Ok(Err(ToolRefusal::Unknown("permission denied by the policy of this machine".into()))),
            Err(errno) => return Err(errno.into()),
        }
        let task = kernel.task()?;
        let Some(tools) = task.host_tools() else { return Ok(Err(ToolRefusal::Unknown("this machine has no host tools".into()))) };
        Ok(tools.call(task, &toolkit, &tool, &arguments))
    });
    let mut answers = match begun.await.map_err(JsErrorBox::from_err)? {
        Ok(answers) => answers,
        Err(ToolRefusal::Unknown(text)) => return Err(JsErrorBox::generic(text)),
        Err(ToolRefusal::Arguments(text)) => return Err(JsErrorBox::type_error(text)),
        Err(ToolRefusal::Busy) => return Err(JsErrorBox::generic("too many calls at once")),
    };
    let mut piece = next(&mut *answers).await?;
    if piece.kind == "chunk" {
        piece.rid = Some(state.borrow_mut().resource_table.add(ToolStream(AsyncRefCell::new(answers))));
    }
    Ok(piece)
}

/// The next piece of a stream.
#[op2]
#[serde]
async fn op_agentos_tool_next(state: Rc<RefCell<OpState>>, #[smi] rid: ResourceId) -> Result<Piece, JsErrorBox> {
    let stream = state.borrow().resource_table.get::<ToolStream>(rid).map_err(JsErrorBox::from_err)?;
    let mut answers = RcRef::map(&stream, |stream| &stream.0).borrow_mut().await;
    next(&mut **answers).await
}

/// Ends a stream early: the host is told.
#[op2(fast)]
fn op_agentos_tool_close(state: &mut OpState, #[smi] rid: ResourceId) {
    // One that has been closed already is no error.
    let _ = state.resource_table.take::<ToolStream>(rid);
}

async fn next(answers: &mut dyn ToolAnswers) -> Result<Piece, JsErrorBox> {
    let reply = guard_async(async { Ok::<_, io::Error>(answers.next().await) }).await;
    reply.map(Piece::of).map_err(JsErrorBox::from_err)
}

pub(super) fn own() -> Vec<OpDecl> {
    vec![op_agentos_tool_keys(), op_agentos_tool_call(), op_agentos_tool_next(), op_agentos_tool_close()]
}

/// The source of the module `agentos:NAME`; `None` when there is no such toolkit.
pub fn module_source(kernel: &Kernel, toolkit: &str) -> Option<String> {
    let keys = kernel.task().ok()?.host_tools()?.keys(toolkit)?;
    let name = serde_json::to_string(toolkit).ok()?;
    // By way of require(), which the boot file taught the scheme: no name of ours is left in the program's global scope.
    let mut source =
        format!("import {{ createRequire }} from \"node:module\";\nconst tools = createRequire(\"/\")(\"agentos:\" + {name});\nexport default tools;\n");
    for key in keys.iter().filter(|key| is_plain(key)) {
        source += &format!("const {{ {key}: ${key} }} = tools;\nexport {{ ${key} as {key} }};\n");
    }
    Some(source)
}

/// Whether a key can be the name of an export and of a variable with a `$` before it.
fn is_plain(key: &str) -> bool {
    !key.is_empty() && key != "default" && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
}
