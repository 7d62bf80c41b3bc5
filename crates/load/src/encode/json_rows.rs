//! The rows of a batch as JSON, as calls of Collections send them.

use std::{fmt, ops::Range};

use bytes::Bytes;
use ingest_core::Rows;

use super::{
    encoded_row::EncodedRow,
    key::{LastOfKey, unquoted},
    records::for_each_record,
    row::RowWriter,
};
use crate::plan::Plan;

/// The rows of one batch as JSON objects.
pub struct EncodedRows {
    /// The body of a call with all rows that are ready.
    pub(crate) json: Bytes,
    pub(crate) rows: Vec<EncodedRow>,
    /// How much of the JSON before a key belongs to it: its name.
    pub(crate) key_name_bytes: usize,
}

const BODY_BEFORE: &[u8] = b"{\"allOrNone\":false,\"records\":[";
const BODY_AFTER: &[u8] = b"]}";

impl Plan {
    /// Writes rows as JSON.
    pub fn encode(&self, rows: &Rows) -> EncodedRows {
        let bytes = rows.iter().map(self.json_bytes_about()).sum();
        self.encode_where(rows, bytes, |_| true)
    }

    /// The same without the JSON of all rows but these, which are in order: as large as they are, however
    /// large the batch is.
    pub fn encode_only(&self, rows: &Rows, indexes: &[usize]) -> EncodedRows {
        let of_these = indexes.iter().filter_map(|index| rows.get(*index));
        let bytes: usize = of_these.map(self.json_bytes_about()).sum();
        // Each of the others is there for as long as it takes to see its key.
        let largest = rows.iter().map(self.json_bytes_about()).max().unwrap_or_default();
        let mut wanted = indexes.iter().copied().peekable();
        self.encode_where(rows, bytes + largest, |index| wanted.next_if_eq(&index).is_some())
    }

    /// About as many bytes as a row takes in JSON: its cells, a little for what is escaped in them, and
    /// the names of the fields.
    fn json_bytes_about(&self) -> impl Fn((u64, &[u8])) -> usize {
        let names: usize = self.targets().map(|(_, target)| target.before.len() + 2).sum();
        let each = names + self.object.len() + self.constants.json.len() + 32;
        move |(_, raw)| raw.len() + raw.len() / 8 + each
    }

    fn encode_where(
        &self,
        rows: &Rows,
        bytes: usize,
        mut is_wanted: impl FnMut(usize) -> bool,
    ) -> EncodedRows {
        let mut writer = RowWriter::json(self, bytes);
        let mut last_of_key = LastOfKey::new(self.sameness(), rows.len());
        let mut encoded = Vec::with_capacity(rows.len());
        writer.out.extend_from_slice(BODY_BEFORE);
        for_each_record(self, rows, |_, record| {
            let start = writer.out.len();
            begin(&mut writer.out);
            let text = writer.out.len();
            encoded.push(match writer.row(record) {
                Ok(key) => {
                    let text = text..writer.out.len();
                    let after = (!key.is_empty()).then(|| unquoted(&writer.out[key.clone()]));
                    let after = after.and_then(|key| last_of_key.note(key, encoded.len()).1);
                    if is_wanted(encoded.len()) {
                        EncodedRow::Ready { text, key, after }
                    } else {
                        writer.out.truncate(start);
                        EncodedRow::Ready { text: 0..0, key: 0..0, after }
                    }
                }
                Err(invalid) => {
                    writer.out.truncate(start);
                    EncodedRow::Invalid(invalid.reason)
                }
            });
        });
        let mut json = writer.out;
        json.extend_from_slice(BODY_AFTER);
        let key_name_bytes = self.key_target().map_or(0, |key| key.before.len());
        EncodedRows { json: json.into(), rows: encoded, key_name_bytes }
    }
}

/// What stands between a record and the one before it.
fn begin(body: &mut Vec<u8>) {
    if body.len() > BODY_BEFORE.len() {
        body.push(b',');
    }
}

