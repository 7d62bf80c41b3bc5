//! Delivers a batch as one ingest job of Bulk API 2.0.
//!
//! ```text
//! create ─▶ note the id in Redis ─▶ upload ─▶ close ─▶ poll ─▶ results ─▶ verdicts ─▶ settle ─▶ delete
//! ```
//!
//! What holds:
//!
//! * The id is kept with the batch before a row is uploaded. Whoever gets the batch next goes on
//!   with that job, and makes no second one while rows of the first may be loaded.
//! * Results are matched by key, or by all cells of a row.
//! * What is wrong with a job is no fault of its rows: a job that fails before any of them is
//!   processed is followed by another one, a few times, and after that they go by calls. So do rows
//!   of which a job says nothing.
//! * Rows get their verdicts from the same function as those of a call, and their values from the
//!   same conversion: the outcome is that of Collections. Rows that CSV cannot say exactly go by
//!   calls.
//! * Rows that repeat a key wait for the next job, in their order.

mod asking;
mod cargo;
mod choice;
mod judging;
mod matching;
mod note;
mod outcome;
mod taking_in;
mod under_way;

use job_queue::{Claimed, QueueError, Settled};
use tokio::time::sleep;
use tracing::{info, warn};

pub use self::choice::ApiChoice;
pub(crate) use self::choice::{BulkAccess, Taking, not_by_bulk};
use self::{
    cargo::{Cargo, UPLOAD_BYTES_MAX},
    note::Note,
    taking_in::Taken,
};
use crate::{
    calls::{Call, share_out},
    delivery::{Deliverer, Delivery, End},
    lookup::Found,
    mapping::{EncodedRows, Plan},
    progress::Progress,
    salesforce::{IngestJob, IngestOrder},
    verdict::{BETWEEN_PASSES, Operation},
};

/// What came of a batch that went by Bulk.
pub(crate) struct Loaded {
    pub(crate) end: End,
    /// The job that is of no more use once the batch is let go of.
    pub(crate) done_with: Option<String>,
}

impl From<End> for Loaded {
    fn from(end: End) -> Self {
        Self { end, done_with: None }
    }
}

/// Jobs that one delivery makes, when they come to nothing.
const STARTS_MAX: u32 = 5;

/// How a step ended that is not the end.
enum Step<T> {
    Next(T),
    /// The job came to nothing: no row of it is loaded.
    Void,
    /// The same, and another one would not do better.
    ByCalls,
    End(End),
}

/// One batch on its way. While Salesforce works its job off, nothing of it is in memory but the
/// batch as it was queued: its CSV is made once more to match the results.
struct Load<'a> {
    delivery: &'a Delivery<'a>,
    plan: &'a Plan,
    found: &'a Found,
    /// Indexes in the batch of the rows that go by Bulk.
    rows: Vec<usize>,
}

impl Load<'_> {
    fn encode(&self) -> EncodedRows {
        self.found.put_into(self.plan.encode(&self.delivery.job().rows))
    }

    fn pack(&self) -> Cargo {
        pack(&self.encode())
    }
}

/// The first of the jobs that carry these rows; those that repeat a key wait for the next one.
fn pack(rows: &EncodedRows) -> Cargo {
    let first = share_out(rows, usize::MAX).pop_front().unwrap_or_default();
    Cargo::pack(rows, &first.rows, UPLOAD_BYTES_MAX)
}

impl Deliverer {
    /// Whether a batch goes by Bulk: also one of which an ingest job is under way.
    pub(crate) fn goes_by_bulk(&self, claimed: &Claimed) -> bool {
        let rows = claimed.job().rows.len();
        self.job_under_way(claimed).is_some() || self.bulk.api_for(rows) == job_queue::Api::Bulk
    }

    /// Loads what one ingest job can carry of a batch, and the rows beside it by calls.
    pub(crate) async fn load(
        &self,
        delivery: &Delivery<'_>,
        plan: &Plan,
        found: &Found,
        rows: EncodedRows,
        progress: &mut Progress,
    ) -> Result<Loaded, QueueError> {
        let cargo = pack(&rows);
        drop(rows);
        let load = Load { delivery, plan, found, rows: cargo.rows.clone() };
        let (mut done_with, mut by_calls) = (None, cargo.by_calls.clone());
        if !load.rows.is_empty() || self.job_under_way(delivery.claimed).is_some() {
            match self.see_through(&load, cargo, progress).await? {
                Step::Next((job, taken)) => {
                    done_with = Some(job);
                    by_calls.extend(taken.by_calls);
                }
                Step::Void | Step::ByCalls => by_calls.extend(&load.rows),
                Step::End(end) => return Ok(Loaded { end, done_with }),
            }
        }
        let end = if by_calls.is_empty() {
            End::AllSent
        } else {
            by_calls.sort_unstable();
            let calls = calls_with(&by_calls, self.limits.call_rows_max);
            let rows = load.encode().with_json_of(&by_calls);
            self.send_calls(delivery, &rows, calls, progress).await
        };
        Ok(Loaded { end, done_with })
    }

