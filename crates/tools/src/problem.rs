//! What the schema has against arguments, told by the names of flags.

use crate::args::nearest;
use crate::flags::plain;
use crate::toolkit::Tool;
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;

/// Unions inside each other that are looked into.
const MAX_DEPTH: usize = 8;
/// Characters of one message: it may quote the value, which may be megabytes.
const MAX_CHARS: usize = 400;

/// The mistakes that an error stands for: of a union, those of the alternative that was probably meant.
pub fn told(tool: &Tool, error: &ValidationError<'_>, depth: usize) -> Vec<String> {
    match &error.kind {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } if depth < MAX_DEPTH => of_union(tool, error, context, depth),
        _ => vec![shortened(one(tool, error))],
    }
}

fn of_union(tool: &Tool, error: &ValidationError<'_>, alternatives: &[Vec<ValidationError<'_>>], depth: usize) -> Vec<String> {
    let differs = |e: &ValidationError<'_>| matches!(e.kind, Kind::Constant { .. } | Kind::Enum { .. });
    if let Some(text) = no_such_kind(tool, alternatives) {
        return vec![shortened(text)];
    }
    // Another constant, then another type, says that the alternative was not meant.
    let unlikely = |errors: &&Vec<ValidationError<'_>>| {
        let other_type = errors.iter().any(|e| matches!(e.kind, Kind::Type { .. }) && e.instance_path == error.instance_path);
        (errors.iter().any(differs), other_type, errors.len())
    };
    match alternatives.iter().min_by_key(unlikely) {
        Some(errors) if !errors.is_empty() => errors.iter().flat_map(|e| told(tool, e, depth + 1)).collect(),
        _ => vec![shortened(one(tool, error))],
    }
}

/// When every alternative wants another constant at the same place: the constants.
fn no_such_kind(tool: &Tool, alternatives: &[Vec<ValidationError<'_>>]) -> Option<String> {
    let first = alternatives.first()?.iter().find(|e| matches!(e.kind, Kind::Constant { .. }))?;
    let mut constants = Vec::new();
    for errors in alternatives {
        constants.push(errors.iter().find_map(|e| match &e.kind {
            Kind::Constant { expected_value } if e.instance_path == first.instance_path => Some(plain(expected_value)),
            _ => None,
        })?);
    }
    Some(format!("{}: got {}; there are: {}", name(tool, &path(first)), first.instance, constants.join(", ")))
}

fn path(error: &ValidationError<'_>) -> Vec<String> {
    error.instance_path.as_str().split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

/// The flag at a path or the nearest above it; the path itself when there is none.
fn name(tool: &Tool, path: &[String]) -> String {
    let known = tool.flags.all.iter().filter(|flag| path.starts_with(&flag.path)).max_by_key(|flag| flag.path.len());
    known.map_or_else(|| path.join("."), |flag| format!("--{}", flag.name))
}

fn one(tool: &Tool, error: &ValidationError<'_>) -> String {
    let path = path(error);
    match &error.kind {
        Kind::Required { property } => {
            let missing: Vec<String> = path.iter().cloned().chain([plain(property)]).collect();
            let placeholder = tool.flags.all.iter().find(|f| f.path == missing && !f.placeholder.is_empty()).map(|f| format!(" {}", f.placeholder));
            format!("{}{} is required", name(tool, &missing), placeholder.unwrap_or_default())
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let names = |other: &str| nearest(other, tool.flags.all.iter().map(|f| f.name.as_str()).filter(|name| *name != other));
            let hint = unexpected.first().and_then(|name| names(name)).map(|near| format!("; did you mean --{near}?"));
            format!("unknown property {}{}", unexpected.join(", "), hint.unwrap_or_default())
        }
        Kind::Enum { options } => {
            let options = options.as_array().map(|all| all.iter().map(plain).collect::<Vec<_>>().join(", ")).unwrap_or_default();
            format!("{}: got {}; there are: {options}", name(tool, &path), error.instance)
        }
        Kind::Constant { expected_value } => format!("{}: got {}; expected {expected_value}", name(tool, &path), error.instance),
        _ if path.is_empty() => error.to_string(),
        _ => format!("{}: {error}", name(tool, &path)),
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
