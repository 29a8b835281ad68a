//! Command lines of one toolkit, and what comes of them: a table, and golden texts.

use agentos_tools::{Input, Request, ToolkitSpec, Toolkits, declaration, finish, parse, prompt_block, tool_help, toolkit_help};
use serde_json::{Value, json};

fn kits() -> Toolkits {
    let spec: ToolkitSpec = serde_json::from_value(json!({
        "name": "project",
        "description": "The project tracker",
        "tools": [
            { "key": "listIssues", "name": "list-issues", "description": "List issues from the project tracker", "inputSchema": {
                "type": "object",
                "properties": {
                    "status": { "type": "string", "enum": ["open", "closed", "all"], "default": "open", "description": "Which ones" },
                    "limit": { "type": "integer", "minimum": 1 },
                    "labels": { "type": "array", "items": { "type": "string" } },
                    "verbose": { "type": "boolean" },
                    "since": { "type": "string", "format": "date" },
                    "score": { "type": "number" }
                },
                "additionalProperties": false
            } },
            { "key": "createPr", "name": "create-pr", "description": "Create a pull request", "inputSchema": {
                "type": "object",
                "properties": {
                    "title": { "type": "string", "minLength": 3 },
                    "branch": { "$ref": "#/$defs/branch" },
                    "author": { "type": "object", "properties": { "name": { "type": "string" }, "admin": { "type": "boolean" } }, "required": ["name"] },
                    "target": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
                    "ids": { "type": "array", "items": { "type": "integer" } }
                },
                "required": ["title", "branch"],
                "$defs": { "branch": { "type": "string", "description": "Where the commits are" } }
            }, "outputSchema": { "type": "object", "properties": { "number": { "type": "integer" } }, "required": ["number"] }, "examples": ["--title 'Fix it' --branch fix"] },
            { "key": "draw", "name": "draw", "inputSchema": { "oneOf": [
                { "type": "object", "properties": { "kind": { "const": "circle" }, "radius": { "type": "number" } }, "required": ["kind", "radius"] },
                { "type": "object", "properties": { "kind": { "const": "square" }, "side": { "type": "number" } }, "required": ["kind", "side"] }
            ] } }
        ]
    }))
    .expect("spec");
    Toolkits::new(vec![spec]).map_err(|(at, got, _)| format!("{at}: {got}")).expect("valid")
}

/// The arguments that a line gives the tool, or the first line of the message.
fn run(line: &[&str]) -> Result<Value, String> {
    let kits = kits();
    let kit = kits.get("project").expect("project");
    let args: Vec<String> = line.iter().map(|s| (*s).to_owned()).collect();
    let first = |usage: agentos_tools::Usage| usage.0.lines().next().unwrap_or_default().to_owned();
    match parse(kit, &args).map_err(first)? {
        Request::Print(text) => Ok(Value::String(text)),
        Request::Call { tool, given, input, .. } => {
            let text = match input {
                Input::Text(text) => Some(text),
                Input::None => None,
                other => return Ok(json!(format!("{other:?}"))),
            };
            finish(kit, kit.find(&tool).expect("tool"), given, text.as_deref()).map_err(first)
        }
    }
}

#[test]
fn arguments() {
    for (line, expected) in [
        (&["list-issues"][..], json!({ "status": "open" })),
        (&["list-issues", "--status", "closed", "--limit=5"], json!({ "status": "closed", "limit": 5 })),
        (&["listIssues", "--labels", "a,b", "--labels", "c"], json!({ "status": "open", "labels": ["a", "b", "c"] })),
        (&["list-issues", "--verbose"], json!({ "status": "open", "verbose": true })),
        (&["list-issues", "--no-verbose"], json!({ "status": "open", "verbose": false })),
        (&["list-issues", "--verbose=false"], json!({ "status": "open", "verbose": false })),
        (&["list-issues", "--score", "1.5", "--since", "2026-01-31"], json!({ "status": "open", "score": 1.5, "since": "2026-01-31" })),
        (&["create-pr", "--title", "abc", "--branch", "-x"], json!({ "title": "abc", "branch": "-x" })),
        (&["create-pr", "--title", "1234", "--branch", "b", "--ids", "1,2"], json!({ "title": "1234", "branch": "b", "ids": [1, 2] })),
        (
            &["create-pr", "--title", "abc", "--branch", "b", "--author.name", "A", "--author.admin"],
            json!({ "title": "abc", "branch": "b", "author": { "name": "A", "admin": true } }),
        ),
        (
            &["create-pr", "--title", "abc", "--branch", "b", "--author", "{\"name\":\"A\"}"],
            json!({ "title": "abc", "branch": "b", "author": { "name": "A" } }),
        ),
        (&["create-pr", "--title", "abc", "--branch", "b", "--target", "null"], json!({ "title": "abc", "branch": "b", "target": null })),
        (&["create-pr", "--json", "{\"title\":\"abc\"}", "--branch", "b"], json!({ "title": "abc", "branch": "b" })),
        (&["draw", "--kind", "circle", "--radius", "2"], json!({ "kind": "circle", "radius": 2 })),
        (&["create-pr"], json!("StdinIfPiped")),
        (&["create-pr", "--json", "-"], json!("Stdin")),
        (&["create-pr", "--json-file", "a.json"], json!("File(\"a.json\")")),
    ] {
        assert_eq!(run(line), Ok(expected), "{line:?}");
    }
}

