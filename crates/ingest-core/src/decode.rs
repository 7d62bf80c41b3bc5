//! Chunks → records.
//!
//! csv-core decides where a record ends and how many fields it has. Two things are done around it:
//!
//! * A record without a quote is a line, and its fields are its delimiters plus one: that is found
//!   with [`memchr`], several times faster, and means the same. Such a record, and any other that
//!   lies within one chunk, is not copied here.
//! * A record that is cut by the end of a chunk is kept in `carry` until its end arrives, and is
//!   given up when it passes the limit, so `carry` never holds more than that.

use std::ops::Range;

use csv_core::ReadRecordResult;
use memchr::{memchr_iter, memchr3};

use crate::input::Input;
use crate::position::Cursor;
use crate::{Dialect, Position};

/// A record as it was found.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) at: Position,
    pub(crate) shape: Shape,
    /// Without its line end; empty unless the shape is `Whole`.
    pub(crate) raw: &'a [u8],
    /// Just behind its line end.
    pub(crate) end: Cursor,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A record with so many fields.
    Whole { fields: usize },
    /// One that passed the limit; when it did so inside quotes, the byte where they opened.
    TooLong { open_quote: Option<u64> },
    /// One that the input leaves inside quotes; the byte where they opened.
    Unclosed { quote: u64 },
}

#[derive(Debug)]
pub(crate) struct RecordDecoder {
    dialect: Dialect,
    record_bytes_max: usize,
    reader: csv_core::Reader,
    state: State,
    /// Number of the record that is read now or next.
    record: u64,
    cursor: Cursor,
    /// The record read now, as far as it came with earlier chunks.
    carry: Vec<u8>,
    scratch: Scratch,
}

/// Where the next byte belongs.
#[derive(Clone, Copy, Debug)]
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
    /// Behind a CR that ended the record; an LF may still belong to it.
    Ended {
        at: Position,
        shape: Shape,
    },
}

/// A record without a borrow: `raw` is a part of the current chunk, or what was carried.
#[derive(Debug)]
struct Found {
    at: Position,
    shape: Shape,
    raw: RawPlace,
}

#[derive(Debug)]
enum RawPlace {
    Chunk(Range<usize>),
    Carry,
}

