//! How Node reports an exception that nobody caught.

use deno_core::error::{CoreError, CoreErrorKind, JsError};

/// The text for standard error.
pub fn fatal(error: &CoreError) -> String {
    match error.as_kind() {
        CoreErrorKind::Js(error) => js_error(error),
        _ => format!("{error}\n\nNode.js v{}\n", crate::NODE_VERSION),
    }
}

fn js_error(error: &JsError) -> String {
    let mut out = String::new();
    if let Some((place, line, column)) = location(error) {
        out.push_str(&format!("{place}\n{line}\n{}^\n\n", " ".repeat(column)));
    }
    out.push_str(&body(error));
    out.push_str(&format!("\n\nNode.js v{}\n", crate::NODE_VERSION));
    out
}

/// Where it was thrown, by the first frame that is the program's own.
fn location(error: &JsError) -> Option<(String, String, usize)> {
    let index = error.source_line_frame_index.unwrap_or(0);
    let frame = error.frames.get(index)?;
    let file = frame.file_name.as_deref()?;
    if file.starts_with("ext:") || file.starts_with("node:") {
        return None;
    }
    let line = error.source_line.clone()?;
    if line.len() > LINE_MAX {
        return None;
    }
    let column = usize::try_from(frame.column_number.unwrap_or(1)).unwrap_or(1).saturating_sub(1);
    Some((format!("{}:{}", readable(file), frame.line_number.unwrap_or(1)), line, column.min(LINE_MAX)))
}

/// Source lines longer than this are not shown (bundles have lines of megabytes).
const LINE_MAX: usize = 4096;

fn readable(file: &str) -> &str {
    file.strip_prefix("file://").unwrap_or(file)
}

/// The stack, cleaned of frames inside the engine, and the properties Node shows after it.
fn body(error: &JsError) -> String {
    let plain = || format!("Uncaught:\n{}", error.exception_message.strip_prefix("Uncaught ").unwrap_or(&error.exception_message));
    let mut text = match &error.stack {
        Some(stack) => clean_stack(stack),
        None => plain(),
    };
    let shown: Vec<String> = error.additional_properties.iter().map(|(name, value)| format!("  {name}: {value:?}")).collect();
    if !shown.is_empty() {
        text.push_str(&format!(" {{\n{}\n}}", shown.join(",\n")));
    }
    text
}

/// Drops frames of built-in files and shortens URLs, as Node's own traces have paths.
pub fn clean_stack(stack: &str) -> String {
    let keep = |line: &&str| !(line.trim_start().starts_with("at ") && (line.contains("ext:") || line.contains("[ext:")));
    stack.lines().filter(keep).map(|line| line.replace("file://", "")).collect::<Vec<_>>().join("\n")
}
