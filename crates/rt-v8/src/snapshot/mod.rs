//! The snapshot: a V8 heap with the Node layer evaluated in it, and the built-in sources that are still needed beside it, in
//! one compressed file.
//!
//! The file is bound to the binary that reads it: V8 finds operations in it by position. A stamp over every operation, class and
//! file name says whether they belong together; a file that does not match is refused.

mod create;

pub use create::{create, log_line};

use crate::extensions::{policy, unfiltered};
use sha2::{Digest, Sha256};
use std::fmt;

/// Built-in sources by specifier, sorted.
pub type Sources = &'static [(&'static str, &'static str)];

/// An unpacked snapshot. Lives as long as the process: V8 keeps pointers into it.
#[derive(Clone, Copy)]
pub struct Snapshot {
    /// For `RuntimeOptions::startup_snapshot`.
    pub blob: &'static [u8],
    /// Scripts loaded on first use.
    pub scripts: Sources,
    /// Modules loaded on first use.
    pub modules: Sources,
}

/// Why a snapshot file is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// It is not a snapshot file, or cut off.
    Malformed,
    /// It was made by a build with other operations, classes or files.
    Mismatch,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SnapshotError::Malformed => "the JavaScript snapshot is damaged",
            SnapshotError::Mismatch => "the JavaScript snapshot belongs to another build",
        })
    }
}

impl std::error::Error for SnapshotError {}

const MAGIC: &[u8; 8] = b"AGOSV8\x00\x01";
const STAMP_LEN: usize = 32;
/// Bound of the unpacked file, in bytes; it is about 8 MB.
const UNPACKED_MAX: usize = 256 << 20;

/// Names what a snapshot must agree on with the binary that opens it.
pub fn stamp() -> [u8; STAMP_LEN] {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    add(deno_core::v8::V8::get_version());
    for extension in unfiltered() {
        add(extension.name);
        for op in extension.ops.iter() {
            add(op.name);
            add(if op.is_async { "async" } else { "sync" });
        }
        for object in extension.objects.iter().filter(|o| policy::class(policy::Kind::Object, o.name.0) == policy::Class::Allow) {
            add(object.name.0);
            object.methods.iter().chain(object.static_methods).for_each(|method| add(method.name));
        }
        let files = extension.js_files.iter().chain(extension.esm_files.iter());
        let lazy = extension.lazy_loaded_js_files.iter().chain(extension.lazy_loaded_esm_files.iter());
        files.chain(lazy).for_each(|file| add(file.specifier));
    }
    hash.finalize().into()
}

impl Snapshot {
    /// Packs a snapshot and its sources into one file.
    ///
    /// # Errors
    /// When zstd fails.
    pub fn pack(blob: &[u8], scripts: &[(String, String)], modules: &[(String, String)]) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        put(&mut body, blob);
        for list in [scripts, modules] {
            body.extend((list.len() as u64).to_le_bytes());
            for (name, text) in list {
                put(&mut body, name.as_bytes());
                put(&mut body, text.as_bytes());
            }
        }
        let mut file = MAGIC.to_vec();
        file.extend(stamp());
        file.extend(zstd::encode_all(body.as_slice(), 19)?);
        Ok(file)
    }

    /// Unpacks a file and leaks its content.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn unpack(file: &[u8]) -> Result<Snapshot, SnapshotError> {
        let rest = file.strip_prefix(MAGIC).ok_or(SnapshotError::Malformed)?;
        let (found, packed) = rest.split_at_checked(STAMP_LEN).ok_or(SnapshotError::Malformed)?;
        if found != stamp() {
            return Err(SnapshotError::Mismatch);
        }
        let body = zstd::bulk::decompress(packed, UNPACKED_MAX).or_else(|_| zstd::decode_all(packed)).map_err(|_| SnapshotError::Malformed)?;
        let mut body: &'static [u8] = body.leak();
        let blob = take(&mut body)?;
        let scripts = take_sources(&mut body)?;
        let modules = take_sources(&mut body)?;
        Ok(Snapshot { blob, scripts, modules })
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend(bytes);
}

fn take_len(body: &mut &'static [u8]) -> Result<usize, SnapshotError> {
    let (len, rest) = body.split_first_chunk::<8>().ok_or(SnapshotError::Malformed)?;
    *body = rest;
    usize::try_from(u64::from_le_bytes(*len)).map_err(|_| SnapshotError::Malformed)
}

fn take(body: &mut &'static [u8]) -> Result<&'static [u8], SnapshotError> {
    let len = take_len(body)?;
    let (bytes, rest) = body.split_at_checked(len).ok_or(SnapshotError::Malformed)?;
    *body = rest;
    Ok(bytes)
}

fn take_sources(body: &mut &'static [u8]) -> Result<Sources, SnapshotError> {
    let count = take_len(body)?;
    let mut list = Vec::new();
    for _ in 0..count {
        let name = std::str::from_utf8(take(body)?).map_err(|_| SnapshotError::Malformed)?;
        let text = std::str::from_utf8(take(body)?).map_err(|_| SnapshotError::Malformed)?;
        list.push((name, text));
    }
    Ok(list.leak())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect()
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let file = Snapshot::pack(b"heap", &sources(&[("a", "1")]), &sources(&[("b", "2"), ("c", "")])).unwrap();
        let snapshot = Snapshot::unpack(&file).unwrap();
        assert_eq!((snapshot.blob, snapshot.scripts, snapshot.modules), (&b"heap"[..], &[("a", "1")][..], &[("b", "2"), ("c", "")][..]));
    }

    #[test]
    fn a_file_of_another_build_is_refused() {
        let mut file = Snapshot::pack(b"heap", &[], &[]).unwrap();
        file[MAGIC.len()] ^= 1;
        assert_eq!(Snapshot::unpack(&file).err(), Some(SnapshotError::Mismatch));
        assert_eq!(Snapshot::unpack(b"something").err(), Some(SnapshotError::Malformed));
    }
}
