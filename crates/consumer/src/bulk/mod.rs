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
//! * Results are matched by key, or by all cells of a row; a row without one is sent again.
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

use job_queue::{Claimed, QueueError, RunState, Settled};
use tokio::time::sleep;
use tracing::{debug, info, warn};

pub use self::choice::ApiChoice;
pub(crate) use self::choice::{BulkAccess, not_by_bulk};
use self::{
    asking::Asked,
    cargo::{Cargo, UPLOAD_BYTES_MAX},
    judging::Refused,
    note::Note,
};
use crate::{
    calls::{Call, share_out},
    delivery::{Deliverer, End, reject_unknown},
    mapping::EncodedRows,
    progress::Progress,
    salesforce::{IngestJob, IngestOrder, IngestState},
    verdict::{BETWEEN_POLLS, Operation, Reason},
};

/// What came of a batch that went by Bulk.
pub(crate) struct Loaded {
    pub(crate) end: End,
    /// The job that is of no more use once the batch is let go of.
    pub(crate) done_with: Option<String>,
}

/// Jobs that one delivery makes, when they come to nothing.
const STARTS_MAX: u32 = 3;

/// How a step ended that is not the end.
enum Step<T> {
    Next(T),
    /// The job came to nothing: no row of it is loaded.
    Void,
    End(End),
}

/// One batch on its way.
struct Load<'a> {
    claimed: &'a Claimed,
    cargo: Cargo,
}

impl Deliverer {
    /// Whether a batch goes by Bulk: also one of which an ingest job is under way.
    pub(crate) fn goes_by_bulk(&self, claimed: &Claimed) -> bool {
        let rows = claimed.job().rows.len();
        claimed.ingest_job().is_some() || self.bulk.api_for(rows) == job_queue::Api::Bulk
    }

    /// Loads what one ingest job can carry of a batch, and the rows beside it by calls.
    pub(crate) async fn load(
        &self,
        claimed: &Claimed,
        rows: &EncodedRows,
        progress: &mut Progress,
    ) -> Result<Loaded, QueueError> {
        // Rows that repeat a key are in the next call, and wait for the next job.
        let first = share_out(rows, usize::MAX).pop_front().unwrap_or_default();
        let cargo = Cargo::pack(rows, &first.rows, UPLOAD_BYTES_MAX);
        let load = Load { claimed, cargo };
        let mut done_with = None;
        if !load.cargo.rows.is_empty() || claimed.ingest_job().is_some() {
            let job = match self.see_through(&load, progress).await? {
                Step::Next(job) => job,
                Step::Void => return Ok(Loaded { end: End::AllSent, done_with }),
                Step::End(end) => return Ok(Loaded { end, done_with }),
            };
            done_with = Some(job.id.clone());
            if let Step::End(end) = self.take_in_results(&load, &job, progress).await? {
                return Ok(Loaded { end, done_with: None });
            }
        }
        let calls = by_calls(&load.cargo, self.limits.call_rows_max);
        let end = self.send_calls(claimed, rows, calls, progress).await;
        Ok(Loaded { end, done_with })
    }

    /// Sees one job through until it has ended: that of somebody else before us, else a new one.
    async fn see_through(
        &self,
        load: &Load<'_>,
        progress: &mut Progress,
    ) -> Result<Step<IngestJob>, QueueError> {
        let mut under_way = load.claimed.ingest_job().and_then(Note::read);
        if let Some(note) = &under_way {
            progress.api_calls += note.api_calls;
            info!(run.id = %load.claimed.job().run, "going on with ingest job {}", note.job);
        }
        let mut is_ours = false;
        for _ in 0..STARTS_MAX {
            let note = match under_way.take() {
                Some(note) => note,
                None if load.cargo.rows.is_empty() => return Ok(Step::Void),
                None => match self.start(load, progress).await? {
                    Step::Next(note) => {
                        is_ours = true;
                        note
                    }
                    Step::Void => continue,
                    Step::End(end) => return Ok(Step::End(end)),
                },
            };
            match self.wait_for_end(load, &note, is_ours, progress).await? {
                Step::Void => (),
                step => return Ok(step),
            }
            // Nothing of it is loaded. A run that was paused or cancelled meanwhile gets no new job.
            if !self.may_start(load.claimed).await? {
                return Ok(Step::End(End::Interrupted));
            }
        }
        for row in load.cargo.rows.iter().copied() {
            let message = format!("{STARTS_MAX} ingest jobs in a row came to nothing");
            let reason = Reason { code: "JOB_LOST".to_owned(), message };
            progress.try_again(row, reason, u32::MAX);
        }
        Ok(Step::Void)
    }

