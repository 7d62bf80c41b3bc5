//! One record as the parser of the `csv` crate splits it.

use std::{
    hash::{DefaultHasher, Hasher},
    ops::RangeInclusive,
};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use ingest_core::Dialect;
use memchr::{memchr, memchr2};

use super::lines::is_line_end;

/// The cells of the last record that was split.
pub(super) struct CsvCells {
    csv: Reader,
    dialect: Dialect,
    /// One behind the other, without their quotes.
    text: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
    cells: usize,
}

/// Where the record ends.
pub(super) struct Split {
    /// The first byte of its line end, if that is there.
    pub(super) line_end: Option<usize>,
    /// A quote is open behind all there is.
    pub(super) is_open: bool,
}

impl CsvCells {
    pub(super) fn new(dialect: Dialect) -> Self {
        let Dialect { delimiter, quote, escape } = dialect;
        let csv = ReaderBuilder::new().delimiter(delimiter).quote(quote).escape(escape).build();
        Self { csv, dialect, text: vec![0; 1 << 10], ends: vec![0; 1 << 6], cells: 0 }
    }

    /// Splits the record that begins with the first of these bytes.
    pub(super) fn split(&mut self, input: &[u8]) -> Split {
        self.csv.reset();
        let (mut read, mut written) = (0, 0);
        self.cells = 0;
        while read < input.len() {
            let (result, more_read, more_written, more_cells) = self.csv.read_record(
                &input[read..],
                &mut self.text[written..],
                &mut self.ends[self.cells..],
            );
            read += more_read;
            written += more_written;
            self.cells += more_cells;
            match result {
                ReadRecordResult::Record => {
                    return Split { line_end: Some(read - 1), is_open: false };
                }
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
            }
        }
        if self.cells == self.ends.len() {
            self.ends.push(0);
        }
        self.ends[self.cells] = written;
        self.cells += 1;
        // A line end would end it, but in quotes.
        let (result, ..) = self.csv.read_record(b"\n", &mut [0; 2], &mut [0; 2]);
        Split { line_end: None, is_open: result != ReadRecordResult::Record }
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + DoubleEndedIterator {
        (0..self.cells).map(|at| {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.text[start..self.ends[at]]
        })
    }

    /// How many of these lines have as many cells as `counts` says, and how many there are with text.
    pub(super) fn count_lines(
        &mut self,
        lines: &[u8],
        counts: &RangeInclusive<usize>,
    ) -> (usize, usize) {
        let (mut with_cells, mut all) = (0, 0);
        for line in lines.split(|byte| is_line_end(*byte)).filter(|line| !line.is_empty()) {
            let _split = self.split(line);
            with_cells += usize::from(counts.contains(&self.cells));
            all += 1;
        }
        (with_cells, all)
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }
}

/// What the quotes of a record say.
#[derive(Default)]
pub(super) struct Quotes {
    /// There is text behind a closing quote.
    pub(super) is_misplaced: bool,
    /// The end of the first line of a cell that is closed by a quote which stands where one opens.
    pub(super) torn: Option<usize>,
    /// The end of the first line of a cell that is closed in text, on a later line.
    pub(super) joined: Option<usize>,
    /// Where that later line ends, if that is there: no quote behind the closing one counts.
    pub(super) joined_up_to: Option<usize>,
    /// Where the last cell begins.
    pub(super) last_cell: usize,
}

impl Quotes {
    pub(super) fn are_in_place(&self) -> bool {
        !self.is_misplaced && self.torn.is_none()
    }

    /// Of a record, or the first bytes of one.
    pub(super) fn of(dialect: Dialect, raw: &[u8]) -> Self {
        let Dialect { delimiter, quote, .. } = dialect;
        let mut found = Self::default();
        if memchr(quote, raw).is_none() {
            return found;
        }
        let mut opens = 0;
        loop {
            found.last_cell = opens;
            let behind = match raw.get(opens) {
                Some(&byte) if byte == quote => match closing(dialect, raw, opens) {
                    Some(closes) => closes + 1,
                    None => return found,
                },
                _ => opens,
            };
            let end = memchr(delimiter, &raw[behind..]).map_or(raw.len(), |at| behind + at);
            let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
            if behind > opens && !raw[behind..end].iter().all(is_blank) {
                found.torn = torn(dialect, raw, opens, behind - 1);
                if found.torn.is_some() {
                    return found;
                }
                found.is_misplaced = true;
                found.joined = line_end_from(&raw[..behind], opens);
                if found.joined.is_some() {
                    found.joined_up_to = line_end_from(raw, behind);
                    return found;
                }
            }
            if end == raw.len() {
                return found;
            }
            opens = end + 1;
        }
    }
}

/// The quote that closes the one that opens here.
fn closing(dialect: Dialect, raw: &[u8], opens: usize) -> Option<usize> {
    let Dialect { quote, escape, .. } = dialect;
    let mut at = opens + 1;
    loop {
        at += memchr2(quote, escape.unwrap_or(quote), raw.get(at..)?)?;
        let is_doubled = raw[at] == quote && raw.get(at + 1) == Some(&quote);
        if raw[at] == quote && !is_doubled {
            return Some(at);
        }
        at += 2;
    }
}

fn line_end_from(bytes: &[u8], from: usize) -> Option<usize> {
    memchr2(b'\r', b'\n', &bytes[from..]).map(|at| from + at)
}

/// The first line end in a cell whose closing quote stands where a cell begins.
fn torn(dialect: Dialect, raw: &[u8], opens: usize, closes: usize) -> Option<usize> {
    let inside = &raw[opens + 1..closes];
    let line_end = memchr2(b'\r', b'\n', inside)?;
    let before = inside.iter().rev().find(|byte| **byte != dialect.quote)?;
    let begins_cell = *before == dialect.delimiter || matches!(before, b'\r' | b'\n');
    begins_cell.then_some(opens + 1 + line_end)
}

/// A digest of a record: of its text, and of its cells. What a reader makes of escape characters is
/// left out: to the `csv` crate a backslash before any character is none.
pub(super) struct Digest {
    hasher: DefaultHasher,
    escape: Option<u8>,
}

impl Digest {
    pub(super) fn of(raw: &[u8], dialect: Dialect) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(raw);
        Self { hasher, escape: dialect.escape }
    }

    pub(super) fn add_cell(&mut self, cell: &[u8]) {
        let mut bytes = 0;
        match self.escape {
            None => {
                self.hasher.write(cell);
                bytes = cell.len();
            }
            Some(escape) => {
                for part in cell.split(|byte| *byte == escape) {
                    self.hasher.write(part);
                    bytes += part.len();
                }
            }
        }
        self.hasher.write_usize(bytes);
    }

    pub(super) fn finish(self) -> u64 {
        self.hasher.finish()
    }
}
