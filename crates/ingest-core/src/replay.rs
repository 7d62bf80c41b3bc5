//! A rejects file as input: its records lose what [`reject_line`](crate::reject_line) put behind
//! them, and become what they were.
//!
//! The file may have been through a person's hands. A spreadsheet quotes otherwise, ends lines
//! otherwise, and fills short rows up with empty cells, so the three columns are looked for from
//! the right and told by what stands in them.

use std::ops::Range;

use bytes::Bytes;
use encoding_rs::Encoding;

use crate::cell::{is_quoted, push_quoted, spans, unquote};
use crate::code::{code_and_message, is_code};
use crate::commands::producer;
use crate::record::{Record, Shape};
use crate::reject_columns::{COLUMNS, RejectColumns};
use crate::scan::MisplacedKind;
use crate::spreadsheet::take_guards_off;
use crate::{Dialect, Header, IngestError, Position, Reject, RejectCode};

/// What the three columns may have in bytes, on top of the record.
pub(crate) const COLUMNS_BYTES_MAX: usize = 64 << 10;

/// What the message of a record that cannot be sent again begins with.
const NOT_KEPT: &str = "the rejects file does not hold this record's text; mend it in the source";

/// How a rejects file is read: see [`Ingest::replaying`](crate::Ingest::replaying).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// Only records that were rejected with one of these codes; all of them when there is none.
    pub codes: Vec<String>,
    /// How the source was written, of which some records stand in one cell as they came: a program
    /// that saved a copy with other delimiters did not look into that cell. `None`: as this file.
    pub source: Option<Dialect>,
    /// Nobody knows how the source was written: records that stand in one cell are rejected once more.
    pub is_source_unknown: bool,
    /// It is a [copy for spreadsheets](crate::SpreadsheetCopy), of which the cells lose what was added.
    /// The header says so where it is read; this is for going on behind it.
    pub for_spreadsheets: bool,
}

/// What becomes of a record of the rejects file.
pub(crate) enum Replayed {
    /// It is read as if it stood in the source.
    Taken,
    /// It was rejected again at once: its text is not there, or nobody knows how to read it.
    NotKept(Reject),
    /// It is none of the wanted ones, or has nothing but empty cells.
    LeftOut,
}

/// Takes records of a rejects file apart.
pub(crate) struct Replayer {
    codes: Vec<String>,
    dialect: Dialect,
    source: Dialect,
    is_source_unknown: bool,
    for_spreadsheets: bool,
    /// That of the source.
    header: Header,
    /// Where the cells of the current record are.
    cells: Vec<Range<usize>>,
    /// The current record without what a copy for spreadsheets added.
    bare: Vec<u8>,
    /// The text of a record that stands in one cell.
    text: Vec<u8>,
    /// The same as this file would have it.
    written: Vec<u8>,
}

/// The three columns of one record.
struct Columns {
    /// The field of `_record`: so many fields are before it.
    first: usize,
    code: String,
    message: String,
}

impl Replayer {
    pub(crate) fn new(replay: Replay, header: Header) -> Self {
        let dialect = header.dialect();
        let Replay { codes, source, is_source_unknown, for_spreadsheets } = replay;
        Self {
            codes,
            dialect,
            source: source.unwrap_or(dialect),
            is_source_unknown,
            for_spreadsheets,
            header,
            cells: Vec::new(),
            bare: Vec::new(),
            text: Vec::new(),
            written: Vec::new(),
        }
    }

    pub(crate) fn is_for_spreadsheets(&self) -> bool {
        self.for_spreadsheets
    }

