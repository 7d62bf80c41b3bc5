//! The keys of a batch, and what a query says of them. Pure.

use std::collections::{HashMap, VecDeque};

use ingest_core::{RecordId, number_by_value};
use job_queue::{LOOKUP_BYTES_MAX, LOOKUP_KEYS_MAX};

use crate::delivery::rest::Chunk;
use load::{EncodedRows, Sameness};
use salesforce::{FoundRecords, KeyQuery, Literal};

/// The keys of rows, each once, in the order of the rows.
pub(super) struct Keys<'a> {
    object: &'a str,
    field: &'a str,
    sameness: Sameness,
    keys: Vec<Key>,
}

struct Key {
    value: Value,
    /// Rows that have it.
    rows: Vec<usize>,
}

/// A key as the field has it.
enum Value {
    Text(String),
    /// Without an exponent, and without zeros that change nothing.
    Number(String),
}

/// What a query says of one of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Match {
    One(RecordId),
    None,
    /// So many records at least.
    Several {
        records: usize,
        are_all: bool,
    },
    /// Only a query with fewer keys can tell.
    Unclear,
}

/// Digits of a number that a field can hold, with room to spare.
const DIGITS_MAX: usize = 40;

impl<'a> Keys<'a> {
    /// Those of these rows, for a look into this field of this object.
    pub(super) fn of(
        rows: &EncodedRows,
        indexes: impl Iterator<Item = usize>,
        (object, field, sameness): (&'a str, &'a str, Sameness),
    ) -> Self {
        let mut keys: Vec<Key> = Vec::new();
        let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
        for (index, json) in indexes.filter_map(|index| Some((index, rows.key(index)?))) {
            let Some(value) = Value::read(json) else { continue };
            let at = *known.entry(value.comparable(sameness)).or_insert_with(|| {
                keys.push(Key { value, rows: Vec::new() });
                keys.len() - 1
            });
            keys[at].rows.push(index);
        }
        Self { object, field, sameness, keys }
    }

    /// Rows that have a key.
    pub(super) fn rows(&self, key: usize) -> &[usize] {
        &self.keys[key].rows
    }

    /// Queries for all keys, as chunks whose "rows" are keys.
    pub(super) fn queries(&self) -> VecDeque<Chunk> {
        let mut chunks = VecDeque::new();
        let mut query = self.empty_query();
        let mut of_query = Vec::new();
        for (at, key) in self.keys.iter().enumerate() {
            if !query.push(key.value.literal()) {
                chunks.push_back(chunk(std::mem::take(&mut of_query)));
                query = self.empty_query();
                query.push(key.value.literal());
            }
            of_query.push(at);
        }
        if !of_query.is_empty() {
            chunks.push_back(chunk(of_query));
        }
        chunks
    }

    fn empty_query(&self) -> KeyQuery {
        KeyQuery::new(self.object, self.field, LOOKUP_KEYS_MAX, LOOKUP_BYTES_MAX)
    }

    pub(super) fn query(&self, chunk: &Chunk) -> KeyQuery {
        let mut query = self.empty_query();
        for at in &chunk.rows {
            query.push(self.keys[*at].value.literal());
        }
        query
    }

    /// A query like one for these keys, for one that mostly no record has. What it finds is nobody's.
    pub(super) fn query_for_no_row(&self, like: &Chunk) -> KeyQuery {
        let is_number = like.rows.first().is_some_and(|at| self.keys[*at].value.is_number());
        let mut query = self.empty_query();
        query.push(if is_number { Literal::Number("0") } else { Literal::Text("0") });
        query
    }

