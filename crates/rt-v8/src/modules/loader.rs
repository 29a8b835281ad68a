//! The module loader of an isolate, and the services that `require` uses.

use super::analyze::Analyzer;
use super::code_cache::{CodeCache, Key};
use super::source::strip_types;
use crate::fs::tree::{READ_FILE_MAX, bytes};
use crate::kernel::Kernel;
use deno_ast::MediaType;
use deno_core::futures::FutureExt;
use deno_core::url::Url;
use deno_core::{
    FastString, ModuleLoadOptions, ModuleLoadReferrer, ModuleLoadResponse, ModuleLoader, ModuleResolveResponse, ModuleSource, ModuleSourceCode,
    ModuleSpecifier, ModuleType, ResolutionKind, SourceCodeCacheInfo,
};
use deno_error::JsErrorBox;
use deno_node::{NodeExtInitServices, NodeRequireLoader};
use deno_permissions::PermissionsContainer;
use deno_resolver::npm::{ByonmNpmResolver, ByonmNpmResolverCreateOptions};
use node_resolver::analyze::{CjsModuleExportAnalyzer, NodeCodeTranslator, NodeCodeTranslatorMode};
use node_resolver::cache::NodeResolutionSys;
use node_resolver::errors::PackageJsonLoadError;
use node_resolver::{
    DenoIsBuiltInNodeModuleChecker, InNpmPackageChecker, NodeResolutionKind, NodeResolver, NodeResolverOptions, PackageJsonResolver, PackageJsonResolverRc,
    ResolutionMode,
};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

/// Every file counts as part of an npm package: Node's rules for all of them, none of Deno's.
#[derive(Debug, Clone, Copy)]
pub struct AllNpm;

impl InNpmPackageChecker for AllNpm {
    fn in_npm_package(&self, specifier: &Url) -> bool {
        specifier.scheme() == "file"
    }
}

/// Finds packages in `node_modules` folders.
pub type Npm = ByonmNpmResolver<Kernel>;
/// What the Node extension is given.
pub type Services = NodeExtInitServices<AllNpm, Npm, Kernel>;
type Resolver = NodeResolver<AllNpm, DenoIsBuiltInNodeModuleChecker, Npm, Kernel>;
type Translator = NodeCodeTranslator<Analyzer, AllNpm, DenoIsBuiltInNodeModuleChecker, Npm, Kernel>;

fn js_error(error: impl std::fmt::Display) -> JsErrorBox {
    JsErrorBox::generic(error.to_string())
}

fn path_of(url: &Url) -> Result<PathBuf, JsErrorBox> {
    deno_path_util::url_to_file_path(url).map_err(js_error)
}

fn read_text(kernel: &Kernel, path: &Path) -> Result<String, JsErrorBox> {
    let data = bytes(path).and_then(|path| Ok(kernel.read_file(path, READ_FILE_MAX)?)).map_err(JsErrorBox::from_err)?;
    Ok(String::from_utf8(data).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// `.cjs` is, `.mjs` is not, else the nearest package.json's `type` tells.
fn maybe_cjs(packages: &PackageJsonResolver<Kernel>, url: &Url) -> Result<bool, PackageJsonLoadError> {
    Ok(match MediaType::from_specifier(url) {
        MediaType::Cjs | MediaType::Cts => true,
        MediaType::Mjs | MediaType::Mts | MediaType::Json | MediaType::Wasm => false,
        _ => match path_of(url) {
            Ok(path) => !packages.get_closest_package_json(&path)?.is_some_and(|found| found.typ == "module"),
            Err(_) => false,
        },
    })
}

/// Loads ES modules; CommonJS ones as a facade with their names.
pub struct Loader {
    kernel: Kernel,
    resolver: Rc<Resolver>,
    packages: PackageJsonResolverRc<Kernel>,
    translator: Translator,
    code_cache: Arc<CodeCache>,
    /// Keys of what this loader has loaded, by the 64 bits that deno_core hands back.
    keys: RefCell<HashMap<u64, Key>>,
}

struct RequireLoader {
    kernel: Kernel,
    packages: PackageJsonResolverRc<Kernel>,
}

impl NodeRequireLoader for RequireLoader {
    /// The kernel checks.
    fn ensure_read_permission<'a>(&self, _permissions: &mut PermissionsContainer, path: Cow<'a, Path>) -> Result<Cow<'a, Path>, JsErrorBox> {
        Ok(path)
    }

    fn load_text_file_lossy(&self, path: &Path) -> Result<FastString, JsErrorBox> {
        let text = read_text(&self.kernel, path)?;
        Ok(match path.extension().and_then(|e| e.to_str()) {
            Some("ts" | "mts" | "cts") => strip_types(&deno_path_util::url_from_file_path(path).map_err(js_error)?, text)?,
            _ => text,
        }
        .into())
    }

    fn is_maybe_cjs(&self, specifier: &Url) -> Result<bool, PackageJsonLoadError> {
        maybe_cjs(&self.packages, specifier)
    }

    fn is_maybe_cjs_from_require(&self, specifier: &Url) -> Result<bool, PackageJsonLoadError> {
        maybe_cjs(&self.packages, specifier)
    }
}

