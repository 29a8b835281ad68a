//! `agentos mcp TOOLKIT...`: host tools as an MCP server on standard input and output (Model Context Protocol, stdio transport:
//! one JSON-RPC message per line). Tools are named `TOOLKIT_TOOL`, as MCP clients accept no dots.

use super::calls::{Answers, Calls, request};
use super::streams::{MAX_INPUT, write_all};
use agentos_abi::{Errno, Events};
use agentos_syscall::{Syscalls, ToolAnswers, ToolEnd, ToolRefusal, ToolReply, WaitOn, blocking};
use agentos_tools::{Tool, Toolkit, finish};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Protocol versions that are understood, newest first.
const VERSIONS: [&str; 3] = ["2025-06-18", "2025-03-26", "2024-11-05"];
/// Calls at work for one client; more wait in the pipe.
const MAX_AT_WORK: usize = 64;

/// JSON-RPC errors.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;

/// Serves until standard input ends. No names: all toolkits.
pub async fn serve(calls: &Arc<Calls>, task: &Arc<dyn Syscalls>, names: &[&str]) -> i32 {
    let kits: Vec<Arc<Toolkit>> = calls.kits().iter().filter(|kit| names.is_empty() || names.contains(&kit.name.as_str())).cloned().collect();
    let server = Server { calls, task, kits };
    let mut lines = Lines::default();
    let mut at_work = FuturesUnordered::new();
    let mut open = true;
    while open || !at_work.is_empty() {
        let answer = tokio::select! {
            line = lines.next(&**task), if open && at_work.len() < MAX_AT_WORK => match line {
                Ok(Some(line)) => {
                    at_work.push(server.message(line));
                    continue;
                }
                Ok(None) => {
                    open = false;
                    continue;
                }
                Err(_) => return 1,
            },
            Some(answer) = at_work.next() => answer,
        };
        if let Some(answer) = answer
            && write_all(&**task, 1, format!("{answer}\n").as_bytes()).await.is_err()
        {
            return 1;
        }
    }
    0
}

/// Lines of standard input.
#[derive(Default)]
struct Lines {
    buffer: Vec<u8>,
    searched: usize,
}

impl Lines {
    /// The next line. Safe to drop while it waits: what was read stays in the buffer.
    async fn next(&mut self, task: &dyn Syscalls) -> Result<Option<Vec<u8>>, Errno> {
        loop {
            if let Some(at) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(self.searched + at + 1);
                self.searched = 0;
                return Ok(Some(std::mem::replace(&mut self.buffer, rest)));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() > MAX_INPUT {
                return Err(Errno::EFBIG);
            }
            let mut chunk = [0; 16 << 10];
            let n = blocking(task, WaitOn::Fd(0, Events::READ), None, || task.read(0, &mut chunk)).await?;
            if n == 0 {
                return Ok(None);
            }
            self.buffer.extend_from_slice(&chunk[..n]);
        }
    }
}

struct Server<'a> {
    calls: &'a Arc<Calls>,
    task: &'a Arc<dyn Syscalls>,
    kits: Vec<Arc<Toolkit>>,
}

