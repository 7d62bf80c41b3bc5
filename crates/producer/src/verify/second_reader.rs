//! A reader that shares nothing with the decoder that cut the file into batches. The parser of the
//! `csv` crate finds where records and cells end; which records cannot be rows is decided here once
//! more, from the rules as they are documented.
//!
//! The crate trusts a quote until it is closed, and takes all that follows into one cell. So it
//! begins anew behind a line of which a quote is not closed: neither within the limit of a record
//! nor before the end of the file, or only by a quote that stands where one opens, or in text with
//! lines before it that look like rows. What passes the limit is one record to its end, if the crate
//! finds that within four limits, and as many cells as the header has, and lines that look like none.

use std::collections::VecDeque;

use ingest_core::{Dialect, Position, RejectCode};
use memchr::memchr2;

use super::{
    cells::{CsvCells, Digest},
    cut::{Cut, Limits},
    lines::{Lines, is_line_end, line_ends, lines_ended},
    rejected_row::RejectedRow,
    rules::{SecondHeader, Shape},
};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// So many bytes wait until they are asked for: more than a batch has. What comes beyond that, and
/// beyond what says where a record ends, is read at once, since somebody skips it.
const WAITING_BYTES_MAX: usize = 8 << 20;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) at: Position,
    /// The code with which it cannot be a row.
    pub(super) code: Option<&'static str>,
    pub(super) digest: u64,
    /// How many lines it has, or makes unreadable.
    pub(super) lines: u64,
    /// Right behind its line end.
    pub(super) end_line: u64,
    pub(super) end_byte: u64,
    /// What it says as a row of a rejects file, where it was read as one.
    pub(super) rejected: Option<RejectedRow>,
}

/// Takes bytes, gives records.
pub(super) struct SecondReader {
    cells: CsvCells,
    limits: Limits,
    is_rejects_file: bool,
    place: Place,
    /// Bytes that are not read yet, behind some that are.
    held: Vec<u8>,
    used: usize,
    ended: bool,
    /// Records that nobody asked for yet.
    found: VecDeque<Seen>,
    /// A line `sep=;` of which the next record tells whether it is a record.
    sep_line: Option<Seen>,
    header: Option<SecondHeader>,
    /// Of the next record; the header is record 0.
    record: u64,
    cursor: Lines,
    skipped_lines: u64,
    empty_lines: u64,
    /// Of all bytes, whatever they mean.
    lines: Lines,
}

#[derive(Clone, Copy)]
enum Place {
    Opening,
    Records,
    /// In the last line of a record that is too long.
    TooLong(Position),
}

/// A line that says `sep=;` to Excel. In the midst of the file it is a record, unless the header is
/// said again behind it.
fn is_sep_line(raw: &[u8]) -> bool {
    matches!(raw, [_, _, _, b'=', delimiter] if delimiter.is_ascii())
        && raw[..3].eq_ignore_ascii_case(b"sep")
}

impl SecondReader {
    pub(super) fn new(dialect: Dialect, record_bytes_max: usize) -> Self {
        Self {
            cells: CsvCells::new(dialect),
            limits: Limits { record_bytes_max, cells: None },
            is_rejects_file: false,
            place: Place::Opening,
            held: Vec::new(),
            used: 0,
            ended: false,
            found: VecDeque::new(),
            sep_line: None,
            header: None,
            record: 0,
            cursor: Lines::default(),
            skipped_lines: 0,
            empty_lines: 0,
            lines: Lines::default(),
        }
    }

    /// The same for a rejects file, whose records have columns of their own behind those of the file.
    pub(super) fn of_rejects_file(dialect: Dialect, record_bytes_max: usize) -> Self {
        Self { is_rejects_file: true, ..Self::new(dialect, record_bytes_max) }
    }

