//! Chunks → records.
//!
//! A record that lies within one chunk and is written plainly is found by [`Plain`], and not copied.
//! Any other one is collected in `carry` until [`Scan`] has seen its end. One that passes the limit is
//! given up, but collected on to see where it ends, for lines inside its quotes are no records:
//! `carry` never holds more than one byte above [`LIMITS_LOOKED_AHEAD`] times the limit.
//!
//! A quote that is not closed where its cell ends, see [`torn`], ends its record with its own line:
//! reading goes back to that line's end, and what was collected behind it is read again. All of that
//! depends on nothing but the bytes from the record's first one on, so no cut and no resume point can
//! change it. Reading again costs little however many such lines there are: as long as quotes stay
//! open, all quotes behind them stand in pairs, and a pair opens nothing that goes on to another line.
//! So the next line that is to be read again begins no earlier than the last line that was read twice.

mod end_of_input;
mod too_long;
mod torn;

use bytes::Bytes;
use encoding_rs::Encoding;

use crate::error::TooLong;
use crate::fast_path::Plain;
use crate::input::Input;
use crate::position::Cursor;
use crate::record::{FieldCount, Record, Shape};
use crate::scan::{self, Scan};
use crate::skip_limit::Barren;
use crate::{Dialect, IngestError, Position};

/// U+FEFF.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// U+001A.
const CTRL_Z: u8 = 0x1A;

/// How far the end of a record that is too long is looked for.
const LIMITS_LOOKED_AHEAD: usize = 4;

pub(crate) struct RecordDecoder {
    dialect: Dialect,
    /// It tells a record with a long quoted field from one with a quote that was left open, and
    /// happens to be closed in another record.
    fields: FieldCount,
    record_bytes_max: usize,
    state: State,
    /// Number of the record that is read now or next.
    record: u64,
    /// Where that record starts, or how far it has been skipped.
    cursor: Cursor,
    /// The record that is read now, as far as it came with earlier chunks.
    carry: Vec<u8>,
    skipped_ctrl_z: bool,
    barren: Barren,
}

#[cold]
#[inline(never)]
fn is_mark(rest: &[u8]) -> bool {
    rest.starts_with(BYTE_ORDER_MARK)
}

/// Where the next byte belongs.
#[derive(Clone, Copy)]
enum State {
    BetweenRecords,
    /// In what may become a byte order mark; `carry` has its beginning.
    InMark,
    InRecord(Scan),
    /// Behind a Ctrl-Z that follows a closing quote which looks like one that opens: unless nothing
    /// but Ctrl-Z follows, the record is torn there.
    BehindCtrlZ(Scan),
    /// Behind the limit.
    Skipping(Found),
    /// Behind a CR that ended the record. An LF may still belong to it, and where it ends must not
    /// depend on how the input is cut.
    Ended(Found),
}

/// A record that is over, of which the raw bytes are in `carry`.
#[derive(Clone, Copy)]
struct Found {
    at: Position,
    shape: Shape,
}

impl RecordDecoder {
    /// Starts at `cursor`, before the record with this number (0 is the header).
    pub(crate) fn new(
        dialect: Dialect,
        fields: FieldCount,
        record_bytes_max: usize,
        record: u64,
        cursor: Cursor,
    ) -> Self {
        Self {
            dialect,
            fields,
            record_bytes_max,
            state: State::BetweenRecords,
            record,
            cursor,
            carry: Vec::new(),
            skipped_ctrl_z: false,
            barren: Barren::from(cursor.byte),
        }
    }

    /// The next record, or `None` when the input is used up (and, unless it has ended, the rest of
    /// a record may still come), or [`lost`](Self::lost).
    #[inline(always)]
    pub(crate) fn next<'a>(&'a mut self, input: &'a mut Input) -> Option<Record<'a>> {
        loop {
            if !input.fill() {
                if !input.ended() || matches!(self.state, State::BetweenRecords) {
                    return None;
                }
                match self.finish(input) {
                    Some(found) => return Some(self.carried(found)),
                    None => continue,
                }
            }
            if matches!(self.state, State::BetweenRecords) {
                self.skip_nothing(input);
                if self.barren.lost().is_some() {
                    return None;
                }
                let (chunk, start) = input.current();
                let plain = Plain::find(self.dialect, chunk, start, self.record_bytes_max);
                if let Some(plain) = plain {
                    return Some(self.take(&plain, input));
                }
            }
            if let Some(found) = self.step(input) {
                return Some(self.carried(found));
            }
        }
    }

