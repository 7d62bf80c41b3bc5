//! The input ends: what is left of its last record.

use crate::decode::{Found, RecordDecoder, State};
use crate::input::Input;
use crate::record::Shape;
use crate::scan::Scan;

impl RecordDecoder {
    /// What is left when the input has ended in a record. `None`: some of it is read again.
    pub(super) fn finish(&mut self, input: &mut Input) -> Option<Found> {
        match self.state {
            State::BetweenRecords => None,
            State::Skipping(found) | State::Ended(found) => Some(found),
            State::InRecord(_) | State::BehindCtrlZ(_) | State::InMark => self.finish_record(input),
        }
    }

    /// The input ends in a record, or in the Ctrl-Z that some programs end a text with.
    fn finish_record(&mut self, input: &mut Input) -> Option<Found> {
        let text = self.text_bytes();
        let mut scan = Scan::new(self.dialect);
        let found = scan.see(&self.carry[..text]);
        if text > self.record_bytes_max {
            return match found {
                (_, None) => self.end_too_long(&scan, text, input),
                _ => self.give_up(input),
            };
        }
        debug_assert!(found == (text, None), "it ended before");
        if scan.open_quote().is_some() && scan.is_over_lines() || self.is_torn(&scan, text) {
            return self.go_back(&scan, input);
        }
        let at = self.position();
        self.cursor.pass(&self.carry);
        self.skipped_ctrl_z = text == 0 && !self.carry.is_empty();
        self.carry.truncate(text);
        if self.carry.is_empty() {
            self.state = State::BetweenRecords;
            return None;
        }
        Some(Found { at, shape: Shape::of(&scan) })
    }
}
