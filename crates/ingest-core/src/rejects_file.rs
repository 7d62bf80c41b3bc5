//! The rejects file: the records as they came, each with its reason behind it.

use std::borrow::Cow;
use std::ops::Range;

use crate::cell::{is_one_record, is_quoted, push_quoted, spans, unquote};
use crate::reject_columns::COLUMNS;
use crate::{Dialect, Reject, RejectCode};

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
/// A record that is rejected as [`MISPLACED_QUOTE`](RejectCode::MisplacedQuote) would take the columns
/// behind it into its own quotes: it stands there as a single quoted cell, whoever reads the file.
///
/// The message begins with a word, so that no spreadsheet takes it for a formula, and is always quoted.
/// A line break in it becomes a space, so that a record without
/// line breaks stays on one line. [`strip_reject_columns`] gives the raw record back.
#[must_use]
pub fn reject_line(dialect: Dialect, reject: &Reject) -> Vec<u8> {
    let Reject { record, code, message, raw } = reject;
    let mut line = Vec::with_capacity(raw.len() + code.len() + message.len() + 32);
    if code == RejectCode::MisplacedQuote.as_str() && !raw.is_empty() {
        push_quoted(&mut line, raw.iter().copied(), dialect);
    } else {
        line.extend_from_slice(raw);
    }
    for word in [&record.to_string(), code] {
        line.push(dialect.delimiter);
        push_word(&mut line, word, dialect);
    }
    line.push(dialect.delimiter);
    push_text(&mut line, &beginning_with_a_word(message), dialect);
    line.push(b'\n');
    line
}

/// Takes the three columns of [`reject_line`] off a record of the rejects file (with or without its
/// LF): the raw record as it came. `None` when it has not so many fields, or is more than a record.
#[must_use]
pub fn strip_reject_columns(line: &[u8], dialect: Dialect) -> Option<Cow<'_, [u8]>> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    if !is_one_record(dialect, line) {
        return None;
    }
    let cells: Vec<Range<usize>> = spans(dialect, line).collect();
    let first = cells.len().checked_sub(COLUMNS.len()).filter(|first| *first > 0)?;
    let mut text = Vec::new();
    let code = unquote(dialect, &line[cells[first + 1].clone()], &mut text);
    let is_one_cell = first == 1 && code == RejectCode::MisplacedQuote.as_str().as_bytes();
    let raw = &line[..cells[first].start - 1];
    if is_one_cell && is_quoted(dialect, raw) {
        return Some(unquote(dialect, raw, &mut text).to_vec().into());
    }
    Some(raw.into())
}

/// `message: ` stands before one that begins otherwise.
fn beginning_with_a_word(message: &str) -> Cow<'_, str> {
    match message.chars().next() {
        Some(first) if !first.is_alphanumeric() => format!("message: {message}").into(),
        _ => message.into(),
    }
}

/// Writes what seldom needs quotes.
fn push_word(line: &mut Vec<u8>, word: &str, dialect: Dialect) {
    let Dialect { delimiter, quote, .. } = dialect;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if word.bytes().all(|byte| plain(byte) && byte != delimiter && byte != quote) {
        line.extend_from_slice(word.as_bytes());
    } else {
        push_text(line, word, dialect);
    }
}

fn push_text(line: &mut Vec<u8>, text: &str, dialect: Dialect) {
    let one_line = text.bytes().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte });
    push_quoted(line, one_line, dialect);
}
