//! Delivers a batch as one ingest job.

use std::{iter, mem};

use ingest_core::RejectCode;
use job_queue::QueueError;
use load::{Api, CsvRows, Reason};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::{
    checkpoint::Checkpoint,
    collect::Collected,
    step::{Bulk, Load, StepEnd},
    upload::{UPLOAD_BYTES_MAX, Upload},
};
use crate::{
    counters::JobEnd,
    delivery::{
        batch::Delivery, batch_state::BatchState, lookup::Found, rest::Chunk, sender::Interruption,
    },
    retry::{BETWEEN_PASSES, Blocker, HARD_DELETE_RIGHT, UNLIMITED},
};

/// What came of a batch that went by Bulk.
pub(crate) struct Loaded {
    pub(crate) sent: Result<(), Interruption>,
    /// The job that is of no more use once the batch is settled.
    pub(crate) done_with: Option<String>,
}

impl From<Result<(), Interruption>> for Loaded {
    fn from(sent: Result<(), Interruption>) -> Self {
        Self { sent, done_with: None }
    }
}

/// Jobs that one delivery makes, when they come to nothing.
const STARTS_MAX: u32 = 5;

impl Bulk {
    /// Whether a batch goes by Bulk: also one that has an ingest job already.
    pub(crate) fn carries(&self, delivery: &Delivery<'_>) -> bool {
        let (choice, rows) = (delivery.load().api, delivery.job().rows.len());
        self.checkpoint(delivery.claimed).is_some()
            || delivery.load().operation.is_by_bulk_only()
            || self.access.api_for(choice, rows) == Api::Bulk
    }

    /// Loads what one ingest job can carry of a batch, and the rows beside it by calls. Rows that repeat
    /// a key follow by calls too, or wait for the next job.
    pub(crate) async fn deliver(
        &self,
        delivery: &Delivery<'_>,
        found: &Found,
        rows: CsvRows,
        state: &mut BatchState,
    ) -> Result<Loaded, QueueError> {
        let mut upload = Upload::of(rows, UPLOAD_BYTES_MAX);
        let repeats = by_calls_of(mem::take(&mut upload.repeats), delivery.load());
        let load = Load { delivery, plan: delivery.plan(), found, rows: upload.rows.clone() };
        let is_by_bulk_only = delivery.load().operation.is_by_bulk_only();
        let (mut done_with, mut by_calls) = (None, upload.by_calls.clone());
        if is_by_bulk_only {
            for row in by_calls.drain(..) {
                state.rejected(row, not_in_csv());
            }
        }
        if !load.rows.indexes.is_empty() || self.checkpoint(delivery.claimed).is_some() {
            match self.run_jobs(&load, upload, state).await {
                Ok((job, collected)) => {
                    done_with = Some(job);
                    by_calls.extend(collected.by_calls);
                }
                Err(StepEnd::Void | StepEnd::ByCalls) if is_by_bulk_only => {
                    delivery.hold_run(no_job_takes_them());
                    return Ok(Err(Interruption::Stopped).into());
                }
                Err(StepEnd::Void | StepEnd::ByCalls) => by_calls.extend(&load.rows.indexes),
                Err(StepEnd::Done) => return Ok(Ok(()).into()),
                Err(StepEnd::Interrupted(interruption)) => return Ok(Err(interruption).into()),
                Err(StepEnd::Queue(error)) => return Err(error),
            }
        }
        if is_by_bulk_only {
            // A call would do something else. The next job says what became of them.
            by_calls.drain(..).for_each(|row| state.retry(row, without_result(), UNLIMITED));
        }
        // The run may have been paused or cancelled while its job was under way.
        let repeats = match repeats.is_empty() || self.may_start(delivery.claimed).await? {
            true => repeats,
            false => Vec::new(),
        };
        by_calls.sort_unstable();
        let rounds = iter::once(by_calls).chain(repeats).collect();
        let sent = self.send_by_calls(&load, rounds, state).await;
        Ok(Loaded { sent, done_with })
    }

    /// Sends rows beside a job, round by round. A row is sent only when the one before it with the same
    /// key has its verdict, be it from the job or from a call: else it waits for the next delivery.
    async fn send_by_calls(
        &self,
        load: &Load<'_>,
        rounds: Vec<Vec<usize>>,
        state: &mut BatchState,
    ) -> Result<(), Interruption> {
        let delivery = load.delivery;
        let mut rows = rounds.concat();
        if rows.is_empty() {
            return Ok(());
        }
        rows.sort_unstable();
        let calls = rounds.iter().flat_map(|round| round.chunks(delivery.load().call_rows_max));
        let chunks = calls.map(|rows| Chunk { rows: rows.to_vec(), ..Chunk::default() }).collect();
        let rows = load.as_json(&rows);
        self.rest.send_all(delivery, &rows, chunks, state).await
    }

