//! Records that pass the limit: which bytes are given up, and where reading goes on.

use bytes::Bytes;
use memchr::memchr2;

use super::{Found, RecordDecoder, State};
use crate::error::TooLong;
use crate::input::Input;
use crate::record::Shape;
use crate::scan::{Misplaced, MisplacedKind, Scan};

impl RecordDecoder {
    /// Whether the record is one, should it end here.
    pub(super) fn is_whole(&self, scan: &Scan) -> bool {
        scan.misplaced().is_none() && self.fields.takes(scan.fields())
    }

    /// Ends a record that is too long. Its text has so many bytes of `carry`, and its line end's first
    /// byte is behind that, if there is one.
    pub(super) fn end_too_long(
        &mut self,
        scan: &Scan,
        text: usize,
        input: &mut Input,
    ) -> Option<Found> {
        let are_records = |line_end: usize| self.are_records(&self.carry[line_end..text]);
        let is_open = match self.line_at_limit() {
            (Some(_quote), Some(line_end)) => are_records(line_end),
            _ => false,
        };
        if self.is_whole(scan) && !is_open { self.give_up_all(input) } else { self.give_up(input) }
    }

    /// The quote that is open at the limit, and where its line ends, or else that of the limit.
    fn line_at_limit(&self) -> (Option<usize>, Option<usize>) {
        let (within, beyond) = self.carry.split_at(self.record_bytes_max + 1);
        let mut scan = Scan::new(self.dialect);
        let found = scan.see(within);
        debug_assert!(found == (within.len(), None), "it ended within the limit");
        let open_quote = scan.open_quote_before(beyond.first().copied());
        let from = open_quote.unwrap_or(within.len());
        let line_end = memchr2(b'\r', b'\n', &self.carry[from..]).map(|end| from + end);
        (open_quote, line_end)
    }

    fn give_up_all(&mut self, input: &mut Input) -> Option<Found> {
        let found = Found { at: self.position(), shape: Shape::TooLong(TooLong::Whole) };
        self.cursor.pass(&self.carry);
        self.carry.clear();
        self.pass_lf(found, input)
    }

    /// Ends a record that is too long, and no whole one, with a line: that of the quote that was open
    /// at the limit, or else that of the limit. No quote behind it is trusted. What has been
    /// collected behind that is read again.
    pub(super) fn give_up(&mut self, input: &mut Input) -> Option<Found> {
        let at = self.position();
        let (open_quote, line_end) = self.line_at_limit();
        let shape = match (open_quote, line_end) {
            (Some(quote), Some(end)) if end <= self.record_bytes_max => {
                Shape::Misplaced(Misplaced { quote, kind: MisplacedKind::Open })
            }
            (open_quote, _) => {
                let quote = open_quote.map(|quote| at.byte + quote as u64);
                Shape::TooLong(TooLong::at_limit(quote))
            }
        };
        let found = Found { at, shape };
        let all = Bytes::from(std::mem::take(&mut self.carry));
        let Some(end) = line_end else {
            self.cursor.pass(&all);
            self.state = State::Skipping(found);
            return None;
        };
        if matches!(shape, Shape::Misplaced(_)) {
            self.carry.extend_from_slice(&all[..end]);
        }
        self.cursor.pass(&all[..=end]);
        input.push_front(all.slice(end + 1..));
        self.pass_lf(found, input)
    }

    /// Reads to the end of the line: no quote is trusted any more, or one that is not closed would
    /// take all that follows.
    pub(super) fn skip_record(&mut self, found: Found, input: &mut Input) -> Option<Found> {
        let (chunk, start) = input.current();
        match memchr2(b'\r', b'\n', &chunk[start..]) {
            Some(line) => {
                self.cursor.pass(&chunk[start..=start + line]);
                input.read_up_to(start + line + 1);
                self.pass_lf(found, input)
            }
            None => {
                let end = chunk.len();
                self.cursor.pass(&chunk[start..]);
                input.read_up_to(end);
                None
            }
        }
    }
}
