//! One call with rows, until it is decided what it comes to.

use std::sync::Arc;

use ingest_core::BatchJob;
use load::{EncodedRows, Operation, Reason};
use salesforce::{Payload, Refusal, RowResult};
use tokio::time::Instant;
use tracing::warn;

use super::{chunk::Chunk, destination::destination};
use crate::{
    delivery::{
        batch::Delivery,
        batch_state::BatchState,
        planner::Planner,
        results::Results,
        sender::{CallError, Interruption, Refused, Retries, Sender, Suspect},
    },
    retry::{
        Again, Blocker, CallVerdict, OnSingleRow, UNLIMITED, classify_call, meets_locks, reason_of,
    },
    throttle::Started,
};

/// Sends rows by Collections.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) sender: Arc<Sender>,
    pub(crate) planner: Arc<Planner>,
}

/// The calls that the rows of one batch take.
pub(super) struct Calls<'a> {
    pub(super) rest: &'a Rest,
    pub(super) delivery: &'a Delivery<'a>,
    pub(super) rows: &'a EncodedRows,
}

/// What a call came to.
pub(super) enum Sent {
    /// Its rows have their results; these chunks follow.
    Through(Vec<Chunk>),
    /// The call cannot be taken as it is.
    Split(OnSingleRow, Reason),
    /// It was refused as a whole, and that may be no fault of its rows.
    Doubtful(Doubt),
}

/// A call was refused as a whole, for a reason that is not known yet.
pub(super) struct Doubt {
    pub(super) reason: Reason,
    /// Before it was sent.
    pub(super) since: Instant,
    /// If it is no fault of the rows.
    pub(super) blocker: Blocker,
    /// Whether it is mostly no fault of the rows: then one row alone holds its run.
    pub(super) is_mostly_ours: bool,
}

