//! One pattern of a rule, as text and as what it matches.

use crate::Class;

/// Longest pattern in bytes.
pub(crate) const MAX_PATTERN_BYTES: usize = 4096;

/// A pattern in the form in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Every object.
    Any,
    /// An object and everything below it.
    Tree(Vec<u8>),
    /// Everything below an object, not itself.
    Below(Vec<u8>),
    /// A glob over the whole name.
    Glob(Glob),
    /// A glob over the last part of a path.
    LastPart(Vec<u8>),
}

/// A glob, and what stands before its first wildcard and after its last: comparing those is cheaper than matching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    text: Vec<u8>,
    literal: usize,
    tail: usize,
}

impl Glob {
    fn new(text: &[u8]) -> Glob {
        let literal = text.iter().position(|b| is_special(*b)).unwrap_or(text.len());
        let tail = text.iter().rposition(|b| is_special(*b)).map_or(0, |last| last + 1);
        // A byte after a backslash is special in its own way.
        let tail = if text.contains(&b'\\') { text.len() } else { tail };
        Glob { text: text.to_vec(), literal, tail }
    }

    pub(crate) fn matches(&self, object: &[u8]) -> bool {
        object.starts_with(&self.text[..self.literal]) && object.ends_with(&self.text[self.tail..]) && fast_glob::glob_match(&self.text, object)
    }

    /// Whether it might match something below `tree`; says yes when it cannot tell.
    pub(crate) fn may_match_below(&self, tree: &[u8]) -> bool {
        let literal = &self.text[..self.literal];
        let inside = literal.strip_prefix(tree).is_some_and(|rest| rest.is_empty() || rest[0] == b'/' || tree.ends_with(b"/"));
        inside || tree.starts_with(literal)
    }
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[' | b']' | b'{' | b'}' | b'\\' | b'!')
}

impl Pattern {
    /// Reads a pattern of a class. The error says what is wrong with it.
    pub(crate) fn parse(class: Class, text: &str) -> Result<Pattern, &'static str> {
        let bytes = text.as_bytes();
        if bytes.is_empty() {
            return Err("the pattern is empty");
        }
        if bytes.len() > MAX_PATTERN_BYTES || bytes.contains(&0) {
            return Err("the pattern is longer than 4096 bytes or has a NUL");
        }
        check_balance(bytes)?;
        if matches!(bytes, b"**" | b"*") && class != Class::Fs || bytes == b"/**" || bytes == b"**" {
            return Ok(Pattern::Any);
        }
        match class {
            Class::Fs | Class::Process => parse_path(class, bytes),
            Class::Env | Class::Tool | Class::Network => {
                Ok(if bytes.iter().any(|b| is_special(*b)) { Pattern::Glob(Glob::new(bytes)) } else { Pattern::Tree(bytes.to_vec()) })
            }
        }
    }
}

fn parse_path(class: Class, bytes: &[u8]) -> Result<Pattern, &'static str> {
    let wild = |bytes: &[u8]| bytes.iter().any(|b| is_special(*b));
    if !bytes.starts_with(b"/") && !bytes.starts_with(b"**/") {
        return match class {
            Class::Process if !bytes.contains(&b'/') => Ok(Pattern::LastPart(bytes.to_vec())),
            _ => Err("a path starts with \"/\" or \"**/\""),
        };
    }
    if let Some(tree) = bytes.strip_suffix(b"/**")
        && !wild(tree)
    {
        check_parts(tree)?;
        return Ok(Pattern::Below(tree.to_vec()));
    }
    if wild(bytes) {
        return Ok(Pattern::Glob(Glob::new(bytes)));
    }
    let tree = bytes.strip_suffix(b"/").unwrap_or(bytes);
    check_parts(tree)?;
    Ok(if tree.is_empty() { Pattern::Any } else { Pattern::Tree(tree.to_vec()) })
}

/// A path in a rule is a resolved one: anything else would never match.
fn check_parts(path: &[u8]) -> Result<(), &'static str> {
    match path.split(|b| *b == b'/').skip(1).any(|part| matches!(part, b"" | b"." | b"..")) {
        true => Err("a path has no empty parts, no \".\" and no \"..\""),
        false => Ok(()),
    }
}

/// Brackets and braces that are not closed match nothing, which nobody means.
fn check_balance(bytes: &[u8]) -> Result<(), &'static str> {
    let (mut braces, mut at) = (0usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if at + 1 == bytes.len() => return Err("the pattern ends in a backslash"),
            b'\\' => at += 1,
            b'{' => braces += 1,
            b'}' => braces = braces.checked_sub(1).ok_or("a brace is closed that was not opened")?,
            b'[' => {
                // A bracket right after the opening one, or after its negation, is meant literally.
                let first = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'!' | b'^')));
                let rest = bytes.get(first + 1..).unwrap_or_default();
                at = first + 1 + rest.iter().position(|b| *b == b']').ok_or("a bracket is not closed")?;
            }
            _ => {}
        }
        at += 1;
    }
    // The matcher's own bound on nesting.
    if braces == 0 { Ok(()) } else { Err("a brace is not closed") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_documented() {
        let tree = |text: &str| Ok(Pattern::Tree(text.as_bytes().to_vec()));
        let glob = |text: &str| Ok(Pattern::Glob(Glob::new(text.as_bytes())));
        let cases = [
            (Class::Fs, "/work", tree("/work")),
            (Class::Fs, "/work/", tree("/work")),
            (Class::Fs, "/work/**", Ok(Pattern::Below(b"/work".to_vec()))),
            (Class::Fs, "/", Ok(Pattern::Any)),
            (Class::Fs, "/**", Ok(Pattern::Any)),
            (Class::Fs, "/work/*.rs", glob("/work/*.rs")),
            (Class::Fs, "**/.env", glob("**/.env")),
            (Class::Fs, "work", Err("a path starts with \"/\" or \"**/\"")),
            (Class::Fs, "/a/../b", Err("a path has no empty parts, no \".\" and no \"..\"")),
            (Class::Fs, "/a//b", Err("a path has no empty parts, no \".\" and no \"..\"")),
            (Class::Fs, "", Err("the pattern is empty")),
            (Class::Fs, "/[a", Err("a bracket is not closed")),
            (Class::Fs, "/[]]", glob("/[]]")),
            (Class::Fs, "/{a,b", Err("a brace is not closed")),
            (Class::Fs, "/a}", Err("a brace is closed that was not opened")),
            (Class::Fs, "/a\\", Err("the pattern ends in a backslash")),
            (Class::Process, "git", Ok(Pattern::LastPart(b"git".to_vec()))),
            (Class::Process, "/usr/bin/git", tree("/usr/bin/git")),
            (Class::Process, "*", Ok(Pattern::Any)),
            (Class::Process, "bin/git", Err("a path starts with \"/\" or \"**/\"")),
            (Class::Env, "AWS_*", glob("AWS_*")),
            (Class::Env, "HOME", tree("HOME")),
            (Class::Tool, "project", tree("project")),
            (Class::Tool, "project.list-issues", tree("project.list-issues")),
        ];
        for (class, text, expected) in cases {
            assert_eq!(Pattern::parse(class, text), expected, "{class:?} {text:?}");
        }
    }
}
