//! The way of one batch: plan → look up → send → settle or release.

use std::{pin::pin, sync::Arc, time::Duration};

use ingest_core::RejectCode;
use job_queue::{Claimed, QueueError, Settled};
use load::{EncodedRow, Plan};
use service::{SpanRole, TraceSpan};
use tokio::time::Instant;
use tracing::{Span, debug, error, warn};

use super::{
    batch::Delivery,
    batch_state::BatchState,
    bulk::{Bulk, Loaded},
    holds::Holds,
    lookup::{Found, Lookup},
    outcome::{BatchOutcome, all_rejected},
    planner::{Planner, Refreshed, Unplanned},
    record_ids::RecordIds,
    rest::{Rest, chunk_rows},
    sender::{Interruption, Sender},
    written::Written,
};
use crate::{plan::PlanError, retry::BETWEEN_PASSES};

/// Delivers batches; all deliveries of the process share one.
#[derive(Debug)]
pub(crate) struct Deliverer {
    pub(crate) sender: Arc<Sender>,
    pub(crate) planner: Arc<Planner>,
    pub(crate) lookup: Lookup,
    pub(crate) rest: Arc<Rest>,
    pub(crate) bulk: Bulk,
    pub(crate) holds: Holds,
    pub(crate) row_retries: u32,
    pub(crate) deliveries_max: u32,
}

/// A batch of a run that cannot fail, for it is being cancelled, is not handed out again at once.
const FAILED_RUN_DELAY: Duration = Duration::from_secs(2);

/// A batch whose run has a load that this consumer cannot read waits for one that can.
const UNREADABLE_LOAD_DELAY: Duration = Duration::from_secs(30);

impl Deliverer {
    /// Delivers a batch, and settles or releases it. The error is one of the queue; the batch then
    /// comes back by itself.
    pub(crate) async fn deliver(&self, claimed: &Claimed) -> Result<(), QueueError> {
        let job = claimed.job();
        let is_poison = claimed.deliveries() > self.deliveries_max;
        if is_poison && !self.bulk.has_closed_job(claimed).await {
            return self.reject_poison(claimed).await;
        }
        job_queue::failpoint!("claimed");
        let Some(run_plans) = self.planner.cache.of_run(&job.run, claimed.load()) else {
            let untouched = BatchOutcome::ReleaseUntouched;
            return self.settle(claimed, untouched, UNREADABLE_LOAD_DELAY).await.map(drop);
        };
        Span::current().record("object", &run_plans.load.object);
        let delivery = Delivery::new(claimed, self.holds.join(&job.run), run_plans);
        let mut delivering = pin!(self.deliver_rows(&delivery));
        tokio::select! {
            done = &mut delivering => return done,
            // What becomes of an ingest job is for Salesforce to say, of a cancelled run too.
            () = claimed.run_cancelled(), if !self.bulk.has_job(claimed) => (),
        }
        delivery.stop().cancel();
        delivering.await
    }

    /// The same, once it is known what its run does.
    async fn deliver_rows(&self, delivery: &Delivery<'_>) -> Result<(), QueueError> {
        let (claimed, job) = (delivery.claimed, delivery.job());
        if self.bulk.drop_job_for_others(delivery).await? == Settled::LeaseLost {
            return Ok(());
        }
        let written = match self.planner.plan(delivery).await {
            Ok(plan) => self.write_rows(delivery, plan).await,
            Err(unplanned) => Err(unplanned),
        };
        let rows = match written {
            Ok(written) => written,
            Err(Unplanned::Impossible(error)) => return self.fail_run(claimed, &error).await,
            Err(Unplanned::Held(blocker)) => {
                delivery.hold_run(blocker);
                return self.release(delivery).await;
            }
            Err(Unplanned::Interrupted(Interruption::LeaseLost)) => return Ok(()),
            Err(Unplanned::Interrupted(_)) => return self.release(delivery).await,
        };
        let mut state = BatchState::start(rows.rows());
        if delivery.load().ids {
            state = state.with_record_ids(RecordIds::of(&delivery.plan(), &rows));
        }
        let Loaded { sent, done_with } =
            match self.find_records(delivery, &rows, &mut state).await? {
                // The job continues without this consumer.
                Err(Interruption::Stopped | Interruption::Forced) if self.bulk.has_job(claimed) => {
                    Err(Interruption::JobOpen).into()
                }
                Err(interruption) => Err(interruption).into(),
                Ok(found) => self.send(delivery, &found, rows, &mut state).await?,
            };
        if done_with.is_some() {
            // The call that removes it, below.
            state.api_calls += 1;
        }
        let outcome = match sent {
            Ok(()) => state.end_of_pass(job, self.row_retries),
            Err(Interruption::Stopped | Interruption::Forced) => state.interrupted(job),
            Err(Interruption::JobOpen) => BatchOutcome::ReleaseUntouched,
            Err(Interruption::LeaseLost) => return Ok(()),
        };
        let settled = self.hold_and_settle(delivery, outcome).await?;
        // The consumer that has the batch now reads the results of the same job.
        if let Some(ingest_job) = done_with.filter(|_| settled != Settled::LeaseLost) {
            self.bulk.delete(delivery, &ingest_job).await;
        }
        Ok(())
    }

    /// Finds the record of each row, where rows name them by a key.
    async fn find_records(
        &self,
        delivery: &Delivery<'_>,
        rows: &Written,
        state: &mut BatchState,
    ) -> Result<Result<Found, Interruption>, QueueError> {
        match rows {
            Written::Json(rows) => self.lookup.find_records(delivery, rows, state).await,
            Written::Csv(_) => Ok(Ok(Found::default())),
        }
    }

