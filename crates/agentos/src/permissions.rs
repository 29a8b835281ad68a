//! The `permissions` option: read key by key, so that an error can say which one it is about, and compiled.

use crate::error::{Error, Result};
use agentos_kernel::policy::Rules;
use agentos_net::policy::{Policy as NetworkPolicy, Rule as NetworkRule};
use agentos_policy::{Class, Defect, Mode, Operations, Policy, RuleText};
use serde_json::{Map, Value};
use std::sync::Arc;

/// What a VM, a session or one call may do: rules by class. Classes that are absent have their defaults.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    classes: [Option<ClassRules>; 5],
}

/// The rules of one class.
#[derive(Clone, Debug)]
struct ClassRules {
    default: Mode,
    rules: Vec<RuleText>,
}

/// What holds where no rule speaks. Files and programs are those that were installed or mounted, tools those that were
/// registered, variables those that were given: there is nothing to refuse until a rule does. The network is the world.
fn default_mode(class: Class) -> Mode {
    if class == Class::Network { Mode::Deny } else { Mode::Allow }
}

/// The keys under which a class's rules may have their objects.
fn object_keys(class: Class) -> &'static [&'static str] {
    match class {
        Class::Fs => &["paths"],
        Class::Process => &["patterns", "paths"],
        Class::Network | Class::Env | Class::Tool => &["patterns"],
    }
}

impl Permissions {
    /// Reads permissions; `at` is the option's name.
    ///
    /// # Errors
    /// `ERR_AGENTOS_INVALID_OPTION`, which names the key, what it got and what is accepted.
    pub fn from_json(at: &str, value: &Value) -> Result<Permissions> {
        let mut permissions = Permissions::default();
        for (key, value) in object(at, value)? {
            let class = Class::ALL.into_iter().find(|class| class.name() == key);
            let class = class.ok_or_else(|| unknown(at, key, &Class::ALL.map(Class::name)))?;
            permissions.classes[class as usize] = Some(class_rules(&format!("{at}.{key}"), class, value)?);
        }
        // Patterns are read here as well, so that nothing starts with rules that mean nothing.
        permissions.network(at)?;
        permissions.rules(at)?;
        Ok(permissions)
    }

    /// The policy of a VM's network.
    ///
    /// # Errors
    /// As [`Permissions::from_json`].
    pub fn network(&self, at: &str) -> Result<NetworkPolicy> {
        let Some(class) = &self.classes[Class::Network as usize] else { return Ok(NetworkPolicy::default()) };
        let rules = class.rules.iter().enumerate().map(|(i, rule)| network_rule(&format!("{at}.network.rules[{i}]"), rule));
        Ok(NetworkPolicy::new(class.default, rules.collect::<Result<_>>()?))
    }

    /// The rules of the other classes, for a VM.
    ///
    /// # Errors
    /// As [`Permissions::from_json`].
    pub fn rules(&self, at: &str) -> Result<Rules> {
        let compile = |class: Class| -> Result<Policy> {
            let Some(rules) = &self.classes[class as usize] else { return Ok(Policy::constant(class, default_mode(class))) };
            Policy::compile(class, rules.default, &rules.rules).map_err(|defect| invalid(&format!("{at}.{}", class.name()), &defect))
        };
        Ok(Rules { fs: compile(Class::Fs)?, process: compile(Class::Process)?, env: compile(Class::Env)?, tool: compile(Class::Tool)?, network: None })
    }

    /// The rules of all classes, to be added to those of the VM: an absent class takes nothing away.
    ///
    /// # Errors
    /// As [`Permissions::from_json`].
    pub fn narrower(&self, at: &str) -> Result<Rules> {
        let network = match &self.classes[Class::Network as usize] {
            Some(_) => Some(Arc::new(self.network(at)?)),
            None => None,
        };
        Ok(Rules { network, ..self.rules(at)? })
    }
}

