//! One cell out of a raw record.

use csv_core::ReadFieldResult;
use memchr::{memchr, memchr_iter};

use crate::{Dialect, Header};

/// Reads the cells of one column.
#[derive(Clone, Debug)]
pub struct Cells {
    dialect: Dialect,
    /// From 0.
    column: usize,
    text: Vec<u8>,
}

impl Cells {
    /// Those of the column with this name. When there is none, capitals and blanks around the name
    /// do not matter.
    #[must_use]
    pub fn of(header: &Header, column: &str) -> Option<Self> {
        let alike = |name: &String| name.trim().eq_ignore_ascii_case(column.trim());
        let columns = header.columns();
        let exact = columns.iter().position(|name| name == column);
        let column = exact.or_else(|| columns.iter().position(alike))?;
        Some(Self { dialect: header.dialect(), column, text: Vec::new() })
    }

    /// What the cell of a raw record says, without its quotes and without blanks around it. Nothing
    /// in a record that has no such cell.
    pub fn read<'a>(&'a mut self, raw: &'a [u8]) -> &'a [u8] {
        let Dialect { delimiter, quote } = self.dialect;
        let cell = match memchr(quote, raw) {
            // Then a delimiter is nothing but a delimiter.
            None => {
                let mut starts = memchr_iter(delimiter, raw).map(|at| at + 1);
                let start = match self.column.checked_sub(1) {
                    None => Some(0),
                    Some(before) => starts.nth(before),
                };
                let rest = start.map_or(&raw[..0], |start| &raw[start..]);
                &rest[..memchr(delimiter, rest).unwrap_or(rest.len())]
            }
            Some(_) => self.unquoted(raw),
        };
        cell.trim_ascii()
    }

    fn unquoted(&mut self, raw: &[u8]) -> &[u8] {
        self.text.resize(raw.len(), 0);
        let mut reader = self.dialect.reader();
        let (mut used, mut end) = (0, 0);
        let mut columns_before = self.column;
        loop {
            // The empty input behind the last byte says that the record ends there.
            let (result, read, written) = reader.read_field(&raw[used..], &mut self.text[end..]);
            used += read;
            end += written;
            match result {
                ReadFieldResult::Field { .. } if columns_before == 0 => return &self.text[..end],
                ReadFieldResult::Field { record_end: false } => {
                    columns_before -= 1;
                    end = 0;
                }
                ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
                ReadFieldResult::Field { record_end: true } | ReadFieldResult::End => return &[],
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(column: &str, raw: &str) -> String {
        let header = Header::parse("id,\"Parent, Key\",note".into(), Dialect::default()).unwrap();
        let mut cells = Cells::of(&header, column).unwrap();
        String::from_utf8(cells.read(raw.as_bytes()).to_vec()).unwrap()
    }

    #[test]
    fn a_cell_is_what_the_record_says_in_its_column() {
        for (raw, expected) in [
            ("1,A-9,x", "A-9"),
            ("1,\"A-9\",x", "A-9"),
            ("\"1,2\",A-9,x", "A-9"),
            ("1,\"say \"\"A\"\"\",x", "say \"A\""),
            ("1,\"two\nlines\",x", "two\nlines"),
            ("1, A-9 ,x", "A-9"),
            ("1,5\" pipe,x", "5\" pipe"),
            ("1,,x", ""),
            ("1,\"\",x", ""),
            ("1,A-9", "A-9"),
            ("1", ""),
            ("\"1\"", ""),
            ("", ""),
        ] {
            assert_eq!(cell("Parent, Key", raw), expected, "{raw:?}");
        }
        assert_eq!(cell("id", "7,A"), "7");
        assert_eq!(cell("note", "7,A,\"b\""), "b");
    }

    #[test]
    fn a_column_is_found_by_its_name_and_else_whatever_its_capitals() {
        let header = Header::parse("Key, key ,other".into(), Dialect::default()).unwrap();
        let index = |column| Cells::of(&header, column).map(|cells| cells.column);

        assert_eq!([index("Key"), index(" key "), index("KEY")], [Some(0), Some(1), Some(0)]);
        assert_eq!([index("OTHER"), index("none")], [Some(2), None]);
    }
}
