//! The rows of an ids file as the parser of the `csv` crate finds them.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use ingest_core::Dialect;

/// A row is longer than one that a run writes: nobody wrote it there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Takes bytes, gives cells.
pub(super) struct IdsLines {
    csv: Reader,
    bytes_max: usize,
    text: Vec<u8>,
    written: usize,
    ends: Vec<usize>,
    cells: usize,
}

impl IdsLines {
    pub(super) fn new(dialect: Dialect, bytes_max: usize) -> Self {
        let Dialect { delimiter, quote, escape } = dialect;
        let csv = ReaderBuilder::new().delimiter(delimiter).quote(quote).escape(escape).build();
        Self { csv, bytes_max, text: vec![0; 1 << 10], written: 0, ends: vec![0; 1 << 3], cells: 0 }
    }

    /// Takes the next bytes, and gives the rows that end in them. A run ends each of its rows.
    pub(super) fn push(
        &mut self,
        mut chunk: &[u8],
        mut take: impl FnMut(&[&[u8]]),
    ) -> Result<(), TooLong> {
        while !chunk.is_empty() {
            let (result, read, written, cells) = self.csv.read_record(
                chunk,
                &mut self.text[self.written..],
                &mut self.ends[self.cells..],
            );
            chunk = &chunk[read..];
            self.written += written;
            self.cells += cells;
            match result {
                ReadRecordResult::Record => {
                    let starts = std::iter::once(0).chain(self.ends.iter().copied());
                    let places = starts.zip(&self.ends[..self.cells]);
                    let row: Vec<&[u8]> = places.map(|(from, to)| &self.text[from..*to]).collect();
                    take(&row);
                    (self.written, self.cells) = (0, 0);
                }
                _ if self.written.max(self.cells) > self.bytes_max => return Err(TooLong),
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_same_wherever_their_bytes_are_cut() {
        let file = "_record,Key,Id,_change\n1,\"a,\n\"\"b\"\"\",X,created\n2,,,updated\n";
        let expected = ["_record|Key|Id|_change", "1|a,\n\"b\"|X|created", "2|||updated"];
        for cut in 0..=file.len() {
            let mut lines = IdsLines::new(Dialect::default(), 100);
            let mut rows = Vec::new();
            for piece in [&file.as_bytes()[..cut], &file.as_bytes()[cut..]] {
                let take =
                    |cells: &[&[u8]]| rows.push(String::from_utf8(cells.join(&b'|')).unwrap());
                lines.push(piece, take).unwrap();
            }
            assert_eq!(rows, expected, "{cut}");
        }
    }

    #[test]
    fn a_row_without_an_end_is_given_up() {
        let mut lines = IdsLines::new(Dialect::default(), 5_000);
        let mut pushed = 0;
        let given_up = loop {
            let taken = lines.push(b"\"1234567", |_| panic!("it has no end"));
            pushed += 8;
            if taken.is_err() || pushed > 1 << 20 {
                break taken;
            }
        };
        assert_eq!((given_up, pushed < 20_000), (Err(TooLong), true), "{pushed}");
    }
}
