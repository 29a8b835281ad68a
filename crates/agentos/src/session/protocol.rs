//! The messages of the Agent Client Protocol that the host sends or answers.
//!
//! Only what the host acts upon is typed. Everything else (content blocks, update kinds, tool calls) stays JSON, so that fields and
//! kinds this version does not know reach the user unchanged.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

/// The wire version that the host speaks.
pub const PROTOCOL_VERSION: u64 = 1;

/// JSON-RPC: the message is not a request this side can read.
pub const INVALID_PARAMS: i64 = -32602;
/// JSON-RPC: no such method.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// JSON-RPC: the other side failed.
pub const INTERNAL_ERROR: i64 = -32603;
/// Agent Client Protocol: no such file.
pub const RESOURCE_NOT_FOUND: i64 = -32002;

/// Why a request failed, as the other side tells it.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
pub struct RpcError {
    /// JSON-RPC error code.
    pub code: i64,
    /// One sentence.
    pub message: String,
    /// Whatever else the sender says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl RpcError {
    /// An error without data.
    pub fn new(code: i64, message: impl Into<String>) -> RpcError {
        RpcError { code, message: message.into(), data: None }
    }

    /// The message, with what `data` adds when that is short text: agents often put the real reason there.
    pub fn describe(&self) -> String {
        match self.data.as_ref().map(|data| data.get("details").or_else(|| data.get("message")).unwrap_or(data)) {
            Some(Value::String(more)) if *more != self.message => format!("{}: {more}", self.message),
            _ => self.message.clone(),
        }
    }
}

/// One line, taken apart.
#[derive(Debug, PartialEq)]
pub enum Message {
    /// The other side asks and wants an answer under this id.
    Request {
        /// Chosen by the sender: a number or a string.
        id: Value,
        /// What is asked.
        method: String,
        /// Parameters; `Null` when absent.
        params: Value,
    },
    /// The other side tells.
    Notification {
        /// What it is about.
        method: String,
        /// Parameters; `Null` when absent.
        params: Value,
    },
    /// The answer to a request of ours.
    Response {
        /// The id of the request.
        id: Value,
        /// The answer.
        outcome: Result<Value, RpcError>,
    },
}

#[derive(Deserialize)]
struct Raw {
    jsonrpc: String,
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    params: Value,
    /// `null` is a result too, so presence is what counts.
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    #[serde(default)]
    error: Option<RpcError>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Message {
    /// Reads one line.
    ///
    /// # Errors
    /// One sentence that says why the line is not JSON-RPC 2.0.
    pub fn parse(line: &[u8]) -> Result<Message, String> {
        let raw: Raw = serde_json::from_slice(line).map_err(|error| format!("not a JSON-RPC message ({error})"))?;
        if raw.jsonrpc != "2.0" {
            return Err(format!("JSON-RPC version {:?}, wanted \"2.0\"", raw.jsonrpc));
        }
        match (raw.method, raw.id, raw.result, raw.error) {
            (Some(method), Some(id), None, None) => Ok(Message::Request { id, method, params: raw.params }),
            (Some(method), None, None, None) => Ok(Message::Notification { method, params: raw.params }),
            (None, Some(id), Some(result), None) => Ok(Message::Response { id, outcome: Ok(result) }),
            (None, Some(id), None, Some(error)) => Ok(Message::Response { id, outcome: Err(error) }),
            _ => Err("neither a request, a notification nor a response".to_owned()),
        }
    }
}

/// The line of a request.
pub fn request(id: u64, method: &str, params: &Value) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
}

/// The line of a notification.
pub fn notification(method: &str, params: &Value) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
}

/// The line of an answer.
pub fn response(id: &Value, outcome: &Result<Value, RpcError>) -> Vec<u8> {
    line(&match outcome {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(error) => json!({ "jsonrpc": "2.0", "id": id, "error": error }),
    })
}

/// JSON text has no raw line end inside, so one value is one line.
fn line(value: &Value) -> Vec<u8> {
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    line
}

/// Parameters of `initialize`: what the host offers. No terminals: an agent runs its commands as processes of the VM.
pub fn initialize_params() -> Value {
    json!({
        "protocolVersion": PROTOCOL_VERSION,
        "clientInfo": { "name": "agentos", "title": "agentOS", "version": env!("CARGO_PKG_VERSION") },
        "clientCapabilities": { "fs": { "readTextFile": true, "writeTextFile": true }, "terminal": false },
    })
}