    pub(super) fn field(&self) -> &'a str {
        self.field
    }

    /// What the answer to a query says of each of its keys. What is the same to Salesforce and not
    /// to us, and answers that were cut off, leave keys unclear until they are asked for alone; then
    /// whatever is found is theirs. Nothing, when the answer cannot be one.
    pub(super) fn matches(&self, asked: &[usize], found: &FoundRecords) -> Option<Vec<Match>> {
        let of_key = |at: usize| self.keys[at].value.comparable(self.sameness);
        let mut ids: HashMap<Vec<u8>, Vec<RecordId>> =
            asked.iter().map(|at| (of_key(*at), Vec::new())).collect();
        let is_alone = asked.len() == 1;
        let mut is_clear = found.are_all || is_alone;
        for record in &found.records {
            let id = RecordId::parse(&record.id)?;
            let key = match asked {
                [only] => of_key(*only),
                _ => Value::read(&record.key)?.comparable(self.sameness),
            };
            match ids.get_mut(&key) {
                Some(ids) if !ids.contains(&id) => ids.push(id),
                Some(_) => (),
                None => is_clear = false,
            }
        }
        let one = |at: &usize| match ids[&of_key(*at)].as_slice() {
            [_, _, ..] => {
                let records = ids[&of_key(*at)].len();
                Match::Several { records, are_all: found.are_all }
            }
            _ if !is_clear => Match::Unclear,
            [id] => Match::One(*id),
            [] => Match::None,
        };
        Some(asked.iter().map(one).collect())
    }
}

fn chunk(keys: Vec<usize>) -> Chunk {
    Chunk { rows: keys, ..Chunk::default() }
}

impl Value {
    /// Of the JSON of a key; nothing of what no record can have.
    fn read(json: &str) -> Option<Self> {
        if json.starts_with('"') {
            return serde_json::from_str(json).ok().map(Self::Text);
        }
        plain(json).map(Self::Number)
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }

    fn literal(&self) -> Literal<'_> {
        match self {
            Self::Text(text) => Literal::Text(text),
            Self::Number(digits) => Literal::Number(digits),
        }
    }

    /// What two keys have in common that are the same for Salesforce.
    fn comparable(&self, sameness: Sameness) -> Vec<u8> {
        let (Self::Text(text) | Self::Number(text)) = self;
        sameness.comparable(text.as_bytes()).into_owned()
    }
}

