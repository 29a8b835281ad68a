//! The command line of one tool.

use crate::flags::{Flag, Kind, plain};
use crate::toolkit::{Tool, Toolkit};
use crate::{schema, value};
use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value};

/// What a command line asks for.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// A call of this tool (its key), with arguments that may need input.
    Call {
        /// Key of the tool.
        tool: String,
        /// From the flags.
        given: Map<String, Value>,
        /// Where the rest comes from.
        input: Input,
        /// `--output json`.
        json_output: bool,
    },
    /// Text for standard output.
    Print(String),
}

/// Where arguments come from beside flags.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// Flags are all.
    None,
    /// `--json TEXT`.
    Text(String),
    /// `--json-file PATH`.
    File(String),
    /// `--json -`: standard input.
    Stdin,
    /// Standard input when it is a pipe or a file: nothing was given and something is required.
    StdinIfPiped,
}

/// A command line that makes no sense: what to print on standard error. Exit status 2.
#[derive(Debug, PartialEq, Eq)]
pub struct Usage(pub String);

/// Parses what follows `agentos-NAME`.
///
/// # Errors
/// What was wrong, the nearest name that exists, and the usage line.
pub fn parse(kit: &Toolkit, args: &[String]) -> Result<Request, Usage> {
    let command = kit.command();
    let fail = |what: String| Usage(format!("{command}: {what}\nTry '{command} --help'.\n"));
    let Some(first) = args.first() else {
        return Err(Usage(format!("{command}: which tool?\n\n{}", crate::help::toolkit_help(kit))));
    };
    match first.as_str() {
        "--help" | "-h" | "help" => {
            let as_json = args[1..].iter().any(|arg| arg == "--json");
            return match args[1..].iter().find(|arg| !arg.starts_with('-')).map(|name| (name, kit.find(name))) {
                Some((_, Some(tool))) => Ok(Request::Print(crate::help::tool_help(kit, tool))),
                Some((name, None)) => Err(fail(unknown_tool(kit, name))),
                None if as_json => Ok(Request::Print(crate::help::toolkit_json(kit))),
                None => Ok(Request::Print(crate::help::toolkit_help(kit))),
            };
        }
        flag if flag.starts_with('-') => return Err(fail(format!("unknown option {flag}; a tool comes first"))),
        _ => {}
    }
    let tool = kit.find(first).ok_or_else(|| fail(unknown_tool(kit, first)))?;
    tool_line(kit, tool, &args[1..])
}

fn unknown_tool(kit: &Toolkit, name: &str) -> String {
    let names = kit.tools.iter().map(|tool| tool.spec.name.as_str());
    let hint = nearest(name, names).map_or_else(
        || format!("there are: {}", kit.tools.iter().map(|tool| tool.spec.name.as_str()).collect::<Vec<_>>().join(", ")),
        |near| format!("did you mean {near}?"),
    );
    format!("unknown tool {name:?}; {hint}")
}

/// The name that is most like `name`, when one is.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names.map(|known| (strsim::jaro_winkler(name, known), known)).filter(|(score, _)| *score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// Usage errors of a tool end with its usage line.
fn usage(kit: &Toolkit, tool: &Tool, what: &str) -> Usage {
    Usage(format!("{} {}: {what}\n{}\n", kit.command(), tool.spec.name, crate::help::usage_line(kit, tool)))
}

fn tool_line(kit: &Toolkit, tool: &Tool, args: &[String]) -> Result<Request, Usage> {
    let fail = |what: String| usage(kit, tool, &what);
    let mut given = Map::new();
    let mut input = Input::None;
    let mut json_output = false;
    let mut rest = args.iter();
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        let text = if args.iter().any(|arg| arg == "--json") { crate::help::tool_json(kit, tool) } else { crate::help::tool_help(kit, tool) };
        return Ok(Request::Print(text));
    }
    while let Some(arg) = rest.next() {
        let Some(body) = arg.strip_prefix("--").filter(|body| !body.is_empty()) else {
            return Err(fail(positional(tool, arg)));
        };
        let (name, inline) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (body, None),
        };
        // A property of the tool's own wins over the common options.
        if tool.flags.find(name).is_none() && matches!(name, "json" | "json-file" | "output") {
            let value = inline.or_else(|| rest.next().cloned()).ok_or_else(|| fail(format!("--{name} needs a value")))?;
            match name {
                "json" if value == "-" => input = Input::Stdin,
                "json" => input = Input::Text(value),
                "json-file" if value == "-" => input = Input::Stdin,
                "json-file" => input = Input::File(value),
                _ if value == "json" => json_output = true,
                _ if value == "text" => json_output = false,
                _ => return Err(fail(format!("--output: got {value:?}; there are: text, json"))),
            }
            continue;
        }
        let (flag, negated) = find(tool, name).ok_or_else(|| fail(unknown_flag(tool, name)))?;
        let value = match (flag.kind, inline, negated) {
            (_, Some(_), true) => return Err(fail(format!("--{name} takes no value"))),
            (_, None, true) => Value::Bool(false),
            (Kind::Switch, None, false) => Value::Bool(true),
            (_, inline, false) => {
                let text = inline.or_else(|| rest.next().cloned()).ok_or_else(|| fail(format!("--{name} needs a value {}", flag.placeholder)))?;
                value::convert(&tool.flags, flag, &text).map_err(|expected| fail(format!("--{name}: got {text:?}; expected {expected}")))?
            }
        };
        insert(&mut given, &flag.path, flag.kind, value).map_err(|()| fail(format!("--{name} is given twice")))?;
    }
    let missing = tool.flags.all.iter().any(|flag| flag.required);
    if input == Input::None && given.is_empty() && missing {
        input = Input::StdinIfPiped;
    }
    Ok(Request::Call { tool: tool.spec.key.clone(), given, input, json_output })
}

