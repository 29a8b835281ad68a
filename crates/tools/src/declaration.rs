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
        let result = tool.spec.output_schema.as_ref().map_or_else(|| "any".to_owned(), |output| type_text(output, output, &mut Vec::new()));
        let _ = writeln!(text, "    {}(args{optional}: {}): Promise<{result}>;", property(&tool.spec.key), type_text(root, root, &mut Vec::new()));
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

/// `above`: the schemas that this one is part of.
fn type_text<'a>(root: &'a Value, schema: &'a Value, above: &mut Vec<&'a Value>) -> String {
    let schema = schema::resolve(root, schema);
    // One that contains itself has no finite text.
    if above.len() > MAX_DEPTH || above.iter().any(|known| std::ptr::eq(*known, schema)) {
        return "unknown".into();
    }
    above.push(schema);
    let text = resolved(root, schema, above);
    above.pop();
    text
}

fn resolved<'a>(root: &'a Value, schema: &'a Value, above: &mut Vec<&'a Value>) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    for (key, glue) in [("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")] {
        let Some(all) = schema.get(key).and_then(Value::as_array) else { continue };
        let mut texts: Vec<String> = all.iter().map(|one| type_text(root, one, above)).collect();
        if key == "allOf" {
            texts = texts.into_iter().map(|text| if text.contains(" | ") { format!("({text})") } else { text }).collect();
        }
        texts.dedup();
        return texts.join(glue);
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ if schema.get("properties").is_some() => vec!["object"],
        _ => return "unknown".into(),
    };
    types.into_iter().map(|name| one_type(root, schema, name, above)).collect::<Vec<_>>().join(" | ")
}

fn one_type<'a>(root: &'a Value, schema: &'a Value, name: &str, above: &mut Vec<&'a Value>) -> String {
    match name {
        "integer" | "number" => "number".into(),
        "array" => array_type(root, schema, above),
        "object" => object_type(root, schema, above),
        other => other.into(),
    }
}

fn array_type<'a>(root: &'a Value, schema: &'a Value, above: &mut Vec<&'a Value>) -> String {
    let items = schema.get("items");
    let tuple = schema.get("prefixItems").or_else(|| items.filter(|items| items.is_array())).and_then(Value::as_array);
    let list = |item: String| if item.contains([' ', '{']) { format!("Array<{item}>") } else { format!("{item}[]") };
    let Some(tuple) = tuple else { return list(items.map_or_else(|| "unknown".into(), |items| type_text(root, items, above))) };
    let mut places: Vec<String> = tuple.iter().map(|one| type_text(root, one, above)).collect();
    if let Some(more) = items.filter(|items| items.is_object()) {
        places.push(format!("...{}", list(type_text(root, more, above))));
    }
    format!("[{}]", places.join(", "))
}

fn object_type<'a>(root: &'a Value, schema: &'a Value, above: &mut Vec<&'a Value>) -> String {
    let properties = schema::properties(root, schema);
    if properties.is_empty() {
        let value = match schema.get("additionalProperties") {
            Some(inner @ Value::Object(_)) => type_text(root, inner, above),
            _ => "unknown".into(),
        };
        return format!("Record<string, {value}>");
    }
    let fields: Vec<String> = properties
        .into_iter()
        .map(|(name, schemas, required)| {
            let ty = schemas.first().map_or_else(|| "unknown".into(), |schema| type_text(root, schema, above));
            format!("{}{}: {ty}", property(&name), if required { "" } else { "?" })
        })
        .collect();
    format!("{{ {} }}", fields.join("; "))
}
