//! Rows get their verdicts: those of a call and those of an ingest job alike.

use crate::{
    progress::Progress,
    salesforce::RowResult,
    verdict::{
        Operation, Reason, RowVerdict, Stop, Trouble, judge_row, no_row_may_be_written,
        refuses_writing,
    },
};

/// What the results of rows that went together come to, beside what [`Progress`] keeps of each row.
#[derive(Debug, Default)]
pub(crate) struct Results {
    rows: usize,
    pub(crate) delivered: u64,
    /// Rows to be sent again when the trouble is over.
    pub(crate) waiting: Vec<usize>,
    pub(crate) trouble: Option<Trouble>,
    /// Rows that were too much at once.
    pub(crate) too_much: Vec<(usize, Reason)>,
    /// Rows that are rejected, unless it is all of them.
    unwritable: Vec<(usize, Reason)>,
    stop: Option<Stop>,
}

impl Results {
    /// Takes in what Salesforce says of one row.
    pub(crate) fn take_in(
        &mut self,
        row: usize,
        result: &RowResult,
        operation: Operation,
        progress: &mut Progress,
    ) {
        self.rows += 1;
        match judge_row(result, operation) {
            RowVerdict::Delivered(change) => {
                self.delivered += 1;
                progress.delivered(row, change);
            }
            RowVerdict::Rejected(reason) if refuses_writing(result) => {
                self.unwritable.push((row, reason));
            }
            RowVerdict::Rejected(reason) => progress.rejected(row, reason),
            RowVerdict::TryAgain { retries_max, reason } => {
                progress.try_again(row, reason, retries_max);
            }
            RowVerdict::Shrink(reason) => self.too_much.push((row, reason)),
            RowVerdict::Wait(met) => {
                self.trouble = Some(met);
                self.waiting.push(row);
            }
            RowVerdict::Stop(met) => self.stop = Some(met),
        }
    }

    /// Adds those of other rows that went together with these.
    pub(crate) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.delivered += other.delivered;
        self.waiting.extend(other.waiting);
        self.trouble = other.trouble.or(self.trouble);
        self.too_much.extend(other.too_much);
        self.unwritable.extend(other.unwritable);
        self.stop = other.stop.or(self.stop.take());
    }

    /// After the last row: why nobody can deliver, if that is so.
    pub(crate) fn stop(&mut self, progress: &mut Progress) -> Option<Stop> {
        let stop = no_row_may_be_written(self.unwritable.len(), self.rows);
        if stop.is_none() {
            for (row, reason) in self.unwritable.drain(..) {
                progress.rejected(row, reason);
            }
        }
        stop.or(self.stop.take())
    }
}
