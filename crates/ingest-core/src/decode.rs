//! Chunks → records.
//!
//! csv-core decides where a record ends and how many fields it has. A record that lies within one
//! chunk and is written plainly is found by [`Plain`] instead, and not copied. Any other one is
//! collected in `carry` until its end arrives, and given up when it passes the limit: `carry` never
//! holds more than that.

use csv_core::ReadRecordResult;
use encoding_rs::Encoding;

use crate::input::Input;
use crate::plain::{Plain, torn_quote};
use crate::position::Cursor;
use crate::{Dialect, Position};

/// A record as it was found.
pub(crate) struct Record<'a> {
    pub(crate) at: Position,
    pub(crate) shape: Shape,
    /// Without its line end; empty unless the shape is `Whole` or `Torn`.
    pub(crate) raw: &'a [u8],
    /// Whether `raw` is UTF-8.
    pub(crate) is_text: bool,
    /// Right behind its line end.
    pub(crate) end: Cursor,
}

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A record with so many fields.
    Whole { fields: usize },
    /// One with a quoted field that goes over a line end and has text behind its closing quote; the
    /// byte where that field opens.
    Torn { quote: u64 },
    /// One that passed the limit; when it did so inside quotes, the byte where they opened.
    TooLong { open_quote: Option<u64> },
    /// One that the input leaves inside quotes; the byte where they opened.
    Unclosed { quote: u64 },
}

pub(crate) struct RecordDecoder {
    dialect: Dialect,
    record_bytes_max: usize,
    reader: csv_core::Reader,
    state: State,
    /// Number of the record that is read now or next.
    record: u64,
    cursor: Cursor,
    /// The record that is read now, as far as it came with earlier chunks.
    carry: Vec<u8>,
    scratch: Scratch,
}

/// Where the next byte belongs.
#[derive(Clone, Copy)]
enum State {
    BetweenRecords,
    InRecord {
        at: Position,
        fields: usize,
    },
    /// Behind the limit. `field` is the byte where the last field starts.
    Skipping {
        at: Position,
        open_quote: Option<u64>,
        field: u64,
    },
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

/// Where csv-core writes decoded fields, which nobody reads: small enough to stay in the fastest
/// cache, written over and over.
struct Scratch {
    fields: [u8; 1024],
    ends: [usize; 32],
}

impl RecordDecoder {
    /// Starts at `cursor`, before the record with this number (0 is the header).
    pub(crate) fn new(
        dialect: Dialect,
        record_bytes_max: usize,
        record: u64,
        cursor: Cursor,
    ) -> Self {
        Self {
            dialect,
            record_bytes_max,
            reader: dialect.reader(),
            state: State::BetweenRecords,
            record,
            cursor,
            carry: Vec::new(),
            scratch: Scratch { fields: [0; 1024], ends: [0; 32] },
        }
    }

    /// The next record, or `None` when the input is used up (and, unless it has ended, the rest of
    /// a record may still come).
    #[inline(always)]
    pub(crate) fn next<'a>(&'a mut self, input: &'a mut Input) -> Option<Record<'a>> {
        loop {
            if !input.fill() {
                let found = if input.ended() { self.finish()? } else { return None };
                return Some(self.carried(found));
            }
            if matches!(self.state, State::BetweenRecords) {
                self.skip_line_ends(input);
                let (chunk, start) = input.current();
                let plain = Plain::find(self.dialect, chunk, start, self.record_bytes_max);
                if let Some(plain) = plain {
                    return Some(self.take(&plain, input));
                }
            }
            let (chunk, start) = input.current();
            let (used, found) = self.step(chunk, start);
            input.read_up_to(used);
            if let Some(found) = found {
                return Some(self.carried(found));
            }
        }
    }

    /// Gives the number of the last record to the next one: the last one is none.
    pub(crate) fn forget_number(&mut self) {
        self.record -= 1;
    }

