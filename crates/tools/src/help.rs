//! What tools say about themselves, for a reader with 80 columns and for machines.

use crate::flags::{Flag, Kind};
use crate::toolkit::{Tool, Toolkit, Toolkits};
use serde_json::json;
use std::fmt::Write as _;

/// Columns of a line.
const WIDTH: usize = 80;
/// Where descriptions start.
const COLUMN: usize = 28;
/// Optional flags that the usage line names.
const MAX_OPTIONAL: usize = 4;

/// `agentos-project --help`.
pub fn toolkit_help(kit: &Toolkit) -> String {
    let mut text = format!("Usage: {} TOOL [OPTION]...\n", kit.command());
    if !kit.description.is_empty() {
        let _ = writeln!(text, "{}", wrap(&kit.description, 0));
    }
    text += "\nTools:\n";
    for tool in &kit.tools {
        row(&mut text, &format!("  {}", tool.spec.name), first_line(&tool.spec.description));
    }
    let more = format!(
        "'{0} TOOL --help' tells about one tool, '{0} --help --json' about all. Arguments can also be given as JSON: --json '{{...}}', --json-file FILE, or on standard input.",
        kit.command()
    );
    text + "\n" + &wrap(&more, 0) + "\n"
}

/// `agentos-project list-issues --help`.
pub fn tool_help(kit: &Toolkit, tool: &Tool) -> String {
    let mut text = usage_line(kit, tool) + "\n";
    if !tool.spec.description.is_empty() {
        let _ = writeln!(text, "{}", wrap(&tool.spec.description, 0));
    }
    if !tool.flags.all.is_empty() {
        text += "\nOptions:\n";
    }
    for flag in &tool.flags.all {
        row(&mut text, &format!("  {}", synopsis(flag)), &describe(flag));
    }
    text += "\nCommon options:\n";
    row(&mut text, "  --json <json>", "all arguments as one JSON object; - reads standard input");
    row(&mut text, "  --json-file <path>", "the same from a file");
    row(&mut text, "  --output <text|json>", "how the result is printed");
    row(&mut text, "  --help", "this text; with --json the JSON Schema");
    if !tool.spec.examples.is_empty() {
        text += "\nExamples:\n";
        for example in &tool.spec.examples {
            let _ = writeln!(text, "  {} {} {example}", kit.command(), tool.spec.name);
        }
    } else if !tool.flags.all.is_empty() {
        let _ = write!(text, "\nExample:\n  {}\n", example(kit, tool));
    }
    text
}

/// `Usage: agentos-project list-issues [--status <open|closed|all>]`.
pub fn usage_line(kit: &Toolkit, tool: &Tool) -> String {
    let top: Vec<&Flag> = tool.flags.all.iter().filter(|flag| flag.path.len() == 1 || flag.required).collect();
    let (required, optional): (Vec<&Flag>, Vec<&Flag>) = top.into_iter().partition(|flag| flag.required);
    let mut words: Vec<String> = required.into_iter().map(synopsis).collect();
    if optional.len() > MAX_OPTIONAL {
        words.push("[OPTION]...".into());
    } else {
        words.extend(optional.into_iter().map(|flag| format!("[{}]", synopsis(flag))));
    }
    // Lines are broken between options and never within one.
    let mut text = format!("Usage: {} {}", kit.command(), tool.spec.name);
    let mut column = text.chars().count();
    for word in words {
        let width = word.chars().count();
        if column + 1 + width > WIDTH {
            text += "\n        ";
            column = 8;
        }
        let _ = write!(text, " {word}");
        column += 1 + width;
    }
    text
}

fn synopsis(flag: &Flag) -> String {
    match flag.kind {
        Kind::Switch if flag.default.as_deref() == Some("true") => format!("--[no-]{}", flag.name),
        Kind::Switch => format!("--{}", flag.name),
        _ => format!("--{} {}", flag.name, flag.placeholder),
    }
}

