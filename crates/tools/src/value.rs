//! From the text of one value to JSON, as the schema asks.

use crate::flags::{Flag, Flags, Kind};
use crate::schema;
use serde_json::{Number, Value};

/// The value of a flag. Of a list, `before` items have been given already: tuples have a schema for each place.
///
/// # Errors
/// What was expected instead.
pub fn convert(flags: &Flags, flag: &Flag, text: &str, before: usize) -> Result<Value, String> {
    match flag.kind {
        Kind::List if text.is_empty() => Ok(Value::Array(Vec::new())),
        Kind::List if text.trim_start().starts_with('[') => json(text, "a list, or a JSON array"),
        Kind::List => {
            if matches!(item_types(flags, flag, before).as_slice(), ["object"] | ["array"]) {
                return json(text, "JSON").map(|value| Value::Array(vec![value]));
            }
            text.split(',').enumerate().map(|(i, part)| scalar(&item_types(flags, flag, before + i), part)).collect::<Result<_, _>>().map(Value::Array)
        }
        Kind::Object => json(text, "a JSON object"),
        Kind::Switch => boolean(text),
        Kind::Value => {
            let types: Vec<&str> = flag.schemas.iter().flat_map(|s| schema::types(&flags.root, s)).collect();
            scalar(&types, text).map(|value| moment(flags, flag, value))
        }
    }
}

/// Types that the item at `index` of a list may have.
fn item_types<'a>(flags: &'a Flags, flag: &'a Flag, index: usize) -> Vec<&'a str> {
    let parts = flag.schemas.iter().flat_map(|s| schema::parts(&flags.root, s));
    let mut types: Vec<&str> = parts.filter_map(|(part, _)| schema::item(part, index)).flat_map(|s| schema::types(&flags.root, s)).collect();
    types.dedup();
    types
}

/// A day, where a point in time is wanted, is its first moment.
fn moment(flags: &Flags, flag: &Flag, value: Value) -> Value {
    let wanted = || flag.schemas.iter().flat_map(|s| schema::parts(&flags.root, s)).any(|(part, _)| part.get("format").is_some_and(|f| f == "date-time"));
    match value {
        Value::String(text) if is_day(&text) && wanted() => Value::String(text + "T00:00:00Z"),
        other => other,
    }
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && text.bytes().enumerate().all(|(i, byte)| if i == 4 || i == 7 { byte == b'-' } else { byte.is_ascii_digit() })
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
