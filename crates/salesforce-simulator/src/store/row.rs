//! One stored row in one allocation: how often it was written, then the fields
//! that have a value, each as column, length and text.
//!
//! Two million leads of four texts, 69 bytes together, take 139 bytes each, index
//! and spare room included (measured with `examples/load`).

use crate::schema::Column;

const WRITES_BYTES: usize = 4;

/// The bytes of a row, read in place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a>(pub(crate) &'a [u8]);

impl<'a> Row<'a> {
    /// How many times the row was written, the first time included.
    pub(crate) fn writes(self) -> u32 {
        let bytes = self.0.first_chunk::<WRITES_BYTES>().expect("every row starts with its count");
        u32::from_le_bytes(*bytes)
    }

    /// The fields that have a value, by column.
    pub(crate) fn fields(self) -> impl Iterator<Item = (Column, &'a str)> {
        let mut rest = &self.0[WRITES_BYTES..];
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let column = take_number(&mut rest);
            let length = take_number(&mut rest);
            let (text, after) = rest.split_at(length);
            rest = after;
            let column = Column::try_from(column).expect("only columns are written");
            Some((column, std::str::from_utf8(text).expect("only text is written")))
        })
    }

    pub(crate) fn get(self, column: Column) -> Option<&'a str> {
        self.fields().find(|(found, _)| *found == column).map(|(_, text)| text)
    }
}

/// Starts a row in `buffer`; fields follow with [`write_field`] in the order of
/// their columns.
pub(crate) fn start_row(buffer: &mut Vec<u8>, writes: u32) {
    buffer.clear();
    buffer.extend_from_slice(&writes.to_le_bytes());
}

pub(crate) fn write_field(buffer: &mut Vec<u8>, column: Column, text: &str) {
    write_number(buffer, usize::from(column));
    write_number(buffer, text.len());
    buffer.extend_from_slice(text.as_bytes());
}

/// Seven bits a byte, low ones first; the top bit says that more follow.
fn write_number(buffer: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        buffer.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    buffer.push(u8::try_from(number).expect("seven bits"));
}

fn take_number(bytes: &mut &[u8]) -> usize {
    let mut number = 0;
    let mut shift = 0;
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        number |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back_as_it_was_written() {
        let long = "é".repeat(20_000);
        let fields = [(0, "A-1"), (3, ""), (200, long.as_str()), (u16::MAX, "end")];
        let mut buffer = b"left over".to_vec();

        start_row(&mut buffer, 7);
        for (column, text) in fields {
            write_field(&mut buffer, column, text);
        }

        let row = Row(&buffer);
        assert_eq!(row.writes(), 7);
        assert_eq!(row.fields().collect::<Vec<_>>(), fields);
        assert_eq!(row.get(u16::MAX), Some("end"));
        assert_eq!(row.get(1), None);
    }
}