    /// Makes the record what it was in the source.
    pub(crate) fn replay<'a>(&'a mut self, record: &mut Record<'a>) -> Replayed {
        match record.shape {
            // Nobody can tell what it was rejected for: rejected again, so that it is not lost.
            Shape::TooLong(_) => return Replayed::Taken,
            Shape::Misplaced(found) if found.kind == MisplacedKind::Open => {
                return Replayed::Taken;
            }
            Shape::Whole { .. } | Shape::Misplaced(_) => {}
        }
        let is_whole = matches!(record.shape, Shape::Whole { .. });
        if self.for_spreadsheets
            && is_whole
            && take_guards_off(self.dialect, record.raw, &mut self.bare)
        {
            record.raw = &self.bare;
        }
        let raw = record.raw;
        self.cells.clear();
        self.cells.extend(spans(self.dialect, raw));
        if self.are_empty(raw, self.cells.len()) {
            return Replayed::LeftOut;
        }
        let columns = self.find_columns(raw);
        let code = columns.as_ref().map_or("", |columns| columns.code.as_str());
        if !self.codes.is_empty() && !self.codes.iter().any(|wanted| wanted == code) {
            return Replayed::LeftOut;
        }
        match columns {
            Some(columns) if self.is_not_kept(raw, &columns) => {
                self.keep_fields(record, columns.first);
                return Replayed::NotKept(not_kept(record, &columns));
            }
            Some(columns) if self.is_one_cell(raw, &columns) => {
                let (source, cell) = (self.source, &raw[self.cells[0].clone()]);
                let raw = unquote(self.dialect, cell, &mut self.text);
                if self.is_source_unknown {
                    return Replayed::NotKept(not_understood(record, raw));
                }
                become_part(record, raw, source, spans(source, raw).count());
                if source != self.dialect && matches!(record.shape, Shape::Whole { .. }) {
                    self.written.clear();
                    rewrite(&mut self.written, raw, source, self.dialect);
                    record.raw = &self.written;
                }
            }
            Some(columns) => self.keep_fields(record, self.fields_of_row(raw, &columns)),
            None => match self.find_repeated_header(raw) {
                Some(columns) => self.keep_fields(record, columns),
                None => self.drop_empty_columns(record),
            },
        }
        Replayed::Taken
    }

    /// The rightmost three fields that are a number, a code and anything, with nothing but empty
    /// cells behind them.
    fn find_columns(&self, raw: &[u8]) -> Option<Columns> {
        let last = self.cells.len().checked_sub(COLUMNS.len())?;
        let own = self.header.columns().len();
        let is_emptied = self.are_emptied(raw, own);
        for first in (0..=last).rev() {
            if first < last && !self.field(raw, first + COLUMNS.len()).trim().is_empty() {
                return None;
            }
            let number = self.field(raw, first);
            let code = self.field(raw, first + 1);
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            // Behind them stand empty cells that a spreadsheet made: a cell of the row itself must
            // not be taken for a code.
            let is_theirs = match is_emptied && first < own {
                true => RejectCode::of(&code).is_some_and(RejectCode::is_readers_own),
                false => is_code(&code),
            };
            if is_number && !code.is_empty() && (first == last || is_theirs) {
                return Some(Columns { first, code, message: self.field(raw, first + 2) });
            }
        }
        None
    }

    /// Whether the places of the three are there, behind the columns of the row, and empty: a person emptied
    /// them, and cells of the row may look like them. Or the record was too short, so that they slid to the
    /// left, and a spreadsheet filled the line up: then their code is one of the reader's.
    fn are_emptied(&self, raw: &[u8], own: usize) -> bool {
        let places = own..own + COLUMNS.len();
        self.cells.len() >= places.end
            && places.into_iter().all(|at| self.field(raw, at).trim().is_empty())
    }

    /// How many columns of the source stand in this record, if it is the file's header once more.
    fn find_repeated_header(&self, raw: &[u8]) -> Option<usize> {
        let names: Vec<String> = (0..self.cells.len()).map(|at| self.field(raw, at)).collect();
        let RejectColumns { first, .. } = RejectColumns::of(&names)?;
        let own = &raw[..self.cells[first - 1].end];
        self.header.is_repeated_by(own).then_some(first)
    }

    /// A record that was too long, or never ended, is not in the file; its line has the reason only.
    fn is_not_kept(&self, raw: &[u8], columns: &Columns) -> bool {
        let is_missing = columns.first == 0 || (columns.first == 1 && self.cells[0].is_empty());
        let may_be_missing =
            [RejectCode::RecordTooLong.as_str(), RejectCode::UnclosedQuote.as_str()]
                .contains(&columns.code.as_str());
        is_missing || (may_be_missing && self.are_empty(raw, columns.first))
    }

    /// One whose own quotes would not have ended where it does: see
    /// [`reject_line`](crate::reject_line). Earlier versions put it there as it was.
    fn is_one_cell(&self, raw: &[u8], columns: &Columns) -> bool {
        (columns.first == 1 || self.is_filled_up(raw, columns, 1))
            && columns.code == RejectCode::MisplacedQuote.as_str()
            && (self.is_source_unknown
                || self.source != self.dialect
                || is_quoted(self.dialect, &raw[self.cells[0].clone()]))
    }

    /// A record on which the three columns were emptied, or which a person added: when it has their
    /// places, it loses them.
    fn drop_empty_columns(&self, record: &mut Record<'_>) {
        let fields = self.cells.len();
        let columns = self.header.columns().len();
        let full = columns + COLUMNS.len();
        let are_added = |from: usize| {
            (from..fields).all(|index| self.field(record.raw, index).trim().is_empty())
        };
        if fields >= full && are_added(columns) {
            self.keep_fields(record, columns);
        } else if fields > full && are_added(full) {
            self.keep_fields(record, full);
        } else {
            self.keep_fields(record, fields);
        }
    }

    /// Whether it has the cells of a row, and those behind the first `own` ones are empty: a copy for
    /// spreadsheets fills short rows up.
    fn is_filled_up(&self, raw: &[u8], columns: &Columns, own: usize) -> bool {
        self.for_spreadsheets
            && columns.first == self.header.columns().len()
            && (own..columns.first).all(|at| self.field(raw, at).is_empty())
    }

    /// How many of the cells before the three columns are the row's. In a spreadsheet nobody takes a
    /// surplus cell away: it is emptied. And one that filled a short row up is none as long as nobody
    /// filled it in.
    fn fields_of_row(&self, raw: &[u8], columns: &Columns) -> usize {
        let (own, fields) = (self.header.columns().len(), columns.first);
        let is_surplus = |at: &usize| self.field(raw, *at).trim().is_empty();
        if self.for_spreadsheets && fields > own {
            return fields - (own..fields).rev().take_while(is_surplus).count();
        }
        let found = Reject::fields_found(&columns.message)
            .filter(|found| columns.code == RejectCode::FieldCount.as_str() && *found < own);
        match found {
            Some(found) if self.is_filled_up(raw, columns, found) => found,
            _ => fields,
        }
    }

    /// Leaves the record its first fields only.
    fn keep_fields(&self, record: &mut Record<'_>, fields: usize) {
        let last = fields.checked_sub(1).map_or(0..0, |last| self.cells[last].clone());
        become_part(record, &record.raw[..last.end], self.dialect, fields);
    }

    fn are_empty(&self, raw: &[u8], fields: usize) -> bool {
        (0..fields).all(|index| self.field(raw, index).is_empty())
    }

    fn field(&self, raw: &[u8], index: usize) -> String {
        text_of(self.dialect, &raw[self.cells[index].clone()])
    }
}

