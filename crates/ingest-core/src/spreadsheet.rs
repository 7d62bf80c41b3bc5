//! A copy of a rejects file for spreadsheets: cells that they would run are text in it.
//!
//! A cell that begins like a formula gets a `'` in front, and so does what follows a delimiter or a
//! line break inside a cell: a spreadsheet that is set to another delimiter begins a cell there. A
//! replay takes off what was added, and nothing else, for the last column of the copy has a name of
//! its own.

use std::ops::Range;

use bytes::Bytes;
use memchr::memchr;

use crate::cell::{push_quoted, spans, unquote};
use crate::decode::{BYTE_ORDER_MARK, RecordDecoder};
use crate::input::Input;
use crate::key::is_unseen;
use crate::position::Cursor;
use crate::record::{FieldCount, Record, Shape};
use crate::reject_columns::{COLUMNS, MESSAGE_COLUMN};
use crate::{Dialect, Reject, RejectCode};

/// What is added.
const GUARD: u8 = b'\'';

/// What spreadsheets are known to take for a delimiter, or the end of a line.
const SEPARATORS: &[u8] = b",;\t|\r\n";

/// Turns a rejects file into a copy for spreadsheets: a plain state machine without I/O, as large as
/// the longest record.
///
/// The copy is in UTF-8 with a byte order mark, its quotes are `"` whatever those of the run are, and
/// its delimiter is the run's when spreadsheets know it, else a comma. A line that is longer than the
/// limit is named in the copy, and not in it. A record with fewer cells than the header is filled up with
/// empty ones, so that number, code and message stand below their names.
pub struct SpreadsheetCopy {
    dialect: Dialect,
    written: Dialect,
    record_bytes_max: usize,
    input: Input,
    decoder: RecordDecoder,
    /// Columns of the source, once the header was written.
    columns: Option<usize>,
    /// What a cell says, and with what was added.
    text: Vec<u8>,
    guarded: Vec<u8>,
}

impl SpreadsheetCopy {
    /// Of a rejects file that is written in this dialect, with records of so many bytes.
    #[must_use]
    pub fn new(dialect: Dialect, record_bytes_max: usize) -> Self {
        let is_known = SEPARATORS.contains(&dialect.delimiter);
        let delimiter = if is_known { dialect.delimiter } else { b',' };
        let cursor = Cursor::at(1, 0);
        Self {
            dialect,
            written: Dialect { delimiter, ..Dialect::default() },
            record_bytes_max,
            input: Input::default(),
            decoder: RecordDecoder::new(dialect, FieldCount::Unknown, record_bytes_max, 0, cursor),
            columns: None,
            text: Vec::new(),
            guarded: Vec::new(),
        }
    }

    /// Takes the next bytes of the rejects file, and gives the next ones of the copy.
    pub fn push(&mut self, chunk: Bytes) -> Vec<u8> {
        self.input.push(chunk);
        self.write()
    }

    /// Says that the rejects file ends here, and gives the rest of the copy.
    pub fn finish(&mut self) -> Vec<u8> {
        self.input.end();
        self.write()
    }

    fn write(&mut self) -> Vec<u8> {
        let Self { dialect, written, input, decoder, columns, text, guarded, .. } = self;
        let mut copy = Vec::new();
        while let Some(record) = decoder.next(input) {
            let is_header = columns.is_none();
            if is_header {
                copy.extend_from_slice(BYTE_ORDER_MARK);
            }
            if matches!(record.shape, Shape::TooLong(_)) {
                let columns = columns.get_or_insert(1);
                copy.extend(left_out(&record, self.record_bytes_max, *columns, *written));
                continue;
            }
            let cells: Vec<Range<usize>> = spans(*dialect, record.raw).collect();
            let own = cells.len().saturating_sub(COLUMNS.len());
            let last = if is_header { cells.len() } else { 0 };
            let columns = *columns.get_or_insert(own);
            let is_short = (1..columns).contains(&own) && {
                let code = unquote(*dialect, &record.raw[cells[own + 1].clone()], text);
                Reject::may_be_short(&String::from_utf8_lossy(code))
            };
            for (at, span) in cells.into_iter().enumerate() {
                if at > 0 {
                    copy.push(written.delimiter);
                }
                if is_short && at == own {
                    fill_up(&mut copy, columns - own, *written);
                }
                let mut cell = unquote(*dialect, &record.raw[span], text);
                if at + 1 == last && cell == COLUMNS[2].as_bytes() {
                    cell = MESSAGE_COLUMN.as_bytes();
                }
                guarded.clear();
                guard(cell, guarded);
                // An empty one too: a record of bare delimiters is none.
                push_quoted(&mut copy, guarded.iter().copied(), *written);
            }
            copy.extend_from_slice(b"\r\n");
        }
        copy
    }
}