    /// Passes blank lines.
    #[inline(always)]
    fn skip_line_ends(&mut self, input: &mut Input) {
        let (chunk, used) = input.current();
        let mut start = used;
        while matches!(chunk.get(start), Some(b'\r' | b'\n')) {
            start += 1;
        }
        if start > used {
            self.cursor.pass(&chunk[used..start]);
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
        let is_text = input.is_text(start..end);
        let raw = &input.current().0[start..end];
        Record { at, shape: Shape::Whole { fields }, raw, is_text, end: end_cursor }
    }

    fn carried(&mut self, Found { at, shape }: Found) -> Record<'_> {
        debug_assert!(self.carry.len() <= self.record_bytes_max);
        debug_assert!(self.carry.is_empty() || matches!(shape, Shape::Whole { .. }));
        let shape = match torn_quote(self.dialect, &self.carry) {
            Some(quote) => Shape::Torn { quote: at.byte + quote as u64 },
            None => shape,
        };
        self.state = State::BetweenRecords;
        self.record += 1;
        let is_text = Encoding::utf8_valid_up_to(&self.carry) == self.carry.len();
        Record { at, shape, raw: &self.carry, is_text, end: self.cursor }
    }

    /// Reads on from `start`: how far it came, and the record if it came to its end.
    #[inline(never)]
    fn step(&mut self, chunk: &[u8], start: usize) -> (usize, Option<Found>) {
        match self.state {
            State::BetweenRecords if start == chunk.len() => (start, None),
            State::BetweenRecords => {
                self.carry.clear();
                self.read_record(chunk, start, self.position(), 0)
            }
            State::InRecord { at, fields } => self.read_record(chunk, start, at, fields),
            State::Skipping { at, open_quote, field } => {
                self.skip_record(chunk, start, at, open_quote, field)
            }
            State::Ended(found) => self.end_record(chunk, start, found),
        }
    }

