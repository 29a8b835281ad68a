//! What an agent is told about its tools.

use crate::flags::{Flag, Kind};
use crate::help::first_line;
use crate::toolkit::Toolkits;
use std::fmt::Write as _;

/// Characters that a token has on average, rounded down.
const CHARS_PER_TOKEN: usize = 3;

/// Tokens of an agent's instructions that tools may take.
const BUDGET_TOKENS: usize = 1000;

/// The instructions of a session: the host's own, then what tools there are. `None` when there is nothing to say.
pub fn instructions(kits: &Toolkits, own: Option<String>) -> Option<String> {
    let block = prompt_block(kits, BUDGET_TOKENS);
    match (own, block.is_empty()) {
        (own, true) => own,
        (None, false) => Some(block),
        (Some(own), false) => Some(format!("{}\n\n{block}", own.trim_end())),
    }
}

/// A block for the instructions of an agent, of about `budget_tokens` tokens at most: commands with their required flags, as far as
/// they fit, and how to find the rest. Empty without toolkits.
pub fn prompt_block(kits: &Toolkits, budget_tokens: usize) -> String {
    if kits.is_empty() {
        return String::new();
    }
    let budget = budget_tokens.saturating_mul(CHARS_PER_TOKEN);
    let mut text = String::from("These shell commands call tools of the host:\n");
    let rest = "`agentos list` shows all; `COMMAND TOOL --help` shows the options of one.\n";
    let mut left_out = 0;
    for (kit, tool) in kits.iter().flat_map(|kit| kit.tools.iter().map(move |tool| (kit, tool))) {
        let mut line = format!("- `{} {}", kit.command(), tool.spec.name);
        for flag in tool.flags.all.iter().filter(|flag| flag.path.len() == 1) {
            let _ = write!(line, " {}", form(flag));
        }
        line.push('`');
        let about = first_line(&tool.spec.description);
        if !about.is_empty() {
            let _ = write!(line, ": {about}");
        }
        line.push('\n');
        if text.len() + line.len() + rest.len() > budget {
            left_out += 1;
        } else {
            text += &line;
        }
    }
    if left_out > 0 {
        let _ = writeln!(text, "and {left_out} more.");
    }
    text + rest
}

fn form(flag: &Flag) -> String {
    let value = match flag.kind {
        Kind::Switch => format!("--{}", flag.name),
        // A bar would be a pipe to a reader who copies the line.
        _ if flag.placeholder.contains('|') => format!("--{} '{}'", flag.name, flag.placeholder),
        _ => format!("--{} {}", flag.name, flag.placeholder),
    };
    if flag.required { value } else { format!("[{value}]") }
}

/// A word for a POSIX shell.
pub fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