impl Server<'_> {
    /// The answer to one message; none to a notification.
    async fn message(&self, line: Vec<u8>) -> Option<Value> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        let Ok(message) = serde_json::from_slice::<Value>(&line) else { return Some(error(&Value::Null, PARSE_ERROR, "not JSON")) };
        let id = message.get("id").cloned();
        let Some(method) = message.get("method").and_then(Value::as_str) else {
            return id.map(|id| error(&id, INVALID_REQUEST, "no method"));
        };
        let id = id?;
        let params = message.get("params").cloned().unwrap_or_default();
        let result = match method {
            "initialize" => Ok(initialize(&params)),
            "ping" => Ok(json!({})),
            "tools/list" => Ok(json!({ "tools": self.tools() })),
            "tools/call" => self.call(&params).await,
            _ => Err((METHOD_NOT_FOUND, format!("unknown method {method:?}"))),
        };
        Some(match result {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err((code, text)) => error(&id, code, &text),
        })
    }

    fn tools(&self) -> Vec<Value> {
        let named = |kit: &Arc<Toolkit>| -> Vec<Value> { kit.tools.iter().map(|tool| description(kit, tool)).collect() };
        self.kits.iter().flat_map(named).collect()
    }

    fn find(&self, name: &str) -> Option<(&Arc<Toolkit>, &Tool)> {
        self.kits.iter().find_map(|kit| kit.tools.iter().find(|tool| mcp_name(kit, tool) == name).map(|tool| (kit, tool)))
    }

    async fn call(&self, params: &Value) -> Result<Value, (i32, String)> {
        let name = params.get("name").and_then(Value::as_str).unwrap_or_default();
        let (kit, tool) = self.find(name).ok_or_else(|| (INVALID_PARAMS, format!("unknown tool {name:?}")))?;
        let given = match params.get("arguments") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(given)) => given.clone(),
            Some(_) => return Err((INVALID_PARAMS, "arguments: expected an object".into())),
        };
        // What a model got wrong is a result for the model, not an error of the protocol.
        let arguments = match finish(kit, tool, given, None) {
            Ok(arguments) => arguments,
            Err(usage) => return Ok(failure(usage.0.trim_end())),
        };
        if blocking(&**self.task, WaitOn::Signal, None, || self.task.check_tool(&kit.name, &tool.spec.name)).await.is_err() {
            return Ok(failure("permission denied by the policy of this machine"));
        }
        match self.calls.begin(request(self.task, &kit.name, &tool.spec.key, arguments.to_string())) {
            Ok(answers) => Ok(result(tool, answers).await),
            Err(ToolRefusal::Busy) => Ok(failure("too many calls at once")),
            Err(ToolRefusal::Unknown(text) | ToolRefusal::Arguments(text)) => Ok(failure(&text)),
        }
    }
}

fn initialize(params: &Value) -> Value {
    let asked = params.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
    let version = VERSIONS.into_iter().find(|version| *version == asked).unwrap_or(VERSIONS[0]);
    json!({ "protocolVersion": version, "capabilities": { "tools": {} }, "serverInfo": { "name": "agentos", "version": env!("CARGO_PKG_VERSION") } })
}

fn mcp_name(kit: &Toolkit, tool: &Tool) -> String {
    format!("{}_{}", kit.name, tool.spec.name)
}

fn description(kit: &Toolkit, tool: &Tool) -> Value {
    let mut schema = tool.spec.input_schema.clone();
    // MCP wants an object at the top; what a union lacks is the word.
    if let Some(object) = schema.as_object_mut() {
        object.entry("type").or_insert_with(|| json!("object"));
    }
    let mut value = json!({ "name": mcp_name(kit, tool), "description": tool.spec.description, "inputSchema": schema });
    if let Some(output) = object_schema(tool) {
        value["outputSchema"] = output.clone();
    }
    value
}

/// The schema of a structured result, which MCP has for objects only.
fn object_schema(tool: &Tool) -> Option<&Value> {
    tool.spec.output_schema.as_ref().filter(|schema| schema.get("type").and_then(Value::as_str) == Some("object"))
}

async fn result(tool: &Tool, mut answers: Answers) -> Value {
    let mut streamed = Vec::new();
    loop {
        let end = match answers.next().await {
            Some(ToolReply::Chunk(bytes)) if streamed.len() + bytes.len() > MAX_INPUT => return failure("the result is too large for one message"),
            Some(ToolReply::Chunk(bytes)) => {
                streamed.extend(bytes);
                continue;
            }
            Some(ToolReply::End(end)) => end,
            None => return failure("the host has gone"),
        };
        return match end {
            ToolEnd::Nothing => success(String::from_utf8_lossy(&streamed).into_owned()),
            ToolEnd::Text(text) => success(text),
            ToolEnd::Bytes(bytes) => success(String::from_utf8_lossy(&bytes).into_owned()),
            ToolEnd::Json(text) => structured(tool, text),
            ToolEnd::Failed(text) | ToolEnd::BadArguments(text) | ToolEnd::TimedOut(text) | ToolEnd::Aborted(text) => failure(&text),
        };
    }
}

fn structured(tool: &Tool, text: String) -> Value {
    let parsed = object_schema(tool).and_then(|_| serde_json::from_str::<Value>(&text).ok()).filter(Value::is_object);
    let mut value = success(text);
    if let Some(parsed) = parsed {
        value["structuredContent"] = parsed;
    }
    value
}

fn success(text: String) -> Value {
    json!({ "content": [{ "type": "text", "text": text }] })
}

fn failure(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }], "isError": true })
}

fn error(id: &Value, code: i32, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}
