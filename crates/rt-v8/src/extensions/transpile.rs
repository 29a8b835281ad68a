//! Built-in sources on their way into the snapshot: TypeScript taken off, our patches put in.
//!
//! Each patch names the text of upstream it stands for and fails when that text is not there, so an upgrade cannot lose one.

use deno_core::{ModuleCodeString, ModuleName, SourceMapData, url::Url};
use deno_error::JsErrorBox;
use std::path::Path;
use std::sync::Arc;

/// The version that programs see. The layer follows a newer one; this is the line whose behaviour programs are tested with.
pub const NODE_VERSION: &str = "24.14.0";

/// Text to take out and text to put in, by file. `*` at the end of `from` is not special: matches are literal, and all are replaced.
#[derive(Clone, Copy)]
struct Patch {
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const HANDLES: &str = "core.loadExtScript(\"ext:runtime/handles.js\")";

const PATCHES: &[Patch] = &[
    Patch { file: "ext:deno_node/_process/process.ts", from: "__NODE_VERSION__", to: NODE_VERSION },
    // Our handle classes instead of the native ones, which adopt descriptors of the host. Without `isStreamBase`, so that the
    // HTTP parser takes data from JavaScript instead of from a libuv stream that is not there.
    Patch { file: "ext:deno_node/internal_binding/tcp_wrap.ts", from: "const { TCPWrap } = core.ops;", to: "const { TCPWrap } = $HANDLES;" },
    Patch { file: "ext:deno_node/internal_binding/tcp_wrap.ts", from: "TCPWrap.prototype.isStreamBase = true;", to: "" },
    Patch {
        file: "ext:deno_node/internal_binding/pipe_wrap.ts",
        from: "const { op_node_create_pipe, PipeWrap } = core.ops;",
        to: "const { op_node_create_pipe } = core.ops; const { PipeWrap } = $HANDLES;",
    },
    Patch { file: "ext:deno_node/internal_binding/pipe_wrap.ts", from: "PipeWrap.prototype.isStreamBase = true;", to: "" },
    Patch {
        file: "ext:deno_node/internal_binding/tls_wrap.ts",
        from: "const { PipeWrap, TLSWrap } = core.ops;",
        to: "const { TLSWrap } = core.ops; const { PipeWrap } = $HANDLES;",
    },
    // Encrypted bytes go through the handle's own methods, as with any JavaScript stream: a native TLS stream would look for a
    // libuv handle under it.
    Patch {
        file: TLS_WRAP,
        from: "  if (nativeHandle[kJSStreamHandle]) {",
        to: "  $HANDLES.prepareForTls(nativeHandle);\n  if (nativeHandle[kJSStreamHandle]) {",
    },
    Patch {
        file: TLS_WRAP,
        from: "  const attachResult = nativeHandle instanceof PipeWrap",
        to: "  return $HANDLES.attachTls(res, nativeHandle);\n  const attachResult = nativeHandle instanceof PipeWrap",
    },
    Patch { file: TLS_WRAP, from: "    res._flushEncOut = flushEncOut;", to: "    res._flushEncOut = flushEncOut;\n    $HANDLES.wireTls(res, nativeHandle);" },
    Patch { file: "ext:deno_node/internal_binding/tty_wrap.ts", from: "const { TTY } = core.ops;", to: "const { TTY } = $HANDLES;" },
    Patch { file: "ext:deno_node/internal_binding/tty_wrap.ts", from: "TTY.prototype.isStreamBase = true;", to: "" },
    Patch { file: "ext:deno_node/tty.js", from: "const { TTY } = core.ops;", to: "const { TTY } = $HANDLES;" },
    Patch { file: "ext:deno_node/internal/tty.js", from: TTY_IMPORT, to: TTY_OURS },
    Patch { file: "node:tty", from: TTY_IMPORT, to: TTY_OURS },
    // Node passes the number too.
    Patch { file: "node:process", from: "wrapper = () => listener(event);", to: "wrapper = () => listener(event, constants.os.signals[event]);" },
    Patch { file: "ext:deno_node/_fs/_fs_readdir.ts", from: "syscall: \"readdir\",", to: "syscall: \"scandir\"," },
    Patch {
        file: "ext:deno_node/fs.ts",
        from: "  fd = getValidatedFd(fd);\n  op_node_fs_close(fd);\n",
        to: "  fd = getValidatedFd(fd);\n  try {\n    op_node_fs_close(fd);\n  } catch (e) {\n    throw denoErrorToNodeError(e as Error, { syscall: \"close\" });\n  }\n",
    },
    // Commands are run as they are: upstream rewrites those that start itself.
    Patch {
        file: CHILD_PROCESS,
        from: "function buildCommand(\n  file,\n  args,\n  env,\n) {",
        to: "function buildCommand(file, args, env) {\n  return [file, ArrayPrototypeMap(args, (arg) => String(arg)), false];",
    },
    // Every errno of a failed spawn, not only ENOENT and EACCES.
    Patch {
        file: CHILD_PROCESS,
        from: "      let e = err;\n",
        to: "      let e = typeof err?.code === \"string\" ? _createSpawnError(err.code, command, ArrayPrototypeSlice(args, 1)) : err;\n",
    },
    Patch {
        file: CHILD_PROCESS,
        from: "    if (ObjectPrototypeIsPrototypeOf(Deno.errors.NotFound.prototype, err)) {\n      result.error = _createSpawnError(\"ENOENT\", command, args, true);\n    }",
        to: "    if (typeof err?.code !== \"string\") throw err;\n    result.error = _createSpawnError(err.code, command, args, true);\n    result.status = result.signal = result.output = result.stdout = result.stderr = null;\n    result.pid = 0;",
    },
    Patch {
        file: CHILD_PROCESS,
        from: "stdin: stdin_ == \"inherit\" ? \"inherit\" : \"null\",",
        to: "stdin: stdin_ === \"pipe\" ? \"null\" : toDenoStdio(stdin_),",
    },
    // Generated code sees globals only, and `Deno` is none.
    Patch { file: "ext:deno_fs/30_fs.js", from: "Deno.build.os", to: "\"linux\"" },
];

const TLS_WRAP: &str = "ext:deno_node/internal_binding/tls_wrap.ts";

const CHILD_PROCESS: &str = "ext:deno_node/internal/child_process.ts";

const TTY_IMPORT: &str = "import { op_tty_check_fd_permission, TTY } from \"ext:core/ops\";";
const TTY_OURS: &str = "import { op_tty_check_fd_permission } from \"ext:core/ops\"; const { TTY } = $HANDLES;";

/// The `extension_transpiler` of snapshot tool and runtime.
///
/// # Errors
/// A source that does not parse, or a patch whose text is gone.
pub fn transpile(name: ModuleName, source: ModuleCodeString) -> Result<(ModuleCodeString, Option<SourceMapData>), JsErrorBox> {
    let specifier = name.as_str();
    let text = own_deno(specifier, &patched(specifier, source.as_str())?);
    let is_typescript = specifier.starts_with("node:") || matches!(Path::new(specifier).extension().and_then(|e| e.to_str()), Some("ts" | "mts"));
    let text = if is_typescript { strip_types(specifier, text)? } else { text };
    Ok((ascii(&text).into(), None))
}

/// The names of all patched files, for the tests.
pub fn patched_files() -> impl Iterator<Item = &'static str> {
    patches().map(|patch| patch.file)
}