/// What an agent answers to `initialize`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Initialized {
    /// The version it will speak.
    pub protocol_version: u64,
    /// What it can do, as sent.
    #[serde(default)]
    pub agent_capabilities: Value,
    /// Name and version, as sent.
    #[serde(default)]
    pub agent_info: Value,
}

impl Initialized {
    /// Whether it knows `session/close`.
    pub fn can_close(&self) -> bool {
        self.agent_capabilities.pointer("/sessionCapabilities/close").is_some_and(|v| !v.is_null() && *v != Value::Bool(false))
    }
}

/// What an agent answers to `session/new`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewSession {
    /// Its name for the session.
    pub session_id: String,
    /// `{ currentModeId, availableModes }`, as sent.
    #[serde(default)]
    pub modes: Value,
    /// Settings that can be changed, as sent.
    #[serde(default)]
    pub config_options: Value,
}

/// What an agent answers to `session/prompt`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prompted {
    /// `"end_turn"`, `"max_tokens"`, `"max_turn_requests"`, `"refusal"`, `"cancelled"`, or what a newer agent says.
    pub stop_reason: String,
    /// Token counts, as sent.
    #[serde(default)]
    pub usage: Option<Value>,
}

/// One way to answer a permission request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionOption {
    /// What is sent back.
    pub option_id: String,
    /// `"allow_once"`, `"allow_always"`, `"reject_once"`, `"reject_always"`.
    pub kind: String,
}

/// Parameters of `session/request_permission`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionParams {
    /// The call that waits, as sent.
    #[serde(default)]
    pub tool_call: Value,
    /// The ways to answer, as sent.
    pub options: Value,
}

impl PermissionParams {
    /// The ways to answer; what cannot be read is left out.
    pub fn choices(&self) -> Vec<PermissionOption> {
        let options = self.options.as_array().map_or(&[][..], Vec::as_slice);
        options.iter().filter_map(|option| PermissionOption::deserialize(option).ok()).collect()
    }
}

/// Parameters of `fs/read_text_file`.
#[derive(Clone, Debug, Deserialize)]
pub struct ReadTextFile {
    /// Absolute path in the VM.
    pub path: String,
    /// First line wanted, from 1.
    #[serde(default)]
    pub line: Option<u64>,
    /// Most lines wanted.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// Parameters of `fs/write_text_file`.
#[derive(Clone, Debug, Deserialize)]
pub struct WriteTextFile {
    /// Absolute path in the VM.
    pub path: String,
    /// The new content.
    pub content: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_request_a_notification_or_a_response() {
        let cases = [
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":1}}"#, Message::Request { id: json!(1), method: "a".into(), params: json!({"x":1}) }),
            (r#"{"jsonrpc":"2.0","id":"s","method":"a"}"#, Message::Request { id: json!("s"), method: "a".into(), params: Value::Null }),
            (r#"{"jsonrpc":"2.0","method":"a","new":"field"}"#, Message::Notification { method: "a".into(), params: Value::Null }),
            (r#"{"jsonrpc":"2.0","id":2,"result":null}"#, Message::Response { id: json!(2), outcome: Ok(Value::Null) }),
            (r#"{"jsonrpc":"2.0","id":2,"error":{"code":-1,"message":"no"}}"#, Message::Response { id: json!(2), outcome: Err(RpcError::new(-1, "no")) }),
        ];
        for (line, expected) in cases {
            assert_eq!(Message::parse(line.as_bytes()), Ok(expected), "{line}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_a_reason() {
        for line in [
            "hello",
            "[]",
            "{}",
            r#"{"jsonrpc":"1.0","id":1,"result":1}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a","result":1}"#,
        ] {
            assert!(Message::parse(line.as_bytes()).is_err(), "{line}");
        }
        let deep = format!(r#"{{"jsonrpc":"2.0","method":"a","params":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(Message::parse(deep.as_bytes()).is_err(), "nesting is bounded");
    }

    #[test]
    fn a_message_written_is_one_line() {
        let line = notification("a", &json!({ "text": "two\nlines\u{2028}" }));
        assert_eq!(line.iter().filter(|b| **b == b'\n').count(), 1);
    }

    #[test]
    fn the_reason_inside_data_is_told() {
        let error = RpcError { data: Some(json!({ "details": "no key" })), ..RpcError::new(INTERNAL_ERROR, "Internal error") };
        assert_eq!(error.describe(), "Internal error: no key");
    }
}
