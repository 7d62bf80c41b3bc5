//! Finds rows by the text of one column.

use std::{borrow::Cow, collections::hash_map::RandomState, hash::BuildHasher};

use hashbrown::HashTable;

use crate::schema::{Column, Compared};

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
    compared: Compared,
    entries: HashTable<Entry>,
    hasher: RandomState,
}

impl Index {
    pub(crate) fn new(column: Column, compared: Compared) -> Self {
        Self { column, compared, entries: HashTable::new(), hasher: RandomState::new() }
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
        fold(key, self.compared)
    }

    fn hash(&self, folded: &str) -> u32 {
        let hash = self.hasher.hash_one(folded);
        u32::try_from(hash & u64::from(u32::MAX)).expect("32 bits")
    }
}

/// A key as it is compared: as it is, in lower case, or as the number that it says.
pub(crate) fn fold(key: &str, compared: Compared) -> Cow<'_, str> {
    let folds_to_itself = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    match compared {
        Compared::AsWritten => Cow::Borrowed(key),
        Compared::ByNumber => point_shifted_out(key).map_or(Cow::Borrowed(key), Cow::Owned),
        Compared::IgnoringCase if key.bytes().all(folds_to_itself) => Cow::Borrowed(key),
        Compared::IgnoringCase => Cow::Owned(key.to_lowercase()),
    }
}

/// A number as its digits without zeros at either end, and the power of ten behind them, so that
/// all ways to write it come out alike. No number of 64 bits could hold all its digits.
fn point_shifted_out(number: &str) -> Option<String> {
    let unsigned = number.trim_start_matches(['+', '-']);
    let (digits, mut power) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], unsigned[at + 1..].parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let mut plain: Vec<char> = Vec::with_capacity(digits.len());
    let mut behind_point = false;
    for sign in digits.chars() {
        match sign {
            '.' if !behind_point => behind_point = true,
            '0'..='9' => {
                plain.push(sign);
                power = power.checked_sub(i64::from(behind_point))?;
            }
            _ => return None,
        }
    }
    if plain.is_empty() {
        return None;
    }
    while plain.last() == Some(&'0') {
        plain.pop();
        power = power.checked_add(1)?;
    }
    let significant: String = plain.into_iter().skip_while(|digit| *digit == '0').collect();
    if significant.is_empty() {
        return Some("0".to_owned());
    }
    let minus = if number.starts_with('-') { "-" } else { "" };
    Some(format!("{minus}{significant}*10^{power}"))
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
        for (compared, expected) in
            [(Compared::IgnoringCase, vec![0, 1]), (Compared::AsWritten, vec![1])]
        {
            let mut index = Index::new(0, compared);
            for (key, row) in keys.iter().zip(0..) {
                index.insert(key, row);
            }

            let text_of = |row: u32| keys.get(row as usize).copied();
            let mut found: Vec<u32> = index.find("a-1", text_of).collect();
            found.sort_unstable();

            assert_eq!(found, expected);
            let ignores_case = compared == Compared::IgnoringCase;
            assert_eq!(index.find("ä-1", text_of).count(), usize::from(ignores_case));
        }
    }

    #[test]
    fn a_number_is_found_however_it_is_written() {
        let keys = ["1001", "0", "12345678901234567890123", "-7.50"];
        let mut index = Index::new(0, Compared::ByNumber);
        for (key, row) in keys.iter().zip(0..) {
            index.insert(key, row);
        }

        let text_of = |row: u32| keys.get(row as usize).copied();
        for (key, row) in [
            ("1001.0", 0),
            ("1.001e3", 0),
            ("10010E-1", 0),
            ("01001", 0),
            ("-0.0", 1),
            ("0e9", 1),
            ("12345678901234567890123.0", 2),
            ("-75e-1", 3),
        ] {
            assert_eq!(index.find(key, text_of).collect::<Vec<_>>(), [row], "{key}");
        }
        for key in ["1002", "-1001", "100100", "12345678901234567890124", "7.5", "x", "1.0.0"] {
            assert_eq!(index.find(key, text_of).count(), 0, "{key}");
        }
    }

    #[test]
    fn a_removed_row_is_not_found_and_the_others_are() {
        let keys: Vec<String> = (0..1000).map(|number| format!("K{number}")).collect();
        let mut index = Index::new(0, Compared::IgnoringCase);
        for (key, row) in keys.iter().zip(0..) {
            index.insert(key, row);
        }

        index.remove("k7", 7);

        let text_of = |row: u32| keys.get(row as usize).map(String::as_str);
        assert_eq!(index.find("K7", text_of).next(), None);
        assert_eq!(index.find("k999", text_of).collect::<Vec<_>>(), [999]);
    }
}
