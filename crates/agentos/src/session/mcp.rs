//! Servers of the Model Context Protocol, as `createSession` takes them and as an agent is told of them.

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A server that an agent shall use.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum McpServer {
    /// A program of the VM that the agent starts.
    Stdio(StdioServer),
    /// A server on the network, as far as the VM may reach it.
    Remote(RemoteServer),
}

/// A program that speaks on its standard streams.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct StdioServer {
    /// The agent's name for it.
    pub name: String,
    /// `"stdio"`, or absent.
    #[serde(default, rename = "type")]
    pub kind: Option<Stdio>,
    /// A path, or a name to look up in PATH.
    pub command: String,
    /// Arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Its environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// The word `stdio`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Stdio {
    /// `"stdio"`.
    Stdio,
}

/// A server on the network.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct RemoteServer {
    /// The agent's name for it.
    pub name: String,
    /// How it is spoken to.
    #[serde(rename = "type")]
    pub kind: Remote,
    /// Where it is.
    pub url: String,
    /// Sent with each request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// Ways to speak to a server on the network.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Remote {
    /// Streamable HTTP.
    Http,
    /// Server-sent events.
    Sse,
}

impl McpServer {
    /// The form of the Agent Client Protocol: maps are lists of names and values there.
    pub fn to_wire(&self) -> Value {
        let pairs = |map: &BTreeMap<String, String>| map.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>();
        match self {
            McpServer::Stdio(server) => json!({ "name": server.name, "command": server.command, "args": server.args, "env": pairs(&server.env) }),
            McpServer::Remote(server) => {
                let kind = if server.kind == Remote::Http { "http" } else { "sse" };
                json!({ "type": kind, "name": server.name, "url": server.url, "headers": pairs(&server.headers) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_in_the_protocols_form() {
        let cases = [
            (
                json!({ "name": "a", "command": "server", "args": ["-x"], "env": { "K": "v" } }),
                json!({ "name": "a", "command": "server", "args": ["-x"], "env": [{ "name": "K", "value": "v" }] }),
            ),
            (json!({ "name": "a", "type": "stdio", "command": "server" }), json!({ "name": "a", "command": "server", "args": [], "env": [] })),
            (
                json!({ "name": "a", "type": "http", "url": "http://x", "headers": { "K": "v" } }),
                json!({ "type": "http", "name": "a", "url": "http://x", "headers": [{ "name": "K", "value": "v" }] }),
            ),
        ];
        for (given, expected) in cases {
            assert_eq!(serde_json::from_value::<McpServer>(given).unwrap().to_wire(), expected);
        }
    }

    #[test]
    fn anything_else_is_no_server() {
        for given in [json!({}), json!({ "name": "a" }), json!({ "name": "a", "command": "x", "url": "y" }), json!({ "name": "a", "type": "ftp", "url": "y" })]
        {
            assert!(serde_json::from_value::<McpServer>(given.clone()).is_err(), "{given}");
        }
    }
}
