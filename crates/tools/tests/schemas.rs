//! Schema forms beside flat objects: what a command line makes of them, what is told about mistakes, and their TypeScript.

use agentos_tools::{Input, Request, ToolkitSpec, Toolkits, declaration, finish, instructions, parse, tool_help};
use serde_json::{Map, Value, json};

/// A toolkit with one tool.
fn kits(schema: &Value) -> Toolkits {
    let spec: ToolkitSpec = serde_json::from_value(json!({ "name": "k", "tools": [{ "key": "t", "name": "t", "inputSchema": schema }] })).expect("spec");
    Toolkits::new(vec![spec]).map_err(|(at, got, _)| format!("{at}: {got}")).expect("valid")
}

/// The arguments that a line gives the tool, or the message without its usage line.
fn run(schema: &Value, line: &[&str]) -> Result<Value, String> {
    let kits = kits(schema);
    let kit = kits.get("k").expect("k");
    let args: Vec<String> = std::iter::once("t").chain(line.iter().copied()).map(str::to_owned).collect();
    let message = |usage: agentos_tools::Usage| {
        let text = usage.0.strip_prefix("k t: ").or_else(|| usage.0.strip_prefix("agentos-k t: ")).unwrap_or(&usage.0);
        text.split("\nUsage:").next().unwrap_or_default().to_owned()
    };
    match parse(kit, &args).map_err(message)? {
        Request::Print(text) => Ok(Value::String(text.lines().next().unwrap_or_default().to_owned())),
        Request::Call { tool, given, input, .. } => {
            let text = match input {
                Input::Text(text) => Some(text),
                _ => None,
            };
            finish(kit, kit.find(&tool).expect("tool"), given, text.as_deref()).map_err(message)
        }
    }
}

