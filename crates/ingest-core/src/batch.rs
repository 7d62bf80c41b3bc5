//! Records → batches.

use crate::decode::Record;
use crate::{Reject, ResumePoint, Rows};

/// When a batch is closed: at the first of the two limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Most records in a batch, rejects included. 0 counts as 1.
    pub rows_max: usize,
    /// Most bytes in a batch: raw rows, and rejects with their messages. A single record larger
    /// than this travels alone.
    pub bytes_max: usize,
}

/// Records that travel together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Number of the batch in its run, from 0.
    pub sequence: u64,
    /// The good records.
    pub rows: Rows,
    /// The others: found while reading, recorded when the batch is settled.
    pub rejects: Vec<Reject>,
    /// Where feeding goes on after this batch: right behind its last record.
    pub end: ResumePoint,
}

impl Batch {
    /// How many records it took: rows and rejects.
    #[must_use]
    pub fn records(&self) -> u64 {
        (self.rows.len() + self.rejects.len()) as u64
    }
}

/// Collects records until they are a batch.
pub(crate) struct Batcher {
    limits: BatchLimits,
    /// Where the open batch starts: behind the one before it.
    start: ResumePoint,
    /// Where it ends so far.
    end: ResumePoint,
    rows: Rows,
    rejects: Vec<Reject>,
    bytes: usize,
}

impl Batcher {
    pub(crate) fn new(limits: BatchLimits, start: ResumePoint) -> Self {
        Self { limits, start, end: start, rows: Rows::default(), rejects: Vec::new(), bytes: 0 }
    }

    /// Adds a record as a row. The batch before it, when there is no room in that one.
    #[inline]
    pub(crate) fn add_row(&mut self, record: &Record<'_>) -> Option<Batch> {
        let before = self.make_room(record.raw.len());
        self.rows.push(record.at.record, record.raw);
        self.count(record, record.raw.len());
        before
    }

    /// Adds a record as a reject. The batch before it, when there is no room in that one.
    pub(crate) fn add_reject(&mut self, record: &Record<'_>, reject: Reject) -> Option<Batch> {
        let bytes = reject.bytes();
        let before = self.make_room(bytes);
        self.rejects.push(reject);
        self.count(record, bytes);
        before
    }

    /// Whether nothing more fits in.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        let records = self.rows.len() + self.rejects.len();
        records >= self.limits.rows_max.max(1) || self.bytes >= self.limits.bytes_max.max(1)
    }

    /// Takes what there is, if there is anything, and begins the next batch.
    pub(crate) fn close(&mut self) -> Option<Batch> {
        if self.rows.is_empty() && self.rejects.is_empty() {
            return None;
        }
        // The next batch is most likely as large as this one.
        let room = Rows::with_capacity(self.rows.len(), self.rows.bytes());
        let batch = Batch {
            sequence: self.start.sequence,
            rows: std::mem::replace(&mut self.rows, room),
            rejects: std::mem::take(&mut self.rejects),
            end: ResumePoint { sequence: self.start.sequence + 1, ..self.end },
        };
        self.check(&batch);
        self.start = batch.end;
        self.bytes = 0;
        Some(batch)
    }

    #[inline]
    fn make_room(&mut self, bytes: usize) -> Option<Batch> {
        if self.bytes + bytes > self.limits.bytes_max { self.close() } else { None }
    }

    #[inline]
    fn count(&mut self, record: &Record<'_>, bytes: usize) {
        debug_assert_eq!(record.at.record, self.end.record + 1, "a record was left out");
        debug_assert!(record.at.byte >= self.end.byte, "a byte was read twice");
        self.bytes += bytes;
        self.end = ResumePoint {
            sequence: self.start.sequence,
            record: record.at.record,
            line: record.end.line,
            byte: record.end.byte,
        };
    }

    fn check(&self, batch: &Batch) {
        let records = batch.records();
        debug_assert_eq!(self.start.record + records, batch.end.record);
        debug_assert!(records <= self.limits.rows_max.max(1) as u64);
        debug_assert!(self.bytes <= self.limits.bytes_max || records == 1);
        debug_assert!(self.start.byte < batch.end.byte);
    }
}
