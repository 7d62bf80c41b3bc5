//! The rejects file: the records as they came, each with its reason behind it.

use csv_core::ReadRecordResult;

use crate::{Dialect, Reject};

/// What the rejects file adds behind the columns of the source.
pub(crate) const COLUMNS: [&str; 3] = ["_record", "_code", "_message"];

/// The first line of the rejects file: the header as it came, then `_record`, `_code` and
/// `_message`, then LF.
#[must_use]
pub fn rejects_header(header_raw: &[u8], dialect: Dialect) -> Vec<u8> {
    let mut line = header_raw.to_vec();
    for name in COLUMNS {
        line.push(dialect.delimiter);
        push_word(&mut line, name, dialect);
    }
    line.push(b'\n');
    line
}

/// One line of the rejects file: the raw record as it came, then its number, the code and the
/// message, then LF.
///
/// The message is always quoted, and a line break in it becomes a space, so that a record without
/// line breaks stays on one line. [`strip_reject_columns`] gives the raw record back.
#[must_use]
pub fn reject_line(dialect: Dialect, reject: &Reject) -> Vec<u8> {
    let Reject { record, code, message, raw } = reject;
    let mut line = Vec::with_capacity(raw.len() + code.len() + message.len() + 32);
    line.extend_from_slice(raw);
    for word in [&record.to_string(), code] {
        line.push(dialect.delimiter);
        push_word(&mut line, word, dialect);
    }
    line.push(dialect.delimiter);
    push_quoted(&mut line, message, dialect.quote);
    line.push(b'\n');
    line
}

/// Takes the three columns of [`reject_line`] off a record of the rejects file (with or without its
/// LF): the raw record as it came. `None` when it has not so many fields.
#[must_use]
pub fn strip_reject_columns(line: &[u8], dialect: Dialect) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let mut starts = Vec::new();
    if !field_starts(dialect, line, &mut starts) {
        return None;
    }
    let first = starts.len().checked_sub(COLUMNS.len()).filter(|first| *first > 0)?;
    Some(&line[..starts[first] - 1])
}

/// Where the fields of a record start. Gives `false` when it is more than one record.
pub(crate) fn field_starts(dialect: Dialect, raw: &[u8], starts: &mut Vec<usize>) -> bool {
    starts.clear();
    starts.push(0);
    let mut reader = dialect.reader();
    let mut output = [0; 1024];
    let mut used = 0;
    while used < raw.len() {
        // csv-core gives one end at a time, and has then read the delimiter behind the field.
        let (result, read, _, ended) = reader.read_record(&raw[used..], &mut output, &mut [0]);
        used += read;
        if result == ReadRecordResult::Record {
            return false;
        }
        if ended > 0 {
            starts.push(used);
        }
    }
    true
}

/// Writes what seldom needs quotes.
fn push_word(line: &mut Vec<u8>, word: &str, dialect: Dialect) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if word.bytes().all(|byte| plain(byte) && byte != dialect.delimiter && byte != dialect.quote) {
        line.extend_from_slice(word.as_bytes());
    } else {
        push_quoted(line, word, dialect.quote);
    }
}

fn push_quoted(line: &mut Vec<u8>, field: &str, quote: u8) {
    line.push(quote);
    for byte in field.bytes() {
        let byte = if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
        if byte == quote {
            line.push(quote);
        }
        line.push(byte);
    }
    line.push(quote);
}
