//! Rows get their verdicts: those of a call and those of an ingest job alike.

use ingest_core::BatchJob;

use super::Deliverer;
use crate::{
    progress::Progress,
    salesforce::RowResult,
    verdict::{
        Blocker, Operation, Reason, RowVerdict, Trouble, judge_row, no_row_may_be_written,
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
    /// Rows that are rejected, unless it is all of them and nothing was written yet.
    unwritable: Vec<(usize, Reason)>,
    blocker: Option<Blocker>,
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
            RowVerdict::Hold(met) => self.blocker = Some(met),
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
        self.blocker = other.blocker.or(self.blocker.take());
    }

    /// After the last row: rows that may not be written are rejected. The answer is why nobody can
    /// deliver the run, if that is so.
    fn reject_unwritable(&mut self, progress: &mut Progress) -> Option<Blocker> {
        for (row, reason) in self.unwritable.drain(..) {
            progress.rejected(row, reason);
        }
        self.blocker.take()
    }
}

impl Deliverer {
    /// After the last row: why nobody can deliver the run, if that is so. A field that may not be
    /// written is the fault of no row; but once rows of the run were stored, it is these rows that
    /// are refused, and to hold the run for them would hold up all others of it for ever.
    pub(crate) async fn blocker_in(
        &self,
        job: &BatchJob,
        results: &mut Results,
        progress: &mut Progress,
    ) -> Option<Blocker> {
        match no_row_may_be_written(results.unwritable.len(), results.rows) {
            Some(blocker) if !self.has_written(job).await => Some(blocker),
            _ => results.reject_unwritable(progress),
        }
    }

    /// Whether anything shows that rows can be written. A ledger that cannot be read shows nothing.
    async fn has_written(&self, job: &BatchJob) -> bool {
        if self.totals.snapshot().rows_delivered > 0 || job.tally.delivered() > 0 {
            return true;
        }
        let ledger = self.queue.run(&job.run).await;
        ledger.is_ok_and(|ledger| ledger.is_some_and(|ledger| ledger.delivered() > 0))
    }
}
