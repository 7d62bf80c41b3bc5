//! Rows as they are sent: as JSON for Collections, as CSV for Bulk. Both are written straight into one
//! buffer, from the same cells and by the same converters.

mod choices;
mod csv_rows;
mod json_rows;
mod row;

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::RandomState},
    ops::Range,
};

use csv::ByteRecord;
use ingest_core::Rows;

pub use self::{csv_rows::CsvRows, json_rows::EncodedRows};
pub(crate) use self::{
    json_rows::{Body, unquoted},
    row::{Reference, RowWriter},
};
use crate::{Reason, Sameness, plan::Plan, target::NULL_CELL};

/// A row that cannot be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidRow {
    /// Why, as it is said of the row.
    pub reason: Reason,
    /// The same of each cell that is to blame; of none, when it is the row as a whole.
    pub cells: Vec<InvalidCell>,
}

/// A cell that cannot be what its field wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCell {
    /// Which of the plan's [targets](Plan::targets) it is for, from 0.
    pub target: usize,
    /// What is wrong with it; never what it is.
    pub rule: Cow<'static, str>,
}

/// One row.
#[derive(Debug)]
pub enum EncodedRow {
    /// It can be sent.
    Ready {
        /// Where it is in the buffer.
        text: Range<usize>,
        /// Where its key is in the buffer; nothing without a key.
        key: Range<usize>,
        /// The row before it that has the same key.
        after: Option<usize>,
    },
    /// It can be sent, but only as JSON.
    OnlyAsJson {
        /// The row before it that has the same key.
        after: Option<usize>,
    },
    /// It cannot be sent.
    Invalid(Reason),
}

/// Code of a row with a cell that cannot be what its field wants.
const INVALID_VALUE: &str = "INVALID_VALUE";

/// Code of a row that cannot be upserted.
const EXTERNAL_ID_MISSING: &str = "EXTERNAL_ID_MISSING";

/// Code of a row that would become a record of nothing.
const BLANK_ROW: &str = "BLANK_ROW";

impl EncodedRow {
    /// The row before it that has the same key; the outer option is nothing for a row that cannot be sent.
    #[must_use]
    pub fn after(&self) -> Option<Option<usize>> {
        match self {
            Self::Ready { after, .. } | Self::OnlyAsJson { after } => Some(*after),
            Self::Invalid(_) => None,
        }
    }

    /// Whether a value of it does not fit its field.
    #[must_use]
    pub fn has_invalid_values(&self) -> bool {
        matches!(self, Self::Invalid(reason) if reason.code == INVALID_VALUE)
    }
}

/// Cuts each row into its cells. It is handed over with its number and as it came; one that is not one
/// record without cells.
pub(crate) fn for_each_record(
    plan: &Plan,
    rows: &Rows,
    mut each: impl FnMut((u64, &[u8]), Option<&ByteRecord>),
) {
    let dialect = plan.header.dialect();
    let mut record = ByteRecord::new();
    let mut text = Vec::new();
    for (number, raw) in rows.iter() {
        record.clear();
        let is_one = dialect.for_each_cell(raw, &mut text, |cell| record.push_field(cell));
        each((number, raw), is_one.then_some(&record));
    }
}

/// Finds for each row the one before it that has the same key.
struct LastOfKey {
    sameness: Sameness,
    rows: HashMap<u64, usize>,
}

impl LastOfKey {
    fn new(sameness: Sameness, rows: usize) -> Self {
        Self { sameness, rows: HashMap::with_capacity_and_hasher(rows, RandomState::new()) }
    }

    /// Notes a row with its key, which is not empty; gives the fingerprint of the key, and the row before.
    fn note(&mut self, key: &[u8], row: usize) -> (u64, Option<usize>) {
        let print = self.sameness.fingerprint(key);
        (print, self.rows.insert(print, row))
    }
}

/// Whether a cell brings no value: it is blank, or empties its field.
fn is_nothing(trimmed: &str) -> bool {
    trimmed.is_empty() || trimmed == NULL_CELL
}