    /// Gives the number of the last record to the next one: the last one is none.
    pub(crate) fn forget_number(&mut self) {
        self.record -= 1;
    }

    /// So many bytes of the last record come to no row.
    pub(crate) fn pass_over(&mut self, bytes: u64) {
        self.barren.add(bytes, self.cursor.byte);
    }

    /// Whether the last line had nothing but a Ctrl-Z.
    pub(crate) fn skipped_ctrl_z(&self) -> bool {
        self.skipped_ctrl_z
    }

    /// Why no record follows, though there is more to read.
    pub(crate) fn lost(&self) -> Option<&IngestError> {
        self.barren.lost()
    }

    /// Passes blank lines, and byte order marks: where files were joined, one begins a line.
    #[inline(always)]
    fn skip_nothing(&mut self, input: &mut Input) {
        let (chunk, used) = input.current();
        let mut start = used;
        loop {
            start += match chunk.get(start) {
                Some(b'\r' | b'\n') => 1,
                Some(0xEF) if is_mark(&chunk[start..]) => BYTE_ORDER_MARK.len(),
                _ => break,
            };
        }
        if start > used {
            self.cursor.pass(&chunk[used..start]);
            self.barren.add_empty_lines((start - used) as u64, self.cursor.byte);
            input.read_up_to(start);
        }
    }