    /// Reads on in a record of which `carry` holds the beginning.
    fn read_record(
        &mut self,
        chunk: &[u8],
        start: usize,
        at: Position,
        mut fields: usize,
    ) -> (usize, Option<Found>) {
        // One byte more than a record may have: its line end, or the proof that it is too long.
        let room = (self.record_bytes_max - self.carry.len()).saturating_add(1);
        let limit = start.saturating_add(room).min(chunk.len());
        let mut used = start;
        loop {
            let Scratch { fields: output, ends } = &mut self.scratch;
            let (result, read, _, ended) =
                self.reader.read_record(&chunk[used..limit], output, ends);
            used += read;
            fields += ended;
            match result {
                ReadRecordResult::Record => {
                    self.carry.extend_from_slice(&chunk[start..used - 1]);
                    self.cursor.pass(&chunk[start..used]);
                    return self.end_record(
                        chunk,
                        used,
                        Found { at, shape: Shape::Whole { fields } },
                    );
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
                ReadRecordResult::InputEmpty | ReadRecordResult::End => break,
            }
        }
        self.carry.extend_from_slice(&chunk[start..limit]);
        self.cursor.pass(&chunk[start..limit]);
        self.state = if self.carry.len() <= self.record_bytes_max {
            State::InRecord { at, fields }
        } else {
            self.give_up(at)
        };
        match self.state {
            // Without a header nothing can be read: not worth reading the file to its end.
            State::Skipping { open_quote, .. } if self.record == 0 => {
                (limit, Some(Found { at, shape: Shape::TooLong { open_quote } }))
            }
            _ => (limit, None),
        }
    }

    /// Stops keeping the record: it has just passed the limit.
    fn give_up(&mut self, at: Position) -> State {
        let last = LastField::of(self.dialect, &self.carry, &mut self.scratch);
        let field = at.byte + last.start as u64;
        self.carry.clear();
        State::Skipping { at, open_quote: last.in_quotes.then_some(field), field }
    }

    /// Reads to the end of a record without keeping it.
    fn skip_record(
        &mut self,
        chunk: &[u8],
        start: usize,
        at: Position,
        open_quote: Option<u64>,
        mut field: u64,
    ) -> (usize, Option<Found>) {
        let mut used = start;
        while used < chunk.len() {
            // With room for one end only, each stop behind an end is the start of a field.
            let Scratch { fields: output, ends } = &mut self.scratch;
            let (result, read, _, ended) =
                self.reader.read_record(&chunk[used..], output, &mut ends[..1]);
            used += read;
            if result == ReadRecordResult::Record {
                self.cursor.pass(&chunk[start..used]);
                return self.end_record(
                    chunk,
                    used,
                    Found { at, shape: Shape::TooLong { open_quote } },
                );
            }
            if ended > 0 {
                field = self.cursor.byte + (used - start) as u64;
            }
        }
        self.cursor.pass(&chunk[start..]);
        self.state = State::Skipping { at, open_quote, field };
        (used, None)
    }

    /// Passes the LF of a CRLF: the line end's first byte has been passed.
    fn end_record(&mut self, chunk: &[u8], used: usize, found: Found) -> (usize, Option<Found>) {
        match self.cursor.pass_lf_after_cr(&chunk[used..]) {
            Some(taken) => (used + taken, Some(found)),
            None => {
                self.state = State::Ended(found);
                (used, None)
            }
        }
    }

    /// What is left when the input has ended.
    fn finish(&mut self) -> Option<Found> {
        Some(match self.state {
            State::BetweenRecords => return None,
            State::Ended(found) => found,
            State::InRecord { at, fields } => match self.close_record() {
                Some(ended) => Found { at, shape: Shape::Whole { fields: fields + ended } },
                None => {
                    let last = LastField::of(self.dialect, &self.carry, &mut self.scratch);
                    debug_assert!(last.in_quotes);
                    self.carry.clear();
                    Found { at, shape: Shape::Unclosed { quote: at.byte + last.start as u64 } }
                }
            },
            State::Skipping { at, open_quote, field } => match self.close_record() {
                Some(_) => Found { at, shape: Shape::TooLong { open_quote } },
                None => Found { at, shape: Shape::Unclosed { quote: field } },
            },
        })
    }

    /// Gives csv-core the line end that the last line of a file may lack: how many fields that
    /// ended, or `None` when it became a part of a quoted field.
    fn close_record(&mut self) -> Option<usize> {
        let Scratch { fields, ends } = &mut self.scratch;
        let (result, _, _, ended) = self.reader.read_record(b"\n", fields, ends);
        (result == ReadRecordResult::Record).then_some(ended)
    }

    #[inline(always)]
    fn position(&self) -> Position {
        Position { record: self.record, line: self.cursor.line, byte: self.cursor.byte }
    }
}

/// The last field of the beginning of a record. csv-core does not tell its state, so the bytes are
/// read again, which happens only when a record is given up.
struct LastField {
    start: usize,
    in_quotes: bool,
}

impl LastField {
    fn of(dialect: Dialect, beginning: &[u8], scratch: &mut Scratch) -> Self {
        let Scratch { fields, ends } = scratch;
        let mut reader = dialect.reader();
        let (mut start, mut used) = (0, 0);
        while used < beginning.len() {
            let (_, read, _, ended) =
                reader.read_record(&beginning[used..], fields, &mut ends[..1]);
            used += read;
            if ended > 0 {
                start = used;
            }
        }
        // A line end would end the record, unless it is inside quotes.
        let (result, ..) = reader.read_record(b"\n", fields, ends);
        Self { start, in_quotes: result != ReadRecordResult::Record }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads 10 MB in small chunks, which `line` repeats: how much was kept.
    fn kept_bytes(line: &'static [u8]) -> usize {
        let mut decoder = RecordDecoder::new(Dialect::default(), 1000, 1, Cursor::at(1, 0));
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
            assert!(kept_bytes(line) <= 2048, "{} bytes", kept_bytes(line));
        }
    }
}
