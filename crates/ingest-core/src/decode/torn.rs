//! Quotes that are not closed where their cell ends. Such a quote takes the lines behind it into its
//! cell, up to whatever quote comes next. It counts as not closed when
//!
//! * the input ends before it is closed;
//! * the quote that closes it stands where one opens a cell, and text follows;
//! * it cannot be a row, for there is text behind its closing quote, or it passes the limit, and at
//!   least half of the lines behind its own one have as many fields as a record. Else these seem to be
//!   lines of one cell, and none of them is a row.

use crate::decode::{BYTE_ORDER_MARK, CTRL_Z, Found, RecordDecoder};
use crate::input::Input;
use crate::record::{FieldCount, Shape};
use crate::scan::{Misplaced, MisplacedKind, OverLines, Scan};

impl RecordDecoder {
    /// Ends a record of which a cell over lines is closed in text. `carry` has all of it, its line
    /// end's first byte last.
    pub(super) fn end_last_line(&mut self, scan: &Scan, input: &mut Input) -> Option<Found> {
        let end = self.carry.len() - 1;
        match self.is_torn(scan, end) {
            true => self.go_back(scan, input),
            false => self.end_at(end, Shape::of(scan), input),
        }
    }

    /// Whether the quote of the last cell over lines is not closed, should the record end here.
    pub(super) fn is_torn(&self, scan: &Scan, end: usize) -> bool {
        let over_lines = scan.over_lines().filter(|_| scan.is_in_last_line());
        over_lines.is_some_and(|cell| self.are_records(&self.carry[cell.line_end..end]))
    }

    /// Whether at least half of these lines have as many fields as a record has.
    pub(super) fn are_records(&self, lines: &[u8]) -> bool {
        let FieldCount::Known(fields) = &self.fields else { return false };
        let (mut count, mut alike) = (0, 0);
        for line in
            lines.split(|byte| matches!(byte, b'\r' | b'\n')).filter(|line| !line.is_empty())
        {
            let mut scan = Scan::new(self.dialect);
            scan.see(line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line));
            count += 1;
            alike += usize::from(fields.contains(&scan.fields()));
        }
        count > 0 && 2 * alike >= count
    }

    /// Ends a record with the line on which its last cell over lines opens.
    pub(super) fn go_back(&mut self, scan: &Scan, input: &mut Input) -> Option<Found> {
        let OverLines { quote, line_end } = scan.over_lines().expect("it was seen");
        let shape = Shape::Misplaced(Misplaced { quote, kind: MisplacedKind::Open });
        self.end_at(line_end, shape, input)
    }

    /// Reads on behind what is torn unless this is the end of the input.
    pub(super) fn pass_ctrl_z(&mut self, scan: Scan, input: &mut Input) -> Option<Found> {
        let (chunk, start) = input.current();
        let room = self.bytes_looked_at_max().saturating_add(1).saturating_sub(self.carry.len());
        let rest = &chunk[start..];
        let marks = rest.iter().take(room).take_while(|byte| **byte == CTRL_Z).count();
        let is_all = marks == rest.len();
        self.carry.extend_from_slice(&rest[..marks]);
        input.read_up_to(start + marks);
        if is_all && marks < room {
            return None;
        }
        // The first of them is where it was torn.
        match scan.seen() > self.record_bytes_max.saturating_add(1) {
            false => self.go_back(&scan, input),
            true => self.give_up(input),
        }
    }
}
