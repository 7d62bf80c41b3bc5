//! Records → batches.

use crate::cell::Cells;
use crate::lines::Lines;
use crate::record::Record;
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
    /// On which lines its records start.
    pub lines: Lines,
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
    lines: Lines,
    bytes: usize,
    /// Lines without data, since the input began.
    skipped: u64,
    together: Option<Together>,
}

/// Rows one after the other with the same cell are a group, and a batch ends between two groups,
/// unless a group is larger than a batch.
///
/// A batch that is full in the middle of a group is closed before the group, which begins the next
/// one. So how a batch is cut depends on nothing but its own records and the one behind it, and
/// reading that goes on at its end cuts all later ones the same.
struct Together {
    cells: Cells,
    /// The cell of the open group. Empty: there is none, and each row is on its own.
    group: Vec<u8>,
    /// The cell of the row that is added.
    cell: Vec<u8>,
    /// What the open batch was before the open group.
    before: Mark,
}

impl Together {
    /// Whether this row is of the open group; if not, that one is over.
    fn goes_on_with(&mut self, raw: &[u8]) -> bool {
        self.cell.clear();
        self.cell.extend_from_slice(self.cells.read(raw));
        let goes_on = !self.cell.is_empty() && self.cell == self.group;
        if !goes_on {
            self.group.clear();
        }
        goes_on
    }

    /// A group of the last row, unless there is one.
    fn begin_unless_open(&mut self, before: Mark) {
        if self.group.is_empty() {
            std::mem::swap(&mut self.group, &mut self.cell);
            self.before = before;
        }
    }
}

/// How far a batch was.
#[derive(Clone, Copy)]
struct Mark {
    rows: usize,
    rejects: usize,
    bytes: usize,
    end: ResumePoint,
}

impl Batcher {
    pub(crate) fn new(limits: BatchLimits, start: ResumePoint) -> Self {
        Self {
            limits,
            start,
            end: start,
            rows: Rows::default(),
            rejects: Vec::new(),
            lines: Lines::default(),
            bytes: 0,
            skipped: start.skipped,
            together: None,
        }
    }

    /// The same for groups of rows with the same cell.
    pub(crate) fn keeping_together(self, cells: Cells) -> Self {
        let before = self.mark();
        Self {
            together: Some(Together { cells, group: Vec::new(), cell: Vec::new(), before }),
            ..self
        }
    }

    /// Adds a record as a row. The batch before it, when there is no room in that one.
    #[inline]
    pub(crate) fn add_row(&mut self, record: &Record<'_>) -> Option<Batch> {
        if self.together.is_none() && self.fits(record.raw.len()) {
            self.push_row(record);
            return None;
        }
        self.make_room_and_add_row(record)
    }

    /// Out of the way of the rows that fit: a batch is large, and to move even none of them costs
    /// as much as to check a row.
    #[inline(never)]
    fn make_room_and_add_row(&mut self, record: &Record<'_>) -> Option<Batch> {
        let before = match self.together {
            None => self.make_room(record.raw.len()),
            Some(_) => self.make_room_in_group(record),
        };
        self.push_row(record);
        before
    }

    #[inline]
    fn push_row(&mut self, record: &Record<'_>) {
        self.rows.push(record.at.record, record.raw);
        self.count(record, record.raw.len());
    }

    /// Adds a record as a reject. The batch before it, when there is no room in that one.
    pub(crate) fn add_reject(&mut self, record: &Record<'_>, reject: Reject) -> Option<Batch> {
        let bytes = reject.bytes();
        // It may stand in the middle of a group.
        let before = match self.together {
            None => self.make_room(bytes),
            Some(_) if self.has_room(bytes) => None,
            Some(_) => self.close_before_group(bytes),
        };
        self.rejects.push(reject);
        self.count(record, bytes);
        before
    }

