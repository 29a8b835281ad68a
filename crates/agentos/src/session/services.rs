//! What the host does for an agent on request: `fs/read_text_file` and `fs/write_text_file` on the VM's tree.

use super::protocol::{INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, RESOURCE_NOT_FOUND, ReadTextFile, RpcError, WriteTextFile};
use crate::error::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};

/// File access with the rights that the agent itself has. Calls may wait for a host disk: never on a thread that must not.
pub trait ClientFiles: Send + Sync + 'static {
    /// The content of a file. `path` is absolute.
    ///
    /// # Errors
    /// ENOENT, EACCES, EISDIR and what open(2) answers.
    fn read(&self, path: &str) -> Result<Vec<u8>>;

    /// Writes a file whole. `path` is absolute.
    ///
    /// # Errors
    /// EACCES, EISDIR, ENOSPC, EROFS and what open(2) answers.
    fn write(&self, path: &str, content: &[u8]) -> Result<()>;
}

/// Whether `method` is served by [`serve`].
pub fn is_file_service(method: &str) -> bool {
    matches!(method, "fs/read_text_file" | "fs/write_text_file")
}

/// Does one file service.
///
/// # Errors
/// Invalid parameters, resource not found, or an internal error that names the errno.
pub fn serve(files: &dyn ClientFiles, method: &str, params: &Value) -> Result<Value, RpcError> {
    match method {
        "fs/read_text_file" => read_text_file(files, &decode(params)?),
        "fs/write_text_file" => write_text_file(files, &decode(params)?),
        _ => Err(RpcError::new(METHOD_NOT_FOUND, format!("the host does not offer {method}"))),
    }
}

fn decode<'a, T: Deserialize<'a>>(params: &'a Value) -> Result<T, RpcError> {
    T::deserialize(params).map_err(|error| RpcError::new(INVALID_PARAMS, error.to_string()))
}

fn read_text_file(files: &dyn ClientFiles, params: &ReadTextFile) -> Result<Value, RpcError> {
    let content = files.read(&params.path).map_err(refuse)?;
    let text = String::from_utf8(content).map_err(|_| RpcError::new(INVALID_PARAMS, format!("{}: not a text file in UTF-8", params.path)))?;
    Ok(json!({ "content": lines(&text, params.line, params.limit) }))
}

fn write_text_file(files: &dyn ClientFiles, params: &WriteTextFile) -> Result<Value, RpcError> {
    files.write(&params.path, params.content.as_bytes()).map_err(refuse)?;
    Ok(json!({}))
}

fn refuse(error: Error) -> RpcError {
    let code = match error.code.as_str() {
        "ENOENT" => RESOURCE_NOT_FOUND,
        "ERR_AGENTOS_INVALID_PATH" => INVALID_PARAMS,
        _ => INTERNAL_ERROR,
    };
    RpcError { data: Some(json!({ "code": error.code })), ..RpcError::new(code, error.message) }
}

/// `limit` lines from `line` (counted from 1) on, line ends included.
fn lines(text: &str, line: Option<u64>, limit: Option<u64>) -> String {
    let clamp = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let skip = clamp(line.unwrap_or(1).saturating_sub(1));
    text.split_inclusive('\n').skip(skip).take(limit.map_or(usize::MAX, clamp)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use agentos_abi::Errno;
    use parking_lot::Mutex;
    use std::collections::BTreeMap;

    #[derive(Default)]
    struct Tree(Mutex<BTreeMap<String, Vec<u8>>>);

    impl ClientFiles for Tree {
        fn read(&self, path: &str) -> Result<Vec<u8>> {
            self.0.lock().get(path).cloned().ok_or_else(|| Error::syscall(Errno::ENOENT, "open", Some(path)))
        }
        fn write(&self, path: &str, content: &[u8]) -> Result<()> {
            self.0.lock().insert(path.to_owned(), content.to_vec());
            Ok(())
        }
    }

    #[test]
    fn what_is_written_is_read_back_by_lines() {
        let tree = Tree::default();
        serve(&tree, "fs/write_text_file", &json!({ "sessionId": "s", "path": "/f", "content": "one\ntwo\nthree" })).unwrap();
        let cases = [
            (json!({ "path": "/f" }), "one\ntwo\nthree"),
            (json!({ "path": "/f", "line": 2 }), "two\nthree"),
            (json!({ "path": "/f", "line": 2, "limit": 1 }), "two\n"),
            (json!({ "path": "/f", "line": 0, "limit": 1 }), "one\n"),
            (json!({ "path": "/f", "line": u64::MAX }), ""),
            (json!({ "path": "/f", "limit": 0 }), ""),
            (json!({ "path": "/f", "line": null, "limit": null }), "one\ntwo\nthree"),
        ];
        for (params, expected) in cases {
            assert_eq!(serve(&tree, "fs/read_text_file", &params).unwrap()["content"], expected, "{params}");
        }
    }

    #[test]
    fn failures_have_the_protocols_codes() {
        let tree = Tree::default();
        tree.write("/binary", &[0xff, 0xfe]).unwrap();
        let cases = [
            ("fs/read_text_file", json!({ "path": "/missing" }), RESOURCE_NOT_FOUND),
            ("fs/read_text_file", json!({ "path": "/binary" }), INVALID_PARAMS),
            ("fs/read_text_file", json!({}), INVALID_PARAMS),
            ("fs/read_text_file", json!({ "path": "/f", "line": -1 }), INVALID_PARAMS),
            ("fs/write_text_file", json!({ "path": "/f" }), INVALID_PARAMS),
            ("terminal/create", json!({}), METHOD_NOT_FOUND),
        ];
        for (method, params, code) in cases {
            assert_eq!(serve(&tree, method, &params).unwrap_err().code, code, "{method} {params}");
        }
    }
}
