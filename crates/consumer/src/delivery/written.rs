//! The rows of a batch as they are sent: as JSON by calls, or as CSV by an ingest job.

use load::{CsvRows, EncodedRow, EncodedRows};

/// The rows of a batch as they are sent.
pub(crate) enum Written {
    Json(EncodedRows),
    Csv(CsvRows),
}

impl Written {
    /// One entry for each row, in order.
    pub(crate) fn rows(&self) -> &[EncodedRow] {
        match self {
            Self::Json(rows) => rows.rows(),
            Self::Csv(rows) => rows.rows(),
        }
    }

    /// The id of the record of each row, where the key of rows is one, in or without quotes.
    pub(crate) fn key(&self, row: usize) -> Option<&str> {
        match self {
            Self::Json(rows) => rows.key(row),
            Self::Csv(rows) => rows.key(row),
        }
    }
}
