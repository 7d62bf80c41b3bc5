//! Finds rows by the text of one column.

use std::{borrow::Cow, collections::hash_map::RandomState, hash::BuildHasher};

use hashbrown::HashTable;

use crate::schema::Column;

/// Hash of the folded key and the row's number: 8 bytes, so that growing the
/// table needs no look at the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    hash: u32,
    row: u32,
}

/// The rows that have a value in one column.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) column: Column,
    case_sensitive: bool,
    entries: HashTable<Entry>,
    hasher: RandomState,
}

impl Index {
    pub(crate) fn new(column: Column, case_sensitive: bool) -> Self {
        Self { column, case_sensitive, entries: HashTable::new(), hasher: RandomState::new() }
    }

    /// The rows with this key; `text_of` gives the column's text of a row.
    pub(crate) fn find<'a>(
        &'a self,
        key: &'a str,
        text_of: impl Fn(u32) -> Option<&'a str>,
    ) -> impl Iterator<Item = u32> {
        let folded = self.folded(key);
        let hash = self.hash(&folded);
        self.entries
            .iter_hash(spread(hash))
            .filter(move |entry| entry.hash == hash)
            .map(|entry| entry.row)
            .filter(move |row| text_of(*row).is_some_and(|text| self.folded(text) == folded))
    }

    pub(crate) fn insert(&mut self, key: &str, row: u32) {
        let hash = self.hash(&self.folded(key));
        let entry = Entry { hash, row };
        self.entries.insert_unique(spread(hash), entry, |entry| spread(entry.hash));
    }

    pub(crate) fn remove(&mut self, key: &str, row: u32) {
        let hash = self.hash(&self.folded(key));
        let entry = Entry { hash, row };
        if let Ok(found) = self.entries.find_entry(spread(hash), |known| *known == entry) {
            found.remove();
        }
    }

    /// The key as it is compared.
    pub(crate) fn folded<'k>(&self, key: &'k str) -> Cow<'k, str> {
        fold(key, self.case_sensitive)
    }

    fn hash(&self, folded: &str) -> u32 {
        let hash = self.hasher.hash_one(folded);
        u32::try_from(hash & u64::from(u32::MAX)).expect("32 bits")
    }
}

/// A key as it is compared: as it is, or in lower case.
pub(crate) fn fold(key: &str, case_sensitive: bool) -> Cow<'_, str> {
    let folds_to_itself = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if case_sensitive || key.bytes().all(folds_to_itself) {
        Cow::Borrowed(key)
    } else {
        Cow::Owned(key.to_lowercase())
    }
}

/// 64 bits out of 32: the table takes its buckets from the low end and its tags
/// from the high end.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_key_in_any_case_unless_case_counts() {
        let keys = ["A-1", "a-1", "Ä-1", "b"];
        for (case_sensitive, expected) in [(false, vec![0, 1]), (true, vec![1])] {
            let mut index = Index::new(0, case_sensitive);
            for (key, row) in keys.iter().zip(0..) {
                index.insert(key, row);
            }

            let text_of = |row: u32| keys.get(row as usize).copied();
            let mut found: Vec<u32> = index.find("a-1", text_of).collect();
            found.sort_unstable();

            assert_eq!(found, expected);
            assert_eq!(index.find("ä-1", text_of).count(), usize::from(!case_sensitive));
        }
    }

    #[test]
    fn a_removed_row_is_not_found_and_the_others_are() {
        let keys: Vec<String> = (0..1000).map(|number| format!("K{number}")).collect();
        let mut index = Index::new(0, false);
        for (key, row) in keys.iter().zip(0..) {
            index.insert(key, row);
        }

        index.remove("k7", 7);

        let text_of = |row: u32| keys.get(row as usize).map(String::as_str);
        assert_eq!(index.find("K7", text_of).next(), None);
        assert_eq!(index.find("k999", text_of).collect::<Vec<_>>(), [999]);
    }
}
