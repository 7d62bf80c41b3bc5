//! What ends the reading of an input.

use std::fmt;

use crate::{Dialect, Position};

/// Why an input cannot be read at all. A record that cannot be read is a
/// [`Reject`](crate::Reject) and ends nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The settings name the same character for two purposes, or one that cannot separate anything.
    #[error(
        "delimiter {:?}, quote {:?}{} cannot be used; they must be different ASCII characters, and no line ends",
        char::from(.0.delimiter),
        char::from(.0.quote),
        .0.escape.map(|escape| format!(" and escape {:?}", char::from(escape))).unwrap_or_default()
    )]
    UnusableDialect(Dialect),
    /// The file has no bytes, or nothing but blank lines: mostly an export that failed.
    #[error("the input is empty; a header line with the names of the columns is needed")]
    Empty,
    /// The first line goes on for too long: mostly its line ends are missing, a quote is not
    /// closed, or it is no CSV.
    #[error("{at}: longer than {limit_bytes} bytes; {}", TooLong::at_limit(*open_quote))]
    HeaderTooLong {
        /// Where it starts.
        at: Position,
        /// The limit it passed.
        limit_bytes: usize,
        /// The byte where a quote opened that was still open at the limit.
        open_quote: Option<u64>,
    },
    /// The names of the columns travel with each batch, so they are limited. A header this long
    /// mostly belongs to a file of another kind.
    #[error(
        "{at}: the header has {}{bytes} bytes, and may have {limit_bytes} (HEADER_BYTES_MAX); {}",
        if *.is_all { "" } else { "more than " },
        match .open_quote {
            Some(quote) => TooLong::OpenQuote(*quote).to_string(),
            None => "leave columns out or shorten their names, or set HEADER_BYTES_MAX higher".to_owned(),
        }
    )]
    HeaderTooLarge {
        /// Where it starts.
        at: Position,
        /// Its bytes, as far as they were looked at.
        bytes: usize,
        /// Whether these are all.
        is_all: bool,
        /// The limit it passed.
        limit_bytes: usize,
        /// The byte where a quote opened that was still open where nobody looked any further.
        open_quote: Option<u64>,
    },
    /// Mostly the delimiter is another one than was found, or it is a file of another kind.
    #[error(
        "{at}: the header has {columns} columns, and may have {limit} (HEADER_COLUMNS_MAX); leave \
         columns out, or set HEADER_COLUMNS_MAX higher"
    )]
    TooManyColumns {
        /// Where the header starts.
        at: Position,
        /// How many it has.
        columns: usize,
        /// How many it may have.
        limit: usize,
    },
    /// Mostly the file was written over a larger one, or is the unused rest of a spreadsheet.
    #[error(
        "from byte {byte} on there are only empty lines, for more than {limit_bytes} bytes; is this \
         the file that was meant? What stands behind them is not read"
    )]
    OnlyEmptyLines {
        /// Where they begin.
        byte: u64,
        /// So many bytes of them may follow each other.
        limit_bytes: u64,
    },
    /// Reading stops here, since such a file could go on like this for hours.
    #[error(
        "up to byte {byte} there are {bytes} bytes without a row: empty lines, lines of delimiters, or \
         records that are too long; is this the file that was meant? What stands behind them is not \
         read"
    )]
    HardlyAnyRow {
        /// How far was read.
        byte: u64,
        /// Bytes of such lines and records.
        bytes: u64,
    },
    /// A quote in the first line is not closed, or the file writes quotes in another way. Correct
    /// the name of the column, or set `CSV_QUOTE`.
    #[error(
        "{at}: the quote that opens at byte {quote} is not closed where its column's name ends"
    )]
    HeaderUnclosedQuote {
        /// Where it starts.
        at: Position,
        /// The byte where the quote opens.
        quote: u64,
    },
    /// Mostly the file comes from Windows or Excel, which write other encodings.
    #[error(
        "{at}: not UTF-8 at byte {byte}; if the file is in another encoding, such as windows-1252 or UTF-16, name it with --csv-encoding or CSV_ENCODING"
    )]
    HeaderNotUtf8 {
        /// Where it starts.
        at: Position,
        /// The first byte that is not UTF-8.
        byte: u64,
    },
    /// Text in UTF-16 or UTF-32 without a byte order mark looks so.
    #[error(
        "{at}: null byte at byte {byte}, so this is text in another encoding; name it with --csv-encoding or CSV_ENCODING, such as utf-16le or utf-16be (UTF-32 is not read: convert it to UTF-8)"
    )]
    HeaderHasNull {
        /// Where it starts.
        at: Position,
        /// The first null byte.
        byte: u64,
    },
    /// A file in another format was uploaded under the name of a CSV.
    #[error("{at}: this is {format}, not CSV; {}", format.advice())]
    Packed {
        /// Where the header should start.
        at: Position,
        /// The format.
        format: PackedFormat,
    },
    /// A replay was given a file that is no rejects file, or its last columns were renamed or
    /// moved. Keep them as they are.
    #[error(
        "{at}: the last columns are not _record, _code and _message, so this is no rejects file; load it as an ordinary file"
    )]
    NotRejects {
        /// Where the header starts.
        at: Position,
    },
    /// `BATCH_KEEP_TOGETHER` names a column of another file, or its spelling differs.
    #[error(
        "there is no column {} to keep rows together by; name one of the header's columns",
        Shown(name)
    )]
    NoColumnToKeepTogether {
        /// The name.
        name: String,
    },
    /// The file begins with a line of delimiters, as when a spreadsheet has empty rows on top.
    #[error("{at}: no column has a name; a line with the names of the columns must come first")]
    NoColumnName {
        /// Where the header starts.
        at: Position,
    },
    /// The file has no header, and its first row would be lost. A name counts as data if it is a
    /// plain number (but not a year from 1900 to 2099) or an e-mail address.
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

