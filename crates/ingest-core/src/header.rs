//! The first record.

use std::ops::RangeInclusive;

use bytes::Bytes;
use memchr::memchr;

use crate::error::{DataKind, IngestError};
use crate::ids_columns::is_added_to_ids;
use crate::reject_columns::RejectColumns;
use crate::scan::is_blank;
use crate::{Dialect, Position};

/// The first record of the input: the names of the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    raw: Bytes,
    dialect: Dialect,
    columns: Vec<String>,
    /// How many there are up to the last one with a name.
    named: usize,
}

impl Header {
    /// Reads a header from its raw bytes, as [`raw`](Self::raw) gave them.
    ///
    /// # Errors
    ///
    /// When the bytes are empty, not text or have null bytes, no column has a name, or one looks like data: see
    /// [`IngestError::HeaderLooksLikeData`].
    pub fn parse(raw: Bytes, dialect: Dialect) -> Result<Self, IngestError> {
        Self::read(raw, dialect, Position { record: 0, line: 1, byte: 0 })
    }

    /// Reads the header that was found at this place.
    pub(crate) fn read(raw: Bytes, dialect: Dialect, at: Position) -> Result<Self, IngestError> {
        if !dialect.is_usable() {
            return Err(IngestError::UnusableDialect(dialect));
        }
        if raw.is_empty() {
            return Err(IngestError::Empty);
        }
        if let Err(error) = std::str::from_utf8(&raw) {
            let byte = at.byte + error.valid_up_to() as u64;
            return Err(IngestError::HeaderNotUtf8 { at, byte });
        }
        if let Some(null) = memchr(0, &raw) {
            return Err(IngestError::HeaderHasNull { at, byte: at.byte + null as u64 });
        }
        let columns = columns(&raw, dialect);
        check(&columns, at)?;
        let named = columns.iter().rposition(|name| !name.trim().is_empty());
        let named = named.map_or(0, |last| last + 1);
        Ok(Self { raw, dialect, columns, named })
    }

    /// The record as it came, without its line end and without a byte order mark.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The names of the columns, unquoted, in order.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The column with this name, from 0: by its exact name, else by the same one but for blanks
    /// around it, else whatever its capitals. `None`: there is none, or the name is blank.
    ///
    /// # Errors
    ///
    /// When two columns have it alike.
    pub fn find(&self, name: &str) -> Result<Option<usize>, RepeatedName> {
        let trimmed = name.trim();
        if trimmed.is_empty() {
            return Ok(None);
        }
        let kinds: [&dyn Fn(&str) -> bool; 3] =
            [&|column| column == name, &|column| column.trim() == trimmed, &|column| {
                column.trim().eq_ignore_ascii_case(trimmed)
            }];
        for is_it in kinds {
            let mut found = (0..self.columns.len()).filter(|&index| is_it(&self.columns[index]));
            match (found.next(), found.next()) {
                (Some(first), Some(second)) => {
                    return Err(RepeatedName { first: first + 1, second: second + 1 });
                }
                (Some(only), None) => return Ok(Some(only)),
                (None, _) => {}
            }
        }
        Ok(None)
    }

    /// Whether a record with so many cells is whole: columns without a name at the header's end, as
    /// a delimiter there makes one, may be missing.
    #[must_use]
    #[inline]
    pub fn takes(&self, cells: usize) -> bool {
        self.cells().contains(&cells)
    }

    /// Whether it is that of a rejects file or of a copy of one, whatever quotes it was read with.
    #[must_use]
    pub fn is_of_rejects_file(&self) -> bool {
        RejectColumns::of(&self.columns).is_some()
    }

    /// Whether the column at this place, from 0, is one that an [ids file](crate::ids_header) adds to key
    /// and Id, and that fills no field.
    #[must_use]
    pub fn is_added_to_ids(&self, column: usize) -> bool {
        is_added_to_ids(&self.columns, column)
    }

    /// Whether a record says what the header says: its names in other quotes or capitals, with other
    /// blanks around them, or without the columns at the end that have none, are the same names.
    #[inline]
    pub(crate) fn is_repeated_by(&self, raw: &[u8]) -> bool {
        // Two bytes tell that of most records, without the bit that makes a letter a capital.
        let is_around = |byte: &u8| is_blank(*byte) || *byte == self.dialect.quote;
        let first = self.columns[0].trim_start_matches([' ', '\t']).as_bytes();
        let at = raw.iter().position(|byte| !is_around(byte)).unwrap_or(raw.len());
        raw[at..].iter().zip(first).take(2).all(|(found, name)| (found ^ name) & !0x20 == 0)
            && self.is_repeated_by_cells(raw)
    }

    #[cold]
    #[inline(never)]
    fn is_repeated_by_cells(&self, raw: &[u8]) -> bool {
        let (mut cells, mut are_alike) = (0, true);
        self.dialect.for_each_cell(raw, &mut Vec::new(), |cell| {
            let name = self.columns.get(cells).map_or("", |name| name.trim());
            let cell = std::str::from_utf8(cell).ok();
            are_alike =
                are_alike && cell.is_some_and(|cell| cell.trim().eq_ignore_ascii_case(name));
            cells += 1;
        });
        are_alike && self.takes(cells)
    }

    /// How many cells a whole record has.
    #[inline]
    pub(crate) fn cells(&self) -> RangeInclusive<usize> {
        self.named..=self.columns.len()
    }

    /// How the input is written.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }
}

