//! A record as it was found.

use std::ops::RangeInclusive;

use crate::error::TooLong;
use crate::position::Cursor;
use crate::scan::{self, Misplaced, Scan, is_blank};
use crate::{Dialect, Position};

/// A record as it was found.
pub(crate) struct Record<'a> {
    pub(crate) at: Position,
    pub(crate) shape: Shape,
    /// Without its line end; empty when it was too long, unless it is the header.
    pub(crate) raw: &'a [u8],
    /// Whether `raw` is UTF-8.
    pub(crate) is_text: bool,
    /// Right behind its line end.
    pub(crate) end: Cursor,
}

impl Record<'_> {
    /// How many bytes of the input it takes, its line end included.
    pub(crate) fn bytes(&self) -> u64 {
        self.end.byte - self.at.byte
    }

    /// Whether it has nothing but delimiters and blanks: a line that a spreadsheet leaves behind.
    #[inline]
    pub(crate) fn is_blank(&self, delimiter: u8) -> bool {
        let first = self.raw.first();
        first.is_some_and(|first| *first == delimiter || is_blank(*first))
            && self.is_blank_to_its_end(delimiter)
    }

    /// Out of the way of the records that begin with something.
    #[cold]
    #[inline(never)]
    fn is_blank_to_its_end(&self, delimiter: u8) -> bool {
        self.raw.iter().all(|byte| *byte == delimiter || is_blank(*byte))
    }
}

/// How many fields a record has.
#[derive(Clone)]
pub(crate) enum FieldCount {
    /// As many as the header, or fewer.
    Known(RangeInclusive<usize>),
    /// The header is not read yet, or what stands behind the fields is still to be taken off.
    Unknown,
}

impl FieldCount {
    pub(crate) fn takes(&self, fields: usize) -> bool {
        match self {
            Self::Known(known) => known.contains(&fields),
            Self::Unknown => true,
        }
    }
}

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A record with so many fields.
    Whole { fields: usize },
    /// One with a quoted field that does not end where its quotes do.
    Misplaced(Misplaced),
    /// One that passed the limit.
    TooLong(TooLong),
}

impl Shape {
    pub(crate) fn of(scan: &Scan) -> Self {
        match scan.misplaced() {
            Some(misplaced) => Self::Misplaced(misplaced),
            None => Self::Whole { fields: scan.fields() },
        }
    }

    /// The shape of a record that stands alone and has so many fields.
    pub(crate) fn alone(dialect: Dialect, raw: &[u8], fields: usize) -> Self {
        match scan::misplaced(dialect, raw) {
            Some(misplaced) => Self::Misplaced(misplaced),
            None => Self::Whole { fields },
        }
    }
}