fn positional(tool: &Tool, arg: &str) -> String {
    let hint = match tool.flags.all.iter().find(|flag| flag.required && flag.kind == Kind::Value) {
        Some(flag) => format!("; did you mean --{} {arg:?}?", flag.name),
        None => String::new(),
    };
    format!("unexpected argument {arg:?}{hint}")
}

fn find<'a>(tool: &'a Tool, name: &str) -> Option<(&'a Flag, bool)> {
    if let Some(flag) = tool.flags.find(name) {
        return Some((flag, false));
    }
    let flag = name.strip_prefix("no-").and_then(|positive| tool.flags.find(positive))?;
    (flag.kind == Kind::Switch).then_some((flag, true))
}

fn unknown_flag(tool: &Tool, name: &str) -> String {
    let names = || tool.flags.all.iter().map(|flag| flag.name.as_str());
    match nearest(name, names()) {
        Some(near) => format!("unknown option --{name}; did you mean --{near}?"),
        None if tool.flags.all.is_empty() => format!("unknown option --{name}; this tool takes none"),
        None => format!("unknown option --{name}; there are: {}", names().map(|n| format!("--{n}")).collect::<Vec<_>>().join(", ")),
    }
}

/// Puts a value at its path; lists grow, anything else must not be there yet.
fn insert(object: &mut Map<String, Value>, path: &[String], kind: Kind, value: Value) -> Result<(), ()> {
    let Some((first, rest)) = path.split_first() else { return Err(()) };
    if !rest.is_empty() {
        let below = object.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
        return below.as_object_mut().ok_or(()).and_then(|below| insert(below, rest, kind, value));
    }
    match (object.get_mut(first), value) {
        (None, value) => {
            object.insert(first.clone(), value);
            Ok(())
        }
        (Some(Value::Array(known)), Value::Array(more)) if kind == Kind::List => {
            known.extend(more);
            Ok(())
        }
        (Some(_), _) => Err(()),
    }
}

/// Joins the flags with the text of the input, fills in defaults, and checks the whole by the schema.
///
/// # Errors
/// What is wrong, by the name of the flag.
pub fn finish(kit: &Toolkit, tool: &Tool, given: Map<String, Value>, input: Option<&str>) -> Result<Value, Usage> {
    let fail = |what: String| usage(kit, tool, &what);
    let mut all = match input.map(str::trim).filter(|text| !text.is_empty()) {
        None => Map::new(),
        Some(text) => match serde_json::from_str(text) {
            Ok(Value::Object(object)) => object,
            Ok(other) => return Err(fail(format!("the JSON is of type {}; expected an object", schema::type_of(&other)))),
            Err(error) => return Err(fail(format!("not JSON: {error}"))),
        },
    };
    all.extend(given);
    for flag in &tool.flags.all {
        let default = flag.schemas.iter().find_map(|s| s.get("default").or_else(|| schema::resolve(&tool.flags.root, s).get("default")));
        if let (Some(default), [name]) = (default, flag.path.as_slice())
            && !all.contains_key(name)
        {
            all.insert(name.clone(), default.clone());
        }
    }
    let arguments = Value::Object(all);
    let mut problems: Vec<String> = Vec::new();
    for error in tool.validator.iter_errors(&arguments).take(5) {
        problems.push(told(tool, &error));
    }
    if problems.is_empty() { Ok(arguments) } else { Err(fail(problems.join("\n  "))) }
}

fn told(tool: &Tool, error: &jsonschema::ValidationError<'_>) -> String {
    let path: Vec<String> = error.instance_path.as_str().split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let flag = |path: &[String]| -> String {
        let known = tool.flags.all.iter().filter(|flag| path.starts_with(&flag.path)).max_by_key(|flag| flag.path.len());
        known.map_or_else(|| path.join("."), |flag| format!("--{}", flag.name))
    };
    match &error.kind {
        ValidationErrorKind::Required { property } => {
            let missing: Vec<String> = path.iter().cloned().chain([plain(property)]).collect();
            let name = flag(&missing);
            let placeholder = tool.flags.all.iter().find(|f| f.path == missing).map(|f| format!(" {}", f.placeholder)).unwrap_or_default();
            format!("{name}{placeholder} is required")
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let names = tool.flags.all.iter().map(|f| f.name.as_str());
            let hint = unexpected.first().and_then(|name| nearest(name, names)).map(|near| format!("; did you mean --{near}?")).unwrap_or_default();
            format!("unknown property {}{hint}", unexpected.join(", "))
        }
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map(|all| all.iter().map(plain).collect::<Vec<_>>().join(", ")).unwrap_or_default();
            format!("{}: got {}; there are: {options}", flag(&path), error.instance)
        }
        _ if path.is_empty() => error.to_string(),
        _ => format!("{}: {error}", flag(&path)),
    }
}
