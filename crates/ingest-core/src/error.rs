//! What ends the reading of an input.

use std::fmt;

use crate::{Dialect, Position};

/// Why an input cannot be read at all. A record that cannot be read is a
/// [`Reject`](crate::Reject) and ends nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// Delimiter and quote cannot do their work.
    #[error(
        "delimiter {:?}, quote {:?}{} cannot be used; they must be different ASCII characters, and no line ends",
        char::from(.0.delimiter),
        char::from(.0.quote),
        .0.escape.map(|escape| format!(" and escape {:?}", char::from(escape))).unwrap_or_default()
    )]
    UnusableDialect(Dialect),
    /// There is no header, and nothing else.
    #[error("the input is empty; a header line with the names of the columns is needed")]
    Empty,
    /// The first record is longer than a record may be.
    #[error("{at}: longer than {limit_bytes} bytes; {}", TooLongAdvice(*open_quote))]
    HeaderTooLong {
        /// Where it starts.
        at: Position,
        /// The limit it passed.
        limit_bytes: usize,
        /// The byte where a quote opened that was still open at the limit.
        open_quote: Option<u64>,
    },
    /// The input ends inside the quotes of its first record, or they are closed lines later in the
    /// middle of text.
    #[error(
        "{at}: the quote that opens at byte {quote} is not closed where its column's name ends"
    )]
    HeaderUnclosedQuote {
        /// Where it starts.
        at: Position,
        /// The byte where the quote opens.
        quote: u64,
    },
    /// The first record is not text.
    #[error(
        "{at}: not UTF-8 at byte {byte}; is the file in another encoding, such as windows-1252 or UTF-16?"
    )]
    HeaderNotUtf8 {
        /// Where it starts.
        at: Position,
        /// The first byte that is not UTF-8.
        byte: u64,
    },
    /// The input is no CSV yet: it begins as files in this format do.
    #[error("{at}: this is {format}, not CSV; {}", format.advice())]
    Packed {
        /// Where the header should start.
        at: Position,
        /// The format.
        format: PackedFormat,
    },
    /// The input was said to be a rejects file, and is none.
    #[error(
        "{at}: the last columns are not _record, _code and _message, so this is no rejects file; load it as an ordinary file"
    )]
    NotRejects {
        /// Where the header starts.
        at: Position,
    },
    /// Rows are to be kept together by a column that is not there.
    #[error(
        "there is no column {} to keep rows together by; name one of the header's columns",
        Shown(name)
    )]
    NoColumnToKeepTogether {
        /// The name.
        name: String,
    },
    /// The first record has nothing but delimiters and blanks.
    #[error("{at}: no column has a name; a line with the names of the columns must come first")]
    NoColumnName {
        /// Where the header starts.
        at: Position,
    },
    /// The first record seems to be a row. A column's name counts as data when it is
    ///
    /// * a plain number: digits, perhaps with a sign and a decimal point, but not a year from 1900
    ///   to 2099;
    /// * an e-mail address.
    #[error(
        "{at}: column {column} is named by {kind}, so this looks like a row; put a line with the names of the columns before it"
    )]
    HeaderLooksLikeData {
        /// Where the header starts.
        at: Position,
        /// The column, from 1. Its name is not repeated, for it may be a row's value.
        column: usize,
        /// What the name looks like.
        kind: DataKind,
    },
}

/// A format that has to be unpacked before it is CSV, told by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackedFormat {
    /// A zip archive, or what is one inside, such as an Excel workbook.
    Zip,
    /// Compressed by gzip.
    Gzip,
    /// Compressed by Zstandard.
    Zstd,
}

impl PackedFormat {
    pub(crate) fn of(start: &[u8]) -> Option<Self> {
        let signatures: [(&[u8], Self); 3] = [
            (b"PK\x03\x04", Self::Zip),
            (b"\x1F\x8B", Self::Gzip),
            (b"\x28\xB5\x2F\xFD", Self::Zstd),
        ];
        signatures.into_iter().find(|(bytes, _)| start.starts_with(bytes)).map(|(_, format)| format)
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Zip => {
                "unpack it and load the CSV file inside, or save the workbook as CSV; gzip and \
                 Zstandard are read as they are"
            }
            Self::Gzip => "give the file a name that ends in .gz, and it is decompressed",
            Self::Zstd => "give the file a name that ends in .zst, and it is decompressed",
        }
    }
}

impl fmt::Display for PackedFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Zip => "a zip archive or an Excel workbook",
            Self::Gzip => "a file that gzip compressed",
            Self::Zstd => "a file that Zstandard compressed",
        })
    }
}

/// What a column's name looks like when it looks like data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataKind {
    /// A plain number.
    Number,
    /// An e-mail address.
    EmailAddress,
}

impl fmt::Display for DataKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Number => "a number",
            Self::EmailAddress => "an e-mail address",
        })
    }
}

/// What to do about a record that is too long; the argument is the byte where a quote opened that
/// was still open at the limit.
pub(crate) struct TooLongAdvice(pub(crate) Option<u64>);

impl fmt::Display for TooLongAdvice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(quote) => write!(
                formatter,
                "the quote that opens at byte {quote} was still open there; is its closing quote missing?"
            ),
            None => formatter.write_str("is this a CSV file with line ends?"),
        }
    }
}

/// A column's name in an error: one line, and not a page long.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CHARACTERS_MAX: usize = 60;
        match self.0.char_indices().nth(CHARACTERS_MAX) {
            Some((end, _)) => write!(formatter, "{:?}…", &self.0[..end]),
            None => write!(formatter, "{:?}", self.0),
        }
    }
}
