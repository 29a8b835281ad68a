//! Registration: names and schemas are checked once, when a VM is made.

use crate::flags::Flags;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Toolkits of one VM.
const MAX_TOOLKITS: usize = 64;
/// Tools of one toolkit.
const MAX_TOOLS: usize = 512;
/// Characters of a name.
const MAX_NAME: usize = 64;

/// A toolkit as the host gives it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolkitSpec {
    /// `project`: the command becomes `agentos-project`.
    pub name: String,
    /// One line.
    #[serde(default)]
    pub description: String,
    /// Its tools, in the order that help shows.
    pub tools: Vec<ToolSpec>,
}

/// A tool as the host gives it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolSpec {
    /// The name in JavaScript: `listIssues`.
    pub key: String,
    /// The name as a command: `list-issues`.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of the arguments, an object.
    pub input_schema: Value,
    /// JSON Schema of the result, when the host states one.
    #[serde(default)]
    pub output_schema: Option<Value>,
    /// Time that a call may take, in milliseconds.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// Command lines for the help, without the command's own name.
    #[serde(default)]
    pub examples: Vec<String>,
}

/// A checked tool.
pub struct Tool {
    /// What the host gave.
    pub spec: ToolSpec,
    /// The command-line form of its arguments.
    pub flags: Flags,
    pub(crate) validator: jsonschema::Validator,
}

/// A checked toolkit.
pub struct Toolkit {
    /// `project`.
    pub name: String,
    /// One line.
    pub description: String,
    /// Its tools.
    pub tools: Vec<Tool>,
}

impl Toolkit {
    /// The tool of a command name, or of a JavaScript key.
    pub fn find(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.spec.name == name || tool.spec.key == name)
    }

    /// The command: `agentos-project`.
    pub fn command(&self) -> String {
        format!("agentos-{}", self.name)
    }
}

/// The toolkits of a VM, by name.
#[derive(Clone, Default)]
pub struct Toolkits(Arc<BTreeMap<String, Arc<Toolkit>>>);

impl Toolkits {
    /// Checks names and schemas.
    ///
    /// # Errors
    /// `(path, got, accepts)`: where in the list, what is there, what may be there.
    pub fn new(specs: Vec<ToolkitSpec>) -> Result<Toolkits, (String, String, String)> {
        if specs.len() > MAX_TOOLKITS {
            return Err(("toolkits".into(), specs.len().to_string(), format!("at most {MAX_TOOLKITS}")));
        }
        let mut kits = BTreeMap::new();
        for (i, spec) in specs.into_iter().enumerate() {
            let at = format!("toolkits[{i}]");
            check_name(&format!("{at}.name"), &spec.name)?;
            if kits.contains_key(&spec.name) {
                return Err((format!("{at}.name"), format!("{:?}", spec.name), "a name that no other toolkit has".into()));
            }
            let kit = toolkit(&at, spec)?;
            kits.insert(kit.name.clone(), Arc::new(kit));
        }
        Ok(Toolkits(Arc::new(kits)))
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<&Arc<Toolkit>> {
        self.0.get(name)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Toolkit>> {
        self.0.values()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn toolkit(at: &str, spec: ToolkitSpec) -> Result<Toolkit, (String, String, String)> {
    if spec.tools.is_empty() || spec.tools.len() > MAX_TOOLS {
        return Err((format!("{at}.tools"), format!("{} tools", spec.tools.len()), format!("1 to {MAX_TOOLS}")));
    }
    let mut tools: Vec<Tool> = Vec::new();
    for tool in spec.tools {
        let at = format!("{at}.tools.{}", tool.key);
        check_name(&at, &tool.name)?;
        if let Some(other) = tools.iter().find(|t| t.spec.name == tool.name || t.spec.key == tool.key) {
            return Err((at, format!("{:?}", tool.name), format!("a name that differs from that of {}", other.spec.key)));
        }
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&tool.input_schema)
            .map_err(|error| (format!("{at}.inputSchema{}", error.instance_path), error.to_string(), "a JSON Schema".to_owned()))?;
        let flags = Flags::of(&tool.input_schema);
        tools.push(Tool { spec: tool, flags, validator });
    }
    Ok(Toolkit { name: spec.name, description: spec.description, tools })
}

/// Names are words of a command line.
fn check_name(at: &str, name: &str) -> Result<(), (String, String, String)> {
    let fine = name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if fine { Ok(()) } else { Err((at.to_owned(), format!("{name:?}"), format!("lower-case letters, digits and '-', at most {MAX_NAME}, a letter first"))) }
}