fn object(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

fn shapes() -> Value {
    json!({ "oneOf": [
        { "type": "object", "properties": { "kind": { "const": "circle" }, "radius": { "type": "number" }, "fill": { "type": "boolean", "default": true } }, "required": ["kind", "radius"], "additionalProperties": false },
        { "type": "object", "properties": { "kind": { "const": "square" }, "side": { "type": "number" } }, "required": ["kind", "side"], "additionalProperties": false }
    ] })
}

fn tree() -> Value {
    json!({ "type": "object", "properties": { "value": { "type": "string" }, "children": { "type": "array", "items": { "$ref": "#" } } } })
}

#[test]
fn forms() {
    for (schema, line, expected) in [
        // Records: entries that the schema does not name.
        (
            object(json!({ "env": { "type": "object", "additionalProperties": { "type": "integer" } } })),
            &["--env.A", "1", "--env.B=2"][..],
            json!({ "env": { "A": 1, "B": 2 } }),
        ),
        (object(json!({ "env": { "type": "object" } })), &["--env.A", "x"], json!({ "env": { "A": "x" } })),
        // Tuples: a type for each place, also when the flag is repeated.
        (
            object(json!({ "at": { "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer" }], "items": false } })),
            &["--at", "1,2"],
            json!({ "at": ["1", 2] }),
        ),
        (
            object(json!({ "at": { "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer" }], "items": { "type": "boolean" } } })),
            &["--at", "1", "--at", "2", "--at", "true"],
            json!({ "at": ["1", 2, true] }),
        ),
        // Lists: none, of unions, of objects.
        (object(json!({ "tags": { "type": "array", "items": { "type": "string" } } })), &["--tags="], json!({ "tags": [] })),
        (object(json!({ "tags": { "type": "array", "items": { "type": "string" } } })), &["--tags", "[\"a,b\"]"], json!({ "tags": ["a,b"] })),
        (
            object(json!({ "ids": { "type": "array", "items": { "anyOf": [{ "type": "integer" }, { "type": "string" }] } } })),
            &["--ids", "1,x"],
            json!({ "ids": [1, "x"] }),
        ),
        (
            object(json!({ "rows": { "type": "array", "items": { "type": "object" } } })),
            &["--rows", "{\"a\":1,\"b\":2}", "--rows", "{}"],
            json!({ "rows": [{ "a": 1, "b": 2 }, {} ] }),
        ),
        // Dates.
        (object(json!({ "at": { "type": "string", "format": "date-time" } })), &["--at", "2026-01-31"], json!({ "at": "2026-01-31T00:00:00Z" })),
        (object(json!({ "at": { "type": "string", "format": "date" } })), &["--at", "2026-01-31"], json!({ "at": "2026-01-31" })),
        // Unions: defaults of the alternative that was meant, and of no other.
        (shapes(), &["--kind", "circle", "--radius", "2"], json!({ "kind": "circle", "radius": 2, "fill": true })),
        (shapes(), &["--kind", "square", "--side", "1.5"], json!({ "kind": "square", "side": 1.5 })),
        (object(json!({ "x": { "anyOf": [{ "type": "number" }, { "type": "null" }] } })), &["--x", "null"], json!({ "x": null })),
        (object(json!({ "x": { "type": ["boolean", "string"] } })), &["--x", "true"], json!({ "x": true })),
        // Intersections.
        (
            json!({ "allOf": [object(json!({ "a": { "type": "integer" } })), object(json!({ "b": { "type": "string", "default": "d" } }))] }),
            &["--a", "1"],
            json!({ "a": 1, "b": "d" }),
        ),
        // Defaults below what is there.
        (
            object(json!({ "o": object(json!({ "a": { "type": "string" }, "b": { "type": "integer", "default": 5 } })) })),
            &["--o.a", "x"],
            json!({ "o": { "a": "x", "b": 5 } }),
        ),
        (object(json!({ "o": object(json!({ "b": { "type": "integer", "default": 5 } })) })), &[], json!({})),
        // Flags and JSON together, also below.
        (
            object(json!({ "o": object(json!({ "a": { "type": "string" } })) })),
            &["--json", "{\"o\":{\"z\":1}}", "--o.a", "x"],
            json!({ "o": { "z": 1, "a": "x" } }),
        ),
        // References, also to the whole.
        (tree(), &["--value", "a", "--children", "{\"value\":\"b\"}"], json!({ "value": "a", "children": [{ "value": "b" }] })),
        // What is no object comes as JSON.
        (json!({ "type": "array", "items": { "type": "integer" } }), &["--json", "[1,2]"], json!([1, 2])),
        (json!({}), &["--json", "\"text\""], json!("text")),
        // A value that looks like an option is a value.
        (object(json!({ "title": { "type": "string" } })), &["--title", "--help"], json!({ "title": "--help" })),
        (object(json!({ "title": { "type": "string" } })), &["--title", "x", "--help"], json!("Usage: agentos-k t [--title <string>]")),
        // A property that is called like a common option.
        (object(json!({ "output": { "type": "string" } })), &["--output", "f.txt"], json!({ "output": "f.txt" })),
        (
            object(json!({ "dueDate": { "type": "string" }, "due_date": { "type": "string" } })),
            &["--due-date", "a", "--due_date", "b"],
            json!({ "dueDate": "a", "due_date": "b" }),
        ),
    ] {
        assert_eq!(run(&schema, line), Ok(expected), "{line:?} of {schema}");
    }
}

#[test]
fn mistakes() {
    let nested =
        object(json!({ "user": { "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"], "additionalProperties": false } }));
    let long = "x".repeat(100_000);
    for (schema, line, expected) in [
        (shapes(), &["--kind", "star"][..], "--kind: got \"star\"; there are: circle, square"),
        (shapes(), &["--kind", "circle"], "--radius <number> is required"),
        (shapes(), &["--radius", "2"], "--kind <circle|square> is required"),
        (shapes(), &["--kind", "square", "--side", "1", "--radius", "2"], "unknown property radius"),
        (
            object(json!({ "x": { "anyOf": [{ "type": "string", "minLength": 3 }, { "type": "null" }] } })),
            &["--x", "ab"],
            "--x: \"ab\" is shorter than 3 characters",
        ),
        (nested.clone(), &["--user", "{}"], "--user.name <string> is required"),
        (nested.clone(), &["--user.nme", "x"], "unknown option --user.nme; did you mean --user.name?"),
        (nested, &["--user", "{bad"], "--user: got \"{bad\"; expected a JSON object (key must be a string at line 1 column 2)"),
        (object(json!({ "status": { "type": "string" } })), &["-status", "x"], "unexpected argument \"-status\"; did you mean --status?"),
        (json!({ "type": "array" }), &["--json", "{}"], "{} is not of type \"array\""),
        (object(json!({})), &["--json", "[]"], "the JSON is of type array; expected an object"),
        (object(json!({})), &["--json", "{"], "not JSON: EOF while parsing an object at line 1 column 1"),
        (object(json!({})), &["--x"], "unknown option --x; this tool takes none"),
        (object(json!({ "a": { "type": "integer" } })), &["--a", "1e400"], "--a: got \"1e400\"; expected a whole number"),
    ] {
        assert_eq!(run(&schema, line), Err(expected.to_owned()), "{line:?} of {schema}");
    }
    let told = run(&object(json!({ "a": { "type": "string", "maxLength": 3 } })), &["--a", &long]).expect_err("too long");
    assert!(told.len() < 500, "a message does not repeat megabytes: {} characters", told.len());
}