    /// Sees one job through, and collects its results: the one that the batch has already, else a new
    /// one. One that comes to nothing is followed by another, so often at most.
    async fn run_jobs(
        &self,
        load: &Load<'_>,
        upload: Upload,
        state: &mut BatchState,
    ) -> Result<(String, Collected), StepEnd> {
        let delivery = load.delivery;
        let mut checkpoint = self.checkpoint(delivery.claimed);
        if let Some(checkpoint) = &checkpoint {
            state.api_calls += checkpoint.api_calls;
            info!(run = %delivery.job().run, "continuing with ingest job {}", checkpoint.job);
        }
        let mut upload = Some(upload).filter(|_| checkpoint.is_none());
        let mut starts = 0;
        loop {
            let checkpoint = checkpoint.take();
            if checkpoint.is_none() {
                if load.rows.indexes.is_empty() {
                    return Err(StepEnd::Void);
                }
                if starts == STARTS_MAX {
                    warn!(
                        run = %delivery.job().run,
                        rows = load.rows.indexes.len(),
                        "{STARTS_MAX} ingest jobs in a row came to nothing; their rows go by calls"
                    );
                    return Err(StepEnd::Void);
                }
                starts += 1;
            }
            match self.run_job(load, checkpoint, upload.take(), state).await {
                Err(StepEnd::Void) => (),
                end => return end,
            }
            // Nothing of it is loaded. A run that was paused or cancelled meanwhile gets no new job.
            let delay = sleep(BETWEEN_PASSES.delay(starts, fastrand::f64()));
            let waited = delivery.stop().run_until_cancelled(delivery.wait_for(delay)).await;
            if waited.is_none() || !self.may_start(delivery.claimed).await? {
                return Err(Interruption::Stopped.into());
            }
        }
    }

    async fn run_job(
        &self,
        load: &Load<'_>,
        checkpoint: Option<Checkpoint>,
        upload: Option<Upload>,
        state: &mut BatchState,
    ) -> Result<(String, Collected), StepEnd> {
        let (is_ours, since) = (checkpoint.is_none(), Instant::now());
        let checkpoint = match checkpoint {
            Some(checkpoint) => checkpoint,
            None => self.start(load, upload.unwrap_or_else(|| load.upload()), state).await?,
        };
        let counters = &self.sender.counters;
        let in_flight = counters.job_begins();
        let job = self.wait_for_end(load, &checkpoint, is_ours, state).await?;
        drop(in_flight);
        counters.job_ended(JobEnd::of(job.state), is_ours.then(|| since.elapsed()));
        let collected = self.collect_results(load, &job, is_ours, state).await?;
        if collected.in_vain {
            // In this order: one that is kept and gone may have loaded rows.
            self.keep(load.delivery.claimed, None).await?;
            state.api_calls += 1;
            self.delete(load.delivery, &job.id).await;
            return Err(StepEnd::Void);
        }
        Ok((job.id, collected))
    }
}

/// The rounds of rows that repeat a key, where they go by calls. A round is no larger than the one
/// before it: if the first of them is worth no job, none is.
fn by_calls_of(repeats: Vec<Vec<usize>>, load: &load::Load) -> Vec<Vec<usize>> {
    let next = repeats.first().map_or(0, Vec::len);
    match Api::for_repeats(next, load.call_rows_max, load.operation) {
        Api::Collections => repeats,
        Api::Bulk => Vec::new(),
    }
}

/// Of a row that calls would have to say, where they do something else.
fn not_in_csv() -> Reason {
    let message = "the id has characters that an ingest job cannot carry";
    Reason::own(RejectCode::MalformedId, message.to_owned())
}

/// Of a row of which its ingest job says nothing, each time.
fn without_result() -> Reason {
    let message = "its ingest jobs say nothing of it; look whether the record is still there";
    Reason::own(RejectCode::NoResult, message.to_owned())
}

fn no_job_takes_them() -> Blocker {
    Blocker { what: "no ingest job takes the rows".to_owned(), advice: HARD_DELETE_RIGHT }
}
