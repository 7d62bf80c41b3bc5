//! The cells of a raw record.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2, memchr3};

use crate::{Dialect, Header, trimmed};

/// Reads the cells of one column.
#[derive(Clone, Debug)]
pub struct Cells {
    dialect: Dialect,
    /// From 0.
    column: usize,
    text: Vec<u8>,
}

impl Cells {
    /// Those of the column with this name, found as by [`Header::find`]; of two that have it alike,
    /// the first one.
    #[must_use]
    pub fn of(header: &Header, column: &str) -> Option<Self> {
        let column = header.find(column).unwrap_or_else(|alike| Some(alike.first - 1))?;
        Some(Self::at(header.dialect(), column))
    }

    /// Those of the column at this place, from 0.
    #[must_use]
    pub fn at(dialect: Dialect, column: usize) -> Self {
        Self { dialect, column, text: Vec::new() }
    }

    /// What the cell of a raw record says, without its quotes and without [what nobody sees
    /// around it](trimmed). Nothing in a record that has no such cell.
    pub fn read<'a>(&'a mut self, raw: &'a [u8]) -> &'a [u8] {
        let Dialect { delimiter, quote, .. } = self.dialect;
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
            Some(_) => match spans(self.dialect, raw).nth(self.column) {
                Some(span) => unquote(self.dialect, &raw[span], &mut self.text),
                None => &[],
            },
        };
        match std::str::from_utf8(cell) {
            Ok(cell) => trimmed(cell).as_bytes(),
            Err(_) => cell.trim_ascii(),
        }
    }
}

impl Dialect {
    /// Hands over each cell of a raw record, without its quotes. `text` is room to write in. Gives
    /// whether it is a record, and a single one: no quote is open, and no line ends outside quotes.
    pub fn for_each_cell(
        self,
        raw: &[u8],
        text: &mut Vec<u8>,
        mut each: impl FnMut(&[u8]),
    ) -> bool {
        let delimiter_from =
            |at: usize| memchr(self.delimiter, &raw[at..]).map_or(raw.len(), |more| at + more);
        let mut start = 0;
        let is_closed = loop {
            let (end, plain) = match raw.get(start) {
                Some(&byte) if byte == self.quote => {
                    let Some(Closing { at, is_first_find }) = closing(self, raw, start) else {
                        each(unquote(self, &raw[start..], text));
                        break false;
                    };
                    let end = delimiter_from(at + 1);
                    (end, (is_first_find && end == at + 1).then_some(start + 1..at))
                }
                _ => {
                    let end = delimiter_from(start);
                    (end, Some(start..end))
                }
            };
            each(match plain {
                Some(plain) => &raw[plain],
                None => unquote(self, &raw[start..end], text),
            });
            if end >= raw.len() {
                break true;
            }
            start = end + 1;
        };
        is_closed && (memchr2(b'\r', b'\n', raw).is_none() || is_one_record(self, raw))
    }
}

/// Whether no quote is open at the end, and no line ends outside quotes.
pub(crate) fn is_one_record(dialect: Dialect, raw: &[u8]) -> bool {
    if memchr3(dialect.quote, b'\r', b'\n', raw).is_none() {
        return true;
    }
    spans(dialect, raw).all(|span| {
        let cell = &raw[span];
        let behind_quotes = match cell.first() {
            Some(&byte) if byte == dialect.quote => {
                closing_quote(dialect, cell, 0).map(|closing| closing + 1)
            }
            _ => Some(0),
        };
        behind_quotes.is_some_and(|behind| memchr2(b'\r', b'\n', &cell[behind..]).is_none())
    })
}

/// Where the cells of a record are, quotes included. A record has at least one.
pub(crate) fn spans(dialect: Dialect, raw: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let end = cell_end(dialect, raw, start);
        next = (end < raw.len()).then_some(end + 1);
        Some(start..end)
    })
}

/// Where the cell that starts here ends: at a delimiter, or with the record.
fn cell_end(dialect: Dialect, raw: &[u8], start: usize) -> usize {
    let behind_quotes = match raw.get(start) {
        Some(&byte) if byte == dialect.quote => {
            closing_quote(dialect, raw, start).map_or(raw.len(), |closing| closing + 1)
        }
        _ => start,
    };
    let delimiter = memchr(dialect.delimiter, &raw[behind_quotes..]);
    delimiter.map_or(raw.len(), |at| behind_quotes + at)
}

/// The quote that closes the one at `opens`.
fn closing_quote(dialect: Dialect, raw: &[u8], opens: usize) -> Option<usize> {
    closing(dialect, raw, opens).map(|closing| closing.at)
}