    /// Takes the next bytes of the decoded file.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.lines.pass(chunk);
        self.held.drain(..self.used);
        self.used = 0;
        self.held.extend_from_slice(chunk);
        let waiting_bytes_max = WAITING_BYTES_MAX.max(self.limits.bytes_needed_max());
        while self.held.len() - self.used > waiting_bytes_max {
            if !self.find() {
                break;
            }
        }
    }

    /// Says that nothing more comes.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The next record, if it begins before this byte.
    pub(super) fn next_before(&mut self, byte: u64) -> Option<Seen> {
        while self.found.is_empty() {
            if self.cursor.bytes >= byte && self.sep_line.is_none() || !self.find() {
                return None;
            }
        }
        self.found.front().filter(|seen| seen.at.byte < byte)?;
        self.found.pop_front()
    }

    pub(super) fn header(&self) -> Option<&SecondHeader> {
        self.header.as_ref()
    }

    /// Lines of all bytes so far. The last one may have no line end.
    pub(super) fn lines(&self) -> u64 {
        self.lines.ended + u64::from(self.lines.is_in_line())
    }

    /// Lines without data: of delimiters and blanks only, and a last one of nothing but Ctrl-Z.
    pub(super) fn skipped_lines(&self) -> u64 {
        self.skipped_lines
    }

    /// Lines with nothing in them but marks, and Excel's `sep=` line.
    pub(super) fn empty_lines(&self) -> u64 {
        self.empty_lines
    }

    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        self.held.capacity() + self.found.capacity() * size_of::<Seen>()
    }

    /// Reads a record, and gives whether there was one.
    fn find(&mut self) -> bool {
        let next = self.read();
        if next.is_none() && !self.ended {
            return false;
        }
        let sep_line = self.sep_line.take();
        let Some((mut seen, is_sep_line)) = next else {
            self.found.extend(sep_line);
            return !self.found.is_empty();
        };
        match sep_line {
            Some(line) if seen.code == Some(RejectCode::RepeatedHeader.as_str()) => {
                self.skipped_lines += line.lines;
                self.record -= 1;
                seen.at.record -= 1;
            }
            sep_line => self.found.extend(sep_line),
        }
        match is_sep_line && !self.is_rejects_file {
            true => self.sep_line = Some(seen),
            false => self.found.push_back(seen),
        }
        true
    }

    /// The next record, and whether it is a line `sep=;`.
    fn read(&mut self) -> Option<(Seen, bool)> {
        loop {
            match self.place {
                Place::Opening => self.open()?,
                Place::TooLong(at) => return Some((self.read_too_long(at)?, false)),
                Place::Records => {
                    self.pass_nothing()?;
                    let rest = &self.held[self.used..];
                    let cut = self.limits.cut(&mut self.cells, rest, self.ended)?;
                    let is_sep_line = is_sep_line(&rest[..cut.raw]);
                    if let Some(seen) = self.take(&cut)? {
                        return Some((seen, is_sep_line));
                    }
                }
            }
        }
    }

    fn rest(&self) -> &[u8] {
        &self.held[self.used..]
    }

    fn pass(&mut self, bytes: usize) {
        self.cursor.pass(&self.held[self.used..self.used + bytes]);
        self.used += bytes;
    }

    fn pass_empty(&mut self, bytes: usize) {
        let before = self.cursor.ended;
        self.pass(bytes);
        self.empty_lines += self.cursor.ended - before;
    }

    fn position(&self) -> Position {
        let Lines { ended, bytes, .. } = self.cursor;
        Position { record: self.record, line: ended + 1, byte: bytes }
    }

    /// Passes a mark, blank lines, and a line that says `sep=;` to Excel.
    fn open(&mut self) -> Option<()> {
        if self.rest().len() < 3 && !self.ended {
            return None;
        }
        if self.cursor.bytes == 0 && self.rest().starts_with(BYTE_ORDER_MARK) {
            self.pass(BYTE_ORDER_MARK.len());
        }
        self.pass_empty(line_ends(self.rest()));
        let rest = self.rest();
        if rest.len() < 6 && !self.ended {
            return None;
        }
        if let [_, _, _, b'=', delimiter, end, ..] = *rest
            && rest[..3].eq_ignore_ascii_case(b"sep")
            && delimiter.is_ascii()
            && !is_line_end(delimiter)
            && is_line_end(end)
        {
            // Its line end is one of a blank line then.
            self.pass(5);
        }
        self.place = Place::Records;
        Some(())
    }

    /// Passes line ends and marks before a record. `None`: there may be more of them.
    fn pass_nothing(&mut self) -> Option<()> {
        loop {
            let rest = self.rest();
            let may_be_mark = rest.len() < 3 && BYTE_ORDER_MARK.starts_with(rest);
            if rest.is_empty() || may_be_mark && !self.ended {
                if self.ended && self.cursor.is_in_line() && self.cursor.last == Some(0xBF) {
                    // It has no line end, and is no record.
                    self.empty_lines += 1;
                    self.cursor.last = None;
                }
                return None;
            }
            let line_ends = line_ends(rest);
            if line_ends > 0 {
                self.pass_empty(line_ends);
            } else if rest.starts_with(BYTE_ORDER_MARK) {
                self.pass(BYTE_ORDER_MARK.len());
            } else {
                return Some(());
            }
        }
    }

    /// Takes a record with its line end. `Some(None)`: there is none in this line. `None`: an LF may
    /// still belong to its line end.
    fn take(&mut self, cut: &Cut) -> Option<Option<Seen>> {
        let at = self.position();
        if cut.shape == Shape::TooLong {
            self.pass(cut.line);
            self.place = Place::TooLong(at);
            return Some(None);
        }
        let bytes = self.with_line_end(cut.line)?;
        let raw = &self.held[self.used..self.used + cut.raw];
        if self.is_nothing(raw) {
            self.pass(bytes);
            // The line is done, with a line end or without one.
            self.cursor.last = None;
            self.skipped_lines += 1;
            return Some(None);
        }
        let raw = raw.to_vec();
        self.pass(bytes);
        let Some(header) = &self.header else {
            let header = SecondHeader::read(raw, &self.cells);
            // Behind a rejected record, whatever cells it has, stand those of the reason.
            self.limits.cells = (!self.is_rejects_file).then(|| header.cells());
            self.header = Some(header);
            self.record = 1;
            return Some(None);
        };
        let code = header.code(&raw, &self.cells, cut.shape);
        let mut digest = Digest::of(&raw, self.cells.dialect());
        if code.is_none() {
            self.cells.iter().for_each(|cell| digest.add_cell(cell));
        }
        let lines = 1 + lines_ended(&raw);
        let mut seen = self.seen(at, code, digest.finish(), lines);
        if self.is_rejects_file && cut.shape == Shape::Whole {
            seen.rejected = RejectedRow::read(&self.cells);
        }
        Some(Some(seen))
    }

    /// Bytes up to the end of a line whose text has so many.
    fn with_line_end(&self, text: usize) -> Option<usize> {
        let rest = self.rest();
        match (rest.get(text), rest.get(text + 1)) {
            (Some(b'\r'), Some(b'\n')) => Some(text + 2),
            (Some(b'\r'), None) if !self.ended => None,
            (Some(_), _) => Some(text + 1),
            (None, _) => Some(text),
        }
    }

    fn is_nothing(&self, raw: &[u8]) -> bool {
        let delimiter = self.cells.dialect().delimiter;
        raw.iter().all(|byte| *byte == delimiter || matches!(byte, b' ' | b'\t'))
    }

    /// What is left of a record that is too long: its last line. No quote is trusted in it.
    fn read_too_long(&mut self, at: Position) -> Option<Seen> {
        match memchr2(b'\r', b'\n', self.rest()) {
            Some(text) => {
                let bytes = self.with_line_end(text)?;
                self.pass(bytes);
            }
            None => {
                self.pass(self.rest().len());
                if !self.ended {
                    return None;
                }
            }
        }
        self.place = Place::Records;
        let lines = self.cursor.ended + u64::from(self.cursor.is_in_line()) + 1 - at.line;
        let digest = Digest::of(b"", self.cells.dialect()).finish();
        Some(self.seen(at, Some(RejectCode::RecordTooLong.as_str()), digest, lines))
    }

    fn seen(&mut self, at: Position, code: Option<&'static str>, digest: u64, lines: u64) -> Seen {
        self.record += 1;
        // Its line is done, with a line end or without one.
        self.cursor.last = None;
        let Position { line: end_line, byte: end_byte, .. } = self.position();
        Seen { at, code, digest, lines, end_line, end_byte, rejected: None }
    }
}
