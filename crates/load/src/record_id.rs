//! Rows that were found by a key, and go to Salesforce with the id of their record.

use std::collections::HashMap;

use ingest_core::RecordId;

use crate::{
    Reason,
    encode::{EncodedRow, EncodedRows},
};

impl EncodedRows {
    /// The key of a row as JSON; nothing of one that is not ready, or has none.
    pub fn key(&self, index: usize) -> Option<&str> {
        match &self.rows[index] {
            EncodedRow::Ready { key, .. } if !key.is_empty() => {
                std::str::from_utf8(&self.json[key.clone()]).ok()
            }
            _ => None,
        }
    }

    /// The same rows with the ids of their records in place of their keys, one entry for each row.
    /// A key is not sent: its spelling would overwrite the one that is stored. Rows without an id
    /// are not ready.
    pub fn with_ids(self, ids: &[Option<RecordId>]) -> Self {
        let mut json = Vec::with_capacity(self.json.len() + ids.len() * 16);
        let mut rows = Vec::with_capacity(self.rows.len());
        let mut last_of_record: HashMap<&[u8], usize> = HashMap::with_capacity(ids.len());
        for (index, (row, id)) in self.rows.into_iter().zip(ids).enumerate() {
            let (old, key, id) = match (row, id) {
                (EncodedRow::Ready { json, key, .. }, Some(id)) => (json, key, id),
                (EncodedRow::Ready { .. }, None) => {
                    rows.push(EncodedRow::Invalid(without_record()));
                    continue;
                }
                (invalid, _) => {
                    rows.push(invalid);
                    continue;
                }
            };
            let start = json.len();
            json.extend_from_slice(&self.json[old.start..key.start - self.key_name_bytes]);
            json.extend_from_slice(b",\"id\":");
            let quoted = json.len();
            json.push(b'"');
            json.extend_from_slice(id.as_str().as_bytes());
            json.push(b'"');
            let key_end = json.len();
            json.extend_from_slice(&self.json[key.end..old.end]);
            let after = last_of_record.insert(id.decisive(), index);
            rows.push(EncodedRow::Ready { json: start..json.len(), key: quoted..key_end, after });
        }
        Self { json, rows, key_name_bytes: 0 }
    }
}

/// Such a row has a verdict already; this is said of it nowhere.
fn without_record() -> Reason {
    Reason { code: "NOT_FOUND".to_owned(), message: String::new() }
}
