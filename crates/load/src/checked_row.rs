//! What would become of rows that nobody sends.

use std::{borrow::Cow, ops::Range};

use csv::ByteRecord;
use ingest_core::{Rows, trimmed};

use crate::{
    encode::{InvalidRow, Reference, RowWriter, for_each_record, unquoted},
    mapping::{Lack, RequiredField},
    plan::Plan,
    target::NULL_CELL,
};

/// A row that was written as if it was to be sent.
#[derive(Debug)]
pub struct CheckedRow<'a> {
    /// Its number, from 1.
    pub record: u64,
    /// As it came.
    pub raw: &'a [u8],
    /// Why it cannot be sent.
    pub invalid: Option<&'a InvalidRow>,
    cells: Option<&'a ByteRecord>,
    plan: &'a Plan,
    json: &'a [u8],
    key: Range<usize>,
    references: &'a [Reference],
}

impl Plan {
    /// Writes rows as [`encode`](Self::encode) does, and keeps nothing of them.
    pub fn check_rows(&self, rows: &Rows, mut each: impl FnMut(&CheckedRow<'_>)) {
        let mut writer = RowWriter::json(self, 0);
        for_each_record(self, rows, |(record, raw), cells| {
            writer.out.clear();
            writer.references.get_or_insert_default().clear();
            let written = writer.row(cells);
            let (key, invalid) = match &written {
                Ok(key) => (key.clone(), None),
                Err(invalid) => (0..0, Some(invalid)),
            };
            let references = writer.references.as_deref().unwrap_or_default();
            let json = &writer.out;
            each(&CheckedRow { record, raw, invalid, cells, plan: self, json, key, references });
        });
    }
}

impl CheckedRow<'_> {
    /// The cell of a column, from 0, valid or not; nothing of a row that is not one record, and of bytes
    /// that are no text.
    pub fn cell(&self, column: usize) -> Option<&str> {
        std::str::from_utf8(self.cells?.get(column)?).ok()
    }

    /// Why Salesforce rejects the row, as far as this field goes: it is emptied, or gets no value.
    pub fn lacks(&self, field: &RequiredField) -> Option<Lack> {
        let cells = field.columns.iter().map(|column| self.cell(*column).map_or("", trimmed));
        let (mut is_emptied, mut has_value) = (false, false);
        for cell in cells {
            match cell {
                NULL_CELL => is_emptied = true,
                "" => is_emptied |= self.plan.empty_is_null,
                _ => has_value = true,
            }
        }
        match (has_value, is_emptied) {
            (true, _) => None,
            (false, true) => Some(Lack::Emptied),
            (false, false) => field.without_value,
        }
    }

    /// What its key has in common with all that are the same; nothing without one, and of a row that
    /// cannot be sent.
    pub fn key(&self) -> Option<Cow<'_, [u8]>> {
        let is_there = self.key.start < self.key.end;
        let key = is_there.then(|| unquoted(&self.json[self.key.clone()]))?;
        Some(self.plan.sameness().comparable(key))
    }

    /// The same of values that name other records, each with the number of its
    /// [target](Plan::targets); of a row that can be sent.
    pub fn references(&self) -> impl Iterator<Item = (usize, Cow<'_, [u8]>)> {
        let references = self.references.iter().filter(|_| self.invalid.is_none());
        references.map(|reference| {
            let value = unquoted(&self.json[reference.json.clone()]);
            (reference.target, reference.sameness.comparable(value))
        })
    }
}