/// Two columns that a name may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepeatedName {
    /// The first one, from 1.
    pub first: usize,
    /// The next one.
    pub second: usize,
}

/// The fields of a record, unquoted.
fn columns(raw: &[u8], dialect: Dialect) -> Vec<String> {
    let mut columns = Vec::new();
    dialect.for_each_cell(raw, &mut Vec::new(), |cell| {
        columns.push(String::from_utf8_lossy(cell).into_owned());
    });
    columns
}

fn check(columns: &[String], at: Position) -> Result<(), IngestError> {
    for (index, name) in columns.iter().enumerate() {
        if let Some(kind) = looks_like_data(name) {
            return Err(IngestError::HeaderLooksLikeData { at, column: index + 1, kind });
        }
    }
    match columns.iter().all(|name| name.trim().is_empty()) {
        true => Err(IngestError::NoColumnName { at }),
        false => Ok(()),
    }
}

/// Whether a column's name can hardly be one: an e-mail address, or a plain number that is not a
/// year (tables with a column per year are common).
fn looks_like_data(name: &str) -> Option<DataKind> {
    let name = name.trim();
    if is_number(name) && !is_year(name) {
        Some(DataKind::Number)
    } else if is_email_address(name) {
        Some(DataKind::EmailAddress)
    } else {
        None
    }
}

/// Digits, at most one sign before and one point among them.
fn is_number(name: &str) -> bool {
    let unsigned = name.strip_prefix(['-', '+']).unwrap_or(name);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction)
}

fn is_year(name: &str) -> bool {
    name.len() == 4 && (name.starts_with("19") || name.starts_with("20"))
}

/// One `@`, something before it, and a domain with a point behind it.
fn is_email_address(name: &str) -> bool {
    let Some((local, domain)) = name.split_once('@') else { return false };
    let top_level = domain.rsplit_once('.');
    !local.is_empty()
        && !name.contains(char::is_whitespace)
        && !domain.contains('@')
        && top_level.is_some_and(|(name, top)| !name.is_empty() && !top.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(header: &str) -> Result<Vec<String>, String> {
        let raw = Bytes::copy_from_slice(header.as_bytes());
        match Header::parse(raw, Dialect::default()) {
            Ok(header) => Ok(header.columns().to_vec()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn columns_are_named_as_they_are_written_without_their_quotes() {
        let cases: &[(&str, &[&str])] = &[
            ("a,b", &["a", "b"]),
            ("only", &["only"]),
            ("\"a,b\",\"say \"\"c\"\"\"", &["a,b", "say \"c\""]),
            ("\"two\nlines\",b", &["two\nlines", "b"]),
            (" a,a,A,a", &[" a", "a", "A", "a"]),
            ("a,,\"\",b,  ", &["a", "", "", "b", "  "]),
            ("Größe,名前", &["Größe", "名前"]),
            ("Country,2024,2025", &["Country", "2024", "2025"]),
            ("Q1,Line 2,3rd,1e,v1.2,@id,a@b", &["Q1", "Line 2", "3rd", "1e", "v1.2", "@id", "a@b"]),
        ];

        for (header, columns) in cases {
            assert_eq!(parsed(header).as_deref(), Ok(&columns.map_to_strings()[..]), "{header:?}");
        }
    }

    #[test]
    fn a_header_that_cannot_name_columns_is_refused_by_position() {
        let cases = [
            (",,", "no column has a name"),
            (" ,\"\"", "no column has a name"),
            ("7,,7", "column 1 is named by a number"),
            ("id,-1.5", "column 2 is named by a number"),
            ("id,0012", "column 2 is named by a number"),
            ("id,ada@example.com", "column 2 is named by an e-mail address"),
        ];

        for (header, message) in cases {
            let error = parsed(header).unwrap_err();
            assert!(error.contains(message), "{header:?}: {error}");
        }
    }

    #[test]
    fn a_column_is_found_by_its_exact_name_then_trimmed_then_whatever_its_capitals() {
        let raw = "Key ,key,\u{A0}Count\u{A0},Note,Note, note ,,";
        let header = Header::parse(raw.into(), Dialect::default()).unwrap();

        assert_eq!(
            ["Key ", "Key", " key", "KEY"].map(|name| header.find(name)),
            [Ok(Some(0)), Ok(Some(0)), Ok(Some(1)), Err(RepeatedName { first: 1, second: 2 }),]
        );
        assert_eq!(
            ["Count", "COUNT", "other", "", " "].map(|name| header.find(name)),
            [Ok(Some(2)), Ok(Some(2)), Ok(None), Ok(None), Ok(None),]
        );
        assert_eq!(header.find("Note"), Err(RepeatedName { first: 4, second: 5 }));
        assert_eq!(header.find("note"), Ok(Some(5)));
        assert_eq!(
            [5, 6, 7, 8, 9].map(|cells| header.takes(cells)),
            [false, true, true, true, false]
        );
    }

    #[test]
    fn an_error_about_a_header_that_may_be_data_does_not_repeat_it() {
        let error = parsed("0041,ada@example.com,Ada").unwrap_err();

        assert!(!error.contains("0041") && !error.contains("ada") && !error.contains("Ada"));
    }

    trait MapToStrings {
        fn map_to_strings(&self) -> Vec<String>;
    }

    impl MapToStrings for &[&str] {
        fn map_to_strings(&self) -> Vec<String> {
            self.iter().map(|&name| name.to_owned()).collect()
        }
    }
}