#[test]
fn mistakes_are_told_with_the_nearest_name() {
    for (line, expected) in [
        (&["list-isues"][..], "agentos-project: unknown tool \"list-isues\"; did you mean list-issues?"),
        (&["xyz"], "agentos-project: unknown tool \"xyz\"; there are: list-issues, create-pr, draw"),
        (&["--status"], "agentos-project: unknown option --status; a tool comes first"),
        (&["list-issues", "--statsu", "x"], "agentos-project list-issues: unknown option --statsu; did you mean --status?"),
        (&["list-issues", "--status", "done"], "agentos-project list-issues: --status: got \"done\"; there are: open, closed, all"),
        (&["list-issues", "--status"], "agentos-project list-issues: --status needs a value <open|closed|all>"),
        (&["list-issues", "--limit", "many"], "agentos-project list-issues: --limit: got \"many\"; expected a whole number"),
        (&["list-issues", "--limit", "1.5"], "agentos-project list-issues: --limit: got \"1.5\"; expected a whole number"),
        (&["list-issues", "--limit", "0"], "agentos-project list-issues: --limit: 0 is less than the minimum of 1"),
        (&["list-issues", "--since", "soon"], "agentos-project list-issues: --since: \"soon\" is not a \"date\""),
        (&["list-issues", "--status", "open", "--status", "all"], "agentos-project list-issues: --status is given twice"),
        (&["list-issues", "--no-verbose=1"], "agentos-project list-issues: --no-verbose takes no value"),
        (&["list-issues", "open"], "agentos-project list-issues: unexpected argument \"open\""),
        (&["create-pr", "Fix"], "agentos-project create-pr: unexpected argument \"Fix\"; did you mean --title Fix?"),
        (&["create-pr", "--title", "abc"], "agentos-project create-pr: --branch <string> is required"),
        (&["create-pr", "--json", "[]"], "agentos-project create-pr: the JSON is of type array; expected an object"),
        (&["create-pr", "--output", "xml"], "agentos-project create-pr: --output: got \"xml\"; there are: text, json"),
    ] {
        assert_eq!(run(line), Err(expected.to_owned()), "{line:?}");
    }
}

/// Compares with a file of `tests/golden`; AGENTOS_BLESS writes it.
fn golden(name: &str, text: &str) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("AGENTOS_BLESS").is_some() {
        std::fs::write(&path, text).expect("writes");
    }
    assert_eq!(text, std::fs::read_to_string(&path).expect("golden file"), "{name}");
    assert!(text.lines().all(|line| line.chars().count() <= 80 || name.ends_with(".ts")), "{name}: a line of over 80 columns");
}

#[test]
fn texts() {
    let kits = kits();
    let kit = kits.get("project").expect("project");
    golden("toolkit-help.txt", &toolkit_help(kit));
    golden("list-issues-help.txt", &tool_help(kit, kit.find("list-issues").expect("tool")));
    golden("create-pr-help.txt", &tool_help(kit, kit.find("create-pr").expect("tool")));
    golden("project.d.ts", &declaration(kit));
}

#[test]
fn the_prompt_keeps_to_its_budget() {
    let kits = kits();
    let long = prompt_block(&kits, 1000);
    assert!(long.contains("- `agentos-project create-pr --title <string> --branch <string>"), "{long}");
    assert!(long.contains("'<open|closed|all>'"), "a bar is quoted: {long}");
    let short = prompt_block(&kits, 60);
    assert!(short.len() <= 180 && short.contains("agentos list") && short.contains("more."), "{short}");
    assert_eq!(prompt_block(&Toolkits::default(), 1000), "");
}

#[test]
fn names_and_schemas_are_checked() {
    let spec = |name: &str, tools: Value| serde_json::from_value::<ToolkitSpec>(json!({ "name": name, "tools": tools })).expect("spec");
    let tool = |key: &str, name: &str, schema: Value| json!({ "key": key, "name": name, "inputSchema": schema });
    let fine = tool("a", "a", json!({}));
    let at = |specs| Toolkits::new(specs).err().map(|(at, ..)| at);
    assert_eq!(at(vec![spec("Project", json!([fine]))]).as_deref(), Some("toolkits[0].name"));
    assert_eq!(at(vec![spec("a", json!([fine])), spec("a", json!([fine]))]).as_deref(), Some("toolkits[1].name"));
    assert_eq!(at(vec![spec("a", json!([]))]).as_deref(), Some("toolkits[0].tools"));
    assert_eq!(at(vec![spec("a", json!([tool("x y", "x y", json!({}))]))]).as_deref(), Some("toolkits[0].tools.x y"));
    assert_eq!(at(vec![spec("a", json!([fine, tool("A", "a", json!({}))]))]).as_deref(), Some("toolkits[0].tools.A"));
    let bad = at(vec![spec("a", json!([tool("x", "x", json!({ "type": 5 }))]))]);
    assert!(bad.is_some_and(|at| at.starts_with("toolkits[0].tools.x.inputSchema")));
}
