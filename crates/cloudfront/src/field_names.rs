//! Names of fields in headers of logs in; as many as a report shows, and the number of further ones, out.
//!
//! **Invariant.** The names kept are the first in byte order, regardless of the order in which they are added.

use std::{
    collections::{BTreeSet, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

/// A set of field names in bounded memory: any log may have thousands of new ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldNames {
    kept: BTreeSet<Arc<str>>,
    kept_bytes: usize,
    /// Hashes of all names, so that each is counted once.
    seen: HashSet<u64>,
}

impl FieldNames {
    /// Largest number of names that are kept: 1,000.
    pub const MAX_NAMES: usize = 1000;
    /// Largest size of all names that are kept, in bytes: 64 KiB.
    pub const MAX_BYTES: usize = 64 << 10;
    /// Number of characters of a name that are kept: a log may have names of any length.
    pub const MAX_NAME_CHARS: usize = 80;
    /// Number of names that are counted exactly: 100,000. If there are more, [`Self::more`] is a lower bound.
    pub const MAX_COUNTED: usize = 100_000;

    /// Adds a name. Names with the same first [`Self::MAX_NAME_CHARS`] characters count as one.
    pub fn insert(&mut self, name: &str) {
        let end = name.char_indices().nth(Self::MAX_NAME_CHARS).map_or(name.len(), |(at, _)| at);
        let name = &name[..end];
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        self.see(hasher.finish());
        if self.has_room_for(name) {
            self.keep(Arc::from(name));
        }
    }

    /// Adds all names of `others`.
    pub fn extend(&mut self, others: &Self) {
        others.seen.iter().for_each(|hash| self.see(*hash));
        for name in &others.kept {
            if !self.has_room_for(name) {
                break;
            }
            self.keep(Arc::clone(name));
        }
    }

    /// Returns the names that are kept, in byte order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.kept.iter().map(AsRef::as_ref)
    }

    /// Returns whether no name was added.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Returns the number of names that are not kept; a lower bound if there are more than [`Self::MAX_COUNTED`] names
    /// in all.
    pub fn more(&self) -> u64 {
        self.seen.len().saturating_sub(self.kept.len()) as u64
    }

    fn see(&mut self, hash: u64) {
        if self.seen.len() < Self::MAX_COUNTED {
            self.seen.insert(hash);
        }
    }

    /// Returns whether the name would be kept: there is room, or it comes before one that is kept.
    fn has_room_for(&self, name: &str) -> bool {
        let is_full = self.kept.len() >= Self::MAX_NAMES || self.kept_bytes + name.len() > Self::MAX_BYTES;
        !is_full || self.kept.last().is_some_and(|last| name < last.as_ref())
    }

    fn keep(&mut self, name: Arc<str>) {
        let bytes = name.len();
        if self.kept.insert(name) {
            self.kept_bytes += bytes;
        }
        while self.kept.len() > Self::MAX_NAMES || self.kept_bytes > Self::MAX_BYTES {
            let last = self.kept.pop_last().expect("names are kept, as there are too many");
            self.kept_bytes -= last.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_names_the_first_are_kept_and_the_others_counted_once() {
        let names: Vec<String> = (0..2500).map(|name| format!("x-{name:04}")).collect();
        let mut forward = FieldNames::default();
        names.iter().chain(&names).for_each(|name| forward.insert(name));
        assert!(forward.iter().eq(names.iter().take(FieldNames::MAX_NAMES).map(String::as_str)));
        assert_eq!(forward.more(), 1500);
        // In pieces, from the last to the first.
        let mut pieces = FieldNames::default();
        for piece in names.rchunks(7) {
            let mut some = FieldNames::default();
            piece.iter().rev().for_each(|name| some.insert(name));
            pieces.extend(&some);
        }
        assert_eq!(pieces, forward);
    }

    #[test]
    fn long_names_are_cut_and_their_bytes_are_bounded() {
        let mut names = FieldNames::default();
        names.insert(&"ü".repeat(1000));
        names.insert(&"ü".repeat(2000));
        assert_eq!(names.iter().collect::<Vec<_>>(), ["ü".repeat(FieldNames::MAX_NAME_CHARS)]);
        for name in 0..FieldNames::MAX_NAMES {
            names.insert(&format!("{name:04}{}", "\u{10348}".repeat(FieldNames::MAX_NAME_CHARS)));
        }
        let bytes: usize = names.iter().map(str::len).sum();
        assert!(bytes <= FieldNames::MAX_BYTES && bytes > FieldNames::MAX_BYTES - 500, "{bytes}");
        assert_eq!(names.more(), FieldNames::MAX_NAMES as u64 + 1 - names.iter().count() as u64);
    }

    #[test]
    fn past_the_largest_count_it_is_a_lower_bound() {
        let mut names = FieldNames::default();
        (0..FieldNames::MAX_COUNTED + 5).for_each(|name| names.insert(&name.to_string()));
        assert_eq!(names.more(), (FieldNames::MAX_COUNTED - FieldNames::MAX_NAMES) as u64);
    }
}