impl EncodedRows {
    /// One entry for each row, in order.
    pub fn rows(&self) -> &[EncodedRow] {
        &self.rows
    }

    /// The JSON of a row that is ready; nothing of another one.
    pub fn json(&self, index: usize) -> &[u8] {
        match &self.rows[index] {
            EncodedRow::Ready { text, .. } => &self.json[text.clone()],
            _ => &[],
        }
    }

    /// The key of a row as JSON; nothing of one that is not ready, or has none.
    pub fn key(&self, index: usize) -> Option<&str> {
        match &self.rows[index] {
            EncodedRow::Ready { key, .. } if !key.is_empty() => {
                std::str::from_utf8(&self.json[key.clone()]).ok()
            }
            _ => None,
        }
    }

    /// The same without the JSON of all other rows.
    pub fn with_json_of(self, indexes: &[usize]) -> Self {
        let bytes: usize = indexes.iter().map(|index| self.json(*index).len() + 1).sum();
        let mut body = Body::with_capacity(bytes);
        let mut indexes = indexes.iter().copied().peekable();
        let mut rows = Vec::with_capacity(self.rows.len());
        for (index, row) in self.rows.into_iter().enumerate() {
            let is_kept = indexes.next_if_eq(&index).is_some();
            rows.push(match row {
                EncodedRow::Ready { text, key, after } if is_kept => {
                    let kept = body.push(&[&self.json[text.clone()]]);
                    let key = moved(&key, text.start, kept.start);
                    EncodedRow::Ready { text: kept, key, after }
                }
                EncodedRow::Ready { after, .. } => {
                    EncodedRow::Ready { text: 0..0, key: 0..0, after }
                }
                row => row,
            });
        }
        Self { json: body.finish(), rows, ..self }
    }

    /// The ids of these rows with commas between, where rows have ids as their keys.
    pub fn ids(&self, indexes: &[usize]) -> String {
        // An id in JSON is itself in quotes.
        let ids: Vec<_> = indexes
            .iter()
            .map(|index| self.key(*index).unwrap_or_default().trim_matches('"'))
            .collect();
        ids.join(",")
    }

    /// The body of a call with these rows, which are ready. It takes no memory of its own where it has all
    /// rows of the batch that are.
    pub fn body(&self, indexes: &[usize]) -> Bytes {
        let bytes: usize = indexes.iter().map(|index| self.json(*index).len() + 1).sum();
        let are_all = bytes + BODY_BEFORE.len() + BODY_AFTER.len() == self.json.len() + 1;
        if are_all && indexes.is_sorted() {
            return self.json.clone();
        }
        let mut body = Body::with_capacity(bytes);
        for index in indexes {
            body.push(&[self.json(*index)]);
        }
        body.finish()
    }
}

/// The body of a call that is put together of records.
pub(crate) struct Body(Vec<u8>);

impl Body {
    /// With room for so many bytes of records and what stands between them.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        let mut body = Vec::with_capacity(BODY_BEFORE.len() + bytes + BODY_AFTER.len());
        body.extend_from_slice(BODY_BEFORE);
        Self(body)
    }

    /// Adds a record that is made of these pieces; gives where it is.
    pub(crate) fn push(&mut self, pieces: &[&[u8]]) -> Range<usize> {
        begin(&mut self.0);
        let start = self.0.len();
        pieces.iter().for_each(|piece| self.0.extend_from_slice(piece));
        start..self.0.len()
    }

    pub(crate) fn finish(mut self) -> Bytes {
        self.0.extend_from_slice(BODY_AFTER);
        self.0.into()
    }
}

/// Where a key is once its row is somewhere else.
fn moved(key: &Range<usize>, from: usize, to: usize) -> Range<usize> {
    if key.is_empty() { 0..0 } else { key.start - from + to..key.end - from + to }
}

/// Shows how many rows there are: the JSON holds their values.
impl fmt::Debug for EncodedRows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} rows", self.rows.len())
    }
}