/// Writes a whole record in another dialect.
fn rewrite(line: &mut Vec<u8>, raw: &[u8], source: Dialect, dialect: Dialect) {
    let mut is_first = true;
    source.for_each_cell(raw, &mut Vec::new(), |cell| {
        if !std::mem::take(&mut is_first) {
            line.push(dialect.delimiter);
        }
        push_quoted(line, cell.iter().copied(), dialect);
    });
}

/// Makes the record what this part of it says, which has so many fields.
fn become_part<'a>(record: &mut Record<'a>, raw: &'a [u8], dialect: Dialect, fields: usize) {
    record.raw = raw;
    record.shape = Shape::alone(dialect, raw, fields);
    record.is_text = record.is_text || Encoding::utf8_valid_up_to(raw) == raw.len();
}

/// The header of the source: the one of its rejects file without the three columns. Says whether it is
/// that of a copy for spreadsheets.
pub(crate) fn source_header(
    raw: &[u8],
    dialect: Dialect,
    at: Position,
) -> Result<(Bytes, bool), IngestError> {
    let cells: Vec<Range<usize>> = spans(dialect, raw).collect();
    let names: Vec<String> =
        cells.iter().map(|cell| text_of(dialect, &raw[cell.clone()])).collect();
    let RejectColumns { first, for_spreadsheets } =
        RejectColumns::of(&names).ok_or(IngestError::NotRejects { at })?;
    let source = &raw[..cells[first - 1].end];
    let mut bare = Vec::new();
    if for_spreadsheets && take_guards_off(dialect, source, &mut bare) {
        return Ok((bare.into(), true));
    }
    Ok((Bytes::copy_from_slice(source), for_spreadsheets))
}

/// Nobody knows whether somebody mended it, and what its quotes mean.
fn not_understood(record: &Record<'_>, raw: &[u8]) -> Reject {
    let message = format!(
        "{}: its text stands in one cell, and here nobody knows how its run was read; load the file \
         with {} replay RUN --file, or write its cells in their columns and empty the last three",
        record.at,
        producer()
    );
    Reject {
        record: record.at.record,
        code: RejectCode::MisplacedQuote.as_str().to_owned(),
        message,
        raw: Bytes::copy_from_slice(raw),
    }
}

fn not_kept(record: &Record<'_>, columns: &Columns) -> Reject {
    let is_said = columns.message.starts_with(NOT_KEPT);
    let (code, message) = code_and_message(&columns.code, columns.message.clone());
    let message = if is_said { message } else { format!("{NOT_KEPT} ({message})") };
    Reject { record: record.at.record, code, message, raw: Bytes::new() }
}

/// What a cell says.
fn text_of(dialect: Dialect, cell: &[u8]) -> String {
    String::from_utf8_lossy(unquote(dialect, cell, &mut Vec::new())).into_owned()
}
