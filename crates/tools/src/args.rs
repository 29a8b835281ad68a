//! The command line of one tool.

use crate::flags::{Flag, Kind};
use crate::prompt::quoted;
use crate::toolkit::{Tool, Toolkit};
use crate::{problem, schema, value};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Mistakes that one message tells.
const MAX_PROBLEMS: usize = 5;

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
    let mut line = Line { tool, given: Map::new(), input: Input::None, json_output: false };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if arg == "--help" || arg == "-h" {
            let as_json = args.iter().any(|arg| arg == "--json");
            return Ok(Request::Print(if as_json { crate::help::tool_json(kit, tool) } else { crate::help::tool_help(kit, tool) }));
        }
        line.option(arg, &mut rest).map_err(|what| usage(kit, tool, &what))?;
    }
    let Line { given, mut input, json_output, .. } = line;
    if input == Input::None && given.is_empty() && tool.flags.all.iter().any(|flag| flag.required) {
        input = Input::StdinIfPiped;
    }
    Ok(Request::Call { tool: tool.spec.key.clone(), given, input, json_output })
}

/// What has been read of a command line.
struct Line<'a> {
    tool: &'a Tool,
    given: Map<String, Value>,
    input: Input,
    json_output: bool,
}

impl Line<'_> {
    /// Reads one option, with its value.
    fn option(&mut self, arg: &str, rest: &mut std::slice::Iter<'_, String>) -> Result<(), String> {
        let body = arg.strip_prefix("--").filter(|body| !body.is_empty()).ok_or_else(|| positional(self.tool, arg))?;
        let (name, inline) = body.split_once('=').map_or((body, None), |(name, value)| (name, Some(value.to_owned())));
        let mut value =
            |inline: Option<String>, placeholder: &str| inline.or_else(|| rest.next().cloned()).ok_or_else(|| format!("--{name} needs a value{placeholder}"));
        // A property of the tool's own wins over the common options.
        if self.tool.flags.find(name).is_none() && matches!(name, "json" | "json-file" | "output") {
            let value = value(inline, "")?;
            return self.common(name, value);
        }
        let (flag, negated) = find(self.tool, name).ok_or_else(|| unknown_flag(self.tool, name))?;
        let value = match (flag.kind, inline, negated) {
            (_, Some(_), true) => return Err(format!("--{name} takes no value")),
            (_, None, true) => Value::Bool(false),
            (Kind::Switch, None, false) => Value::Bool(true),
            (_, inline, false) => {
                let text = value(inline, &format!(" {}", flag.placeholder))?;
                let before = given_items(&self.given, &flag.path);
                value::convert(&self.tool.flags, &flag, &text, before).map_err(|expected| format!("--{name}: got {text:?}; expected {expected}"))?
            }
        };
        insert(&mut self.given, &flag.path, flag.kind, value).map_err(|()| format!("--{name} is given twice"))
    }

    /// The options that every tool has.
    fn common(&mut self, name: &str, value: String) -> Result<(), String> {
        match (name, value.as_str()) {
            ("json" | "json-file", "-") => self.input = Input::Stdin,
            ("json", _) => self.input = Input::Text(value),
            ("json-file", _) => self.input = Input::File(value),
            (_, "json") => self.json_output = true,
            (_, "text") => self.json_output = false,
            _ => return Err(format!("--output: got {value:?}; there are: text, json")),
        }
        Ok(())
    }
}

/// Items of the list at `path`, so far.
fn given_items(given: &Map<String, Value>, path: &[String]) -> usize {
    let Some((first, rest)) = path.split_first() else { return 0 };
    let found = rest.iter().try_fold(given.get(first), |at, name| Some(at?.get(name)));
    found.flatten().and_then(Value::as_array).map_or(0, Vec::len)
}

fn positional(tool: &Tool, arg: &str) -> String {
    let flags = || tool.flags.all.iter();
    // One dash where two are wanted.
    let meant = arg.strip_prefix('-').and_then(|name| nearest(name, flags().map(|flag| flag.name.as_str())));
    let hint = match (meant, flags().find(|flag| flag.required && flag.kind == Kind::Value)) {
        (Some(name), _) => format!("; did you mean --{name}?"),
        (None, Some(flag)) => format!("; did you mean --{} {}?", flag.name, quoted(arg)),
        (None, None) => String::new(),
    };
    format!("unexpected argument {arg:?}{hint}")
}

fn find<'a>(tool: &'a Tool, name: &str) -> Option<(Cow<'a, Flag>, bool)> {
    if let Some(flag) = tool.flags.find(name) {
        return Some((Cow::Borrowed(flag), false));
    }
    if let Some(flag) = name.strip_prefix("no-").and_then(|positive| tool.flags.find(positive)) {
        return (flag.kind == Kind::Switch).then_some((Cow::Borrowed(flag), true));
    }
    tool.flags.entry(name).map(|flag| (Cow::Owned(flag), false))
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

/// Joins the flags with the text of the input (flags win), fills in defaults, and checks the whole by the schema.
///
/// # Errors
/// What is wrong, by the name of the flag.
pub fn finish(kit: &Toolkit, tool: &Tool, given: Map<String, Value>, input: Option<&str>) -> Result<Value, Usage> {
    let fail = |what: String| usage(kit, tool, &what);
    let root = &tool.flags.root;
    let mut arguments = match input.map(str::trim).filter(|text| !text.is_empty()) {
        None => Value::Object(Map::new()),
        Some(text) => serde_json::from_str(text).map_err(|error| fail(format!("not JSON: {error}")))?,
    };
    match &mut arguments {
        Value::Object(object) => merge(object, given),
        // A tool may take something else than an object; there are no flags for it then.
        other if !given.is_empty() || schema::types(root, root) == ["object"] => {
            return Err(fail(format!("the JSON is of type {}; expected an object", schema::type_of(other))));
        }
        _ => {}
    }
    schema::fill(root, root, &mut arguments);
    let problems: Vec<String> = tool.validator.iter_errors(&arguments).take(MAX_PROBLEMS).flat_map(|error| problem::told(tool, &error, 0)).collect();
    if problems.is_empty() { Ok(arguments) } else { Err(fail(problems.join("\n  "))) }
}

fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(below)), Value::Object(more)) => merge(below, more),
            (_, value) => {
                into.insert(name, value);
            }
        }
    }
}