/// A loader and the services for one process. Without the resolver's thread-local caches, which are keyed by path only.
pub fn new_loader(kernel: &Kernel, code_cache: Arc<CodeCache>) -> (Rc<Loader>, Services) {
    let packages: PackageJsonResolverRc<Kernel> = Rc::new(PackageJsonResolver::new(kernel.clone(), None));
    let sys = NodeResolutionSys::new(kernel.clone(), None);
    let npm = ByonmNpmResolver::new(ByonmNpmResolverCreateOptions {
        root_node_modules_dir: None,
        search_stop_dir: None,
        sys: sys.clone(),
        pkg_json_resolver: packages.clone(),
    });
    let mut options = NodeResolverOptions::default();
    // Without Deno's own "deno" condition.
    options.conditions.import_conditions_override = Some(vec!["node".into(), "import".into(), "module-sync".into()]);
    let resolver = Rc::new(NodeResolver::new(AllNpm, DenoIsBuiltInNodeModuleChecker, npm.clone(), packages.clone(), sys, options));
    let exports = CjsModuleExportAnalyzer::new(Analyzer(kernel.clone()), AllNpm, resolver.clone(), npm, packages.clone(), kernel.clone());
    let translator = NodeCodeTranslator::new(Rc::new(exports), NodeCodeTranslatorMode::ModuleLoader);
    let loader =
        Rc::new(Loader { kernel: kernel.clone(), resolver: resolver.clone(), packages: packages.clone(), translator, code_cache, keys: RefCell::default() });
    let services = NodeExtInitServices {
        node_require_loader: Rc::new(RequireLoader { kernel: kernel.clone(), packages: packages.clone() }),
        node_resolver: resolver,
        pkg_json_resolver: packages,
        sys: kernel.clone(),
    };
    (loader, services)
}

impl Loader {
    /// Whether the file is CommonJS by its name and package.
    pub fn is_cjs(&self, url: &Url) -> bool {
        maybe_cjs(&self.packages, url).unwrap_or(false)
    }

    fn find(&self, specifier: &str, referrer: &str) -> Result<ModuleSpecifier, JsErrorBox> {
        if let Ok(url) = Url::parse(specifier)
            && matches!(url.scheme(), "node" | "ext" | "data" | "agentos")
        {
            return Ok(url);
        }
        // Code of `-e` has no URL: it sits in the working directory.
        let here = || deno_path_util::url_from_directory_path(&self.kernel.cwd().unwrap_or_else(|_| "/".into()));
        let referrer = Url::parse(referrer).or_else(|_| here()).map_err(js_error)?;
        self.resolver
            .resolve(specifier, &referrer, ResolutionMode::Import, NodeResolutionKind::Execution)
            .map_err(JsErrorBox::from_err)?
            .into_url()
            .map_err(JsErrorBox::from_err)
    }

