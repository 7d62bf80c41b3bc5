//! How often the same cell comes again, in bounded memory.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use ingest_core::{Cells, Header, Rows};
use serde::Serialize;

/// So many different cells are remembered, in less than 20 MiB. Of more, a part is looked at.
const CELLS_MAX: usize = 900_000;

/// Counts the cells of one column that come again.
pub(super) struct Repeats {
    column: String,
    cells: Cells,
    cells_max: usize,
    rows: u64,
    again_in_batch: u64,
    /// Different ones of each batch, and their bytes in a query.
    asked_for: u64,
    query_bytes: u64,
    in_this_batch: HashSet<u64>,
    /// Cells that are looked at, by their hash, and how often each came again in a later batch.
    seen: HashMap<u64, u32>,
    /// Only cells are looked at whose hash ends with so many zeros: all rows of such a cell.
    zeros: u32,
}

/// Rows with a cell that was there before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Repeated {
    pub(super) column: String,
    /// Rows with such a cell; an empty one is none.
    pub(super) rows_looked_at: u64,
    /// Rows whose cell is that of one before them in their batch.
    pub(super) again_in_batch: u64,
    /// How often a cell of one batch came again in a later one.
    pub(super) again_later: u64,
    /// Whether `again_later` is counted; else it is estimated from a part of the cells.
    pub(super) is_exact: bool,
    /// Of a cell in a query for records, on average.
    #[serde(skip)]
    pub(super) key_bytes: u64,
}

impl Repeats {
    /// Of the column with this name, if there is one.
    pub(super) fn of(header: &Header, column: &str) -> Option<Self> {
        Self::bounded(header, column, CELLS_MAX)
    }

    fn bounded(header: &Header, column: &str, cells_max: usize) -> Option<Self> {
        Some(Self {
            column: column.to_owned(),
            cells: Cells::of(header, column)?,
            cells_max,
            rows: 0,
            again_in_batch: 0,
            asked_for: 0,
            query_bytes: 0,
            in_this_batch: HashSet::new(),
            seen: HashMap::new(),
            zeros: 0,
        })
    }

    /// Looks at the next batch.
    pub(super) fn look(&mut self, rows: &Rows) {
        self.in_this_batch.clear();
        for (_, raw) in rows.iter() {
            let cell = self.cells.read(raw);
            if cell.is_empty() {
                continue;
            }
            self.rows += 1;
            let hash = hash(cell);
            if self.in_this_batch.insert(hash) {
                self.asked_for += 1;
                self.query_bytes += query_bytes(cell);
                self.meet(hash);
            } else {
                self.again_in_batch += 1;
            }
        }
    }

    /// A cell, once for each batch that has it.
    fn meet(&mut self, hash: u64) {
        if hash.trailing_zeros() < self.zeros {
            return;
        }
        self.seen.entry(hash).and_modify(|times| *times = times.saturating_add(1)).or_default();
        if self.seen.len() > self.cells_max {
            self.zeros += 1;
            self.seen.retain(|hash, _| hash.trailing_zeros() >= self.zeros);
        }
    }

    pub(super) fn result(self) -> Repeated {
        let again: u64 = self.seen.values().map(|times| u64::from(*times)).sum();
        Repeated {
            column: self.column,
            rows_looked_at: self.rows,
            again_in_batch: self.again_in_batch,
            again_later: again << self.zeros,
            is_exact: self.zeros == 0,
            key_bytes: self.query_bytes.div_ceil(self.asked_for.max(1)),
        }
    }
}

/// Bytes of a cell as it stands in the URL of a query: in quotes, with a comma before it.
fn query_bytes(cell: &[u8]) -> u64 {
    const COMMA_AND_QUOTES: u64 = 9;
    let bytes = |byte: &u8| match byte {
        b' ' | b'*' | b'-' | b'.' | b'_' => 1,
        byte if byte.is_ascii_alphanumeric() => 1,
        b'\'' | b'"' | b'\\' => 6,
        _ => 3,
    };
    COMMA_AND_QUOTES + cell.iter().map(bytes).sum::<u64>()
}

/// Capitals make no difference, as with most external ids.
fn hash(cell: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    String::from_utf8_lossy(cell).to_lowercase().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use ingest_core::Dialect;

    use super::*;

    fn repeated(cells_max: usize, batches: impl Iterator<Item = Vec<String>>) -> Repeated {
        let header = Header::parse("Key,note".into(), Dialect::default()).unwrap();
        let mut repeats = Repeats::bounded(&header, "key", cells_max).unwrap();
        for batch in batches {
            let mut rows = Rows::default();
            for key in batch {
                rows.push(1, format!("{key},x").as_bytes());
            }
            repeats.look(&rows);
        }
        repeats.result()
    }

    #[test]
    fn rows_that_come_again_in_their_batch_and_in_later_ones_are_told_apart() {
        let batches = [vec!["a", "b", "A", "a", ""], vec!["c", "c", ""], vec!["a", "a", "b", "d"]];
        let batches = batches.iter().map(|keys| keys.iter().map(|&key| key.to_owned()).collect());

        let expected = Repeated {
            column: "key".to_owned(),
            rows_looked_at: 10,
            again_in_batch: 4,
            again_later: 2,
            is_exact: true,
            key_bytes: 10,
        };
        assert_eq!(repeated(100, batches), expected);
    }

    #[test]
    fn a_file_with_more_keys_than_are_remembered_is_estimated() {
        // Every key comes three times, in batches far apart.
        let batches = (0..3 * 200).map(|batch| {
            let keys = (0..100).map(|row| format!("E-{}", (batch % 200) * 100 + row));
            keys.collect()
        });

        let found = repeated(2_000, batches);

        assert!(!found.is_exact);
        assert_eq!((found.rows_looked_at, found.again_in_batch), (60_000, 0));
        assert!((36_000..44_000).contains(&found.again_later), "of 40,000: {found:?}");
    }

    #[test]
    fn there_is_nothing_to_count_without_the_column() {
        let header = Header::parse("id".into(), Dialect::default()).unwrap();

        assert!(Repeats::of(&header, "Key").is_none());
    }
}
