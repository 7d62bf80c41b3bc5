//! Records that cannot become rows.

use std::fmt;

use bytes::Bytes;
use encoding_rs::Encoding;

use crate::decode::{Record, Shape};
use crate::error::TooLongAdvice;
use crate::position::Cursor;

/// A record that will not be delivered, and why.
#[derive(Clone, PartialEq, Eq)]
pub struct Reject {
    /// Number of the record, from 1.
    pub record: u64,
    /// What kind of reason, in capitals, for programs: one of the constants here, or a status code
    /// of Salesforce.
    pub code: String,
    /// The reason, for people. Those given here name record, line and byte, and no value.
    pub message: String,
    /// The record as it came, without its line end. Empty for [`RECORD_TOO_LONG`] (it was not
    /// kept) and for [`UNCLOSED_QUOTE`] (it would swallow what is written behind it).
    ///
    /// [`RECORD_TOO_LONG`]: Self::RECORD_TOO_LONG
    /// [`UNCLOSED_QUOTE`]: Self::UNCLOSED_QUOTE
    pub raw: Bytes,
}

impl Reject {
    /// The record has more or fewer fields than the header.
    pub const FIELD_COUNT: &'static str = "FIELD_COUNT";
    /// The record holds bytes that are not text.
    pub const INVALID_UTF8: &'static str = "INVALID_UTF8";
    /// A quoted field of the record goes over a line end, and its closing quote has text behind it:
    /// most likely an earlier closing quote is missing, and this was to be an opening one.
    pub const MISPLACED_QUOTE: &'static str = "MISPLACED_QUOTE";
    /// The record is longer than the limit.
    pub const RECORD_TOO_LONG: &'static str = "RECORD_TOO_LONG";
    /// The input ends inside the record's quotes.
    pub const UNCLOSED_QUOTE: &'static str = "UNCLOSED_QUOTE";

    /// What it takes in memory and on the queue, nearly.
    pub(crate) fn bytes(&self) -> usize {
        self.code.len() + self.message.len() + self.raw.len()
    }
}

/// What a record has to be to become a row.
#[derive(Clone, Copy)]
pub(crate) struct RowRules {
    pub(crate) fields: usize,
    pub(crate) record_bytes_max: usize,
}

impl RowRules {
    /// The reason why this record cannot become a row, if there is one.
    #[inline]
    pub(crate) fn reject(self, record: &Record<'_>) -> Option<Reject> {
        match record.shape {
            Shape::Whole { fields } if fields == self.fields && record.is_text => None,
            _ => Some(self.explain(record)),
        }
    }

    #[cold]
    fn explain(self, record: &Record<'_>) -> Reject {
        let Record { at, shape, raw, is_text, end } = record;
        let (code, reason) = match *shape {
            Shape::TooLong { open_quote } => {
                let limit = self.record_bytes_max;
                let advice = TooLongAdvice(open_quote);
                let reason = format!(
                    "longer than {limit} bytes, skipped up to line {}, byte {}; {advice}",
                    end.line, end.byte
                );
                (Reject::RECORD_TOO_LONG, reason)
            }
            Shape::Unclosed { quote } => {
                let reason = format!(
                    "the quote that opens at byte {quote} is never closed; everything from there to the end of the input (line {}, byte {}) is in this record",
                    end.line, end.byte
                );
                (Reject::UNCLOSED_QUOTE, reason)
            }
            Shape::Whole { .. } | Shape::Torn { .. } if !is_text => {
                let byte = at.byte + Encoding::utf8_valid_up_to(raw) as u64;
                let reason = format!("not text at byte {byte}; is the file in another encoding?");
                (Reject::INVALID_UTF8, reason)
            }
            Shape::Torn { quote } => {
                let (first, last) = lines(record);
                let reason = format!(
                    "it spans lines {first} to {last}, and the quote that opens at byte {quote} is closed in the middle of text; is its own closing quote missing?"
                );
                (Reject::MISPLACED_QUOTE, reason)
            }
            Shape::Whole { fields } => {
                (Reject::FIELD_COUNT, self.explain_field_count(record, fields))
            }
        };
        Reject {
            record: at.record,
            code: code.to_owned(),
            message: format!("{at}: {reason}"),
            raw: Bytes::copy_from_slice(raw),
        }
    }

    fn explain_field_count(self, record: &Record<'_>, found: usize) -> String {
        let counted = |count: usize| match count {
            1 => "1 field".to_owned(),
            _ => format!("{count} fields"),
        };
        let reason = format!("found {}, but the header has {}", counted(found), self.fields);
        match lines(record) {
            (first, last) if first == last => reason,
            (first, last) => {
                format!("{reason}; it spans lines {first} to {last}, is a closing quote missing?")
            }
        }
    }
}

/// The physical lines of a record: the first and the last one.
fn lines(record: &Record<'_>) -> (u64, u64) {
    let mut cursor = Cursor::at(record.at.line, record.at.byte);
    cursor.pass(record.raw);
    (record.at.line, cursor.line)
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
