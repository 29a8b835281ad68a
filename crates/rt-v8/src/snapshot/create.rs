//! Making the snapshot, with the checks that deno_core leaves out.

use super::Snapshot;
use crate::extensions::{extensions, transpile::transpile};
use deno_core::snapshot::{CreateSnapshotOptions, CreateSnapshotOutput, create_snapshot};
use deno_core::{ExtensionFileSource, ModuleCodeString, ModuleName, SourceMapData, v8};
use deno_error::JsErrorBox;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;

type Error = Box<dyn std::error::Error>;
type Transpiler = fn(ModuleName, ModuleCodeString) -> Result<(ModuleCodeString, Option<SourceMapData>), JsErrorBox>;

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Where `op_agentos_log` ends: read by the check below.
pub fn log_line(text: &str) {
    LOG.lock().push(text.to_string());
}

/// Makes the snapshot file.
///
/// # Errors
/// A source that does not transpile, a module evaluated in a way that loses its source (see [`check_evaluated`]), or one that is
/// not ASCII.
pub fn create() -> Result<Vec<u8>, Error> {
    crate::platform::init();
    let recorded = make(recording)?;
    check_evaluated(&recorded)?;
    let output = make(transpile)?;
    let consumed: HashSet<String> = output.consumed_lazy_specifiers.iter().cloned().collect();
    let (mut scripts, mut modules) = (BTreeMap::new(), BTreeMap::new());
    for extension in extensions() {
        residual(&extension.lazy_loaded_js_files, &consumed, &mut scripts)?;
        residual(&extension.lazy_loaded_esm_files, &consumed, &mut modules)?;
    }
    let list = |map: BTreeMap<String, String>| map.into_iter().collect::<Vec<_>>();
    Ok(Snapshot::pack(&output.output, &list(scripts), &list(modules))?)
}

fn make(transpiler: Transpiler) -> Result<CreateSnapshotOutput, Error> {
    let options = CreateSnapshotOptions {
        cargo_manifest_dir: env!("CARGO_MANIFEST_DIR"),
        startup_snapshot: None,
        extensions: extensions(),
        extension_transpiler: Some(Rc::new(transpiler)),
        // The context that `node:vm` makes its contexts from; found again by its index.
        with_runtime_cb: Some(Box::new(|runtime| {
            let isolate = runtime.v8_isolate();
            v8::scope!(scope, isolate);
            let template = deno_node::init_global_template(scope, deno_node::ContextInitMode::ForSnapshot);
            let context = deno_node::create_v8_context(scope, template, deno_node::ContextInitMode::ForSnapshot, std::ptr::null_mut());
            assert_eq!(scope.add_context(context), deno_node::VM_CONTEXT_INDEX);
        })),
        skip_op_registration: false,
    };
    Ok(create_snapshot(options, None)?)
}

const EVALUATED: &str = "evaluated ";

/// As [`transpile`], with a first line in every module that records its evaluation.
fn recording(name: ModuleName, source: ModuleCodeString) -> Result<(ModuleCodeString, Option<SourceMapData>), JsErrorBox> {
    let specifier = name.as_str().to_string();
    let (code, map) = transpile(name, source)?;
    let text = code.as_str();
    let is_module = text.contains("\nexport ") || text.contains("\nimport ") || text.starts_with("import ") || text.starts_with("export ");
    if !is_module || specifier == "ext:core/mod.js" || specifier.starts_with("ext:core/") {
        return Ok((code, map));
    }
    let record = format!("import {{ op_agentos_log as __agentosLog }} from \"ext:core/ops\"; __agentosLog({:?});\n{text}", format!("{EVALUATED}{specifier}"));
    Ok((record.into(), map))
}

/// deno_core 0.413 does not count a module as consumed that was evaluated through `createLazyLoader(x)()`. The snapshot then drops
/// its source, and functions of it that compile later read other files' text. Such a module must be a static import of
/// `js/node_closure.js`.
fn check_evaluated(output: &CreateSnapshotOutput) -> Result<(), Error> {
    let consumed: HashSet<&str> = output.consumed_lazy_specifiers.iter().map(String::as_str).collect();
    let lazy: BTreeSet<&str> = extensions().iter().flat_map(|e| e.lazy_loaded_esm_files.iter().map(|f| f.specifier).collect::<Vec<_>>()).collect();
    let log = std::mem::take(&mut *LOG.lock());
    let lost: BTreeSet<&str> =
        log.iter().filter_map(|line| line.strip_prefix(EVALUATED)).filter(|name| lazy.contains(name) && !consumed.contains(name)).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let list: Vec<&str> = lost.into_iter().collect();
    Err(format!("evaluated without a static import; add to js/node_closure.js:\n{}", list.join("\n")).into())
}

/// Collects the transpiled sources that the snapshot does not have.
fn residual(files: &[ExtensionFileSource], consumed: &HashSet<String>, out: &mut BTreeMap<String, String>) -> Result<(), Error> {
    for file in files.iter().filter(|file| !consumed.contains(file.specifier)) {
        let (code, _) = transpile(ModuleName::from_static(file.specifier), file.load()?)?;
        if !code.as_str().is_ascii() {
            return Err(format!("{} is not ASCII", file.specifier).into());
        }
        out.insert(file.specifier.into(), code.as_str().into());
    }
    Ok(())
}