    /// Sends the rows by one of the two ways.
    async fn send(
        &self,
        delivery: &Delivery<'_>,
        found: &Found,
        rows: Written,
        state: &mut BatchState,
    ) -> Result<Loaded, QueueError> {
        state.found(found.ids());
        let rows = match rows {
            Written::Csv(rows) => return self.bulk.deliver(delivery, found, rows, state).await,
            Written::Json(rows) => rows,
        };
        if self.bulk.carries(delivery) {
            drop(rows);
            let rows = delivery.plan().encode_csv(&delivery.job().rows, found.ids());
            return self.bulk.deliver(delivery, found, rows, state).await;
        }
        let rows = found.put_into(rows);
        let chunks = chunk_rows(rows.rows(), delivery.load().call_rows_max);
        Ok(self.rest.send_all(delivery, &rows, chunks, state).await.into())
    }

    /// Writes the rows of a batch as they are sent. When one of them does not fit its field, the field
    /// may be another one by now.
    async fn write_rows(
        &self,
        delivery: &Delivery<'_>,
        plan: Arc<Plan>,
    ) -> Result<Written, Unplanned> {
        let rows = self.write(delivery, &plan);
        if !rows.rows().iter().any(EncodedRow::has_invalid_values) {
            return Ok(rows);
        }
        match self.planner.refresh(delivery, Instant::now()).await {
            Refreshed::Unchanged => Ok(rows),
            Refreshed::Changed(plan) => Ok(self.write(delivery, &plan)),
            Refreshed::Interrupted(interruption) => Err(Unplanned::Interrupted(interruption)),
        }
    }

    /// Rows whose records are to be looked up are written as JSON first: there are the keys to ask for.
    fn write(&self, delivery: &Delivery<'_>, plan: &Plan) -> Written {
        let rows = &delivery.job().rows;
        if plan.looked_up_by.is_none() && self.bulk.carries(delivery) {
            return Written::Csv(plan.encode_csv(rows, None));
        }
        Written::Json(plan.encode(rows))
    }

    async fn release(&self, delivery: &Delivery<'_>) -> Result<(), QueueError> {
        self.hold_and_settle(delivery, BatchOutcome::ReleaseUntouched).await.map(drop)
    }

    /// A run that is to be held is held before its batch goes back: else the batch could be claimed in
    /// between.
    async fn hold_and_settle(
        &self,
        delivery: &Delivery<'_>,
        outcome: BatchOutcome,
    ) -> Result<Settled, QueueError> {
        let delay = delivery.hold.place(&self.planner.queue).await;
        if delivery.hold.has_begun() {
            delivery.run_plans.was_held();
        }
        self.settle(delivery.claimed, outcome, delay).await
    }

    /// Gives a batch back to the queue. What is released can be claimed again after `delay`.
    async fn settle(
        &self,
        claimed: &Claimed,
        outcome: BatchOutcome,
        delay: Duration,
    ) -> Result<Settled, QueueError> {
        let job = claimed.job();
        let span = TraceSpan::child("settle", SpanRole::Client);
        let settled = match &outcome {
            BatchOutcome::Settle(settled) => claimed.settle(settled).await?,
            BatchOutcome::Retry(rest, _) => {
                let tries = (0..rest.rows.len()).map(|row| rest.rows.tries(row)).max();
                let delay = BETWEEN_PASSES.delay(tries.unwrap_or_default(), fastrand::f64());
                claimed.requeue(rest, delay).await?
            }
            BatchOutcome::Release(rest) => claimed.requeue(rest, delay).await?,
            BatchOutcome::ReleaseUntouched => claimed.release(delay).await?,
        };
        if span.is_traced() {
            span.set_text("batch_sync.outcome", &outcome.to_string());
        }
        drop(span);
        match (&outcome, settled) {
            (BatchOutcome::Retry(_, again), Settled::Recorded) => {
                again.iter().for_each(|again| self.sender.counters.sent_again(*again, 1));
            }
            (_, Settled::LeaseLost) => warn!(
                run = %job.run,
                batch = job.sequence,
                "the lease of batch {} of run {} was lost, so what became of it here does not count: it took \
                 longer than the lease and another consumer has it, or redis came back without its last writes \
                 and it is queued again",
                job.sequence,
                job.run
            ),
            _ => (),
        }
        debug!(
            run = %job.run,
            batch = job.sequence,
            rows = job.rows.len(),
            duration_ms = claimed.claimed_at().elapsed().as_millis(),
            "{outcome} batch {} of run {}", job.sequence, job.run
        );
        Ok(settled)
    }

    async fn reject_poison(&self, claimed: &Claimed) -> Result<(), QueueError> {
        let job = claimed.job();
        let deliveries = claimed.deliveries() - 1;
        let message = format!("handed out {deliveries} times, and no consumer lived to settle it");
        error!(
            run = %job.run,
            batch = job.sequence,
            rows = job.rows.len(),
            "batch {} of run {} is rejected: {message}",
            job.sequence,
            job.run
        );
        let rejected = BatchOutcome::Settle(all_rejected(job, RejectCode::PoisonBatch, &message));
        if self.settle(claimed, rejected, Duration::ZERO).await? == Settled::Recorded {
            self.sender.counters.poisoned();
        }
        Ok(())
    }

    /// When the load does not fit the org or the file, no row of the run can be delivered: better a run
    /// that fails than millions of rejects. Others continue.
    async fn fail_run(&self, claimed: &Claimed, cause: &PlanError) -> Result<(), QueueError> {
        let run = &claimed.job().run;
        error!(run = %run, error = %cause, "run {run} fails");
        self.planner.queue.fail_run_of_misfit(run, &cause.to_string()).await?;
        self.settle(claimed, BatchOutcome::ReleaseUntouched, FAILED_RUN_DELAY).await?;
        Ok(())
    }
}
