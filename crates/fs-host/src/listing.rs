//! Positions in a directory whose names change behind our back.

use std::collections::{BTreeMap, HashMap};

/// The names of a directory as last read. A name keeps its position for as long as it is seen, so a listing in progress meets
/// every name that stays exactly once, whatever comes and goes.
#[derive(Default)]
pub(crate) struct Listing {
    by_position: BTreeMap<u64, Entry>,
    position_of: HashMap<Vec<u8>, u64>,
    last: u64,
}

pub(crate) struct Entry {
    pub name: Vec<u8>,
    pub ino: u64,
    pub file_type: agentos_abi::FileType,
}

impl Listing {
    /// Takes what the directory has now.
    pub fn refresh(&mut self, entries: Vec<Entry>) {
        let before = std::mem::take(&mut self.position_of);
        self.by_position.clear();
        for entry in entries {
            let position = before.get(&entry.name).copied().unwrap_or_else(|| {
                self.last += 1;
                self.last
            });
            self.position_of.insert(entry.name.clone(), position);
            self.by_position.insert(position, entry);
        }
    }

    /// Entries after a position, each with its own.
    pub fn after(&self, position: u64) -> impl Iterator<Item = (u64, &Entry)> {
        self.by_position.range(position.saturating_add(1)..).map(|(position, entry)| (*position, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(listing: &Listing, after: u64) -> Vec<&[u8]> {
        listing.after(after).map(|(_, e)| &*e.name).collect()
    }

    fn entries(names: &[&str]) -> Vec<Entry> {
        names.iter().map(|n| Entry { name: n.as_bytes().to_vec(), ino: 1, file_type: agentos_abi::FileType::Regular }).collect()
    }

    #[test]
    fn a_name_keeps_its_position_over_a_refresh() {
        let mut listing = Listing::default();
        listing.refresh(entries(&["a", "b", "c"]));
        listing.refresh(entries(&["new", "c", "b"]));
        assert_eq!(names(&listing, 1), [b"b".as_slice(), b"c", b"new"]);
    }
}