fn patches() -> impl Iterator<Item = Patch> {
    let fetch = crate::fetch::PATCHES.iter().map(|&(file, from, to)| Patch { file, from, to });
    PATCHES.iter().copied().chain(fetch)
}

fn patched(specifier: &str, source: &str) -> Result<String, JsErrorBox> {
    let mut text = source.to_string();
    for patch in patches().filter(|patch| patch.file == specifier) {
        if !text.contains(patch.from) {
            return Err(JsErrorBox::generic(format!("{specifier} changed: no `{}` in it", patch.from)));
        }
        text = text.replace(patch.from, &patch.to.replace("$HANDLES", HANDLES));
    }
    Ok(text)
}

/// Gives each polyfill that says `Deno.` a binding of its own, so that the global can go away. Scripts find it through the
/// bootstrap object, modules through `ext:core/mod.js`.
fn own_deno(specifier: &str, text: &str) -> String {
    let ours = specifier.starts_with("node:") || specifier.starts_with("ext:deno_");
    if !ours || !text.contains("Deno.") {
        return text.into();
    }
    const SCRIPT_START: &str = "(function () {";
    let is_module = text.contains("\nexport ") || text.contains("\nimport ");
    match text.split_once(SCRIPT_START) {
        Some((before, after)) if !is_module => format!("{before}{SCRIPT_START} const Deno = (__bootstrap.internals.Deno ??= {{}}); {after}"),
        _ => format!("import {{ internals as __agentosInternals }} from \"ext:core/mod.js\"; const Deno = (__agentosInternals.Deno ??= {{}}); {text}"),
    }
}

fn strip_types(specifier: &str, text: String) -> Result<String, JsErrorBox> {
    let url = Url::parse(specifier).map_err(|e| JsErrorBox::generic(e.to_string()))?;
    emit(deno_ast::parse_module(params(url, text.into(), deno_ast::MediaType::TypeScript)))
}

/// Parse parameters that keep nothing but the syntax tree.
pub fn params(specifier: Url, text: Arc<str>, media_type: deno_ast::MediaType) -> deno_ast::ParseParams {
    deno_ast::ParseParams { specifier, text, media_type, capture_tokens: false, scope_analysis: false, maybe_syntax: None }
}

/// Prints a parsed TypeScript source as JavaScript.
///
/// # Errors
/// Syntax errors, as a `SyntaxError`.
pub fn emit(parsed: Result<deno_ast::ParsedSource, deno_ast::ParseDiagnostic>) -> Result<String, JsErrorBox> {
    let fail = |e: &dyn std::fmt::Display| JsErrorBox::new("SyntaxError", e.to_string());
    let options = deno_ast::TranspileOptions { imports_not_used_as_values: deno_ast::ImportsNotUsedAsValues::Remove, ..Default::default() };
    let emit = deno_ast::EmitOptions { source_map: deno_ast::SourceMapOption::None, ..Default::default() };
    let result = parsed.map_err(|e| fail(&e))?.transpile(&options, &deno_ast::TranspileModuleOptions::default(), &emit);
    Ok(result.map_err(|e| fail(&e))?.into_source().text)
}

/// A snapshot keeps sources as one-byte external strings, unchecked in release builds: they must be ASCII. Comments, strings and
/// regular expressions all take `\uXXXX`.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_outside_ascii_are_escaped_as_utf16() {
        assert_eq!(ascii("a\u{e9}\u{1f600}"), "a\\u00e9\\ud83d\\ude00");
    }

    #[test]
    fn a_patch_whose_text_is_gone_is_an_error() {
        assert!(patched("ext:deno_node/tty.js", "something else").is_err());
    }

    #[test]
    fn scripts_and_modules_get_their_own_deno() {
        assert!(own_deno("ext:deno_node/a.ts", "(function () {\nDeno.x;\n})()").contains("{ const Deno ="));
        assert!(own_deno("ext:deno_node/b.ts", "\nimport x from 'y';\nDeno.x").starts_with("import { internals"));
        assert_eq!(own_deno("file:///user.js", "Deno.x"), "Deno.x");
    }
}
