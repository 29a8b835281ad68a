//! The names that a CommonJS module exports, for `import { name } from "./it.cjs"`.

use super::source::parse;
use crate::fs::tree::{READ_FILE_MAX, bytes};
use crate::kernel::Kernel;
use deno_ast::MediaType;
use deno_core::url::Url;
use deno_error::JsErrorBox;
use node_resolver::analyze::{CjsAnalysis, CjsAnalysisExports, CjsCodeAnalyzer, EsmAnalysisMode};
use std::borrow::Cow;

/// Sources above this are not analysed: they have a default export only. A bundle's names are of no use to anybody, and parsing
/// one takes seconds.
const ANALYZE_MAX: usize = 4 << 20;

/// Reads CommonJS sources for their exports.
pub struct Analyzer(pub Kernel);

fn no_exports<'a>() -> CjsAnalysis<'a> {
    CjsAnalysis::Cjs(CjsAnalysisExports { exports: vec![], reexports: vec![], member_reexports: vec![] })
}

impl Analyzer {
    fn read(&self, url: &Url) -> Option<String> {
        let path = deno_path_util::url_to_file_path(url).ok()?;
        let data = self.0.read_file(bytes(&path).ok()?, READ_FILE_MAX).ok()?;
        Some(String::from_utf8_lossy(&data).into_owned())
    }
}

#[async_trait::async_trait(?Send)]
impl CjsCodeAnalyzer for Analyzer {
    async fn analyze_cjs<'a>(&self, url: &Url, source: Option<Cow<'a, str>>, _mode: EsmAnalysisMode) -> Result<CjsAnalysis<'a>, JsErrorBox> {
        let Some(source) = source.or_else(|| self.read(url).map(Cow::Owned)) else { return Ok(no_exports()) };
        if MediaType::from_specifier(url) == MediaType::Json || source.len() > ANALYZE_MAX {
            return Ok(no_exports());
        }
        let Ok(parsed) = parse(url, &source) else { return Ok(no_exports()) };
        if !parsed.compute_is_script() && MediaType::from_specifier(url) != MediaType::Cjs {
            return Ok(CjsAnalysis::Esm(source, None));
        }
        let found = parsed.analyze_cjs();
        Ok(CjsAnalysis::Cjs(CjsAnalysisExports { exports: found.exports, reexports: found.reexports, member_reexports: vec![] }))
    }

    async fn analyze_cjs_member_props<'a>(&self, _url: &Url, _source: Option<Cow<'a, str>>, _member: &str) -> Result<Option<Vec<String>>, JsErrorBox> {
        Ok(None)
    }
}