    /// Sees one job through, and takes its results in: that of somebody else before us, else a new
    /// one. One that comes to nothing is followed by another, so often at most.
    async fn see_through(
        &self,
        load: &Load<'_>,
        cargo: Cargo,
        progress: &mut Progress,
    ) -> Result<Step<(String, Taken)>, QueueError> {
        let mut under_way = self.job_under_way(load.delivery.claimed);
        if let Some(note) = &under_way {
            progress.api_calls += note.api_calls;
            info!(run.id = %load.delivery.job().run, "going on with ingest job {}", note.job);
        }
        let mut packed = Some(cargo).filter(|_| under_way.is_none());
        let mut starts = 0;
        loop {
            let note = under_way.take();
            if note.is_none() {
                if load.rows.is_empty() {
                    return Ok(Step::Void);
                }
                if starts == STARTS_MAX {
                    warn!(
                        run.id = %load.delivery.job().run,
                        rows = load.rows.len(),
                        "{STARTS_MAX} ingest jobs in a row came to nothing; their rows go by calls"
                    );
                    return Ok(Step::Void);
                }
                starts += 1;
            }
            match self.see_one_through(load, note, packed.take(), progress).await? {
                Step::Void => (),
                step => return Ok(step),
            }
            // Nothing of it is loaded. A run that was paused or cancelled meanwhile gets no new job.
            let pause = sleep(BETWEEN_PASSES.delay(starts, fastrand::f64()));
            let delivery = load.delivery;
            let waited = delivery.stop().run_until_cancelled(delivery.wait_for(pause)).await;
            if waited.is_none() || !self.may_start(load.delivery.claimed).await? {
                return Ok(Step::End(End::Interrupted));
            }
        }
    }

    async fn see_one_through(
        &self,
        load: &Load<'_>,
        under_way: Option<Note>,
        packed: Option<Cargo>,
        progress: &mut Progress,
    ) -> Result<Step<(String, Taken)>, QueueError> {
        let is_ours = under_way.is_none();
        let note = match under_way {
            Some(note) => note,
            None => {
                match self.start(load, packed.unwrap_or_else(|| load.pack()), progress).await? {
                    Step::Next(note) => note,
                    Step::Void => return Ok(Step::Void),
                    Step::ByCalls => return Ok(Step::ByCalls),
                    Step::End(end) => return Ok(Step::End(end)),
                }
            }
        };
        let job = match self.wait_for_end(load, &note, is_ours, progress).await? {
            Step::Next(job) => job,
            Step::Void => return Ok(Step::Void),
            Step::ByCalls => return Ok(Step::ByCalls),
            Step::End(end) => return Ok(Step::End(end)),
        };
        Ok(match self.take_in_results(load, &job, is_ours, progress).await? {
            Step::Next(taken) if taken.in_vain => {
                self.clear_away(load, &job, progress).await?;
                Step::Void
            }
            Step::Next(taken) => Step::Next((job.id, taken)),
            Step::Void => Step::Void,
            Step::ByCalls => Step::ByCalls,
            Step::End(end) => Step::End(end),
        })
    }

    /// Forgets and removes a job that failed before any of its rows was processed.
    async fn clear_away(
        &self,
        load: &Load<'_>,
        job: &IngestJob,
        progress: &mut Progress,
    ) -> Result<(), QueueError> {
        // In this order: one that is noted and gone may have loaded rows.
        if load.delivery.claimed.set_external_job(None).await? == Settled::Recorded {
            progress.api_calls += 1;
            self.delete_ingest_job(&job.id).await;
        }
        Ok(())
    }
}

fn calls_with(rows: &[usize], rows_max: usize) -> std::collections::VecDeque<Call> {
    let chunks = rows.chunks(rows_max);
    chunks.map(|rows| Call { rows: rows.to_vec(), ..Call::default() }).collect()
}

/// What every job of this consumer is told.
pub(crate) fn order(
    operation: Operation,
    object: &str,
    key: Option<&str>,
    assignment_rule: Option<&crate::salesforce::AssignmentRule>,
) -> IngestOrder {
    let upserts = operation == Operation::Upsert;
    IngestOrder {
        object: object.to_owned(),
        operation: operation.as_str(),
        external_id_field_name: key.filter(|_| upserts).map(str::to_owned),
        assignment_rule_id: match assignment_rule {
            Some(crate::salesforce::AssignmentRule::Id(id)) => Some(id.clone()),
            _ => None,
        },
        content_type: "CSV",
        line_ending: "LF",
        column_delimiter: "COMMA",
    }
}
