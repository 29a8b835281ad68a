//! The completion file, run by the bash of this machine.

use agentos_tools::{ToolkitSpec, Toolkits, bash_completion};
use serde_json::json;
use std::process::Command;

/// What bash offers after these words; `None` without a bash.
fn offered(file: &str, words: &[&str]) -> Option<String> {
    let command = words[0];
    let script = format!(
        "{file}\nCOMP_WORDS=({}); COMP_CWORD={}; _{}; printf '%s ' \"${{COMPREPLY[@]}}\"",
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words.len() - 1,
        command.replace('-', "_"),
    );
    let output = Command::new("bash").args(["-c", &script]).output().ok()?;
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn words_are_offered_by_place() {
    let spec: ToolkitSpec = serde_json::from_value(json!({ "name": "my-kit", "tools": [
        { "key": "list", "name": "list", "inputSchema": { "type": "object", "properties": {
            "status": { "enum": ["open", "closed"] }, "color": { "type": "boolean", "default": true }, "shape": { "enum": ["$(touch x)", "round"] }
        } } },
        { "key": "add", "name": "add", "inputSchema": { "type": "object" } }
    ] }))
    .expect("spec");
    let kits = Toolkits::new(vec![spec]).map_err(|(at, ..)| at).expect("valid");
    let file = bash_completion(&kits);
    for (words, expected) in [
        (&["agentos-my-kit", ""][..], "list add --help"),
        (&["agentos-my-kit", "l"], "list"),
        (&["agentos-my-kit", "list", "--s"], "--status --shape"),
        (&["agentos-my-kit", "list", "--no"], "--no-color"),
        (&["agentos-my-kit", "list", "--status", ""], "open closed"),
        (&["agentos-my-kit", "list", "--shape", ""], "round"),
        (&["agentos-my-kit", "add", "--o"], "--output"),
    ] {
        let Some(text) = offered(&file, words) else { return };
        assert_eq!(text, expected, "{words:?}");
    }
}
