//! Rows get their verdicts: those of a call and those of an ingest job alike.

use ingest_core::BatchJob;

use tokio::time::Instant;

use super::{Deliverer, Delivery, Looked};
use crate::{
    delivery::batch_state::Progress,
    retry::{
        Blocker, Change, RowVerdict, Trouble, created_by_update, is_about_a_field, judge_row,
        no_row_may_be_written, refuses_writing,
    },
};
use load::{Operation, Reason};
use salesforce::RowResult;

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
    /// Rows that are rejected, unless a field is gone.
    of_a_field: Vec<(usize, Reason)>,
    /// Those of them that have a field that may not be written: unless it is all rows, and nothing
    /// was written yet.
    unwritable: usize,
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
                if change == Change::Created && !operation.creates() {
                    self.blocker = Some(created_by_update());
                }
            }
            RowVerdict::Rejected(reason) if is_about_a_field(result) => {
                self.unwritable += usize::from(refuses_writing(result));
                self.of_a_field.push((row, reason));
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

    /// Leaves rows that were refused for a field to be sent again: the field may be another one since.
    pub(crate) fn leave_rows_refused_for_a_field(&mut self) {
        self.of_a_field.clear();
        self.unwritable = 0;
    }

    /// Adds those of other rows that went together with these.
    pub(crate) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.delivered += other.delivered;
        self.waiting.extend(other.waiting);
        self.trouble = other.trouble.or(self.trouble);
        self.too_much.extend(other.too_much);
        self.of_a_field.extend(other.of_a_field);
        self.unwritable += other.unwritable;
        self.blocker = other.blocker.or(self.blocker.take());
    }
}

impl Deliverer {
    /// After the last row: why nobody can deliver the run, if that is so. A field that is gone, or may
    /// not be written, is the fault of no row: the org says whether it is so. Where it does not, and
    /// rows of the run were stored, it is these rows that are refused: to hold the run for them would
    /// hold up all others of it for ever.
    pub(crate) async fn blocker_in(
        &self,
        delivery: &Delivery<'_>,
        results: &mut Results,
        progress: &mut Progress,
    ) -> Option<Blocker> {
        if results.blocker.is_some() || results.of_a_field.is_empty() {
            return results.blocker.take();
        }
        match Box::pin(self.look_again(delivery, Instant::now())).await {
            Looked::Same => (),
            // They go again, as they are written now, or when the run goes on.
            Looked::Changed(_) | Looked::End(_) => return None,
        }
        match no_row_may_be_written(results.unwritable, results.rows) {
            Some(blocker) if !self.has_written(delivery.job()).await => return Some(blocker),
            _ => (),
        }
        for (row, reason) in results.of_a_field.drain(..) {
            progress.rejected(row, reason);
        }
        None
    }

    /// Counts the rows that are stored.
    pub(crate) fn count_delivered(&self, delivery: &Delivery<'_>, results: &Results) {
        self.totals.delivered(results.delivered);
        delivery.of_run.count_stored(results.delivered);
    }

    /// Whether anything shows that rows can be written. A ledger that cannot be read shows nothing.
    async fn has_written(&self, job: &BatchJob) -> bool {
        self.totals.snapshot().rows_delivered > 0 || self.run_has_written(job).await
    }
}