#[test]
fn types() {
    for (schema, expected) in [
        (object(json!({ "at": { "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer" }] } })), "{ at?: [string, number] }"),
        (object(json!({ "at": { "type": "array", "prefixItems": [{ "type": "string" }], "items": { "type": "integer" } } })), "{ at?: [string, ...number[]] }"),
        (object(json!({ "env": { "type": "object", "additionalProperties": { "type": "integer" } } })), "{ env?: Record<string, number> }"),
        (object(json!({ "x": { "type": ["string", "null"] } })), "{ x?: string | null }"),
        (object(json!({ "x": { "anyOf": [{ "type": "number" }, { "type": "integer" }] } })), "{ x?: number }"),
        (object(json!({ "x": { "type": "array", "items": { "enum": ["a", 1] } } })), "{ x?: Array<\"a\" | 1> }"),
        (object(json!({ "a-b": { "type": "boolean" } })), "{ \"a-b\"?: boolean }"),
        (
            json!({ "allOf": [object(json!({ "a": {} })), shapes()] }),
            "{ a?: unknown } & ({ kind: \"circle\"; radius: number; fill?: boolean } | { kind: \"square\"; side: number })",
        ),
        (tree(), "{ value?: string; children?: unknown[] }"),
    ] {
        let kits = kits(&schema);
        let text = declaration(kits.get("k").expect("k"));
        assert!(text.contains(&format!(": {expected}): Promise<any>;")), "{expected}\n{text}");
    }
}

/// Schemas whose parts refer to each other many times over must not take forever.
#[test]
fn schemas_that_contain_themselves_end() {
    let many: Map<String, Value> = (0..40).map(|i| (format!("p{i}"), json!({ "$ref": "#" }))).collect();
    let union = json!({ "anyOf": [{ "$ref": "#" }, { "$ref": "#" }, { "type": "object", "properties": many }] });
    for schema in [object(Value::Object(many)), union] {
        let kits = kits(&schema);
        let kit = kits.get("k").expect("k");
        assert!(!declaration(kit).is_empty());
        assert!(kit.tools[0].flags.all.len() <= 256);
    }
}

#[test]
fn help_of_switches_and_long_lines() {
    let kits = kits(&object(json!({
        "color": { "type": "boolean", "default": true, "description": "Color the output, as --no-color would not; see also --some-very-long-option-name-of-another-tool" },
        "a-rather-long-name": { "type": "string" },
        "another-long-name": { "type": "string" }
    })));
    let kit = kits.get("k").expect("k");
    let text = tool_help(kit, kit.find("t").expect("t"));
    assert!(text.starts_with("Usage: agentos-k t [--[no-]color] [--a-rather-long-name <string>]\n         [--another-long-name <string>]\n"), "{text}");
    assert!(text.contains("--some-very-long-option-name-of-another-tool"), "an option is not broken at its hyphens: {text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn instructions_name_the_tools_after_the_hosts_own() {
    let kits = kits(&object(json!({})));
    let block = instructions(&kits, None).expect("a block");
    assert!(block.contains("`agentos-k t`") && block.contains("agentos list"), "{block}");
    assert_eq!(instructions(&kits, Some("Be brief.\n".into())), Some(format!("Be brief.\n\n{block}")));
    assert_eq!(instructions(&Toolkits::default(), Some("Be brief.".into())).as_deref(), Some("Be brief."));
    assert_eq!(instructions(&Toolkits::default(), None), None);
}