    #[inline(always)]
    fn take<'a>(&mut self, plain: &Plain, input: &'a mut Input) -> Record<'a> {
        let &Plain { end, after, fields, lines } = plain;
        let (_, start) = input.current();
        input.read_up_to(after);
        let at = self.position();
        let end_cursor = Cursor::at(at.line + lines, at.byte + (after - start) as u64);
        self.cursor = end_cursor;
        self.record += 1;
        self.barren.end_row();
        let is_text = input.is_text(start..end);
        let raw = &input.current().0[start..end];
        Record { at, shape: Shape::Whole { fields }, raw, is_text, end: end_cursor }
    }

    fn carried(&mut self, Found { at, shape }: Found) -> Record<'_> {
        debug_assert!(self.carry.len() <= self.record_bytes_max);
        self.state = State::BetweenRecords;
        self.record += 1;
        self.barren.end_row();
        let is_text = Encoding::utf8_valid_up_to(&self.carry) == self.carry.len();
        Record { at, shape, raw: &self.carry, is_text, end: self.cursor }
    }

    /// Reads on in the current chunk: the record, if it came to its end.
    #[inline(never)]
    fn step(&mut self, input: &mut Input) -> Option<Found> {
        let (chunk, start) = input.current();
        match self.state {
            State::BetweenRecords if start == chunk.len() => None,
            State::BetweenRecords => {
                self.carry.clear();
                if BYTE_ORDER_MARK.starts_with(&chunk[start..]) {
                    return self.read_mark(input);
                }
                self.read_record(Scan::new(self.dialect), input)
            }
            State::InMark => self.read_mark(input),
            State::InRecord(scan) => self.read_record(scan, input),
            State::BehindCtrlZ(scan) => self.pass_ctrl_z(scan, input),
            State::Skipping(found) => self.skip_record(found, input),
            State::Ended(found) => self.pass_lf(found, input),
        }
    }

    /// Reads on in what is a byte order mark so far.
    fn read_mark(&mut self, input: &mut Input) -> Option<Found> {
        let (chunk, start) = input.current();
        if chunk[start] != BYTE_ORDER_MARK[self.carry.len()] {
            let scan = self.scan_carry();
            return self.read_record(scan, input);
        }
        self.carry.push(chunk[start]);
        self.state = State::InMark;
        if self.carry == BYTE_ORDER_MARK {
            self.cursor.pass(&self.carry);
            self.barren.add_empty_lines(self.carry.len() as u64, self.cursor.byte);
            self.state = State::BetweenRecords;
        }
        input.read_up_to(start + 1);
        None
    }

    fn scan_carry(&self) -> Scan {
        let mut scan = Scan::new(self.dialect);
        let found = scan.see(&self.carry);
        debug_assert!(found == (self.carry.len(), None));
        scan
    }

    /// Reads on in a record of which `carry` holds the beginning.
    fn read_record(&mut self, mut scan: Scan, input: &mut Input) -> Option<Found> {
        let (chunk, start) = input.current();
        let is_too_long = self.carry.len() > self.record_bytes_max;
        let bytes_max = match is_too_long {
            false => self.record_bytes_max,
            true => self.bytes_looked_at_max(),
        };
        // One byte more than a record may have: its line end, or the proof that it is too long.
        let room = bytes_max.saturating_sub(self.carry.len()).saturating_add(1);
        let limit = start.saturating_add(room).min(chunk.len());
        let (seen, found) = scan.see(&chunk[start..limit]);
        match found {
            Some(scan::Found::End) if !is_too_long && !scan.is_in_last_line() => {
                let shape = Shape::of(&scan);
                return self.end_at(scan.seen() - 1, shape, input);
            }
            Some(scan::Found::Torn) if !is_too_long && chunk[start + seen - 1] != CTRL_Z => {
                return self.go_back(&scan, input);
            }
            _ => {}
        }
        self.carry.extend_from_slice(&chunk[start..start + seen]);
        input.read_up_to(start + seen);
        match found {
            Some(scan::Found::End) if !is_too_long => self.end_last_line(&scan, input),
            Some(scan::Found::End) => self.end_too_long(&scan, self.carry.len() - 1, input),
            Some(scan::Found::Torn) if self.carry.last() == Some(&CTRL_Z) => {
                self.state = State::BehindCtrlZ(scan);
                None
            }
            None if self.record == 0 && self.carry.len() > self.record_bytes_max => {
                // Without a header nothing can be read: not worth looking for its end.
                let at = self.position();
                let quote = scan.open_quote().map(|quote| at.byte + quote as u64);
                self.carry.truncate(self.record_bytes_max);
                Some(Found { at, shape: Shape::TooLong(TooLong::at_limit(quote)) })
            }
            None if seen < room || !is_too_long => {
                self.state = State::InRecord(scan);
                None
            }
            _ => self.give_up(input),
        }
    }

    fn bytes_looked_at_max(&self) -> usize {
        self.record_bytes_max.saturating_mul(LIMITS_LOOKED_AHEAD)
    }

    /// Ends a record at its line end, the first byte of which is at this offset in it. What has
    /// been collected behind that is read again.
    fn end_at(&mut self, end: usize, shape: Shape, input: &mut Input) -> Option<Found> {
        let found = Found { at: self.position(), shape };
        let (chunk, start) = input.current();
        match end.checked_sub(self.carry.len()) {
            Some(more) => {
                let end = start + more;
                self.carry.extend_from_slice(&chunk[start..end]);
                self.cursor.pass(&self.carry);
                self.cursor.pass(&chunk[end..=end]);
                input.read_up_to(end + 1);
            }
            None => {
                let again = Bytes::copy_from_slice(&self.carry[end + 1..]);
                self.cursor.pass(&self.carry[..=end]);
                self.carry.truncate(end);
                input.push_front(again);
            }
        }
        self.pass_lf(found, input)
    }

    /// Passes the LF of a CRLF: the line end's first byte has been passed.
    fn pass_lf(&mut self, found: Found, input: &mut Input) -> Option<Found> {
        let (chunk, start) = input.current();
        match self.cursor.pass_lf_after_cr(&chunk[start..]) {
            Some(taken) => {
                input.read_up_to(start + taken);
                Some(found)
            }
            None => {
                self.state = State::Ended(found);
                None
            }
        }
    }

    /// Bytes of `carry` without the Ctrl-Z at its end.
    fn text_bytes(&self) -> usize {
        self.carry.iter().rposition(|&byte| byte != CTRL_Z).map_or(0, |last| last + 1)
    }

    #[inline(always)]
    fn position(&self) -> Position {
        Position { record: self.record, line: self.cursor.line, byte: self.cursor.byte }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads 10 MB in small chunks, which `line` repeats: how much was kept.
    fn kept_bytes(line: &'static [u8]) -> usize {
        let mut decoder = RecordDecoder::new(
            Dialect::default(),
            FieldCount::Known(2..=2),
            1000,
            1,
            Cursor::at(1, 0),
        );
        let mut input = Input::default();
        for _ in 0..10_000_000 / line.len() {
            input.push(line.into());
            while decoder.next(&mut input).is_some() {}
        }
        decoder.carry.capacity()
    }

    #[test]
    fn a_record_that_does_not_end_is_not_kept() {
        for line in [&b"no line end, "[..], b",\"opens\n\"\"", b"\"\"\"\"\"\"", b"x\"y\n", b"\r"] {
            assert!(kept_bytes(line) <= 8192, "{} bytes", kept_bytes(line));
        }
    }
}