struct Closing {
    at: usize,
    /// Whether no other quote or escape is before it: then the cell says what is between the quotes.
    is_first_find: bool,
}

fn closing(dialect: Dialect, raw: &[u8], opens: usize) -> Option<Closing> {
    let Dialect { quote, escape, .. } = dialect;
    let (mut at, mut is_first_find) = (opens + 1, true);
    loop {
        at += memchr2(quote, escape.unwrap_or(quote), &raw[at..])?;
        let pair = [raw[at], raw.get(at + 1).copied().unwrap_or_default()];
        match is_pair(dialect, pair) {
            true => at += 2,
            false if pair[0] == quote => return Some(Closing { at, is_first_find }),
            false => at += 1,
        }
        is_first_find = false;
    }
}

/// Whether two bytes inside quotes stand for the second one.
fn is_pair(Dialect { quote, escape, .. }: Dialect, [first, second]: [u8; 2]) -> bool {
    let doubled = first == quote && second == quote;
    doubled || (Some(first) == escape && (second == quote || Some(second) == escape))
}

/// Whether a cell is in quotes from its first byte to its last one.
pub(crate) fn is_quoted(dialect: Dialect, cell: &[u8]) -> bool {
    cell.first() == Some(&dialect.quote)
        && closing_quote(dialect, cell, 0).is_some_and(|closing| closing + 1 == cell.len())
}

/// What a cell says. Text behind its closing quote belongs to it.
pub(crate) fn unquote<'a>(dialect: Dialect, cell: &'a [u8], text: &'a mut Vec<u8>) -> &'a [u8] {
    let Dialect { quote, escape, .. } = dialect;
    if cell.first() != Some(&quote) {
        return cell;
    }
    let closing = closing_quote(dialect, cell, 0);
    let inside = &cell[1..closing.unwrap_or(cell.len())];
    let behind = closing.map_or(&cell[..0], |closing| &cell[closing + 1..]);
    if behind.is_empty() && memchr2(quote, escape.unwrap_or(quote), inside).is_none() {
        return inside;
    }
    text.clear();
    let mut rest = inside;
    while let Some(at) = memchr2(quote, escape.unwrap_or(quote), rest) {
        let pair = [rest[at], rest.get(at + 1).copied().unwrap_or_default()];
        let (kept, after) = if is_pair(dialect, pair) { (at, at + 1) } else { (at + 1, at + 1) };
        text.extend_from_slice(&rest[..kept]);
        // The second of a pair is a character, whatever it is.
        let taken = after + usize::from(kept < after);
        text.extend_from_slice(&rest[after..taken]);
        rest = &rest[taken..];
    }
    text.extend_from_slice(rest);
    text.extend_from_slice(behind);
    text
}

/// Adds a cell in quotes that says this, whatever it is.
pub(crate) fn push_quoted(
    line: &mut Vec<u8>,
    text: impl IntoIterator<Item = u8>,
    dialect: Dialect,
) {
    let Dialect { quote, escape, .. } = dialect;
    line.push(quote);
    for byte in text {
        if byte == quote || Some(byte) == escape {
            line.push(escape.unwrap_or(quote));
        }
        line.push(byte);
    }
    line.push(quote);
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
    fn each_cell_is_handed_over_as_it_is_read_alone() {
        const ALPHABET: [u8; 6] = *b",\"\\\nab";
        let dialects = [None, Some(b'\\')].map(|escape| Dialect { escape, ..Dialect::default() });
        for number in 0..6_usize.pow(7) {
            let raw: Vec<u8> = (0..7).map(|at| ALPHABET[number / 6_usize.pow(at) % 6]).collect();
            let raw = &raw[number % 7..];
            for dialect in dialects {
                let alone: Vec<Vec<u8>> = spans(dialect, raw)
                    .map(|span| unquote(dialect, &raw[span], &mut Vec::new()).to_vec())
                    .collect();
                let (mut cells, mut text) = (Vec::new(), Vec::new());

                let is_one =
                    dialect.for_each_cell(raw, &mut text, |cell| cells.push(cell.to_vec()));

                assert_eq!((cells, is_one), (alone, is_one_record(dialect, raw)), "{raw:?}");
            }
        }
    }

    #[test]
    fn a_column_is_found_by_its_name_and_else_whatever_its_capitals() {
        let header = Header::parse("Key, key ,other".into(), Dialect::default()).unwrap();
        let index = |column| Cells::of(&header, column).map(|cells| cells.column);

        assert_eq!([index("Key"), index(" key "), index("KEY")], [Some(0), Some(1), Some(0)]);
        assert_eq!([index("OTHER"), index("none")], [Some(2), None]);
    }
}