/// Where csv-core writes decoded fields, which nobody reads: small enough to stay in the fastest
/// cache, written over and over.
struct Scratch {
    fields: Box<[u8]>,
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
            scratch: Scratch { fields: vec![0; 4096].into(), ends: [0; 32] },
        }
    }

    /// The next record, or `None` when the input is used up (and, unless it has ended, the rest of
    /// a record may still come).
    #[inline]
    pub(crate) fn next<'a>(&'a mut self, input: &'a mut Input) -> Option<Record<'a>> {
        let found = loop {
            if !input.fill() {
                break if input.ended() { self.finish()? } else { return None };
            }
            let (chunk, used) = input.current();
            let (used, found) = self.step(chunk, used);
            input.read_up_to(used);
            if let Some(found) = found {
                break found;
            }
        };
        let raw = match found.raw {
            RawPlace::Chunk(range) => &input.current().0[range],
            RawPlace::Carry => &self.carry,
        };
        debug_assert!(raw.len() <= self.record_bytes_max);
        Some(Record { at: found.at, shape: found.shape, raw, end: self.cursor })
    }

    /// Reads on from `used`: how far it came, and the record if it came to its end.
    #[inline]
    fn step(&mut self, chunk: &[u8], used: usize) -> (usize, Option<Found>) {
        match self.state {
            State::BetweenRecords => {
                let start = self.skip_line_ends(chunk, used);
                match self.read_line(chunk, start) {
                    Some((used, found)) => (used, Some(found)),
                    None => self.enter_record(chunk, start),
                }
            }
            State::InRecord { at, fields } => self.read_record(chunk, used, at, fields),
            State::Skipping { at, open_quote, field } => {
                self.skip_record(chunk, used, at, open_quote, field)
            }
            State::Ended { at, shape } => {
                let taken = self
                    .cursor
                    .pass_lf_after_cr(&chunk[used..])
                    .expect("a step has a byte to read");
                (used + taken, Some(self.found(at, shape, RawPlace::Carry)))
            }
        }
    }

    /// Passes blank lines, and the line end that came behind a record.
    #[inline]
    fn skip_line_ends(&mut self, chunk: &[u8], used: usize) -> usize {
        let mut start = used;
        while matches!(chunk.get(start), Some(b'\r' | b'\n')) {
            start += 1;
        }
        self.cursor.pass(&chunk[used..start]);
        start
    }

    /// Reads a record that is one line of this chunk and has no quote; `None` when it is not so.
    #[inline]
    fn read_line(&mut self, chunk: &[u8], start: usize) -> Option<(usize, Found)> {
        let limit = start.saturating_add(self.record_bytes_max).saturating_add(1).min(chunk.len());
        let length = memchr3(b'\n', b'\r', self.dialect.quote, &chunk[start..limit])?;
        let end = start + length;
        let after = match chunk[end] {
            b'\n' => end + 1,
            b'\r' => end + 1 + usize::from(*chunk.get(end + 1)? == b'\n'),
            _quote => return None,
        };
        let at = self.position();
        self.cursor.pass_line(after - start);
        let fields = memchr_iter(self.dialect.delimiter, &chunk[start..end]).count() + 1;
        Some((after, self.found(at, Shape::Whole { fields }, RawPlace::Chunk(start..end))))
    }

    /// Begins any other record.
    fn enter_record(&mut self, chunk: &[u8], start: usize) -> (usize, Option<Found>) {
        if start == chunk.len() {
            return (start, None);
        }
        self.carry.clear();
        let at = self.position();
        self.read_record(chunk, start, at, 0)
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
                    let shape = Shape::Whole { fields };
                    return self.end_record(chunk, start..used, at, shape);
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
                ReadRecordResult::InputEmpty | ReadRecordResult::End => break,
            }
        }
        let piece = &chunk[start..limit];
        self.cursor.pass(piece);
        self.carry.extend_from_slice(piece);
        if self.carry.len() <= self.record_bytes_max {
            self.state = State::InRecord { at, fields };
        } else {
            self.give_up(at);
        }
        (limit, None)
    }

    /// Stops keeping the record: it has just passed the limit.
    fn give_up(&mut self, at: Position) {
        let last = LastField::of(self.dialect, &self.carry, &mut self.scratch);
        let field = at.byte + last.start as u64;
        let open_quote = last.in_quotes.then_some(field);
        self.carry.clear();
        self.state = State::Skipping { at, open_quote, field };
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
        loop {
            // One end at a time: each stop is the start of a field.
            let Scratch { fields: output, ends } = &mut self.scratch;
            let (result, read, _, ended) =
                self.reader.read_record(&chunk[used..], output, &mut ends[..1]);
            used += read;
            if result == ReadRecordResult::Record {
                return self.end_record(chunk, start..used, at, Shape::TooLong { open_quote });
            }
            if ended > 0 {
                field = self.cursor.byte + (used - start) as u64;
            }
            if used == chunk.len() {
                break;
            }
        }
        self.cursor.pass(&chunk[start..]);
        self.state = State::Skipping { at, open_quote, field };
        (used, None)
    }

    /// The last bytes of a record, its line end included, are `chunk[range]`.
    fn end_record(
        &mut self,
        chunk: &[u8],
        range: Range<usize>,
        at: Position,
        shape: Shape,
    ) -> (usize, Option<Found>) {
        let Range { start, end: used } = range;
        let end = used - 1;
        self.cursor.pass(&chunk[start..used]);
        let whole = matches!(shape, Shape::Whole { .. });
        let after_cr = chunk[end] == b'\r';
        let taken = if after_cr { self.cursor.pass_lf_after_cr(&chunk[used..]) } else { Some(0) };
        if whole && (taken.is_none() || !self.carry.is_empty()) {
            self.carry.extend_from_slice(&chunk[start..end]);
        }
        let Some(taken) = taken else {
            self.state = State::Ended { at, shape };
            return (used, None);
        };
        let raw = if whole && self.carry.is_empty() {
            RawPlace::Chunk(start..end)
        } else {
            RawPlace::Carry
        };
        (used + taken, Some(self.found(at, shape, raw)))
    }

    /// What is left when the input has ended.
    fn finish(&mut self) -> Option<Found> {
        match self.state {
            State::BetweenRecords => None,
            State::Ended { at, shape } => Some(self.found(at, shape, RawPlace::Carry)),
            State::InRecord { at, fields } => Some(match self.close_record() {
                Some(ended) => {
                    let shape = Shape::Whole { fields: fields + ended };
                    self.found(at, shape, RawPlace::Carry)
                }
                None => {
                    let last = LastField::of(self.dialect, &self.carry, &mut self.scratch);
                    debug_assert!(last.in_quotes);
                    self.carry.clear();
                    let quote = at.byte + last.start as u64;
                    self.found(at, Shape::Unclosed { quote }, RawPlace::Carry)
                }
            }),
            State::Skipping { at, open_quote, field } => {
                let shape = match self.close_record() {
                    Some(_) => Shape::TooLong { open_quote },
                    None => Shape::Unclosed { quote: field },
                };
                Some(self.found(at, shape, RawPlace::Carry))
            }
        }
    }

    /// Gives csv-core the line end that the last line of a file may lack: how many fields that
    /// ended, or `None` when it became a part of a quoted field.
    fn close_record(&mut self) -> Option<usize> {
        let Scratch { fields, ends } = &mut self.scratch;
        let (result, _, _, ended) = self.reader.read_record(b"\n", fields, ends);
        (result == ReadRecordResult::Record).then_some(ended)
    }

    #[inline]
    fn found(&mut self, at: Position, shape: Shape, raw: RawPlace) -> Found {
        self.state = State::BetweenRecords;
        self.record += 1;
        Found { at, shape, raw }
    }

    #[inline]
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

impl std::fmt::Debug for Scratch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Scratch")
    }
}