impl Calls<'_> {
    /// Sends a chunk until it is decided what that comes to.
    pub(super) async fn send(
        &self,
        chunk: &mut Chunk,
        state: &mut BatchState,
    ) -> Result<Sent, Interruption> {
        let (delivery, rows) = (self.delivery, self.rows);
        let operation = delivery.load().operation;
        let destination = destination(delivery.load(), &delivery.plan());
        let payload = match operation {
            Operation::Delete => Payload::Ids(rows.ids(&chunk.rows)),
            _ => Payload::Records(rows.body(&chunk.rows)),
        };
        let sent = {
            let classify = |refusal: &Refusal| classify_call(refusal, operation);
            let tries = &delivery.job().rows;
            let suspect = Suspect {
                attempts: &mut chunk.attempts,
                is_alone: chunk.rows.len() == 1,
                was_tried: chunk.rows.iter().all(|row| tries.tries(*row) > 0),
            };
            let retries = Retries::UntilAtFault(suspect);
            let counters = &self.rest.sender.counters;
            let count = |again: Option<Again>| {
                let tries = &delivery.job().rows;
                let was_sent = |row: &&usize| chunk.was_sent || tries.tries(**row) > 0;
                state.api_calls += 1;
                state.sent_again += chunk.rows.iter().filter(was_sent).count() as u64;
                counters.called();
                // Rows that were tried in an earlier pass only were counted at its end.
                if let Some(again) = again.or(chunk.again) {
                    counters.sent_again(again, chunk.rows.len() as u64);
                }
                chunk.was_sent = true;
            };
            let write =
                || self.rest.sender.client.write(&destination, payload.clone(), chunk.rows.len());
            self.rest.sender.call(delivery, classify, retries, count, write).await
        };
        job_queue::failpoint!("answered");
        match sent {
            Ok((started, results)) => {
                self.apply(started, chunk, &results, state).await.map(Sent::Through)
            }
            Err(CallError::Refused(refused)) => self.refused(chunk, refused, state).await,
            Err(CallError::Interrupted(interruption)) => {
                if interruption == Interruption::Forced {
                    if !operation.is_idempotent() {
                        let rows = chunk.rows.iter().copied();
                        state.reject_unknown(rows, "the consumer was stopped before it came");
                    }
                    state.api_calls += 1;
                }
                Err(interruption)
            }
        }
    }

    async fn refused(
        &self,
        chunk: &Chunk,
        refused: Refused,
        state: &mut BatchState,
    ) -> Result<Sent, Interruption> {
        let Refused { verdict, refusal, started, is_at_fault } = refused;
        let (delivery, job) = (self.delivery, self.delivery.job());
        match verdict {
            CallVerdict::Split(OnSingleRow::Reject) if !is_at_fault => {
                Ok(Sent::Doubtful(Doubt::new(job, chunk, started, None, &refusal)))
            }
            CallVerdict::Doubt(advice) => {
                Ok(Sent::Doubtful(Doubt::new(job, chunk, started, Some(advice), &refusal)))
            }
            CallVerdict::Split(single) => {
                warn_once(job, chunk, &refusal);
                Ok(Sent::Split(single, reason_of(&refusal)))
            }
            CallVerdict::OutcomeUnknown => {
                state.reject_unknown(chunk.rows.iter().copied(), &refusal.to_string());
                Ok(Sent::Through(Vec::new()))
            }
            CallVerdict::IntermediaryAnswered(advice) => {
                if !self.is_way_open(chunk).await {
                    delivery.hold_run(Blocker { what: refusal.to_string(), advice });
                }
                state.reject_unknown(chunk.rows.iter().copied(), &refusal.to_string());
                Ok(Sent::Through(Vec::new()))
            }
            CallVerdict::Hold(blocker) => {
                self.rest.planner.hold_run(delivery, started.at, &refusal, blocker).await;
                Err(Interruption::Stopped)
            }
            // The sender waits, retries and stops by itself, and no call here is about a job.
            CallVerdict::Backoff(_)
            | CallVerdict::Retry { .. }
            | CallVerdict::Stop(_)
            | CallVerdict::Job(_) => Err(Interruption::Stopped),
        }
    }

    /// Whether other rows may get through, after an intermediary answered a call whose rows must not be
    /// sent again: Salesforce answers what stores nothing, and it was not the one row that was to show
    /// it.
    async fn is_way_open(&self, chunk: &Chunk) -> bool {
        let delivery = self.delivery;
        if delivery.run_plans.risk_one_row() && chunk.rows.len() == 1 {
            return false;
        }
        let asked = delivery.stop().run_until_cancelled(self.rest.sender.client.is_answering());
        asked.await != Some(false)
    }

    /// Applies the results of a call; the answer is what has to be sent right away.
    async fn apply(
        &self,
        started: Started,
        chunk: &Chunk,
        row_results: &[RowResult],
        state: &mut BatchState,
    ) -> Result<Vec<Chunk>, Interruption> {
        let (delivery, throttle) = (self.delivery, &self.rest.sender.throttle);
        if meets_locks(row_results) {
            throttle.met_locks(started);
        }
        let mut results = Results::default();
        for (row, result) in chunk.rows.iter().copied().zip(row_results) {
            results.apply(row, result, delivery.load().operation, state);
        }
        results.count_delivered(&self.rest.planner, delivery);
        delivery.run_plans.risk_more();
        let blocker = results.blocker(&self.rest.planner, delivery, state).await;
        match results.backoff {
            None => throttle.succeeded(started),
            Some(reason) => throttle.row_failed(started, reason),
        }
        if let Some(blocker) = blocker {
            delivery.hold_run(blocker);
            return Err(Interruption::Stopped);
        }
        let mut too_much = Vec::new();
        for (row, reason) in results.too_much {
            if chunk.can_shrink() { too_much.push(row) } else { state.rejected(row, reason) }
        }
        let mut follow_up = chunk.smaller(&too_much);
        if !results.waiting.is_empty() {
            let again = results.backoff.map(Again::after_backoff);
            follow_up.push(Chunk { again, ..chunk.retry(results.waiting) });
        }
        Ok(follow_up)
    }
}

impl Doubt {
    /// Of a refused call of which it is unknown whether its rows are at fault. With an advice they mostly
    /// are not.
    fn new(
        job: &BatchJob,
        chunk: &Chunk,
        started: Started,
        advice: Option<&'static str>,
        refusal: &Refusal,
    ) -> Self {
        warn_once(job, chunk, refusal);
        let blocker = Blocker {
            what: format!("{refusal} for every row that was tried"),
            advice: advice.unwrap_or(ALIKE),
        };
        let is_mostly_ours = advice.is_some();
        Self { reason: reason_of(refusal), since: started.at, blocker, is_mostly_ours }
    }
}

/// What is sent instead of a chunk that cannot be taken as it is.
pub(super) fn split(
    chunk: &Chunk,
    single: OnSingleRow,
    reason: Reason,
    state: &mut BatchState,
) -> Vec<Chunk> {
    if let [row] = *chunk.rows {
        match single {
            OnSingleRow::Reject => state.rejected(row, reason),
            OnSingleRow::Retry => state.retry(row, reason, UNLIMITED),
        }
    }
    chunk.halves()
}

const ALIKE: &str = "it says the same of all, so it is mostly not the rows; check the mapping, and what the \
                     integration user may do";

fn warn_once(job: &BatchJob, chunk: &Chunk, refusal: &Refusal) {
    if chunk.halvings == 0 && chunk.rows.len() > 1 {
        warn!(
            run.id = %job.run,
            batch.sequence = job.sequence,
            rows = chunk.rows.len(),
            error = %refusal,
            "salesforce does not take these rows together; sending fewer at once"
        );
    }
}
