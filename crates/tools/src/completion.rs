//! Completion in the interactive shell.

use crate::flags::{Flag, Kind};
use crate::toolkit::Toolkits;
use std::fmt::Write as _;

/// A file for /etc/bash_completion.d: tools first, then the flags of the tool, then the values a flag lists.
pub fn bash(kits: &Toolkits) -> String {
    let mut text = String::from("# Completion of the host's tools.\n");
    for kit in kits.iter() {
        let command = kit.command();
        let function = format!("_{}", command.replace('-', "_"));
        let tools: Vec<&str> = kit.tools.iter().map(|tool| tool.spec.name.as_str()).collect();
        let _ = write!(
            text,
            "{function}() {{\n  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}\n  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W '{} --help' -- \"$word\")); return; fi\n  case ${{COMP_WORDS[1]}} in\n",
            tools.join(" ")
        );
        for tool in &kit.tools {
            let flags: Vec<String> = tool.flags.all.iter().map(switch).collect();
            let _ = write!(text, "  {})\n    case $before in\n", tool.spec.name);
            for flag in tool.flags.all.iter().filter(|flag| flag.kind != Kind::Switch && !flag.choices.is_empty()) {
                let words: Vec<&str> =
                    flag.choices.iter().filter(|word| word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))).map(String::as_str).collect();
                let _ = writeln!(text, "    --{}) COMPREPLY=($(compgen -W '{}' -- \"$word\")); return ;;", flag.name, words.join(" "));
            }
            let _ = write!(text, "    esac\n    COMPREPLY=($(compgen -W '{} --json --json-file --output --help' -- \"$word\")) ;;\n", flags.join(" "));
        }
        let _ = write!(text, "  esac\n}}\ncomplete -F {function} {command}\n");
    }
    text
}

/// What is typed most often: a switch that is on already is turned off.
fn switch(flag: &Flag) -> String {
    let off = flag.kind == Kind::Switch && flag.default.as_deref() == Some("true");
    format!("--{}{}", if off { "no-" } else { "" }, flag.name)
}
