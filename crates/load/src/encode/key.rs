//! The keys of rows, by which Salesforce finds their records.

use std::collections::HashMap;

use crate::Sameness;

/// Finds for each row the one before it that has the same key.
pub(super) struct LastOfKey {
    sameness: Sameness,
    rows: HashMap<u64, usize>,
}

impl LastOfKey {
    pub(super) fn new(sameness: Sameness, rows: usize) -> Self {
        Self { sameness, rows: HashMap::with_capacity(rows) }
    }

    /// Notes a row with its key, which is not empty; gives the fingerprint of the key, and the row before.
    pub(super) fn note(&mut self, key: &[u8], row: usize) -> (u64, Option<usize>) {
        let print = self.sameness.fingerprint(key);
        (print, self.rows.insert(print, row))
    }
}

/// A key in JSON without the quotes of a text.
pub(crate) fn unquoted(json: &[u8]) -> &[u8] {
    json.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(json)
}