    /// Makes a job, keeps its id with the batch, uploads the rows, and closes it.
    async fn start(
        &self,
        load: &Load<'_>,
        progress: &mut Progress,
    ) -> Result<Step<Note>, QueueError> {
        let room = self.stopping.stop.run_until_cancelled(self.room_for_a_job()).await;
        match room {
            None => return Ok(Step::End(End::Interrupted)),
            Some(room) => room?,
        }
        let create = || self.client.create_ingest_job(&self.order);
        let job = match self.ask(load.claimed, progress, None, create).await {
            Asked::Done(job) => job.id,
            Asked::Refused(refusal) => {
                debug!(error = %refusal, "no ingest job was made");
                return Ok(Step::Void);
            }
            Asked::End(end) => return Ok(Step::End(end)),
        };
        self.bulk.took_one();
        job_queue::failpoint!("ingest-created");
        let mut note = Note { api_calls: progress.api_calls, ..Note::new(&job) };
        if load.claimed.note_ingest_job(Some(&note.write())).await? == Settled::LeaseLost {
            self.abandon(&job).await;
            return Ok(Step::End(End::LeaseLost));
        }
        job_queue::failpoint!("ingest-noted");
        let upload = || self.client.upload_ingest_rows(&job, &load.cargo.csv);
        match self.ask(load.claimed, progress, Some(1), upload).await {
            Asked::Done(()) => (),
            Asked::Refused(refusal) => {
                // Whether it came whole cannot be known. It is not closed, so nothing is loaded.
                warn!(error = %refusal, "the upload to ingest job {job} broke off; making a new one");
                self.abandon(&job).await;
                return Ok(Step::Void);
            }
            Asked::End(end) => return self.leave_under_way(load, &note, progress, end).await,
        }
        job_queue::failpoint!("ingest-uploaded");
        self.count_sent_again(load, progress);
        if !self.limits.operation.is_idempotent() {
            note.closing = true;
            load.claimed.note_ingest_job(Some(&note.write())).await?;
        }
        let close = || self.client.close_ingest_job(&job);
        match self.ask(load.claimed, progress, None, close).await {
            // When it was refused, its state says what it came to.
            Asked::Done(_) | Asked::Refused(_) => (),
            Asked::End(end) => return self.leave_under_way(load, &note, progress, end).await,
        }
        job_queue::failpoint!("ingest-closed");
        Ok(Step::Next(note))
    }

    /// Looks at a job until it has ended.
    async fn wait_for_end(
        &self,
        load: &Load<'_>,
        note: &Note,
        is_ours: bool,
        progress: &mut Progress,
    ) -> Result<Step<IngestJob>, QueueError> {
        let mut polls = 0;
        loop {
            let look = || self.client.ingest_job(&note.job);
            let state = match self.ask(load.claimed, progress, None, look).await {
                Asked::Done(job) if job.has_ended() => {
                    job_queue::failpoint!("ingest-ended");
                    return Ok(Step::Next(job));
                }
                Asked::Done(job) => job.state,
                Asked::Refused(refusal) => match judging::judge_refusal(&refusal) {
                    Refused::NoSuchJob => return Ok(self.lost(load, note, progress)),
                    // It did not answer for a while: later it may.
                    _ => IngestState::Unknown,
                },
                Asked::End(end) => return self.leave_under_way(load, note, progress, end).await,
            };
            match state {
                // What was uploaded is whole, and only the close got lost.
                IngestState::Open if is_ours => {
                    let close = || self.client.close_ingest_job(&note.job);
                    if let Asked::End(end) = self.ask(load.claimed, progress, None, close).await {
                        return self.leave_under_way(load, note, progress, end).await;
                    }
                }
                IngestState::Open => {
                    self.abandon(&note.job).await;
                    return Ok(Step::Void);
                }
                _ => (),
            }
            polls += 1;
            let pause = sleep(BETWEEN_POLLS.delay(polls, fastrand::f64()));
            if self.stopping.stop.run_until_cancelled(pause).await.is_none() {
                return self.leave_under_way(load, note, progress, End::Interrupted).await;
            }
        }
    }

    /// A job that is gone. Rows that must not be sent twice may be stored.
    fn lost(&self, load: &Load<'_>, note: &Note, progress: &mut Progress) -> Step<IngestJob> {
        warn!(run.id = %load.claimed.job().run, "ingest job {} is gone from salesforce", note.job);
        if !note.closing || self.limits.operation.is_idempotent() {
            return Step::Void;
        }
        reject_unknown(&load.cargo.rows, "its ingest job is gone", progress);
        Step::End(End::AllSent)
    }

    /// Leaves the job to whoever gets the batch next.
    async fn leave_under_way<T>(
        &self,
        load: &Load<'_>,
        note: &Note,
        progress: &Progress,
        end: End,
    ) -> Result<Step<T>, QueueError> {
        if end == End::LeaseLost {
            return Ok(Step::End(end));
        }
        let note = Note { api_calls: progress.api_calls, ..note.clone() };
        Ok(Step::End(match load.claimed.note_ingest_job(Some(&note.write())).await? {
            Settled::LeaseLost => End::LeaseLost,
            _ => End::UnderWay,
        }))
    }

    /// Whether new jobs may be made for the run of a batch.
    async fn may_start(&self, claimed: &Claimed) -> Result<bool, QueueError> {
        let ledger = self.queue.run(&claimed.job().run).await?;
        Ok(ledger.is_some_and(|ledger| {
            !ledger.paused && matches!(ledger.state, RunState::Feeding | RunState::Draining)
        }))
    }

    /// Ends and removes a job of which nothing is loaded, as well as that can be done.
    async fn abandon(&self, job: &str) {
        let abort = self.client.abort_ingest_job(job).await;
        if let Err(refusal) = abort {
            debug!(error = %refusal, "ingest job {job} could not be aborted; it ends by itself");
        }
        self.delete_ingest_job(job).await;
    }

    /// Removes a job that has ended; what is left is removed by Salesforce after a week.
    pub(crate) async fn delete_ingest_job(&self, job: &str) {
        if let Err(refusal) = self.client.delete_ingest_job(job).await {
            debug!(error = %refusal, "ingest job {job} could not be deleted; salesforce does it later");
        }
    }

    fn count_sent_again(&self, load: &Load<'_>, progress: &mut Progress) {
        if load.claimed.job().passes > 0 {
            progress.sent_again += load.cargo.rows.len() as u64;
        }
    }
}

/// Calls with the rows that Bulk cannot carry.
fn by_calls(cargo: &Cargo, rows_max: usize) -> std::collections::VecDeque<Call> {
    let chunks = cargo.by_calls.chunks(rows_max);
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
