//! How exceptions show: stacks without the engine's own frames, and Node's report of one that nobody caught.

use crate::kernel::Kernel;
use deno_core::error::{CoreError, CoreErrorKind, JsError, prepare_stack_trace_callback};
use deno_core::v8;

/// Largest source that is read for the line an exception was thrown on, in bytes.
const SOURCE_MAX: usize = 4 << 20;
/// Longer lines are not shown, in bytes: bundles have lines of megabytes.
const LINE_MAX: usize = 4096;

/// The exit code of a program whose top-level `await` never ends.
pub const UNSETTLED_AWAIT: i32 = 13;

/// Whether the event loop ended before a top-level `await` did.
pub fn is_unsettled_await(error: &CoreError) -> bool {
    error.to_string().contains("Top-level await promise never resolved")
}

/// The text for standard error. `shown` is the exception as `util.inspect` shows it.
pub fn fatal(kernel: &Kernel, error: &CoreError, shown: Option<String>) -> String {
    let CoreErrorKind::Js(error) = error.as_kind() else {
        // An error of the module loader, which starts with its code.
        let text = error.to_string().replace("file://", "");
        return format!("Error {text}\n\nNode.js v{}\n", crate::NODE_VERSION);
    };
    let place = location(kernel, error).unwrap_or_default();
    format!("{place}{}\n\nNode.js v{}\n", shown.unwrap_or_else(|| body(error)), crate::NODE_VERSION)
}

/// The source line that it was thrown on, with a mark, by the first frame that is in a file.
fn location(kernel: &Kernel, error: &JsError) -> Option<String> {
    let frame = error.frames.iter().find(|frame| frame.file_name.as_deref().is_some_and(|name| name.starts_with("file://")))?;
    let url = deno_core::url::Url::parse(frame.file_name.as_deref()?).ok()?;
    let path = deno_path_util::url_to_file_path(&url).ok()?;
    let number = usize::try_from(frame.line_number?).ok()?;
    let text = kernel.read_file(crate::fs::tree::bytes(&path).ok()?, SOURCE_MAX).ok()?;
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().nth(number.checked_sub(1)?)?;
    if line.len() > LINE_MAX {
        return None;
    }
    let column = usize::try_from(frame.column_number.unwrap_or(1)).unwrap_or(1).clamp(1, LINE_MAX);
    Some(format!("{}:{number}\n{line}\n{}^\n\n", path.display(), " ".repeat(column - 1)))
}

fn body(error: &JsError) -> String {
    match &error.stack {
        Some(stack) => clean_stack(stack),
        None => format!("Uncaught:\n{}", error.exception_message.strip_prefix("Uncaught ").unwrap_or(&error.exception_message)),
    }
}

/// V8 calls this for the `stack` of every error: deno_core's format, cleaned.
pub fn prepare_stack_trace<'s, 'i>(
    scope: &mut v8::PinScope<'s, 'i>,
    error: v8::Local<'s, v8::Value>,
    sites: v8::Local<'s, v8::Array>,
) -> v8::Local<'s, v8::Value> {
    let value = prepare_stack_trace_callback(scope, error, sites);
    if !value.is_string() {
        return value;
    }
    let cleaned = clean_stack(&value.to_rust_string_lossy(scope));
    v8::String::new(scope, &cleaned).map_or(value, Into::into)
}

/// Drops frames inside built-in scripts, which have no names that a program could know, and shows files as paths.
fn clean_stack(stack: &str) -> String {
    let is_frame = |line: &str| line.trim_start().starts_with("at ");
    let keep = |line: &&str| !(is_frame(line) && line.contains("ext:"));
    let show = |line: &str| if is_frame(line) { line.replace("file://", "") } else { line.to_string() };
    stack.lines().filter(keep).map(show).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_built_in_scripts_are_dropped() {
        let stack = "Error: see ext:x\n    at f (file:///a.js:1:2)\n    at run (ext:core/01_core.js:1:1)\n    at async ext:core/x.js:3:4";
        assert_eq!(clean_stack(stack), "Error: see ext:x\n    at f (/a.js:1:2)");
    }
}
