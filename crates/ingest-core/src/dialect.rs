//! Which bytes have a meaning in the file.

use serde::{Deserialize, Serialize};

/// The bytes that shape a CSV file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dialect {
    /// Between two fields.
    pub delimiter: u8,
    /// Around a field that holds delimiters, line breaks or quotes; doubled inside one.
    pub quote: u8,
    /// Inside a quoted field, makes a quote, or itself, out of the next byte. Before any other byte,
    /// and outside quotes, it is a character. `None`: a quote is written twice, and in no other way.
    #[serde(default)]
    pub escape: Option<u8>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"', escape: None }
    }
}

impl Dialect {
    /// Whether every byte has one meaning: all are ASCII (so that they cannot be a part of another
    /// character), they differ, and none ends a line.
    pub(crate) fn is_usable(self) -> bool {
        let Self { delimiter, quote, escape } = self;
        let usable = |byte: u8| byte.is_ascii() && byte != b'\r' && byte != b'\n';
        let escapes = |escape: u8| usable(escape) && escape != delimiter && escape != quote;
        usable(delimiter) && usable(quote) && delimiter != quote && escape.is_none_or(escapes)
    }
}
