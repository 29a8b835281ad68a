//! Sources: what kind they are, and TypeScript without its types.

use crate::extensions::transpile::{emit, params};
use deno_ast::MediaType;
use deno_core::url::Url;
use deno_error::JsErrorBox;

/// Parses for looking at, as module or script, whichever it is.
///
/// # Errors
/// Syntax errors.
pub fn parse(url: &Url, text: &str) -> Result<deno_ast::ParsedSource, JsErrorBox> {
    let media_type = match MediaType::from_specifier(url) {
        MediaType::Unknown | MediaType::Cjs | MediaType::Mjs => MediaType::JavaScript,
        other => other,
    };
    let params = deno_ast::ParseParams { capture_tokens: true, ..params(url.clone(), text.into(), media_type) };
    deno_ast::parse_program(params).map_err(|e| JsErrorBox::new("SyntaxError", e.to_string()))
}

/// Whether a source can only be a module: it has `import` or `export` declarations, `import.meta` or a top-level `await`.
pub fn contains_esm_syntax(url: &Url, text: &str) -> bool {
    // Parsing a bundle takes longer than running it; a text without these words needs none.
    let may = ["import", "export", "await"].iter().any(|word| text.contains(word));
    may && parse(url, text).is_ok_and(|parsed| !parsed.compute_is_script())
}

/// JavaScript of a TypeScript source.
///
/// # Errors
/// Syntax errors.
pub fn strip_types(url: &Url, text: String) -> Result<String, JsErrorBox> {
    emit(deno_ast::parse_program(params(url.clone(), text.into(), MediaType::TypeScript)))
}