fn class_rules(at: &str, class: Class, value: &Value) -> Result<ClassRules> {
    if value.is_string() {
        return Ok(ClassRules { default: mode(at, value)?, rules: Vec::new() });
    }
    let mut class_rules = ClassRules { default: default_mode(class), rules: Vec::new() };
    for (key, value) in object(at, value)? {
        match key.as_str() {
            "default" => class_rules.default = mode(&format!("{at}.default"), value)?,
            "rules" => {
                let rules = array(&format!("{at}.rules"), value, "a list of rules")?;
                class_rules.rules = rules.iter().enumerate().map(|(i, rule)| read_rule(&format!("{at}.rules[{i}]"), class, rule)).collect::<Result<_>>()?;
            }
            _ => return Err(unknown(at, key, &["default", "rules"])),
        }
    }
    Ok(class_rules)
}

fn read_rule(at: &str, class: Class, value: &Value) -> Result<RuleText> {
    let keys = object_keys(class);
    let mut rule = RuleText::default();
    let mut has_mode = false;
    for (key, value) in object(at, value)? {
        let here = format!("{at}.{key}");
        match key.as_str() {
            "mode" => {
                rule.mode = mode(&here, value)?;
                has_mode = true;
            }
            "operations" => rule.operations = Some(strings(&here, value)?),
            _ if keys.contains(&key.as_str()) => rule.patterns.get_or_insert_default().extend(strings(&here, value)?),
            _ => return Err(unknown(at, key, &[&["mode", "operations"], keys].concat())),
        }
    }
    if has_mode { Ok(rule) } else { Err(Error::option(&format!("{at}.mode"), "nothing", MODES)) }
}

fn network_rule(at: &str, rule: &RuleText) -> Result<NetworkRule> {
    let accepts = "\"host:port\", \"*.domain:port\", \"address/bits:port\", where port may be *";
    let everywhere = vec!["*".to_owned()];
    let patterns = rule.patterns.as_ref().unwrap_or(&everywhere);
    let read = NetworkRule::parse(rule.mode, patterns)
        .map_err(|why| Error::option(&format!("{at}.patterns"), format_args!("{:?} ({why})", why.pattern()), accepts))?;
    let Some(names) = &rule.operations else { return Ok(read) };
    let known: Vec<&str> = Class::Network.operations().iter().map(|operation| operation.name()).collect();
    let operation = |(i, name): (usize, &String)| {
        let found = Class::Network.operation(name);
        found.ok_or_else(|| Error::option(&format!("{at}.operations[{i}]"), format_args!("{name:?}"), &quoted(&known)))
    };
    let operations: Operations = names.iter().enumerate().map(operation).collect::<Result<_>>()?;
    Ok(read.about(operations))
}

const MODES: &str = "\"allow\", \"deny\", \"ask\"";

fn mode(at: &str, value: &Value) -> Result<Mode> {
    [Mode::Allow, Mode::Deny, Mode::Ask].into_iter().find(|mode| value == mode.name()).ok_or_else(|| {
        let accepts = if at.ends_with(".mode") || at.ends_with(".default") { MODES.to_owned() } else { format!("{MODES}, or {{ default, rules }}") };
        Error::option(at, shown(value), &accepts)
    })
}

fn object<'a>(at: &str, value: &'a Value) -> Result<&'a Map<String, Value>> {
    value.as_object().ok_or_else(|| Error::option(at, shown(value), "an object"))
}

fn array<'a>(at: &str, value: &'a Value, accepts: &str) -> Result<&'a Vec<Value>> {
    value.as_array().ok_or_else(|| Error::option(at, shown(value), accepts))
}

fn strings(at: &str, value: &Value) -> Result<Vec<String>> {
    let string = |(i, item): (usize, &Value)| item.as_str().map(str::to_owned).ok_or_else(|| Error::option(&format!("{at}[{i}]"), shown(item), "a string"));
    array(at, value, "a list of strings")?.iter().enumerate().map(string).collect()
}

