//! Compiled code of large modules, shared by all isolates of an engine and keyed by content.
//!
//! V8 checks a cache by the length of the source only, so the key is the sha256 of all of it: a program can neither read nor
//! poison what another one gets. Only V8 makes entries, from exactly the source they are for.

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Sources below this compile faster than they are hashed and looked up, in bytes.
const SOURCE_MIN: usize = 32 << 10;
/// Bound of all entries together, in bytes; the oldest go first.
const TOTAL_MAX: usize = 64 << 20;

/// The content of a source.
pub type Key = [u8; 32];

/// The cache of one engine.
#[derive(Default)]
pub struct CodeCache(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    by_key: HashMap<Key, Arc<[u8]>>,
    order: VecDeque<Key>,
    bytes: usize,
}

impl CodeCache {
    /// The key of a source that is worth caching.
    pub fn key(source: &str) -> Option<Key> {
        (source.len() >= SOURCE_MIN).then(|| Sha256::digest(source).into())
    }

    /// What V8 made of the source before.
    pub fn get(&self, key: &Key) -> Option<Arc<[u8]>> {
        self.0.lock().by_key.get(key).cloned()
    }

    /// Keeps what V8 made of the source.
    pub fn put(&self, key: Key, code: &[u8]) {
        if code.len() > TOTAL_MAX {
            return;
        }
        let mut entries = self.0.lock();
        if let Some(old) = entries.by_key.insert(key, code.into()) {
            entries.bytes -= old.len();
            entries.order.retain(|k| *k != key);
        }
        entries.bytes += code.len();
        entries.order.push_back(key);
        while entries.bytes > TOTAL_MAX {
            let Some(oldest) = entries.order.pop_front() else { break };
            if let Some(gone) = entries.by_key.remove(&oldest) {
                entries.bytes -= gone.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_sources_have_no_key_and_equal_ones_the_same() {
        let large = "x".repeat(SOURCE_MIN);
        assert_eq!(CodeCache::key("x"), None);
        assert_eq!(CodeCache::key(&large), CodeCache::key(&large.clone()));
        assert_ne!(CodeCache::key(&large), CodeCache::key(&"y".repeat(SOURCE_MIN)));
    }

    #[test]
    fn the_oldest_entries_go_when_the_cache_is_full() {
        let cache = CodeCache::default();
        let half = vec![0; TOTAL_MAX / 2];
        for key in [[1; 32], [2; 32], [3; 32]] {
            cache.put(key, &half);
        }
        assert_eq!([1, 2, 3].map(|n| cache.get(&[n; 32]).is_some()), [false, true, true]);
        cache.put([3; 32], b"new");
        assert_eq!(cache.get(&[3; 32]).as_deref(), Some(&b"new"[..]));
        assert_eq!(cache.0.lock().bytes, TOTAL_MAX / 2 + 3);
    }
}
