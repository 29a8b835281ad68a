//! From the text of one value to JSON, as the schema asks.

use crate::flags::{Flag, Flags, Kind};
use crate::schema;
use serde_json::{Number, Value};

/// The value of a flag.
///
/// # Errors
/// What was expected instead.
pub fn convert(flags: &Flags, flag: &Flag, text: &str) -> Result<Value, String> {
    match flag.kind {
        Kind::List if text.trim_start().starts_with('[') => json(text, "a list, or a JSON array"),
        Kind::List => {
            let items: Vec<&Value> = flag.schemas.iter().filter_map(|s| schema::resolve(&flags.root, s).get("items")).collect();
            let types: Vec<&str> = items.iter().flat_map(|s| schema::types(&flags.root, s)).collect();
            if matches!(types.as_slice(), ["object"] | ["array"]) {
                return json(text, "JSON").map(|value| Value::Array(vec![value]));
            }
            text.split(',').map(|part| scalar(&types, part)).collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        Kind::Object => json(text, "a JSON object"),
        Kind::Switch => boolean(text),
        Kind::Value => {
            let types: Vec<&str> = flag.schemas.iter().flat_map(|s| schema::types(&flags.root, s)).collect();
            scalar(&types, text)
        }
    }
}

/// A value of one of these types; the most particular type that fits wins.
fn scalar(types: &[&str], text: &str) -> Result<Value, String> {
    let may = |name: &str| types.contains(&name);
    if types.is_empty() {
        return Ok(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())));
    }
    if may("null") && text == "null" {
        return Ok(Value::Null);
    }
    if may("boolean")
        && let Ok(value) = boolean(text)
    {
        return Ok(value);
    }
    if (may("integer") || may("number"))
        && let Some(value) = number(text, may("number"))
    {
        return Ok(value);
    }
    if (may("object") && text.trim_start().starts_with('{')) || (may("array") && text.trim_start().starts_with('[')) {
        return json(text, "JSON");
    }
    if may("string") {
        return Ok(Value::String(text.to_owned()));
    }
    let expected: Vec<&str> = types
        .iter()
        .map(|name| {
            if *name == "integer" {
                "a whole number"
            } else if *name == "number" {
                "a number"
            } else {
                name
            }
        })
        .collect();
    Err(expected.join(" or "))
}

fn boolean(text: &str) -> Result<Value, String> {
    match text {
        "true" | "yes" | "1" => Ok(Value::Bool(true)),
        "false" | "no" | "0" => Ok(Value::Bool(false)),
        _ => Err("true or false".into()),
    }
}

fn number(text: &str, fractions: bool) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    let value: f64 = text.parse().ok()?;
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return Some((value as i64).into());
    }
    if fractions { Number::from_f64(value).map(Value::Number) } else { None }
}

fn json(text: &str, expected: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{expected} ({error})"))
}