    /// What V8 made of a large source before, and the number under which it will tell what it makes of it now.
    fn cached(&self, code: &str) -> Option<SourceCodeCacheInfo> {
        let key = CodeCache::key(code)?;
        let hash = key.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))?;
        self.keys.borrow_mut().insert(hash, key);
        let data = self.code_cache.get(&key).map(|code| Cow::Owned(code.to_vec()));
        Some(SourceCodeCacheInfo { hash, data })
    }

    fn read(&self, url: &ModuleSpecifier) -> Result<(ModuleType, String), JsErrorBox> {
        if url.scheme() == "data" {
            return data_url(url);
        }
        if url.scheme() == "agentos" {
            let source = crate::ops::tools::module_source(&self.kernel, url.path());
            return source.map(|text| (ModuleType::JavaScript, text)).ok_or_else(|| js_error(format_args!("Cannot find module '{url}': no such toolkit")));
        }
        let text = read_text(&self.kernel, &path_of(url)?)?;
        Ok(match MediaType::from_specifier(url) {
            MediaType::Json => (ModuleType::Json, text),
            MediaType::TypeScript | MediaType::Mts => (ModuleType::JavaScript, strip_types(url, text)?),
            _ if maybe_cjs(&self.packages, url).map_err(js_error)? => {
                // The analyser never waits, so the future is ready at once.
                let translated = self.translator.translate_cjs_to_esm(url, Some(text.into())).now_or_never();
                (ModuleType::JavaScript, translated.ok_or_else(|| js_error("module analysis waits"))?.map_err(js_error)?.into_owned())
            }
            _ => (ModuleType::JavaScript, text),
        })
    }
}

/// `import "data:text/javascript,..."`.
fn data_url(url: &Url) -> Result<(ModuleType, String), JsErrorBox> {
    let fail = || JsErrorBox::type_error("Invalid data URL");
    let (head, body) = url.path().split_once(',').ok_or_else(fail)?;
    let mut body = percent_decode(match url.query() {
        Some(query) => format!("{body}?{query}"),
        None => body.to_string(),
    });
    if head.ends_with(";base64") {
        body = base64(&body).ok_or_else(fail)?;
    }
    let kind = if head.starts_with("application/json") { ModuleType::Json } else { ModuleType::JavaScript };
    Ok((kind, String::from_utf8_lossy(&body).into_owned()))
}

/// Standard base64; line breaks and padding are skipped. None for another character.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut bits) = (0u32, 0);
    for byte in text.iter().filter(|b| !b.is_ascii_whitespace() && **b != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        word = word << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits) as u8);
            word &= (1 << bits) - 1;
        }
    }
    Some(out)
}

fn percent_decode(text: String) -> Vec<u8> {
    let bytes = text.into_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = |at: usize| bytes.get(at).and_then(|b| (*b as char).to_digit(16));
        if bytes[i] == b'%'
            && let (Some(high), Some(low)) = (hex(i + 1), hex(i + 2))
        {
            out.push((high * 16 + low) as u8);
            i += 3;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    out
}

impl ModuleLoader for Loader {
    fn resolve(&self, specifier: &str, referrer: &str, _kind: ResolutionKind) -> ModuleResolveResponse {
        self.find(specifier, referrer)
    }

    fn load(&self, url: &ModuleSpecifier, _referrer: Option<&ModuleLoadReferrer>, _options: ModuleLoadOptions) -> ModuleLoadResponse {
        let source = self.read(url).map(|(kind, code)| {
            let cached = if kind == ModuleType::JavaScript { self.cached(&code) } else { None };
            ModuleSource::new(kind, ModuleSourceCode::String(code.into()), url, cached)
        });
        ModuleLoadResponse::Sync(source)
    }

    fn code_cache_ready(&self, _specifier: ModuleSpecifier, hash: u64, code: &[u8]) -> Pin<Box<dyn Future<Output = ()>>> {
        if let Some(key) = self.keys.borrow().get(&hash) {
            self.code_cache.put(*key, code);
        }
        Box::pin(std::future::ready(()))
    }
}
