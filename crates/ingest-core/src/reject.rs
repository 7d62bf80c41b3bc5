//! Records that cannot become rows.

use std::fmt;

use bytes::Bytes;

/// A record that will not be delivered, and why.
#[derive(Clone, PartialEq, Eq)]
pub struct Reject {
    /// Number of the record, from 1.
    pub record: u64,
    /// What kind of reason, in capitals, for programs: one of the constants here, or a status code
    /// of Salesforce.
    pub code: String,
    /// The reason, for people.
    pub message: String,
    /// The record as it came, without its line end. Empty when the record is too long to be kept
    /// or is not closed.
    pub raw: Bytes,
}

impl Reject {
    /// The record has more or fewer fields than the header.
    pub const FIELD_COUNT: &'static str = "FIELD_COUNT";
    /// The record holds bytes that are not text.
    pub const INVALID_UTF8: &'static str = "INVALID_UTF8";
    /// The record is longer than the limit.
    pub const RECORD_TOO_LONG: &'static str = "RECORD_TOO_LONG";
    /// The input ends inside quotes.
    pub const UNCLOSED_QUOTE: &'static str = "UNCLOSED_QUOTE";
}

/// Shows everything but the record's bytes: rows do not belong into logs.
impl fmt::Debug for Reject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Reject")
            .field("record", &self.record)
            .field("code", &self.code)
            .field("message", &self.message)
            .field("raw_bytes", &self.raw.len())
            .finish()
    }
}
