//! From the text of rules to what is evaluated.

use crate::Mode;
use crate::operation::{Class, Operation, Operations};
use crate::pattern::{Glob, Pattern};
use crate::trie::{Entry, Trie};
use std::fmt;

/// Most rules of one policy.
pub const MAX_RULES: usize = 1024;
/// Most patterns of one rule.
pub const MAX_PATTERNS: usize = 1024;

/// A rule as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleText {
    /// What it says.
    pub mode: Mode,
    /// Names of the operations that it is about; all of the class when absent.
    pub operations: Option<Vec<String>>,
    /// The objects that it is about; all when absent.
    pub patterns: Option<Vec<String>>,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Where, below the class: `rules[1].operations[0]`.
    pub at: String,
    /// What was found there, as JSON.
    pub got: String,
    /// What is accepted.
    pub accepts: String,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: got {}; accepted: {}", self.at, self.got, self.accepts)
    }
}

impl std::error::Error for Defect {}

/// What a policy says of one object, and which rule said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The answer.
    pub mode: Mode,
    /// Number of the rule; `None` for the default.
    pub rule: Option<u32>,
}

/// The compiled policy of one class. Immutable; evaluating it takes no lock.
#[derive(Clone, Debug)]
pub struct Policy {
    class: Class,
    default: Mode,
    modes: Vec<Mode>,
    /// What each operation gets where nothing else speaks: the last rule about all objects.
    everywhere: [Option<u32>; Operation::COUNT],
    literal: Trie,
    /// Ascending.
    globs: Vec<(Entry, Matcher)>,
}

#[derive(Clone, Debug)]
enum Matcher {
    Whole(Glob),
    LastPart(Vec<u8>),
}

impl Policy {
    /// A policy without rules: it costs nothing.
    pub fn constant(class: Class, mode: Mode) -> Policy {
        Policy { class, default: mode, modes: Vec::new(), everywhere: [None; Operation::COUNT], literal: Trie::default(), globs: Vec::new() }
    }

    /// Compiles rules.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn compile(class: Class, default: Mode, rules: &[RuleText]) -> Result<Policy, Defect> {
        let mut policy = Policy::constant(class, default);
        if rules.len() > MAX_RULES {
            return Err(Defect { at: "rules".into(), got: format!("{} rules", rules.len()), accepts: format!("at most {MAX_RULES}") });
        }
        for (number, rule) in (0u32..).zip(rules) {
            policy.add(number, rule)?;
        }
        Ok(policy)
    }

    fn add(&mut self, number: u32, rule: &RuleText) -> Result<(), Defect> {
        let entry = (number, operations(self.class, number, rule.operations.as_deref())?);
        self.modes.push(rule.mode);
        let Some(patterns) = &rule.patterns else {
            self.everywhere(entry);
            return Ok(());
        };
        if patterns.len() > MAX_PATTERNS {
            let at = format!("rules[{number}].{}", patterns_key(self.class));
            return Err(Defect { at, got: format!("{} patterns", patterns.len()), accepts: format!("at most {MAX_PATTERNS}") });
        }
        for (position, text) in patterns.iter().enumerate() {
            let pattern = Pattern::parse(self.class, text).map_err(|why| Defect {
                at: format!("rules[{number}].{}[{position}]", patterns_key(self.class)),
                got: format!("{text:?} ({why})"),
                accepts: accepted(self.class).into(),
            })?;
            self.insert(pattern, entry);
        }
        Ok(())
    }

    fn insert(&mut self, pattern: Pattern, entry: Entry) {
        match pattern {
            Pattern::Any => self.everywhere(entry),
            Pattern::Tree(name) => self.literal.insert(&name, self.class.separator(), false, entry),
            Pattern::Below(name) => self.literal.insert(&name, self.class.separator(), true, entry),
            Pattern::Glob(glob) => self.globs.push((entry, Matcher::Whole(glob))),
            Pattern::LastPart(text) => self.globs.push((entry, Matcher::LastPart(text))),
        }
    }

    fn everywhere(&mut self, (number, operations): Entry) {
        for operation in operations.of(self.class) {
            self.everywhere[operation as usize] = Some(number);
        }
    }

    /// The class.
    pub fn class(&self) -> Class {
        self.class
    }

    /// What it says of every object, when that is one thing: then objects need not be named.
    pub fn is_constant(&self) -> Option<Mode> {
        self.modes.is_empty().then_some(self.default)
    }

    /// What it says of `operation` on `object`.
    pub fn decide(&self, operation: Operation, object: &[u8]) -> Verdict {
        if self.modes.is_empty() {
            return Verdict { mode: self.default, rule: None };
        }
        let mut rule = self.everywhere[operation as usize];
        if !self.literal.is_empty() {
            rule = rule.max(self.literal.find(object, self.class.separator(), operation));
        }
        for ((number, operations), matcher) in self.globs.iter().rev() {
            // Earlier rules cannot change what a later one said.
            if rule.is_some_and(|found| found >= *number) {
                break;
            }
            if operations.has(operation) && matcher.matches(object) {
                rule = Some(*number);
                break;
            }
        }
        Verdict { mode: rule.map_or(self.default, |number| self.modes[number as usize]), rule }
    }

    /// Whether some rule may be about something strictly below the path `tree`. Renaming such a tree would take what is in it
    /// out of the rule, so it must not be moved as a whole. Says yes when it cannot tell.
    pub fn may_speak_below(&self, tree: &[u8]) -> bool {
        self.literal.has_below(tree, self.class.separator())
            || self.globs.iter().any(|(_, matcher)| match matcher {
                Matcher::Whole(glob) => glob.may_match_below(tree),
                Matcher::LastPart(_) => true,
            })
    }
}

impl Matcher {
    fn matches(&self, object: &[u8]) -> bool {
        match self {
            Matcher::Whole(glob) => glob.matches(object),
            Matcher::LastPart(text) => {
                let last = object.rsplit(|b| *b == b'/').next().unwrap_or(object);
                fast_glob::glob_match(text, last)
            }
        }
    }
}

fn operations(class: Class, number: u32, names: Option<&[String]>) -> Result<Operations, Defect> {
    let Some(names) = names else { return Ok(Operations::ALL) };
    let known = || class.operations().iter().map(|operation| format!("{:?}", operation.name())).collect::<Vec<_>>().join(", ");
    let one = |(position, name): (usize, &String)| {
        class.operation(name).ok_or_else(|| Defect { at: format!("rules[{number}].operations[{position}]"), got: format!("{name:?}"), accepts: known() })
    };
    names.iter().enumerate().map(one).collect()
}

/// The key under which a class's rules have their objects.
fn patterns_key(class: Class) -> &'static str {
    if class == Class::Fs { "paths" } else { "patterns" }
}

fn accepted(class: Class) -> &'static str {
    match class {
        Class::Fs => "an absolute path of the VM (it and all below), \"/dir/**\" (all below), or a glob such as \"/work/*.txt\" or \"**/.env\"",
        Class::Process => "an absolute path of a program, a program's name such as \"git\" or \"python*\", or a glob such as \"/usr/bin/*\"",
        Class::Env => "a variable's name, or a glob such as \"AWS_*\"",
        Class::Tool => "\"toolkit\", \"toolkit.tool\", or a glob such as \"project.list-*\"",
        Class::Network => "\"host:port\"",
    }
}
