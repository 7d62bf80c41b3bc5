//! The ids file: which record of Salesforce each delivered row is.

use std::fmt;

use crate::cell::push_quoted;
use crate::ids_columns::{CHANGE_COLUMN, ID_COLUMN, RECORD_COLUMN};
use crate::{Dialect, is_record_id};

/// Lines that are kept in one piece, in bytes. A line that is longer is a piece of its own.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// What the ids file says of one delivered row.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "it has a value of the row")]
pub struct IdLine<'a> {
    /// Number of the record in the file, from 1.
    pub record: u64,
    /// The cell by which the row found its record, unless that is the id itself; an insert has none.
    pub key: Option<&'a [u8]>,
    /// The id of the record; what is none is left out. Nobody may know it: Salesforce stored the row,
    /// and its answer had no id, or one that cannot be an id.
    pub id: &'a str,
    /// `created`, `updated` or `deleted`.
    pub change: &'static str,
}

/// Lines for the ids file of a run, as they are written there: those of a batch.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct IdLines {
    lines: u64,
    /// Whole lines, one right behind the other.
    pieces: Vec<Vec<u8>>,
}

/// The first line of the ids file: `_record`, the name of the key, `Id` and `_change`, then LF.
#[must_use]
pub fn ids_header(key: Option<&str>, dialect: Dialect) -> Vec<u8> {
    let mut line = Vec::new();
    let names = [Some(RECORD_COLUMN), key, Some(ID_COLUMN), Some(CHANGE_COLUMN)];
    push_line(&mut line, names.into_iter().flatten().map(str::as_bytes), dialect);
    line
}

/// The name of the key's column in the ids file: that of the source, or that of the field where this
/// one stands for something else there. Nothing where the id of the record is the key.
#[must_use]
pub fn ids_key_name(column: Option<&str>, field: &str) -> Option<String> {
    let column = column.map(str::trim).filter(|column| !column.is_empty());
    let is_taken = |name: &str| {
        [RECORD_COLUMN, ID_COLUMN, CHANGE_COLUMN].iter().any(|own| own.eq_ignore_ascii_case(name))
    };
    if field.eq_ignore_ascii_case(ID_COLUMN) {
        return None;
    }
    Some(column.filter(|column| !is_taken(column)).unwrap_or(field).to_owned())
}

impl IdLines {
    /// Those that are in these pieces.
    pub(crate) fn of(lines: u64, pieces: impl Iterator<Item = Vec<u8>>) -> Self {
        Self { lines, pieces: pieces.collect() }
    }

    /// Adds a line. An id that can be none is left out: it comes from outside.
    pub fn push(&mut self, dialect: Dialect, line: IdLine<'_>) {
        let IdLine { record, key, id, change } = line;
        let id = if is_record_id(id) { id } else { "" };
        let record = record.to_string();
        let bytes = record.len() + 2 * key.map_or(0, <[u8]>::len) + id.len() + change.len() + 16;
        let has_room = |piece: &Vec<u8>| piece.is_empty() || piece.len() + bytes <= PIECE_BYTES_MAX;
        if !self.pieces.last().is_some_and(has_room) {
            self.pieces.push(Vec::new());
        }
        let Some(piece) = self.pieces.last_mut() else { return };
        let cells = [Some(record.as_bytes()), key, Some(id.as_bytes()), Some(change.as_bytes())];
        push_line(piece, cells.into_iter().flatten(), dialect);
        self.lines += 1;
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.lines
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines == 0 && self.pieces.is_empty()
    }

    /// All of them in order, in pieces of whole lines.
    #[must_use]
    pub fn pieces(&self) -> &[Vec<u8>] {
        &self.pieces
    }

    pub(crate) fn bytes(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }
}

/// Shows how many there are: they have keys.
impl fmt::Debug for IdLines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} lines of ids", self.lines)
    }
}

fn push_line<'a>(line: &mut Vec<u8>, cells: impl Iterator<Item = &'a [u8]>, dialect: Dialect) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            line.push(dialect.delimiter);
        }
        push_cell(line, cell, dialect);
    }
    line.push(b'\n');
}