fn describe(flag: &Flag) -> String {
    let mut text = flag.description.clone();
    let mut notes = Vec::new();
    if flag.choices.len() > 6 {
        notes.push(format!("one of {}", flag.choices.join(", ")));
    }
    if let Some(default) = &flag.default {
        notes.push(format!("default: {default}"));
    }
    if flag.required {
        notes.push("required".into());
    }
    if flag.kind == Kind::List {
        notes.push("may be repeated".into());
    }
    if !notes.is_empty() {
        if !text.is_empty() {
            text.push(' ');
        }
        let _ = write!(text, "({})", notes.join("; "));
    }
    text
}

fn example(kit: &Toolkit, tool: &Tool) -> String {
    let mut line = format!("{} {}", kit.command(), tool.spec.name);
    let mut shown: Vec<&Flag> = tool.flags.all.iter().filter(|flag| flag.required && flag.kind != Kind::Object).collect();
    if shown.is_empty() {
        shown = tool.flags.all.iter().filter(|flag| flag.kind != Kind::Object).take(1).collect();
    }
    for flag in shown {
        let value = flag.choices.first().cloned().or_else(|| flag.default.clone()).unwrap_or_else(|| match flag.placeholder.as_str() {
            "<integer>" | "<number>" => "1".into(),
            "<date>" => "2026-01-31".into(),
            "<date-time>" => "2026-01-31T12:00:00Z".into(),
            _ => format!("some-{}", flag.name.replace('.', "-")),
        });
        match flag.kind {
            Kind::Switch => {
                let _ = write!(line, " --{}", flag.name);
            }
            _ => {
                let _ = write!(line, " --{} {}", flag.name, crate::prompt::quoted(&value));
            }
        }
    }
    line
}

fn row(text: &mut String, left: &str, right: &str) {
    if right.is_empty() {
        let _ = writeln!(text, "{left}");
        return;
    }
    let body = wrap(right, COLUMN);
    if left.len() + 2 > COLUMN {
        let _ = writeln!(text, "{left}\n{:COLUMN$}{body}", "");
    } else {
        let _ = writeln!(text, "{left:COLUMN$}{body}");
    }
}

fn wrap(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    // An option must not be broken at its hyphens.
    let options =
        textwrap::Options::new(WIDTH - indent).word_splitter(textwrap::WordSplitter::NoHyphenation).word_separator(textwrap::WordSeparator::AsciiSpace);
    textwrap::wrap(text, options).join(&format!("\n{margin}"))
}

pub(crate) fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}

/// `agentos-project --help --json`.
pub fn toolkit_json(kit: &Toolkit) -> String {
    let tools: Vec<_> = kit.tools.iter().map(tool_value).collect();
    json!({ "name": kit.name, "command": kit.command(), "description": kit.description, "tools": tools }).to_string() + "\n"
}

/// `agentos-project list-issues --help --json`.
pub fn tool_json(_kit: &Toolkit, tool: &Tool) -> String {
    tool_value(tool).to_string() + "\n"
}

fn tool_value(tool: &Tool) -> serde_json::Value {
    let mut value = json!({ "name": tool.spec.name, "key": tool.spec.key, "description": tool.spec.description, "inputSchema": tool.spec.input_schema });
    if let Some(output) = &tool.spec.output_schema {
        value["outputSchema"] = output.clone();
    }
    value
}

/// `agentos list`.
pub fn list(kits: &Toolkits) -> String {
    if kits.is_empty() {
        return "No toolkits are registered.\n".into();
    }
    let mut text = String::new();
    for kit in kits.iter() {
        row(&mut text, &kit.command(), &kit.description);
        for tool in &kit.tools {
            row(&mut text, &format!("  {}", tool.spec.name), first_line(&tool.spec.description));
        }
    }
    text + "\n'COMMAND TOOL --help' tells about one tool.\n"
}

/// `agentos list --json`.
pub fn list_json(kits: &Toolkits) -> String {
    let all: Vec<_> = kits.iter().map(|kit| json!({ "name": kit.name, "command": kit.command(), "description": kit.description, "tools": kit.tools.iter().map(|t| t.spec.name.as_str()).collect::<Vec<_>>() })).collect();
    serde_json::Value::Array(all).to_string() + "\n"
}
