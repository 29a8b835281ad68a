//! Looking into a JSON Schema: references, and what a value may be.

use serde_json::Value;

/// References that may stand behind one another, and combinations inside each other.
const MAX_DEPTH: usize = 32;
/// Schemas that one schema may combine; later ones are not looked at. A union that contains itself ends here.
const MAX_PARTS: usize = 256;

/// The schema that `schema` stands for, with local `$ref`s followed.
pub fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut at = schema;
    for _ in 0..MAX_DEPTH {
        let Some(reference) = at.get("$ref").and_then(Value::as_str) else { return at };
        let Some(target) = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) else { return at };
        at = target;
    }
    at
}

/// All schemas that `schema` combines: itself, those of `allOf`, and the alternatives of `anyOf` and `oneOf`. The flag says whether
/// the schema always applies, or is one alternative of several.
pub fn parts<'a>(root: &'a Value, schema: &'a Value) -> Vec<(&'a Value, bool)> {
    let mut found = Vec::new();
    collect(root, schema, true, 0, &mut found);
    found
}

fn collect<'a>(root: &'a Value, schema: &'a Value, always: bool, depth: usize, found: &mut Vec<(&'a Value, bool)>) {
    if depth > MAX_DEPTH || found.len() >= MAX_PARTS {
        return;
    }
    let schema = resolve(root, schema);
    found.push((schema, always));
    for (key, of_all) in [("allOf", true), ("anyOf", false), ("oneOf", false)] {
        let alternatives = schema.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for alternative in alternatives {
            collect(root, alternative, always && (of_all || alternatives.len() == 1), depth + 1, found);
        }
    }
}

/// Names of the JSON types that a value may have; empty when the schema does not say.
pub fn types<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for (part, _) in parts(root, schema) {
        let stated: Vec<&str> = match part.get("type") {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => implied(part),
        };
        stated.into_iter().for_each(|name| {
            if !found.contains(&name) {
                found.push(name);
            }
        });
    }
    found
}

fn implied(part: &Value) -> Vec<&'static str> {
    if part.get("properties").is_some() {
        return vec!["object"];
    }
    let values = part.get("enum").and_then(Value::as_array).map_or_else(|| part.get("const").into_iter().collect::<Vec<_>>(), |a| a.iter().collect());
    values.into_iter().map(type_of).collect()
}

/// JSON Schema's name for the type of a value.
pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_i64() || n.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The values that a schema lists, when it lists them all.
pub fn listed<'a>(root: &'a Value, schema: &'a Value) -> Option<Vec<&'a Value>> {
    let schema = resolve(root, schema);
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return Some(values.iter().collect());
    }
    if let Some(value) = schema.get("const") {
        return Some(vec![value]);
    }
    let alternatives = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array)?;
    let mut all = Vec::new();
    for alternative in alternatives {
        let alternative = resolve(root, alternative);
        match (alternative.get("enum").and_then(Value::as_array), alternative.get("const")) {
            (Some(values), _) => all.extend(values),
            (None, Some(value)) => all.push(value),
            (None, None) => return None,
        }
    }
    Some(all)
}

/// Properties of an object schema, with those of its parts: name, schemas that speak of it, whether it is required.
pub fn properties<'a>(root: &'a Value, schema: &'a Value) -> Vec<(String, Vec<&'a Value>, bool)> {
    let mut found: Vec<(String, Vec<&Value>, bool)> = Vec::new();
    let parts = parts(root, schema);
    for (part, _) in &parts {
        for (name, property) in part.get("properties").and_then(Value::as_object).into_iter().flatten() {
            match found.iter_mut().find(|(known, ..)| known == name) {
                Some((_, schemas, _)) => schemas.push(property),
                None => found.push((name.clone(), vec![property], false)),
            }
        }
    }
    let required = |name: &str, part: &Value| part.get("required").and_then(Value::as_array).is_some_and(|all| all.iter().any(|r| r == name));
    for (name, schemas, needed) in &mut found {
        let always = parts.iter().any(|(part, always)| *always && required(name, part));
        // In a union, what every alternative with properties demands is demanded.
        let alternatives: Vec<&Value> = parts.iter().filter(|(part, always)| !always && part.get("properties").is_some()).map(|(part, _)| *part).collect();
        let in_all = !alternatives.is_empty() && alternatives.iter().all(|part| required(name, part));
        let has_default = schemas.iter().any(|schema| resolve(root, schema).get("default").is_some());
        *needed = (always || in_all) && !has_default;
    }
    found
}

/// The schema of an array's item at `index`, when there is one.
pub fn item(array: &Value, index: usize) -> Option<&Value> {
    let items = array.get("items");
    let tuple = array.get("prefixItems").or_else(|| items.filter(|items| items.is_array())).and_then(Value::as_array);
    tuple.and_then(|tuple| tuple.get(index)).or_else(|| items.filter(|items| items.is_object()))
}

/// Puts the defaults that the schema states into `value`, also below objects and lists that are there. Of a union, those of the
/// alternative whose constants the value has.
pub fn fill(root: &Value, schema: &Value, value: &mut Value) {
    fill_below(root, schema, value, 0);
}

fn fill_below(root: &Value, schema: &Value, value: &mut Value, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    let schema = resolve(root, schema);
    let list = |key: &str| schema.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    match value {
        Value::Object(object) => {
            for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if let Some(default) = property.get("default").or_else(|| resolve(root, property).get("default"))
                    && !object.contains_key(name)
                {
                    object.insert(name.clone(), default.clone());
                }
                if let Some(inner) = object.get_mut(name) {
                    fill_below(root, property, inner, depth + 1);
                }
            }
        }
        Value::Array(all) => {
            for (i, inner) in all.iter_mut().enumerate() {
                if let Some(of_item) = item(schema, i) {
                    fill_below(root, of_item, inner, depth + 1);
                }
            }
        }
        _ => return,
    }
    list("allOf").iter().for_each(|part| fill_below(root, part, value, depth + 1));
    for alternatives in [list("anyOf"), list("oneOf")] {
        if let Some(chosen) = alternatives.iter().find(|alternative| is_meant(root, alternative, value)) {
            fill_below(root, chosen, value, depth + 1);
        }
    }
}

/// Whether an alternative of a union has constants, and the value has them too.
fn is_meant(root: &Value, alternative: &Value, value: &Value) -> bool {
    let properties = resolve(root, alternative).get("properties").and_then(Value::as_object);
    let constants = properties.into_iter().flatten().filter_map(|(name, property)| Some((name, resolve(root, property).get("const")?)));
    let agrees: Vec<bool> = constants.map(|(name, constant)| value.get(name) == Some(constant)).collect();
    !agrees.is_empty() && agrees.into_iter().all(|same| same)
}