/// In quotes where it needs them.
fn push_cell(line: &mut Vec<u8>, cell: &[u8], dialect: Dialect) {
    let Dialect { delimiter, quote, escape } = dialect;
    let is_plain =
        |byte: &u8| ![delimiter, quote, b'\r', b'\n'].contains(byte) && Some(*byte) != escape;
    if cell.iter().all(is_plain) {
        line.extend_from_slice(cell);
    } else {
        push_quoted(line, cell.iter().copied(), dialect);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00Q000000000001AAA";

    fn lines(dialect: Dialect, given: &[IdLine<'_>]) -> String {
        let mut lines = IdLines::default();
        given.iter().for_each(|line| lines.push(dialect, *line));
        String::from_utf8(lines.pieces().concat()).unwrap()
    }

    fn line<'a>(key: Option<&'a [u8]>, id: &'a str) -> IdLine<'a> {
        IdLine { record: 7, key, id, change: "created" }
    }

    #[test]
    fn a_line_names_the_row_and_its_record() {
        let comma = Dialect::default();
        let header = |key| String::from_utf8(ids_header(key, comma)).unwrap();

        assert_eq!(header(Some("Kunden, Nr")), "_record,\"Kunden, Nr\",Id,_change\n");
        assert_eq!(header(None), "_record,Id,_change\n");
        let written = lines(comma, &[line(Some(b"A-1"), ID), line(None, ID)]);
        assert_eq!(written, format!("7,A-1,{ID},created\n7,{ID},created\n"));
    }

    #[test]
    fn a_key_that_means_something_to_the_file_is_quoted() {
        for (key, written) in [
            ("say \"A\"", "\"say \"\"A\"\"\""),
            ("a,b", "\"a,b\""),
            ("two\nlines", "\"two\nlines\""),
            ("", ""),
            ("a;b", "a;b"),
        ] {
            let expected = format!("7,{written},{ID},created\n");
            assert_eq!(lines(Dialect::default(), &[line(Some(key.as_bytes()), ID)]), expected);
        }
        let odd = Dialect { delimiter: b'7', quote: b'\'', escape: Some(b'\\') };
        let written = lines(odd, &[line(Some(b"a\\'b"), ID)]);
        assert_eq!(written, format!("'7'7'a\\\\\\'b'7{ID}7created\n"));
    }

    #[test]
    fn what_cannot_be_an_id_is_left_out() {
        for id in ["", "null", "00Q", "=HYPERLINK(1)xx", "00Q00000000000\n", "00Q000000000001AAAB"]
        {
            assert_eq!(lines(Dialect::default(), &[line(Some(b"A"), id)]), "7,A,,created\n");
        }
        let short = "00Q000000000001";
        assert_eq!(lines(Dialect::default(), &[line(None, short)]), format!("7,{short},created\n"));
    }

    #[test]
    fn the_key_is_called_as_in_the_source_unless_that_name_is_taken() {
        for (column, field, expected) in [
            (Some(" Kundennr "), "ErpKey__c", Some("Kundennr")),
            (None, "ErpKey__c", Some("ErpKey__c")),
            (Some(""), "ErpKey__c", Some("ErpKey__c")),
            (Some("ID"), "ErpKey__c", Some("ErpKey__c")),
            (Some("_record"), "ErpKey__c", Some("ErpKey__c")),
            (Some("LeadId"), "Id", None),
        ] {
            assert_eq!(ids_key_name(column, field).as_deref(), expected, "{column:?}");
        }
    }

    #[test]
    fn lines_are_kept_in_pieces_of_whole_lines() {
        let mut ids = IdLines::default();
        let long = vec![b'x'; PIECE_BYTES_MAX];
        for record in 0..10_000 {
            ids.push(Dialect::default(), IdLine { record, ..line(Some(b"KEY-1"), ID) });
        }
        ids.push(Dialect::default(), line(Some(&long), ID));
        ids.push(Dialect::default(), line(Some(b"KEY-2"), ID));

        assert_eq!(ids.len(), 10_002);
        assert_eq!(ids.pieces().concat().iter().filter(|byte| **byte == b'\n').count(), 10_002);
        let (last, others) = ids.pieces().split_last().unwrap();
        let (long, others) = others.split_last().unwrap();
        assert_eq!((last.len(), long.len() > PIECE_BYTES_MAX), (35, true));
        assert!(
            others.iter().all(|piece| piece.len() <= PIECE_BYTES_MAX && piece.ends_with(b"\n"))
        );
        assert!(others.len() < 10, "{}", others.len());
        assert!(!format!("{ids:?}").contains("KEY"));
    }
}