/// Shows the dialects and never what is being read: rows do not belong into logs.
impl std::fmt::Debug for SpreadsheetCopy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { dialect, written, .. } = self;
        let mut shown = formatter.debug_struct("SpreadsheetCopy");
        shown.field("dialect", dialect).field("written", written).finish_non_exhaustive()
    }
}

/// Adds so many empty cells, each with the delimiter behind it.
fn fill_up(copy: &mut Vec<u8>, cells: usize, written: Dialect) {
    for _ in 0..cells {
        push_quoted(copy, [], written);
        copy.push(written.delimiter);
    }
}

/// The line for one that the copy does not have.
fn left_out(
    record: &Record<'_>,
    record_bytes_max: usize,
    columns: usize,
    written: Dialect,
) -> Vec<u8> {
    let message = format!(
        "line {} of the rejects file is longer than {record_bytes_max} bytes; take it from that file",
        record.at.line
    );
    let cells = [&record.at.record.to_string(), RejectCode::RecordTooLong.as_str(), &message];
    let mut line = vec![written.delimiter; columns.max(1)];
    line.extend(cells.join(&char::from(written.delimiter).to_string()).into_bytes());
    line.extend_from_slice(b"\r\n");
    line
}

/// Writes a record without what was added to its cells; gives whether there was something.
pub(crate) fn take_guards_off(dialect: Dialect, raw: &[u8], bare: &mut Vec<u8>) -> bool {
    bare.clear();
    let (mut text, mut cell_bare) = (Vec::new(), Vec::new());
    let mut is_changed = false;
    for span in spans(dialect, raw) {
        if span.start > 0 {
            bare.push(dialect.delimiter);
        }
        let cell = unquote(dialect, &raw[span.clone()], &mut text);
        cell_bare.clear();
        unguard(cell, &mut cell_bare);
        if cell_bare.len() == cell.len() {
            bare.extend_from_slice(&raw[span]);
        } else {
            is_changed = true;
            push_quoted(bare, cell_bare.iter().copied(), dialect);
        }
    }
    is_changed
}

/// Adds the text of a cell, with a `'` wherever one belongs.
fn guard(cell: &[u8], guarded: &mut Vec<u8>) {
    let mut done = 0;
    for_each_place(cell, |place| {
        guarded.extend_from_slice(&cell[done..place]);
        guarded.push(GUARD);
        done = place;
    });
    guarded.extend_from_slice(&cell[done..]);
}

/// Adds the text of a cell, without the `'` wherever one belongs: what [`guard`] was given.
fn unguard(cell: &[u8], bare: &mut Vec<u8>) {
    let mut done = 0;
    for_each_place(cell, |place| {
        if cell[place] == GUARD {
            bare.extend_from_slice(&cell[done..place]);
            done = place + 1;
        }
    });
    bare.extend_from_slice(&cell[done..]);
}

/// Hands over where a `'` belongs. A cell with one or more of them has the same places, so that what
/// was added is what is found.
fn for_each_place(cell: &[u8], mut each: impl FnMut(usize)) {
    // Some programs pass over a blank line, or a tab, before they look for a formula.
    let first = cell.iter().find(|byte| **byte != GUARD);
    if first.is_some_and(|first| b"\t\r\n".contains(first)) {
        each(0);
    }
    let mut at = 0;
    loop {
        // Where the last cell may begin, before something is to be seen.
        let mut begin = at;
        let seen = loop {
            let Some((character, bytes)) = first_character(&cell[at..]) else { return };
            let is_separator = u8::try_from(character).is_ok_and(|byte| SEPARATORS.contains(&byte));
            if !is_separator && !is_passed_over(character) {
                break character;
            }
            at += bytes;
            if is_separator {
                begin = at;
            }
        };
        let rest = &cell[at..];
        let end = rest.iter().position(|byte| SEPARATORS.contains(byte));
        let is_number = begin == at && is_plain_number(&rest[..end.unwrap_or(rest.len())]);
        if begins_a_formula(seen) && !is_number {
            each(begin);
        }
        let Some(end) = end else { return };
        at += end + 1;
    }
}

