//! Where things are in the input.

use std::fmt;

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
}

impl Default for ResumePoint {
    fn default() -> Self {
        Self { sequence: 0, record: 0, line: 1, byte: 0 }
    }
}
