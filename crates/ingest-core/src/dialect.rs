//! Which bytes have a meaning in the file.

use serde::{Deserialize, Serialize};

/// The two bytes that shape a CSV file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dialect {
    /// Between two fields.
    pub delimiter: u8,
    /// Around a field that holds delimiters, line breaks or quotes; doubled inside one.
    pub quote: u8,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"' }
    }
}

impl Dialect {
    /// Whether every byte has one meaning: both are ASCII (so that they cannot be a part of
    /// another character), they differ, and neither ends a line.
    pub(crate) fn is_usable(self) -> bool {
        let usable = |byte: u8| byte.is_ascii() && byte != b'\r' && byte != b'\n';
        usable(self.delimiter) && usable(self.quote) && self.delimiter != self.quote
    }

    /// A csv-core reader that takes every byte for what it is.
    ///
    /// csv-core drops a byte order mark from the first bytes it ever sees. A reader that resumes
    /// in the middle of a file must not: the line break it is fed here makes those bytes not the
    /// first. (A line break before a record is a blank line, which csv-core skips.)
    pub(crate) fn reader(self) -> csv_core::Reader {
        let mut reader =
            csv_core::ReaderBuilder::new().delimiter(self.delimiter).quote(self.quote).build();
        let primed = reader.read_record(b"\n", &mut [0], &mut [0]);
        debug_assert_eq!(primed, (csv_core::ReadRecordResult::InputEmpty, 1, 0, 0));
        reader
    }
}
