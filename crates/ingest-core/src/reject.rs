//! Records that cannot become rows.

use std::fmt;

use bytes::Bytes;
use encoding_rs::Encoding;

use crate::position::Cursor;
use crate::record::{Record, Shape};
use crate::scan::{Misplaced, MisplacedKind};
use crate::{Header, RejectCode, code};

/// A record that will not be delivered, and why.
#[derive(Clone, PartialEq, Eq)]
pub struct Reject {
    /// Number of the record, from 1.
    pub record: u64,
    /// What kind of reason, for programs: a [`RejectCode`], or a status code of Salesforce.
    /// Always a [code](crate::is_code): what comes from outside goes through
    /// [`code_and_message`](crate::code_and_message).
    pub code: String,
    /// The reason, for people. Those given here name record, line and byte, and no value.
    pub message: String,
    /// The record as it came, without its line end. Empty for
    /// [`RecordTooLong`](RejectCode::RecordTooLong): it was not kept.
    pub raw: Bytes,
}

impl Reject {
    /// Whether a quote inside quotes stands behind a backslash, which means nothing in the dialect.
    #[must_use]
    pub fn asks_for_escape(&self) -> bool {
        self.code == RejectCode::MisplacedQuote.as_str() && self.message.ends_with(ESCAPE_ADVICE)
    }

    /// Whether a record that is rejected so may have fewer cells in the rejects file than the header.
    pub(crate) fn may_be_short(code: &str) -> bool {
        use RejectCode::{FieldCount, MisplacedQuote, RecordTooLong, UnclosedQuote};
        let short = [FieldCount, MisplacedQuote, RecordTooLong, UnclosedQuote];
        RejectCode::of(code).is_some_and(|code| short.contains(&code))
    }

    /// How many fields a record had that is rejected as [`FIELD_COUNT`](RejectCode::FieldCount), by its
    /// message.
    pub(crate) fn fields_found(message: &str) -> Option<usize> {
        let (_, found) = message.split_once(FOUND)?;
        found.split(' ').next()?.parse().ok()
    }

    /// The same, counted among the [others](RejectCode::Other); the message begins with its code.
    #[must_use]
    pub fn among_others(&self) -> Self {
        let message = code::beside(&self.code, &self.message);
        Self { code: RejectCode::Other.as_str().to_owned(), message, ..self.clone() }
    }

    /// What it takes in memory and on the queue, nearly.
    pub(crate) fn bytes(&self) -> usize {
        self.code.len() + self.message.len() + self.raw.len()
    }
}

/// What the number of fields of a record stands behind.
const FOUND: &str = ": found ";

/// What to do about a quote that a backslash stands before.
const ESCAPE_ADVICE: &str =
    "if the file writes quotes behind a backslash, set CSV_ESCAPE=backslash";

/// What a record has to be to become a row.
pub(crate) struct RowRules {
    pub(crate) header: Header,
    pub(crate) record_bytes_max: usize,
    /// The input is a rejects file.
    pub(crate) is_replay: bool,
}

impl RowRules {
    /// Whether this record can become a row.
    #[inline]
    pub(crate) fn take(&self, record: &Record<'_>) -> bool {
        matches!(record.shape, Shape::Whole { fields } if self.header.takes(fields))
            && record.is_text
            && !self.header.is_repeated_by(record.raw)
    }

    /// Whether this record is the header once more.
    pub(crate) fn is_repeated_header(&self, record: &Record<'_>) -> bool {
        matches!(record.shape, Shape::Whole { .. }) && self.header.is_repeated_by(record.raw)
    }

    /// The reason why this record cannot.
    #[cold]
    pub(crate) fn reject(&self, record: &Record<'_>) -> Reject {
        let Record { at, shape, raw, is_text, end } = record;
        let (code, reason) = match *shape {
            Shape::TooLong(advice) => {
                let limit = self.record_bytes_max;
                let reason = format!(
                    "longer than {limit} bytes, skipped up to line {}, byte {}; {advice}",
                    end.line, end.byte
                );
                (RejectCode::RecordTooLong, reason)
            }
            Shape::Misplaced(misplaced) => {
                (RejectCode::MisplacedQuote, explain_misplaced(record, misplaced))
            }
            Shape::Whole { .. } if self.header.is_repeated_by(raw) => {
                let reason = "it repeats the header; were files with a header each joined?";
                (RejectCode::RepeatedHeader, reason.to_owned())
            }
            Shape::Whole { .. } if !is_text => {
                let byte = at.byte + Encoding::utf8_valid_up_to(raw) as u64;
                let advice = match self.is_replay {
                    false => {
                        "if the file is in another encoding, name it with --csv-encoding or CSV_ENCODING"
                    }
                    true => {
                        "rejects files are in UTF-8: mend the text there, or load the source anew"
                    }
                };
                let reason = format!("not text at byte {byte}; {advice}");
                (RejectCode::InvalidUtf8, reason)
            }
            Shape::Whole { fields } => {
                (RejectCode::FieldCount, self.explain_field_count(record, fields))
            }
        };
        Reject {
            record: at.record,
            code: code.as_str().to_owned(),
            message: format!("{at}: {reason}"),
            raw: Bytes::copy_from_slice(raw),
        }
    }

    fn explain_field_count(&self, record: &Record<'_>, found: usize) -> String {
        let counted = |count: usize| match count {
            1 => "1 field".to_owned(),
            _ => format!("{count} fields"),
        };
        let reason =
            format!("found {}, but the header has {}", counted(found), self.header.columns().len());
        match lines(record) {
            (first, last) if first == last => reason,
            (first, last) => {
                format!("{reason}; it spans lines {first} to {last}, is a closing quote missing?")
            }
        }
    }
}

fn explain_misplaced(record: &Record<'_>, Misplaced { quote, kind }: Misplaced) -> String {
    let quote = record.at.byte + quote as u64;
    match kind {
        MisplacedKind::Open => format!(
            "the quote that opens at byte {quote} is not closed; only this line is rejected, and reading goes on behind it"
        ),
        MisplacedKind::Several => {
            "it holds more than one record; give each of them a line of its own".to_owned()
        }
        MisplacedKind::TextBehind { after_backslash } => {
            let advice = match (after_backslash, lines(record)) {
                (true, _) => ESCAPE_ADVICE.to_owned(),
                (false, (first, last)) if first == last => {
                    "write a quote inside quotes twice".to_owned()
                }
                (false, (first, last)) => {
                    format!("it spans lines {first} to {last}, is its own closing quote missing?")
                }
            };
            format!(
                "the quote that opens at byte {quote} is closed in the middle of text; {advice}"
            )
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
