//! The three result files of an ended job (salesforce-api.md 3.2): made again out
//! of the uploaded rows each time, so that nothing is kept twice.

use std::sync::Arc;

use bytes::Bytes;
use csv::StringRecord;
use fastrand::Rng;

use super::{
    Job, LineEnding, Order,
    content::Rows,
    job::{Failure, Outcomes, RowOutcome},
};
use crate::{
    id::{KeyPrefix, RecordId},
    record::cells::{Heading, headings},
    schema::Schema,
};

/// About this many rows of the upload go into one piece of a file, and are
/// shuffled among each other.
const PIECE_ROWS: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResultFile {
    Successful,
    Failed,
    Unprocessed,
}

/// A result file, piece after piece.
#[derive(Debug)]
pub(crate) struct ResultPieces {
    file: ResultFile,
    rows: Option<Rows>,
    order: Order,
    outcomes: Arc<Outcomes>,
    prefix: KeyPrefix,
    /// Which columns of the upload are shown.
    columns: Vec<usize>,
    next_row: usize,
    shuffle: Option<Rng>,
    header_is_due: bool,
}

/// How a file is written, where the reference leaves it open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResultForm {
    /// Rows come in another order than that of the upload.
    pub(crate) shuffled: bool,
    /// Columns that are not fields of the object are left out.
    pub(crate) fields_only: bool,
}

impl ResultFile {
    /// By the last part of its path, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("successfulResults") {
            Some(Self::Successful)
        } else if is("failedResults") {
            Some(Self::Failed)
        } else {
            is("unprocessedRecords").then_some(Self::Unprocessed)
        }
    }
}

impl ResultPieces {
    pub(crate) fn new(schema: &Schema, job: &Job, file: ResultFile, form: ResultForm) -> Self {
        let progress = job.progress();
        let content = progress.content.unwrap_or_default();
        let rows = Rows::reopen(&content, &job.order);
        let object = job.order.object;
        let columns = rows.as_ref().map_or_else(Vec::new, |rows| {
            let known = headings(schema, object, &rows.header).ok().filter(|_| form.fields_only);
            let shown = |place: &usize| {
                let heading = known.as_ref().map(|headings| headings[*place]);
                !matches!(heading, Some(Heading::Parent { .. }))
            };
            (0..rows.header.len()).filter(shown).collect()
        });
        Self {
            file,
            rows,
            order: job.order.clone(),
            outcomes: progress.outcomes,
            prefix: schema.object(object).key_prefix,
            columns,
            next_row: 0,
            shuffle: form.shuffled.then(|| Rng::with_seed(u64::from(job.id.number))),
            header_is_due: true,
        }
    }

    fn header(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        let Some(rows) = &self.rows else { return out };
        let first: &[&str] = match self.file {
            ResultFile::Successful => &["sf__Id", "sf__Created"],
            ResultFile::Failed => &["sf__Id", "sf__Error"],
            ResultFile::Unprocessed => &[],
        };
        let mut line = Line::new(&mut out, &self.order);
        first.iter().for_each(|cell| line.cell(cell));
        self.columns.iter().for_each(|place| line.cell(&rows.header[*place]));
        line.end();
        out
    }

    /// The lines of the next rows of the upload; `None` after the last one.
    fn lines(&mut self) -> Option<Vec<Vec<u8>>> {
        let rows = self.rows.as_mut()?;
        let mut lines = Vec::new();
        let mut row = StringRecord::new();
        for _ in 0..PIECE_ROWS {
            // Only a text that is no UTF-8 cannot be read, and such a job has no rows.
            if !rows.read(&mut row).unwrap_or(false) {
                self.rows = None;
                break;
            }
            let outcome = self.outcomes.rows.get(self.next_row);
            self.next_row += 1;
            let mut out = Vec::new();
            let mut line = Line::new(&mut out, &self.order);
            match (self.file, outcome) {
                (ResultFile::Unprocessed, None) => {}
                (ResultFile::Successful, Some(RowOutcome::Created(number))) => {
                    line.cell(&RecordId { prefix: self.prefix, number: *number }.to_string());
                    line.cell("true");
                }
                (ResultFile::Successful, Some(RowOutcome::Changed(number))) => {
                    line.cell(&RecordId { prefix: self.prefix, number: *number }.to_string());
                    line.cell("false");
                }
                (ResultFile::Failed, Some(RowOutcome::Failed(place))) => {
                    let place = usize::try_from(*place).expect("32 bits fit");
                    let Failure { id, error } = &self.outcomes.failures[place];
                    line.cell(id);
                    line.cell(error);
                }
                _ => continue,
            }
            self.columns.iter().for_each(|place| line.cell(row.get(*place).unwrap_or_default()));
            line.end();
            lines.push(out);
        }
        Some(lines)
    }
}

impl Iterator for ResultPieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if std::mem::take(&mut self.header_is_due) {
            return Some(self.header().into());
        }
        let mut lines = self.lines()?;
        if let Some(rng) = &mut self.shuffle {
            rng.shuffle(&mut lines);
        }
        Some(lines.concat().into())
    }
}

/// One line of a file: all cells quoted.
struct Line<'a> {
    out: &'a mut Vec<u8>,
    delimiter: u8,
    ending: LineEnding,
}

impl<'a> Line<'a> {
    fn new(out: &'a mut Vec<u8>, order: &Order) -> Self {
        Self { out, delimiter: order.delimiter.byte(), ending: order.line_ending }
    }

    fn cell(&mut self, text: &str) {
        self.out.push(b'"');
        for byte in text.bytes() {
            if byte == b'"' {
                self.out.push(b'"');
            }
            self.out.push(byte);
        }
        self.out.extend([b'"', self.delimiter]);
    }

    fn end(self) {
        self.out.pop();
        self.out.extend_from_slice(self.ending.text().as_bytes());
    }
}