fn unknown(at: &str, key: &str, accepts: &[&str]) -> Error {
    Error::option(at, format_args!("the key {key:?}"), &format!("the keys {}", quoted(accepts)))
}

fn invalid(at: &str, defect: &Defect) -> Error {
    Error::option(&format!("{at}.{}", defect.at), &defect.got, &defect.accepts)
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

/// A value as it was written, shortened.
fn shown(value: &Value) -> String {
    let mut text = value.to_string();
    if text.len() > 80 {
        text.truncate(text.floor_char_boundary(77));
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use agentos_policy::Operation;
    use serde_json::json;

    #[test]
    fn what_is_wrong_is_named_with_what_it_got_and_what_is_accepted() {
        let cases = [
            (json!(5), "option permissions: got 5; accepted: an object"),
            (json!({ "files": "allow" }), "option permissions: got the key \"files\"; accepted: the keys \"fs\", \"network\", \"process\", \"env\", \"tool\""),
            (json!({ "fs": "maybe" }), "option permissions.fs: got \"maybe\"; accepted: \"allow\", \"deny\", \"ask\", or { default, rules }"),
            (json!({ "fs": { "default": 1 } }), "option permissions.fs.default: got 1; accepted: \"allow\", \"deny\", \"ask\""),
            (json!({ "fs": { "rule": [] } }), "option permissions.fs: got the key \"rule\"; accepted: the keys \"default\", \"rules\""),
            (json!({ "fs": { "rules": {} } }), "option permissions.fs.rules: got {}; accepted: a list of rules"),
            (json!({ "fs": { "rules": [{}] } }), "option permissions.fs.rules[0].mode: got nothing; accepted: \"allow\", \"deny\", \"ask\""),
            (
                json!({ "fs": { "rules": [{ "mode": "deny", "patterns": [] }] } }),
                "option permissions.fs.rules[0]: got the key \"patterns\"; accepted: the keys \"mode\", \"operations\", \"paths\"",
            ),
            (
                json!({ "fs": { "rules": [{ "mode": "deny", "operations": ["erase"] }] } }),
                "option permissions.fs.rules[0].operations[0]: got \"erase\"; accepted: \"read\", \"write\", \"create\", \"delete\", \"stat\"",
            ),
            (
                json!({ "network": { "rules": [{ "mode": "deny", "operations": ["listen"] }] } }),
                "option permissions.network.rules[0].operations[0]: got \"listen\"; accepted: \"resolve\", \"connect\"",
            ),
            (
                json!({ "tool": { "rules": [{ "mode": "deny", "patterns": "x" }] } }),
                "option permissions.tool.rules[0].patterns: got \"x\"; accepted: a list of strings",
            ),
            (json!({ "env": { "rules": [{ "mode": "deny", "patterns": [5] }] } }), "option permissions.env.rules[0].patterns[0]: got 5; accepted: a string"),
        ];
        for (value, expected) in cases {
            assert_eq!(Permissions::from_json("permissions", &value).unwrap_err().to_string(), expected, "{value}");
        }
    }

    #[test]
    fn absent_classes_have_their_defaults_and_narrow_nothing() {
        let permissions = Permissions::from_json("permissions", &json!({ "process": { "rules": [{ "mode": "ask", "paths": ["/usr/bin"] }] } })).unwrap();
        let rules = permissions.rules("permissions").unwrap();
        assert_eq!(rules.fs.is_constant(), Some(Mode::Allow));
        assert_eq!(rules.process.decide(Operation::Exec, b"/usr/bin/ls").mode, Mode::Ask);
        assert_eq!(rules.process.decide(Operation::Exec, b"/opt/x").mode, Mode::Allow);
        assert!(permissions.narrower("permissions").unwrap().network.is_none());
        assert_eq!(permissions.network("permissions").unwrap(), NetworkPolicy::default());
    }
}