/// A number with all its digits and no more: `1001` of `1.0010e3`. Nothing of one that is too long
/// for any field.
fn plain(number: &str) -> Option<String> {
    let value = number_by_value(number)?;
    let (digits, power) = value.split_once('e')?;
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let power: i64 = power.parse().ok()?;
    let places = usize::try_from(power.unsigned_abs()).ok()?;
    if digits.len() > DIGITS_MAX || places > DIGITS_MAX {
        return None;
    }
    if power >= 0 {
        return Some(format!("{sign}{digits}{}", "0".repeat(places)));
    }
    Some(match digits.len().checked_sub(places) {
        Some(whole @ 1..) => format!("{sign}{}.{}", &digits[..whole], &digits[whole..]),
        _ => format!("{sign}0.{}{digits}", "0".repeat(places - digits.len())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::encoded_rows;
    use salesforce::FoundRecord;

    fn keys(texts: &[&str], sameness: Sameness) -> Keys<'static> {
        let rows = encoded_rows(texts);
        Keys::of(&rows, 0..texts.len(), ("Lead", "Key__c", sameness))
    }

    fn id(number: usize) -> RecordId {
        RecordId::parse(&format!("00Q{number:012}AAA")).unwrap()
    }

    /// Records with these keys, numbered from 0.
    fn found(keys: &[&str], are_all: bool) -> FoundRecords {
        let record = |(number, key): (usize, &&str)| FoundRecord {
            id: id(number).as_str().to_owned(),
            key: serde_json::to_string(key).unwrap(),
        };
        FoundRecords { records: keys.iter().enumerate().map(record).collect(), are_all }
    }

    fn all(keys: &Keys<'_>) -> Chunk {
        chunk((0..keys.keys.len()).collect())
    }

    #[test]
    fn a_key_is_asked_for_once_whoever_has_it_and_however_it_is_spelled() {
        let texts = ["a", "B", "", "A", "b", "c"];
        let ignoring = keys(&texts, Sameness::IgnoringCase);
        let exact = keys(&texts, Sameness::Exact);

        let rows = |keys: &Keys<'_>| -> Vec<Vec<usize>> {
            keys.keys.iter().map(|key| key.rows.clone()).collect()
        };
        assert_eq!(rows(&ignoring), [vec![0, 3], vec![1, 4], vec![5]]);
        assert_eq!(rows(&exact), [vec![0], vec![1], vec![3], vec![4], vec![5]]);
        assert_eq!(ignoring.queries(), [chunk(vec![0, 1, 2])]);
    }

    #[test]
    fn two_hundred_keys_are_asked_for_at_once() {
        let texts: Vec<String> = (0..450).map(|n| format!("K-{n}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();

        let queries = keys(&texts, Sameness::IgnoringCase).queries();

        let sizes: Vec<usize> = queries.iter().map(|query| query.rows.len()).collect();
        assert_eq!(sizes, [200, 200, 50]);
        let of_queries: Vec<usize> = queries.into_iter().flat_map(|query| query.rows).collect();
        assert_eq!(of_queries, (0..450).collect::<Vec<_>>());
    }

    #[test]
    fn records_are_matched_with_keys_in_any_order() {
        let several = |records, are_all| Match::Several { records, are_all };
        let keys = keys(&["a", "b", "C"], Sameness::IgnoringCase);
        for (records, are_all, expected) in [
            (vec!["c", "A"], true, vec![Match::One(id(1)), Match::None, Match::One(id(0))]),
            (vec!["c", "C", "a"], true, vec![Match::One(id(2)), Match::None, several(2, true)]),
            (vec!["c", "C", "a"], false, vec![Match::Unclear, Match::Unclear, several(2, false)]),
            // A record by a spelling that is one of the keys to Salesforce only.
            (vec!["ä", "a"], true, vec![Match::Unclear; 3]),
            (vec![], true, vec![Match::None; 3]),
        ] {
            let matches = keys.matches(&all(&keys).rows, &found(&records, are_all));

            assert_eq!(matches, Some(expected), "{records:?} {are_all}");
        }
    }

    #[test]
    fn what_is_found_for_one_key_alone_is_its_however_it_is_spelled() {
        let keys = keys(&["ß"], Sameness::IgnoringCase);
        for (records, are_all, expected) in [
            (vec!["SS"], true, Match::One(id(0))),
            (vec!["SS", "ss"], false, Match::Several { records: 2, are_all: false }),
            (vec![], true, Match::None),
        ] {
            let matches = keys.matches(&all(&keys).rows, &found(&records, are_all));

            assert_eq!(matches, Some(vec![expected]), "{records:?}");
        }
    }

    #[test]
    fn a_record_whose_id_is_none_is_no_answer() {
        let keys = keys(&["a"], Sameness::Exact);
        let mut found = found(&["a"], true);
        found.records[0].id = "../../limits".to_owned();

        assert_eq!(keys.matches(&all(&keys).rows, &found), None);
    }

    #[test]
    fn numbers_are_the_same_when_their_values_are() {
        for (number, expected) in [
            ("1001", "1001"),
            ("1001.0", "1001"),
            ("1.001e3", "1001"),
            ("1.0010E+3", "1001"),
            ("100100e-2", "1001"),
            ("-0.50", "-0.5"),
            ("5e-3", "0.005"),
            ("120", "120"),
            ("12.5", "12.5"),
            ("0.0", "0"),
            ("-0", "0"),
            ("123456789012345678.5", "123456789012345678.5"),
        ] {
            assert_eq!(plain(number).as_deref(), Some(expected), "{number}");
        }
        for number in ["1e400", "1e-400", "1e99999999999", "true", ""] {
            assert_eq!(plain(number), None, "{number}");
        }
    }
}
