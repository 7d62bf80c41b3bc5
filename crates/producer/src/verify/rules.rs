//! What cannot be a row, as it is documented: decided here once more.

use std::ops::RangeInclusive;

use ingest_core::RejectCode;

use super::{cells::CsvCells, lines::lines_ended};

/// How a record was found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Whole,
    Misplaced,
    TooLong,
}

impl Shape {
    pub(super) fn of(is_misplaced: bool) -> Self {
        if is_misplaced { Self::Misplaced } else { Self::Whole }
    }
}

/// The first record.
pub(super) struct SecondHeader {
    pub(super) raw: Vec<u8>,
    pub(super) lines: u64,
    names: Vec<Option<String>>,
    /// How many there are up to the last one with a name.
    named: usize,
}

impl SecondHeader {
    pub(super) fn read(raw: Vec<u8>, cells: &CsvCells) -> Self {
        let has_name =
            |cell: &[u8]| std::str::from_utf8(cell).is_ok_and(|name| !name.trim().is_empty());
        let named = cells.iter().rposition(has_name).map_or(0, |last| last + 1);
        let lines = 1 + lines_ended(&raw);
        Self { raw, lines, names: cells.iter().map(said).collect(), named }
    }

    /// The names up to the last column that has one, without blanks around them.
    pub(super) fn named(&self) -> &[Option<String>] {
        &self.names[..self.named]
    }

    /// Whether a record has the names of the header in its cells, whatever their capitals.
    fn is_said_by(&self, cells: &CsvCells) -> bool {
        self.cells().contains(&cells.iter().len())
            && cells.iter().zip(&self.names).all(|(cell, name)| match (said(cell), name) {
                (Some(cell), Some(name)) => cell.eq_ignore_ascii_case(name),
                (cell, name) => cell == *name,
            })
    }

    /// How many cells a row has.
    pub(super) fn cells(&self) -> RangeInclusive<usize> {
        self.named..=self.names.len()
    }

    /// Why this record cannot be a row.
    pub(super) fn code(&self, raw: &[u8], cells: &CsvCells, shape: Shape) -> Option<&'static str> {
        if shape == Shape::Misplaced {
            Some(RejectCode::MisplacedQuote.as_str())
        } else if self.is_said_by(cells) {
            Some(RejectCode::RepeatedHeader.as_str())
        } else if std::str::from_utf8(raw).is_err() {
            Some(RejectCode::InvalidUtf8.as_str())
        } else if !self.cells().contains(&cells.iter().len()) {
            Some(RejectCode::FieldCount.as_str())
        } else {
            None
        }
    }
}

/// What a cell says, without blanks around it; nothing, when it is no text.
fn said(cell: &[u8]) -> Option<String> {
    std::str::from_utf8(cell).ok().map(|cell| cell.trim().to_owned())
}
