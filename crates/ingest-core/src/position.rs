//! Where things are in the input.

use std::fmt;

use memchr::memchr2_iter;
use serde::{Deserialize, Serialize};

/// Where a record starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Number of the record, from 1; the header is record 0.
    pub record: u64,
    /// Physical line on which it starts, from 1, as an editor counts: LF, CRLF and a lone CR each
    /// end a line, also inside quotes.
    pub line: u64,
    /// Offset of its first byte in the decoded stream, from 0. A byte order mark counts.
    pub byte: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record, line, byte } = self;
        match record {
            0 => write!(formatter, "header (line {line}, byte {byte})"),
            _ => write!(formatter, "record {record} (line {line}, byte {byte})"),
        }
    }
}

/// Where feeding can go on: all records before it are in batches `0..sequence`.
///
/// The default is the start of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ResumePoint {
    /// Number of the next batch, from 0.
    pub sequence: u64,
    /// Records read so far, the header not counted.
    pub record: u64,
    /// Physical line of the next byte, from 1.
    pub line: u64,
    /// Offset of the next byte in the decoded stream.
    pub byte: u64,
    /// Lines without data that were passed over so far.
    pub skipped: u64,
}

impl Default for ResumePoint {
    fn default() -> Self {
        Self { sequence: 0, record: 0, line: 1, byte: 0, skipped: 0 }
    }
}

/// How far the input has been read.
#[derive(Clone, Copy)]
pub(crate) struct Cursor {
    /// Physical line of the next byte, from 1.
    pub(crate) line: u64,
    /// Offset of the next byte.
    pub(crate) byte: u64,
    /// The last byte was a CR, which ended a line: an LF now belongs to it and ends no other.
    after_cr: bool,
}

impl Cursor {
    pub(crate) fn at(line: u64, byte: u64) -> Self {
        Self { line, byte, after_cr: false }
    }

    /// Passes bytes of any kind.
    pub(crate) fn pass(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        for index in memchr2_iter(b'\r', b'\n', bytes) {
            let after_cr =
                index.checked_sub(1).map_or(self.after_cr, |before| bytes[before] == b'\r');
            self.line += u64::from(bytes[index] == b'\r' || !after_cr);
        }
        self.byte += bytes.len() as u64;
        self.after_cr = *last == b'\r';
    }

    /// Behind the first byte of a line end: passes the LF, if it was a CR and an LF belongs to it.
    /// `Some(how many bytes)`, or `None` while that cannot be known.
    pub(crate) fn pass_lf_after_cr(&mut self, rest: &[u8]) -> Option<usize> {
        if !self.after_cr {
            return Some(0);
        }
        let taken = usize::from(*rest.first()? == b'\n');
        self.pass(&rest[..taken]);
        self.after_cr = false;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_counts_once_wherever_the_bytes_are_cut() {
        let cases = [("", 1), ("a", 1), ("a\n", 2), ("a\r\n", 2), ("a\r", 2), ("\r\r", 3)];
        let cases = cases.into_iter().chain([("\n\r", 3), ("\r\n\r\n", 3), ("\r\r\n\n", 4)]);

        for (text, line) in cases {
            for cut in 0..=text.len() {
                let mut cursor = Cursor::at(1, 0);
                cursor.pass(&text.as_bytes()[..cut]);
                cursor.pass(&text.as_bytes()[cut..]);
                assert_eq!((cursor.line, cursor.byte), (line, text.len() as u64), "{text:?} {cut}");
            }
        }
    }
}