    /// Whether nothing more fits in, and the batch ends here whatever comes.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.together.is_none() && self.is_at_its_limit()
    }

    #[inline]
    fn is_at_its_limit(&self) -> bool {
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
            lines: std::mem::take(&mut self.lines),
            end: ResumePoint { sequence: self.start.sequence + 1, ..self.end },
        };
        self.check(&batch, self.bytes);
        self.start = batch.end;
        self.bytes = 0;
        if let Some(together) = &mut self.together {
            // Reading that goes on here does not know it, either.
            together.group.clear();
        }
        Some(batch)
    }

    fn has_room(&self, bytes: usize) -> bool {
        !self.is_at_its_limit() && self.fits(bytes)
    }

    #[inline]
    fn fits(&self, bytes: usize) -> bool {
        self.bytes + bytes <= self.limits.bytes_max
    }

    fn make_room_in_group(&mut self, record: &Record<'_>) -> Option<Batch> {
        let bytes = record.raw.len();
        let goes_on = self.together.as_mut()?.goes_on_with(record.raw);
        let closed = match self.has_room(bytes) {
            true => None,
            false if goes_on => self.close_before_group(bytes),
            false => self.close(),
        };
        let before = self.mark();
        self.together.as_mut()?.begin_unless_open(before);
        closed
    }

    /// Makes room for a record of the open group: what is before the group becomes a batch, and the
    /// group goes on in the next one. A group that does not fit into one goes on where it is.
    fn close_before_group(&mut self, bytes: usize) -> Option<Batch> {
        let together = self.together.as_mut()?;
        let before = together.before;
        let is_open = !together.group.is_empty();
        let is_alone = before.rows + before.rejects == 0;
        let group_bytes = self.bytes - before.bytes;
        if !is_open || is_alone || group_bytes + bytes > self.limits.bytes_max {
            return self.close();
        }
        let end = ResumePoint { sequence: self.start.sequence + 1, ..before.end };
        together.before = Mark { rows: 0, rejects: 0, bytes: 0, end };
        let rows = self.rows.split_off(before.rows);
        let rejects = self.rejects.split_off(before.rejects);
        let lines = self.lines.split_off(end.record + 1);
        let batch = Batch {
            sequence: self.start.sequence,
            rows: std::mem::replace(&mut self.rows, rows),
            rejects: std::mem::replace(&mut self.rejects, rejects),
            lines: std::mem::replace(&mut self.lines, lines),
            end,
        };
        self.check(&batch, before.bytes);
        self.start = end;
        self.bytes = group_bytes;
        Some(batch)
    }

    fn mark(&self) -> Mark {
        let (rows, rejects) = (self.rows.len(), self.rejects.len());
        Mark { rows, rejects, bytes: self.bytes, end: self.end }
    }

    fn make_room(&mut self, bytes: usize) -> Option<Batch> {
        if self.fits(bytes) { None } else { self.close() }
    }

    #[inline]
    fn count(&mut self, record: &Record<'_>, bytes: usize) {
        debug_assert_eq!(record.at.record, self.end.record + 1, "a record was left out");
        debug_assert!(record.at.byte >= self.end.byte, "a byte was read twice");
        self.bytes += bytes;
        self.lines.push(record.at.record, record.at.line);
        self.end = ResumePoint {
            sequence: self.start.sequence,
            record: record.at.record,
            line: record.end.line,
            byte: record.end.byte,
            skipped: self.skipped,
        };
    }

    /// Counts a line without data.
    pub(crate) fn skip(&mut self) {
        self.skipped += 1;
    }

    /// Lines without data, since the input began.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }

    fn check(&self, batch: &Batch, bytes: usize) {
        let records = batch.records();
        debug_assert_eq!(self.start.record + records, batch.end.record);
        debug_assert!(records <= self.limits.rows_max.max(1) as u64);
        debug_assert!(bytes <= self.limits.bytes_max || records == 1);
        debug_assert!(self.start.byte < batch.end.byte);
    }
}
