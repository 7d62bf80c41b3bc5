//! Rows that were found by a key, and go to Salesforce with the id of their record.

use std::collections::HashMap;

use ingest_core::RecordId;

use crate::encode::{Body, EncodedRow, EncodedRows, without_record};

impl EncodedRows {
    /// The same rows with the ids of their records in place of their keys, one entry for each row.
    /// A key is not sent: its spelling would overwrite the one that is stored. Rows without an id
    /// are not ready.
    pub fn with_ids(self, ids: &[Option<RecordId>]) -> Self {
        const NAME: &[u8] = b",\"id\":\"";
        let mut body = Body::with_capacity(self.json.len() + ids.len() * 16);
        let mut rows = Vec::with_capacity(self.rows.len());
        let mut last_of_record: HashMap<&[u8], usize> = HashMap::with_capacity(ids.len());
        for (index, (row, id)) in self.rows.into_iter().zip(ids).enumerate() {
            let (old, key, id) = match (row, id) {
                (EncodedRow::Ready { text, key, .. }, Some(id)) => (text, key, id),
                (EncodedRow::Ready { .. }, None) => {
                    rows.push(EncodedRow::Invalid(without_record()));
                    continue;
                }
                (invalid, _) => {
                    rows.push(invalid);
                    continue;
                }
            };
            let before = &self.json[old.start..key.start - self.key_name_bytes];
            let (id_text, behind) = (id.as_str().as_bytes(), &self.json[key.end..old.end]);
            let text = body.push(&[before, NAME, id_text, b"\"", behind]);
            // The quotes belong to a key in JSON.
            let quoted = text.start + before.len() + NAME.len() - 1;
            let key = quoted..quoted + id_text.len() + 2;
            let after = last_of_record.insert(id.decisive(), index);
            rows.push(EncodedRow::Ready { text, key, after });
        }
        Self { json: body.finish(), rows, key_name_bytes: 0 }
    }
}