/// Nothing for bytes that are none.
fn first_character(bytes: &[u8]) -> Option<(char, usize)> {
    let head = &bytes[..bytes.len().min(4)];
    let text = head.utf8_chunks().next()?.valid();
    let character = text.chars().next();
    Some(character.map_or((char::REPLACEMENT_CHARACTER, 1), |found| (found, found.len_utf8())))
}

/// Quotes and what nobody sees.
fn is_passed_over(character: char) -> bool {
    matches!(character, '\'' | '"') || character.is_control() || is_unseen(character)
}

/// Also in full width, and small.
fn begins_a_formula(character: char) -> bool {
    matches!(
        character,
        '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫'
    )
}

/// `-12` or `-12.5`: it is the same number in a spreadsheet, which can reckon with it. With a `+`, as a
/// telephone number has it, it would be another text.
fn is_plain_number(text: &[u8]) -> bool {
    let are_digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let Some(number) = text.strip_prefix(b"-") else { return false };
    match memchr(b'.', number) {
        Some(point) => are_digits(&number[..point]) && are_digits(&number[point + 1..]),
        None => are_digits(number),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn guarded(cell: &str) -> String {
        let mut guarded = Vec::new();
        guard(cell.as_bytes(), &mut guarded);
        String::from_utf8(guarded).unwrap()
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        for (cell, expected) in [
            ("=1+1", "'=1+1"),
            ("+41 79 123 45 67", "'+41 79 123 45 67"),
            ("+5", "'+5"),
            ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
            ("@SUM(1)", "'@SUM(1)"),
            ("＝1", "'＝1"),
            (" \u{a0}\u{feff}=1", "' \u{a0}\u{feff}=1"),
            ("\"=1", "'\"=1"),
            ("'=1", "''=1"),
            ("\t=1", "'\t'=1"),
            ("\rx", "'\rx"),
            ("-12,5;=1", "-12,5;'=1"),
            ("x\n=1", "x\n'=1"),
            ("a;\"=1\"", "a;'\"=1\""),
            ("-1.5.2", "'-1.5.2"),
            ("-", "'-"),
            ("-5 x", "'-5 x"),
        ] {
            assert_eq!(guarded(cell), expected, "{cell:?}");
        }
        for cell in
            ["", "-12", "-12.5", "12", "a=b", "a - b", "'tis", "o'=x", "ada@example.org", "Ü", "'"]
        {
            assert_eq!(guarded(cell), cell);
        }
    }

    #[test]
    fn a_cell_of_line_breaks_is_looked_at_once() {
        let cell = "\n".repeat(4 << 20) + "=1";

        let guarded = guarded(&cell);

        assert_eq!(guarded.len(), cell.len() + 2);
    }

    const PIECES: &[&[u8]] = &[
        b"'",
        b"\"",
        b"=",
        b"-",
        b"5",
        b".",
        b" ",
        b",",
        b";",
        b"\t",
        b"\n",
        b"\xEF\xBC\x9D",
        b"\xC2\xA0",
        b"\xEF",
        b"\xBC",
        b"a",
    ];

    proptest! {
        #[test]
        fn what_was_added_is_taken_off_and_nothing_else(
            cell in prop::collection::vec(
                prop::sample::select(PIECES),
                0..12,
            )
        ) {
            let cell = cell.concat();
            let (mut with, mut without) = (Vec::new(), Vec::new());
            guard(&cell, &mut with);
            unguard(&with, &mut without);
            prop_assert_eq!(&without, &cell);
            let mut again = Vec::new();
            unguard(&cell, &mut again);
            if with == cell {
                prop_assert_eq!(again, cell, "a text that needs nothing loses nothing");
            }
        }
    }
}
