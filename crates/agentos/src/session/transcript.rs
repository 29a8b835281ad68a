//! The conversation of a session, folded from its events.

use serde::Serialize;
use serde_json::Value;

/// One contribution to the conversation.
#[derive(Clone, Debug, Serialize, PartialEq)]
#[serde(tag = "role", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TranscriptEntry {
    /// What the host asked.
    User {
        /// The text of its content blocks.
        text: String,
    },
    /// What the agent said.
    Agent {
        /// All chunks in one.
        text: String,
    },
    /// What the agent thought.
    Thought {
        /// All chunks in one.
        text: String,
    },
    /// What the agent did.
    Tool {
        /// The call's id.
        tool_call_id: String,
        /// What it says about itself.
        title: String,
        /// `"read"`, `"edit"`, `"execute"` and so on.
        kind: String,
        /// `"pending"`, `"in_progress"`, `"completed"`, `"failed"`.
        status: String,
    },
}

/// Folds events, in order, into the conversation.
pub fn fold<'a>(events: impl IntoIterator<Item = &'a Value>) -> Vec<TranscriptEntry> {
    let mut entries = Vec::new();
    for event in events {
        match event["type"].as_str() {
            Some("prompt") => entries.push(TranscriptEntry::User { text: blocks_text(&event["prompt"]) }),
            Some("update") => update(&mut entries, &event["update"]),
            _ => {}
        }
    }
    entries
}

fn update(entries: &mut Vec<TranscriptEntry>, update: &Value) {
    let text = || update.pointer("/content/text").and_then(Value::as_str).unwrap_or_default();
    match update["sessionUpdate"].as_str() {
        Some("agent_message_chunk") => match entries.last_mut() {
            Some(TranscriptEntry::Agent { text: said }) => said.push_str(text()),
            _ => entries.push(TranscriptEntry::Agent { text: text().to_owned() }),
        },
        Some("agent_thought_chunk") => match entries.last_mut() {
            Some(TranscriptEntry::Thought { text: thought }) => thought.push_str(text()),
            _ => entries.push(TranscriptEntry::Thought { text: text().to_owned() }),
        },
        Some("tool_call" | "tool_call_update") => tool_call(entries, update),
        _ => {}
    }
}

/// A call is announced once and then updated by its id; an update names only what changed.
fn tool_call(entries: &mut Vec<TranscriptEntry>, update: &Value) {
    let id = update["toolCallId"].as_str().unwrap_or_default();
    let known = entries.iter().rposition(|entry| matches!(entry, TranscriptEntry::Tool { tool_call_id, .. } if tool_call_id == id));
    let index = known.unwrap_or_else(|| {
        let pending = TranscriptEntry::Tool { tool_call_id: id.to_owned(), title: String::new(), kind: "other".into(), status: "pending".into() };
        entries.push(pending);
        entries.len() - 1
    });
    if let TranscriptEntry::Tool { title, kind, status, .. } = &mut entries[index] {
        for (field, target) in [("title", title), ("kind", kind), ("status", status)] {
            if let Some(value) = update[field].as_str() {
                value.clone_into(target);
            }
        }
    }
}

fn blocks_text(blocks: &Value) -> String {
    let texts = blocks.as_array().map_or(&[][..], Vec::as_slice).iter().filter_map(|block| block["text"].as_str());
    texts.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn chunks_join_and_tool_calls_keep_their_last_state() {
        let update = |update: Value| json!({ "type": "update", "update": update });
        let chunk = |kind: &str, text: &str| update(json!({ "sessionUpdate": kind, "content": { "type": "text", "text": text } }));
        let events = [
            json!({ "type": "prompt", "prompt": [{ "type": "text", "text": "do it" }, { "type": "image" }] }),
            chunk("agent_thought_chunk", "h"),
            chunk("agent_thought_chunk", "m"),
            chunk("agent_message_chunk", "I "),
            chunk("agent_message_chunk", "will"),
            update(json!({ "sessionUpdate": "tool_call", "toolCallId": "1", "title": "write", "kind": "edit", "status": "pending" })),
            update(json!({ "sessionUpdate": "tool_call_update", "toolCallId": "1", "status": "completed" })),
            update(json!({ "sessionUpdate": "some_new_kind" })),
            chunk("agent_message_chunk", "done"),
            json!({ "type": "stop", "stopReason": "end_turn" }),
        ];
        assert_eq!(
            serde_json::to_value(fold(&events)).unwrap(),
            json!([
                { "role": "user", "text": "do it" },
                { "role": "thought", "text": "hm" },
                { "role": "agent", "text": "I will" },
                { "role": "tool", "toolCallId": "1", "title": "write", "kind": "edit", "status": "completed" },
                { "role": "agent", "text": "done" },
            ])
        );
    }
}
