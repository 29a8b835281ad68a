//! The flags of a tool, from the schema of its arguments.

use crate::schema;
use serde_json::Value;

/// Objects inside each other whose properties are flags of their own (`--a.b`).
const MAX_NESTING: usize = 4;
/// Flags of one tool that help lists.
const MAX_FLAGS: usize = 256;

/// How a flag takes its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `--x`, `--no-x`.
    Switch,
    /// One value.
    Value,
    /// Repeated, or separated by commas.
    List,
    /// JSON, or the properties one by one as `--x.y`.
    Object,
}

/// One flag.
#[derive(Clone, Debug)]
pub struct Flag {
    /// Without dashes: `due-date`, `author.name`.
    pub name: String,
    /// Where its value goes.
    pub path: Vec<String>,
    /// How it takes its value.
    pub kind: Kind,
    /// The schemas that speak of the value.
    pub schemas: Vec<Value>,
    /// Whether it must be given.
    pub required: bool,
    /// The values there are, when the schema lists them.
    pub choices: Vec<String>,
    /// The placeholder in help: `<number>`.
    pub placeholder: String,
    /// From the schema.
    pub description: String,
    /// From the schema, as JSON or plain text.
    pub default: Option<String>,
}

/// All flags of a tool.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// In the order of the schema.
    pub all: Vec<Flag>,
    /// The whole schema, for references.
    pub root: Value,
}

impl Flags {
    /// The flags for arguments of this schema.
    pub fn of(root: &Value) -> Flags {
        let mut all = Vec::new();
        add(root, root, &[], true, &mut all);
        Flags { all, root: root.clone() }
    }

    /// The flag of this name.
    pub fn find(&self, name: &str) -> Option<&Flag> {
        self.all.iter().find(|flag| flag.name == name || flag.path.join(".") == name)
    }

    /// The flag for an entry of a record, which the schema does not name: `--env.HOME /tmp`.
    pub fn entry(&self, name: &str) -> Option<Flag> {
        let objects = self.all.iter().filter(|flag| flag.kind == Kind::Object);
        let below =
            |flag: &Flag| name.strip_prefix(flag.name.as_str()).and_then(|rest| rest.strip_prefix('.')).filter(|key| !key.is_empty()).map(str::to_owned);
        let (record, key) = objects.filter_map(|flag| Some((flag, below(flag)?))).max_by_key(|(flag, _)| flag.name.len())?;
        let parts: Vec<&Value> = record.schemas.iter().flat_map(|schema| schema::parts(&self.root, schema)).map(|(part, _)| part).collect();
        let values: Vec<&Value> = parts.iter().filter_map(|part| part.get("additionalProperties")).collect();
        let typed: Vec<&Value> = values.iter().filter(|schema| schema.is_object()).copied().collect();
        let closed = values.iter().any(|schema| **schema == Value::Bool(false)) || parts.iter().any(|part| part.get("properties").is_some());
        if typed.is_empty() && closed {
            return None;
        }
        let path: Vec<String> = record.path.iter().cloned().chain([key]).collect();
        Some(flag(&self.root, &path, &typed, false))
    }
}

fn add(root: &Value, object: &Value, above: &[String], needed: bool, all: &mut Vec<Flag>) {
    for (name, schemas, required) in schema::properties(root, object) {
        if all.len() >= MAX_FLAGS {
            return;
        }
        let path: Vec<String> = above.iter().cloned().chain([name]).collect();
        let flag = flag(root, &path, &schemas, required && needed);
        let nested = flag.kind == Kind::Object && path.len() < MAX_NESTING;
        all.push(flag);
        if nested {
            schemas.iter().for_each(|schema| add(root, schema, &path, required && needed, all));
        }
    }
}

fn flag(root: &Value, path: &[String], schemas: &[&Value], required: bool) -> Flag {
    let mut types: Vec<&str> = schemas.iter().flat_map(|schema| schema::types(root, schema)).collect();
    types.retain(|name| *name != "null");
    types.dedup();
    let kind = match types.as_slice() {
        ["boolean"] => Kind::Switch,
        ["array"] => Kind::List,
        ["object"] => Kind::Object,
        _ => Kind::Value,
    };
    let choices: Vec<String> = {
        let listed: Option<Vec<&Value>> =
            schemas.iter().map(|schema| schema::listed(root, items(root, schema, kind))).collect::<Option<Vec<_>>>().map(|all| all.concat());
        let mut texts: Vec<String> = listed.unwrap_or_default().into_iter().filter(|v| !v.is_null()).map(plain).collect();
        texts.dedup();
        texts
    };
    let text = |key: &str| schemas.iter().find_map(|schema| schema.get(key).or_else(|| schema::resolve(root, schema).get(key)));
    Flag {
        name: path.iter().map(|part| kebab(part)).collect::<Vec<_>>().join("."),
        path: path.to_vec(),
        kind,
        schemas: schemas.iter().map(|schema| (*schema).clone()).collect(),
        required,
        placeholder: placeholder(root, schemas, &types, kind, &choices),
        choices,
        description: text("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
        default: text("default").map(plain),
    }
}

/// The schema of an array's items, else the schema itself.
fn items<'a>(root: &'a Value, schema: &'a Value, kind: Kind) -> &'a Value {
    if kind != Kind::List {
        return schema;
    }
    schema::resolve(root, schema).get("items").unwrap_or(&Value::Null)
}

fn placeholder(root: &Value, schemas: &[&Value], types: &[&str], kind: Kind, choices: &[String]) -> String {
    let format = schemas.iter().find_map(|schema| schema::resolve(root, schema).get("format").and_then(Value::as_str));
    match kind {
        Kind::Switch => String::new(),
        Kind::Object => "<json>".into(),
        _ if !choices.is_empty() && choices.len() <= 6 => format!("<{}>", choices.join("|")),
        Kind::List => {
            let of_items: Vec<&str> = schemas.iter().flat_map(|schema| schema::types(root, items(root, schema, kind))).collect();
            if of_items.len() == 1 && of_items[0] != "object" && of_items[0] != "array" { format!("<{},...>", of_items[0]) } else { "<json>".into() }
        }
        Kind::Value => match (types, format) {
            (["string"], Some(format)) => format!("<{format}>"),
            ([one], _) => format!("<{one}>"),
            ([], _) => "<json>".into(),
            (several, _) => format!("<{}>", several.join("|")),
        },
    }
}

/// A value as a command line would have it.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `dueDate`, `due_date` and `DueDate` as `due-date`.
pub fn kebab(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (i, c) in chars.iter().enumerate() {
        let starts_word = c.is_uppercase() && i > 0 && (!chars[i - 1].is_uppercase() || chars.get(i + 1).is_some_and(|next| next.is_lowercase()));
        if starts_word && !text.ends_with('-') {
            text.push('-');
        }
        match c {
            '_' | ' ' if !text.ends_with('-') && !text.is_empty() => text.push('-'),
            '_' | ' ' => {}
            other => text.extend(other.to_lowercase()),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words() {
        for (name, expected) in
            [("dueDate", "due-date"), ("due_date", "due-date"), ("URL", "url"), ("baseURL", "base-url"), ("HTTPServer", "http-server"), ("x", "x")]
        {
            assert_eq!(kebab(name), expected);
        }
    }
}
