//! A line `sep=;` where files were joined: Excel writes one before the header.
//!
//! At the start of the input it is [`Opening`](crate::preamble::Opening)'s. Further down it is no data
//! where the next record repeats the header, and a record like all others elsewhere. So it is held
//! until the next record is there.

use std::collections::VecDeque;

use crate::batch::Batcher;
use crate::position::Cursor;
use crate::record::{Record, Shape};
use crate::reject::RowRules;
use crate::{Batch, Position};

const SEP_LINE_BYTES: usize = 5;

/// Whether this is `sep=` and one character.
pub(crate) fn is_sep_line(raw: &[u8]) -> bool {
    matches!(raw, [name @ .., b'=', delimiter]
        if name.eq_ignore_ascii_case(b"sep") && delimiter.is_ascii())
}

/// The last record, while it is not known whether it is one.
#[derive(Default)]
pub(crate) struct SepLine {
    held: Option<Held>,
}

struct Held {
    raw: [u8; SEP_LINE_BYTES],
    at: Position,
    shape: Shape,
    end: Cursor,
}

impl SepLine {
    /// Whether one is held: the next record has to be [added](Self::add) behind it.
    pub(crate) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Holds the record, if it is such a line.
    #[inline]
    pub(crate) fn hold(&mut self, record: &Record<'_>) -> bool {
        record.raw.len() == SEP_LINE_BYTES && self.hold_line(record)
    }

    #[cold]
    #[inline(never)]
    fn hold_line(&mut self, record: &Record<'_>) -> bool {
        let &Record { at, shape, raw, end, .. } = record;
        self.held = match raw.try_into() {
            Ok(line) if is_sep_line(raw) => Some(Held { raw: line, at, shape, end }),
            _ => None,
        };
        self.held.is_some()
    }

    /// Adds the record to the batch behind the one that is held, or holds this one now. Batches that
    /// are closed for it go to `ready`. Gives how many of the two have no number, since they are no
    /// data.
    pub(crate) fn add(
        &mut self,
        record: &mut Record<'_>,
        rules: &RowRules,
        batcher: &mut Batcher,
        ready: &mut VecDeque<Batch>,
    ) -> u64 {
        let mut skipped = 0;
        if self.is_held() && rules.is_repeated_header(record) {
            self.held = None;
            batcher.skip();
            record.at.record -= 1;
            skipped += 1;
        }
        self.add_held(rules, batcher, ready);
        if self.hold(record) {
            return skipped;
        }
        if record.is_blank(rules.header.dialect().delimiter) {
            batcher.skip();
            return skipped + 1;
        }
        add(record, rules, batcher, ready);
        skipped
    }

    /// Adds what is held: the header does not follow.
    pub(crate) fn add_held(
        &mut self,
        rules: &RowRules,
        batcher: &mut Batcher,
        ready: &mut VecDeque<Batch>,
    ) {
        if let Some(Held { raw, at, shape, end }) = self.held.take() {
            add(&Record { at, shape, raw: &raw, is_text: true, end }, rules, batcher, ready);
        }
    }
}

fn add(record: &Record<'_>, rules: &RowRules, batcher: &mut Batcher, ready: &mut VecDeque<Batch>) {
    ready.extend(match rules.take(record) {
        true => batcher.add_row(record),
        false => batcher.add_reject(record, rules.reject(record)),
    });
    if batcher.is_full() {
        ready.extend(batcher.close());
    }
}
