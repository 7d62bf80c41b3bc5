//! The uploaded file: what it must be as a whole (salesforce-api.md 3.3, 3.4).

use std::io::Cursor;

use bytes::Bytes;
use csv::{ReaderBuilder, StringRecord, Terminator};

use super::{LineEnding, Order};

const HEADER_CHARACTERS_MAX: usize = 32_000;
const ROW_CHARACTERS_MAX: usize = 400_000;
const COLUMNS_MAX: usize = 5000;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The rows of a file, one after another.
#[derive(Debug)]
pub(super) struct Rows {
    reader: csv::Reader<Cursor<Bytes>>,
    pub(super) header: StringRecord,
    bytes: u64,
    number: u64,
    /// Whether a row of a wrong form is an error.
    strict: bool,
}

impl Rows {
    /// Opens a file, or says what is wrong with it in the words of the job's
    /// `errorMessage`.
    pub(super) fn open(content: &Bytes, order: &Order) -> Result<Self, String> {
        check_text(content, order)?;
        let mut reader = reader(content, order);
        let mut header = StringRecord::new();
        if !reader.read_record(&mut header).map_err(invalid)? {
            return Err("InvalidBatch : the file has no header row".to_owned());
        }
        if header.as_slice().chars().count() > HEADER_CHARACTERS_MAX {
            return Err(format!(
                "InvalidBatch : the header row is longer than {HEADER_CHARACTERS_MAX} characters"
            ));
        }
        if header.len() > COLUMNS_MAX {
            return Err(format!("InvalidBatch : more than {COLUMNS_MAX} columns"));
        }
        Ok(Self { reader, header, bytes: content.len() as u64, number: 0, strict: true })
    }

    /// Opens a file that a job has gone through before: whatever its rows look
    /// like, they can be shown.
    pub(super) fn reopen(content: &Bytes, order: &Order) -> Option<Self> {
        let mut reader = reader(content, order);
        let mut header = StringRecord::new();
        let found = reader.read_record(&mut header).ok()?;
        found.then_some(Self {
            reader,
            header,
            bytes: content.len() as u64,
            number: 0,
            strict: false,
        })
    }

    /// Reads the next row; `false` at the end.
    pub(super) fn read(&mut self, row: &mut StringRecord) -> Result<bool, String> {
        if !self.reader.read_record(row).map_err(invalid)? {
            return Ok(false);
        }
        self.number += 1;
        if !self.strict {
            return Ok(true);
        }
        if row.len() != self.header.len() {
            return Err(format!(
                "InvalidBatch : row {} has {} cells, the header has {}",
                self.number,
                row.len(),
                self.header.len()
            ));
        }
        let text = row.as_slice();
        if text.len() > ROW_CHARACTERS_MAX && text.chars().count() > ROW_CHARACTERS_MAX {
            return Err(format!(
                "InvalidBatch : row {} is longer than {ROW_CHARACTERS_MAX} characters",
                self.number
            ));
        }
        Ok(true)
    }

    /// Whether all of the file has been read.
    pub(super) fn is_at_end(&self) -> bool {
        self.reader.position().byte() >= self.bytes
    }

    /// Whether more than half of the file has been read.
    pub(super) fn is_past_half(&self) -> bool {
        self.reader.position().byte() > self.bytes / 2
    }
}

fn reader(content: &Bytes, order: &Order) -> csv::Reader<Cursor<Bytes>> {
    let start = if content.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(order.delimiter.byte())
        .terminator(match order.line_ending {
            LineEnding::Lf => Terminator::Any(b'\n'),
            LineEnding::Crlf => Terminator::CRLF,
        })
        .from_reader(Cursor::new(content.slice(start..)))
}

/// Line endings count inside cells as well: mixing them fails the whole job.
fn check_text(content: &Bytes, order: &Order) -> Result<(), String> {
    if std::str::from_utf8(content).is_err() {
        return Err("ClientInputError : the data is not UTF-8".to_owned());
    }
    let mut before = b' ';
    let all_alike = content.iter().all(|byte| {
        let after_return = std::mem::replace(&mut before, *byte) == b'\r';
        *byte != b'\n' || after_return == (order.line_ending == LineEnding::Crlf)
    });
    if all_alike {
        return Ok(());
    }
    let name = match order.line_ending {
        LineEnding::Lf => "LF",
        LineEnding::Crlf => "CRLF",
    };
    Err(format!(
        "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {name}"
    ))
}

fn invalid(error: csv::Error) -> String {
    format!("InvalidBatch : {error}")
}
