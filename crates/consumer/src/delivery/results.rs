//! Rows get their verdicts: those of a call and those of an ingest job alike.

use ingest_core::BatchJob;
use load::{Operation, Reason};
use salesforce::RowResult;
use tokio::time::Instant;

use super::{
    batch::Delivery,
    batch_state::BatchState,
    planner::{Planner, Refreshed},
};
use crate::retry::{
    BackoffReason, Blocker, Change, RowVerdict, classify_row, created_by_update, is_about_a_field,
    no_row_may_be_written, says_not_writable,
};

/// What the results of rows that went together come to, beside what [`BatchState`] keeps of each row.
#[derive(Debug, Default)]
pub(crate) struct Results {
    rows: usize,
    pub(crate) delivered: u64,
    /// Rows to be sent again after a backoff.
    pub(crate) waiting: Vec<usize>,
    pub(crate) backoff: Option<BackoffReason>,
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
    /// Applies what Salesforce says of one row.
    pub(crate) fn apply(
        &mut self,
        row: usize,
        result: &RowResult,
        operation: Operation,
        state: &mut BatchState,
    ) {
        self.rows += 1;
        match classify_row(result, operation) {
            RowVerdict::Delivered(change) => {
                self.delivered += 1;
                state.delivered(row, change, result.id);
                if change == Change::Created && !operation.creates() {
                    self.blocker = Some(created_by_update());
                }
            }
            RowVerdict::Rejected(reason) if is_about_a_field(result) => {
                self.unwritable += usize::from(says_not_writable(result));
                self.of_a_field.push((row, reason));
            }
            RowVerdict::Rejected(reason) => state.rejected(row, reason),
            RowVerdict::Retry { retries_max, reason } => {
                state.retry(row, reason, retries_max);
            }
            RowVerdict::Shrink(reason) => self.too_much.push((row, reason)),
            RowVerdict::Backoff(met) => {
                self.backoff = Some(met);
                self.waiting.push(row);
            }
            RowVerdict::Hold(met) => self.blocker = Some(met),
        }
    }

    /// Has rows that were refused for a field sent again: the field may be another one since.
    pub(crate) fn retry_rows_refused_for_a_field(&mut self) {
        self.of_a_field.clear();
        self.unwritable = 0;
    }

    /// Adds those of other rows that went together with these.
    pub(crate) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.delivered += other.delivered;
        self.waiting.extend(other.waiting);
        self.backoff = other.backoff.or(self.backoff);
        self.too_much.extend(other.too_much);
        self.of_a_field.extend(other.of_a_field);
        self.unwritable += other.unwritable;
        self.blocker = other.blocker.or(self.blocker.take());
    }

    /// After the last row: why no consumer can deliver the run, if that is so. A field that is gone, or may
    /// not be written, is the fault of no row: the org says whether it is so. Where it does not, and
    /// rows of the run were stored, it is these rows that are refused: to hold the run for them would
    /// hold up all others of it for ever.
    pub(crate) async fn blocker(
        &mut self,
        planner: &Planner,
        delivery: &Delivery<'_>,
        state: &mut BatchState,
    ) -> Option<Blocker> {
        if self.blocker.is_some() || self.of_a_field.is_empty() {
            return self.blocker.take();
        }
        match Box::pin(planner.refresh(delivery, Instant::now())).await {
            Refreshed::Unchanged => (),
            // They are sent again, as they are written now, or when the run continues.
            Refreshed::Changed(_) | Refreshed::Interrupted(_) => return None,
        }
        match no_row_may_be_written(self.unwritable, self.rows) {
            Some(blocker) if !has_written(planner, delivery.job()).await => return Some(blocker),
            _ => (),
        }
        for (row, reason) in self.of_a_field.drain(..) {
            state.rejected(row, reason);
        }
        None
    }

    /// Counts the rows that are stored.
    pub(crate) fn count_delivered(&self, planner: &Planner, delivery: &Delivery<'_>) {
        planner.sender.counters.stored(self.delivered);
        delivery.run_plans.count_stored(self.delivered);
    }
}

/// Whether anything shows that rows can be written. A ledger that cannot be read shows nothing.
async fn has_written(planner: &Planner, job: &BatchJob) -> bool {
    planner.sender.counters.has_stored() || planner.run_has_written(job).await
}
