//! How often the same cell comes again, in bounded memory.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use ingest_core::{Cells, Header, Rows, number_by_value};
use serde::Serialize;

use super::rounds::{ForRepeats, Rounds, Sending};

/// So many different cells are remembered, in less than 20 MiB, and as much again where numbers are
/// written in several ways. Of more, a part is looked at.
const CELLS_MAX: usize = 900_000;

/// A cell that empties its field, to the consumer: as a key it is none.
const NO_KEY: &[u8] = b"#N/A";

/// Counts the cells of one column that come again.
pub(super) struct Repeats {
    column: String,
    cells: Cells,
    rows: u64,
    /// Different cells of each batch, and their bytes in a query.
    asked_for: u64,
    query_bytes: u64,
    by_text: Seen,
    /// The same by the value of cells that are numbers. While all of them are written in the
    /// plainest way, it is what `by_text` is.
    by_value: Option<Seen>,
    /// What rows take that repeat a key, one for each way of sending them.
    rounds: Vec<Rounds>,
}

/// Cells that were seen.
#[derive(Clone)]
struct Seen {
    cells_max: usize,
    again_in_batch: u64,
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
    /// Rows with such a cell; a blank one and `#N/A` are none.
    pub(super) rows_looked_at: u64,
    #[serde(flatten)]
    pub(super) again: Again,
    /// The same if the field is a number, where that makes a difference: `1001.0` is `1001` then.
    pub(super) as_numbers: Option<Again>,
    /// Of a cell in a query for records, on average.
    #[serde(skip)]
    pub(super) key_bytes: u64,
    /// What rows take that repeat a key, one for each way of sending them.
    #[serde(skip)]
    pub(super) for_repeats: Vec<ForRepeats>,
}

/// How often cells came again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Again {
    /// Rows whose cell is that of one before them in their batch.
    pub(super) again_in_batch: u64,
    /// How often a cell of one batch came again in a later one.
    pub(super) again_later: u64,
    /// Whether `again_later` is counted; else it is estimated from a part of the cells.
    pub(super) is_exact: bool,
}

impl Repeats {
    /// Of the column with this name, if there is one.
    pub(super) fn of(header: &Header, column: &str) -> Option<Self> {
        Self::bounded(header, column, CELLS_MAX)
    }

    /// The same with what rows take that repeat a key, where they are sent in these ways.
    pub(super) fn sent(self, ways: &[Sending]) -> Self {
        Self { rounds: ways.iter().copied().map(Rounds::new).collect(), ..self }
    }

    fn bounded(header: &Header, column: &str, cells_max: usize) -> Option<Self> {
        Some(Self {
            column: column.to_owned(),
            cells: Cells::of(header, column)?,
            rows: 0,
            asked_for: 0,
            query_bytes: 0,
            by_text: Seen::new(cells_max),
            by_value: None,
            rounds: Vec::new(),
        })
    }

    /// Looks at the next batch.
    pub(super) fn look(&mut self, rows: &Rows) {
        for seen in self.by_value.iter_mut().chain([&mut self.by_text]) {
            seen.in_this_batch.clear();
        }
        for (_, raw) in rows.iter() {
            let cell = self.cells.read(raw);
            if cell.is_empty() || cell == NO_KEY {
                self.rounds.iter_mut().for_each(|rounds| rounds.add(None, raw.len()));
                continue;
            }
            self.rows += 1;
            let text = String::from_utf8_lossy(cell);
            let hash_of_text = hash(&text);
            self.rounds.iter_mut().for_each(|rounds| rounds.add(Some(hash_of_text), raw.len()));
            let hash_of_value = match plain_number(&text) {
                Some(plain) if *plain != *text => {
                    self.by_value.get_or_insert_with(|| self.by_text.clone());
                    hash(&plain)
                }
                _ => hash_of_text,
            };
            if self.by_text.add(hash_of_text) {
                self.asked_for += 1;
                self.query_bytes += query_bytes(cell);
            }
            if let Some(by_value) = &mut self.by_value {
                by_value.add(hash_of_value);
            }
        }
        self.rounds.iter_mut().for_each(Rounds::end_of_read_batch);
    }

    pub(super) fn result(self) -> Repeated {
        let again = self.by_text.again();
        let as_numbers = self.by_value.map(|seen| seen.again()).filter(|numbers| *numbers != again);
        let key_bytes = self.query_bytes.div_ceil(self.asked_for.max(1));
        Repeated {
            column: self.column,
            rows_looked_at: self.rows,
            again,
            as_numbers,
            key_bytes,
            for_repeats: self.rounds.into_iter().map(Rounds::result).collect(),
        }
    }
}

