//! TypeScript declarations of a toolkit, for programs that import it.

use crate::schema;
use crate::toolkit::Toolkit;
use serde_json::Value;
use std::fmt::Write as _;

/// Types inside each other that are spelled out; deeper ones are `unknown`.
const MAX_DEPTH: usize = 8;

/// The text of `/usr/lib/agentos/tools/NAME.d.ts`.
pub fn declaration(kit: &Toolkit) -> String {
    let mut text = format!(
        "/** {} */\ndeclare module \"agentos:{}\" {{\n  const tools: {{\n",
        comment(if kit.description.is_empty() { &kit.name } else { &kit.description }),
        kit.name
    );
    for tool in &kit.tools {
        if !tool.spec.description.is_empty() {
            let _ = writeln!(text, "    /** {} */", comment(&tool.spec.description));
        }
        let root = &tool.spec.input_schema;
        let optional = if tool.flags.all.iter().any(|flag| flag.required) { "" } else { "?" };
        let result = tool.spec.output_schema.as_ref().map_or_else(|| "any".to_owned(), |output| type_text(output, output, 0));
        let _ = writeln!(text, "    {}(args{optional}: {}): Promise<{result}>;", property(&tool.spec.key), type_text(root, root, 0));
    }
    text + "  };\n  export default tools;\n}\n"
}

fn comment(text: &str) -> String {
    text.replace("*/", "* /").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn property(name: &str) -> String {
    let plain = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
    if plain { name.to_owned() } else { Value::String(name.to_owned()).to_string() }
}

fn type_text(root: &Value, schema: &Value, depth: usize) -> String {
    if depth > MAX_DEPTH {
        return "unknown".into();
    }
    let schema = schema::resolve(root, schema);
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    let several = |key: &str, glue: &str| -> Option<String> {
        let all = schema.get(key).and_then(Value::as_array)?;
        Some(
            all.iter()
                .map(|one| type_text(root, one, depth + 1))
                .map(|t| if t.contains(' ') && glue == " & " { format!("({t})") } else { t })
                .collect::<Vec<_>>()
                .join(glue),
        )
    };
    if let Some(text) = several("anyOf", " | ").or_else(|| several("oneOf", " | ")).or_else(|| several("allOf", " & ")) {
        return text;
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ if schema.get("properties").is_some() => vec!["object"],
        _ => return "unknown".into(),
    };
    types.into_iter().map(|name| one_type(root, schema, name, depth)).collect::<Vec<_>>().join(" | ")
}

fn one_type(root: &Value, schema: &Value, name: &str, depth: usize) -> String {
    match name {
        "integer" | "number" => "number".into(),
        "array" => match schema.get("prefixItems").or_else(|| schema.get("items").filter(|items| items.is_array())).and_then(Value::as_array) {
            Some(tuple) => format!("[{}]", tuple.iter().map(|one| type_text(root, one, depth + 1)).collect::<Vec<_>>().join(", ")),
            None => {
                let item = schema.get("items").map_or_else(|| "unknown".into(), |items| type_text(root, items, depth + 1));
                if item.contains([' ', '{']) { format!("Array<{item}>") } else { format!("{item}[]") }
            }
        },
        "object" => object_type(root, schema, depth),
        other => other.into(),
    }
}

fn object_type(root: &Value, schema: &Value, depth: usize) -> String {
    let properties = schema::properties(root, schema);
    if properties.is_empty() {
        let value = match schema.get("additionalProperties") {
            Some(inner @ Value::Object(_)) => type_text(root, inner, depth + 1),
            _ => "unknown".into(),
        };
        return format!("Record<string, {value}>");
    }
    let fields: Vec<String> = properties
        .into_iter()
        .map(|(name, schemas, required)| {
            let ty = schemas.first().map_or_else(|| "unknown".into(), |schema| type_text(root, schema, depth + 1));
            format!("{}{}: {ty}", property(&name), if required { "" } else { "?" })
        })
        .collect();
    format!("{{ {} }}", fields.join("; "))
}