/// A format that is no CSV, or has to be unpacked first, told by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackedFormat {
    /// A zip archive, or what is one inside.
    Zip,
    /// An Excel workbook, or what is stored like one.
    Workbook,
    /// An Excel workbook of the kind before that.
    OldWorkbook,
    /// Compressed by gzip.
    Gzip,
    /// Compressed by Zstandard.
    Zstd,
    /// Compressed by bzip2.
    Bzip2,
    /// Compressed by xz.
    Xz,
    /// A 7-Zip archive.
    SevenZip,
    /// A file of Parquet.
    Parquet,
    /// A document for printing.
    Pdf,
}

/// What the archive of a document of Office begins with, behind the 30 bytes before its first name.
const FIRST_OF_OFFICE: [&[u8]; 5] =
    [b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/", b"mimetypeapplication/vnd.oasis."];

impl PackedFormat {
    /// So many bytes are enough to tell.
    pub const START_BYTES: usize = 64;

    /// The format of a file that begins like this. No text does.
    #[must_use]
    pub fn of(start: &[u8]) -> Option<Self> {
        match start {
            [b'P', b'K', 3, 4, rest @ ..] if is_of_office(rest) => Some(Self::Workbook),
            // With files in it, empty, and in parts.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, ..] => {
                Some(Self::Zip)
            }
            [0xD0, 0xCF, 0x11, 0xE0, ..] => Some(Self::OldWorkbook),
            [0x1F, 0x8B, 8, ..] => Some(Self::Gzip),
            // A frame, and one that is to be skipped: pzstd begins with such a one.
            [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Some(Self::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => {
                Some(Self::Bzip2)
            }
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [b'7', b'z', 0xBC, 0xAF, 0x27, 0x1C, ..] => Some(Self::SevenZip),
            // With the head of its first page.
            [b'P', b'A', b'R', b'1', 0x15, ..] => Some(Self::Parquet),
            [b'%', b'P', b'D', b'F', b'-', b'0'..=b'9', b'.', ..] => Some(Self::Pdf),
            _ => None,
        }
    }

    /// What to do with such a file.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Zip => {
                "unpack it and load the CSV file inside, or save the workbook as CSV; gzip and \
                 Zstandard are read as they are"
            }
            Self::Workbook | Self::OldWorkbook => {
                "open it and save the sheet with the rows as CSV UTF-8"
            }
            Self::Gzip | Self::Zstd => "what is compressed twice has to be decompressed once",
            Self::Bzip2 | Self::Xz | Self::SevenZip => {
                "decompress it; gzip and Zstandard are read as they are"
            }
            Self::Parquet => "write its rows as CSV",
            Self::Pdf => "load the file from which it was made, as CSV",
        }
    }
}

/// Whether a zip archive is a document of Office; `rest` is behind its first four bytes.
fn is_of_office(rest: &[u8]) -> bool {
    let first_name = rest.get(26..).unwrap_or_default();
    FIRST_OF_OFFICE.iter().any(|known| first_name.starts_with(known))
}

impl fmt::Display for PackedFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Zip => "a zip archive or an Excel workbook",
            Self::Workbook => "an Excel workbook or another office document",
            Self::OldWorkbook => "an old Excel workbook",
            Self::Gzip => "a file that gzip compressed",
            Self::Zstd => "a file that Zstandard compressed",
            Self::Bzip2 => "a file that bzip2 compressed",
            Self::Xz => "a file that xz compressed",
            Self::SevenZip => "a 7-Zip archive",
            Self::Parquet => "a Parquet file",
            Self::Pdf => "a PDF document",
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

/// A record that is too long, with what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooLong {
    /// It is one, from end to end.
    Whole,
    /// A quote that opens at this byte was still open at the limit.
    OpenQuote(u64),
    /// There is no line end up to the limit.
    Line,
}

impl TooLong {
    pub(crate) fn at_limit(open_quote: Option<u64>) -> Self {
        open_quote.map_or(Self::Line, Self::OpenQuote)
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => formatter.write_str("set RECORD_BYTES_MAX higher to load it"),
            Self::OpenQuote(quote) => write!(
                formatter,
                "the quote that opens at byte {quote} was still open there; is its closing quote missing?"
            ),
            Self::Line => formatter.write_str("is this a CSV file with line ends?"),
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