impl Seen {
    fn new(cells_max: usize) -> Self {
        let (in_this_batch, seen) = (HashSet::new(), HashMap::new());
        Self { cells_max, again_in_batch: 0, in_this_batch, seen, zeros: 0 }
    }

    /// The answer is whether it is the first such cell of its batch.
    fn add(&mut self, hash: u64) -> bool {
        let is_first = self.in_this_batch.insert(hash);
        if is_first {
            self.meet(hash);
        } else {
            self.again_in_batch += 1;
        }
        is_first
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

    fn again(&self) -> Again {
        let again: u64 = self.seen.values().map(|times| u64::from(*times)).sum();
        Again {
            again_in_batch: self.again_in_batch,
            again_later: again << self.zeros,
            is_exact: self.zeros == 0,
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
fn hash(cell: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    cell.to_lowercase().hash(&mut hasher);
    hasher.finish()
}

/// A cell that is a number, in one way of writing that is the plainest for whole ones: `1001`.
/// Nothing for what is no number.
fn plain_number(cell: &str) -> Option<Cow<'_, str>> {
    let is_plain = cell.bytes().all(|byte| byte.is_ascii_digit()) && !cell.starts_with('0');
    if is_plain {
        return Some(Cow::Borrowed(cell));
    }
    let value = number_by_value(cell)?;
    let (digits, zeros) = value.split_once('e')?;
    let zeros: Option<usize> = zeros.parse().ok().filter(|zeros| *zeros <= PLAIN_ZEROS_MAX);
    Some(Cow::Owned(match zeros {
        Some(zeros) => format!("{digits}{}", "0".repeat(zeros)),
        None => value,
    }))
}

/// A number with more zeros at its end is not written out.
const PLAIN_ZEROS_MAX: usize = 30;

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
            again: Again { again_in_batch: 4, again_later: 2, is_exact: true },
            as_numbers: None,
            key_bytes: 10,
            for_repeats: Vec::new(),
        };
        assert_eq!(repeated(100, batches), expected);
    }

    #[test]
    fn numbers_that_are_written_in_several_ways_are_counted_by_value_as_well() {
        let found = |batches: &[&[&str]]| {
            let batches =
                batches.iter().map(|keys| keys.iter().map(|&key| key.to_owned()).collect());
            let found = repeated(100, batches);
            let counted = |again: Again| (again.again_in_batch, again.again_later);
            (counted(found.again), found.as_numbers.map(counted))
        };

        assert_eq!(
            found(&[&["1001", "1001.0", "01001", "1.001E3", "1002"], &["+1002", "1002"]]),
            ((0, 1), Some((4, 1)))
        );
        assert_eq!(
            found(&[&["0", "-0", "0.00", "1e40", "10e39", "1e400"]]),
            ((0, 0), Some((3, 0)))
        );
        assert_eq!(found(&[&["007", "008"], &["009"]]), ((0, 0), None), "no two are one");
        assert_eq!(found(&[&["7", "7", "A-1"]]), ((1, 0), None));
    }

    #[test]
    fn what_nobody_sees_around_a_key_is_no_part_of_it() {
        let batch = ["K4", "K4\u{200b}", "\u{a0}k4 "].map(str::to_owned).to_vec();

        assert_eq!(repeated(100, [batch].into_iter()).again.again_in_batch, 2);
    }

    #[test]
    fn a_row_without_a_key_repeats_none() {
        let none = ["", "\"\"", "  ", "\u{a0}\u{200b}", "#N/A", " #N/A\u{200b}", "\"#N/A\""];
        let batch = |_| none.iter().chain(&["#n/a"]).map(|cell| (*cell).to_owned()).collect();

        let found = repeated(100, (0..2).map(batch));

        let again = Again { again_in_batch: 0, again_later: 1, is_exact: true };
        assert_eq!((found.rows_looked_at, found.again), (2, again), "`#n/a` is a key");
    }

    #[test]
    fn a_file_with_more_keys_than_are_remembered_is_estimated() {
        // Every key comes three times, in batches far apart.
        let batches = (0..3 * 200).map(|batch| {
            let keys = (0..100).map(|row| format!("E-{}", (batch % 200) * 100 + row));
            keys.collect()
        });

        let found = repeated(2_000, batches);

        assert!(!found.again.is_exact);
        assert_eq!((found.rows_looked_at, found.again.again_in_batch), (60_000, 0));
        assert!((36_000..44_000).contains(&found.again.again_later), "of 40,000: {found:?}");
    }

    #[test]
    fn there_is_nothing_to_count_without_the_column() {
        let header = Header::parse("id".into(), Dialect::default()).unwrap();

        assert!(Repeats::of(&header, "Key").is_none());
    }
}
