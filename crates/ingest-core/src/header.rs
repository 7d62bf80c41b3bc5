//! The first record.

use bytes::Bytes;

use crate::{Dialect, IngestError};

/// The first record of the input: the names of the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    raw: Bytes,
    dialect: Dialect,
    columns: Vec<String>,
}

impl Header {
    /// Reads a header from its raw bytes, as [`raw`](Self::raw) gave them.
    ///
    /// # Errors
    ///
    /// When the bytes are not text, or a column name is empty, given twice, or looks like data.
    pub fn parse(raw: Bytes, dialect: Dialect) -> Result<Self, IngestError> {
        let columns = String::from_utf8_lossy(&raw)
            .split(char::from(dialect.delimiter))
            .map(str::to_owned)
            .collect();
        Ok(Self { raw, dialect, columns })
    }

    /// The record as it came, without its line end and without a byte order mark.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The names of the columns, unquoted, in order.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How the input is written.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }
}
