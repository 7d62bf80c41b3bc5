//! The main line: a claimed batch → calls → verdicts → back to the queue.

mod batch;
mod doubt;
mod holds;
mod looking;
mod results;
mod sending;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use job_queue::{Claimed, Queue, QueueError, Settled};
use tokio::time::Instant;
use tracing::{debug, error, warn};

pub(crate) use self::{
    batch::Delivery,
    holds::Holds,
    looking::Looked,
    results::Results,
    sending::{End, Sent},
};
use self::{doubt::Proven, looking::Unplanned, sending::Leave};
use crate::{
    bulk::{BulkAccess, Loaded},
    calls::{Call, share_out},
    gate::Gate,
    mapping::{EncodedRows, Plan},
    plans::{Plans, Unplannable},
    progress::{LetGo, Progress, all_rejected},
    reserve::Budget,
    salesforce::{Client, Destination, IngestOrder, RowResult},
    stopping::Stopping,
    totals::Totals,
    verdict::{AS_OFTEN_AS_SET, BETWEEN_PASSES, Blocker, Operation, Reason, Single, meets_locks},
    window::Window,
};

/// Delivers batches; all deliveries of the process share one.
pub(crate) struct Deliverer {
    pub(crate) queue: Queue,
    pub(crate) client: Client,
    pub(crate) destination: Destination,
    /// What ingest jobs are told.
    pub(crate) order: IngestOrder,
    pub(crate) bulk: BulkAccess,
    pub(crate) plans: Plans,
    pub(crate) limits: Limits,
    pub(crate) gate: Gate,
    pub(crate) window: Arc<Window>,
    pub(crate) budget: Budget,
    pub(crate) totals: Totals,
    pub(crate) holds: Holds,
    pub(crate) stopping: Stopping,
}

/// What bounds the delivery of one batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) operation: Operation,
    pub(crate) call_rows_max: usize,
    pub(crate) row_retries: u32,
    pub(crate) deliveries_max: u32,
}

/// A batch of a run that cannot fail, for it is being cancelled, is not handed out again at once.
const FAILED_RUN_DELAY: Duration = Duration::from_secs(2);

/// Code of rows in a batch that no consumer lived to settle.
const POISON_BATCH: &str = "POISON_BATCH";

/// Code of rows of which nobody can say whether Salesforce stored them.
const UNKNOWN_OUTCOME: &str = "UNKNOWN_OUTCOME";

impl Deliverer {
    /// Delivers a batch and lets go of it. The error is one of the queue; the batch then comes
    /// back by itself.
    pub(crate) async fn deliver(&self, claimed: &Claimed) -> Result<(), QueueError> {
        let job = claimed.job();
        let is_poison = claimed.deliveries() > self.limits.deliveries_max;
        if is_poison && !self.is_in_salesforces_hands(claimed).await {
            return self.reject_poison(claimed).await;
        }
        job_queue::failpoint!("claimed");
        if self.leave_job_of_another_target(claimed).await? == Settled::LeaseLost {
            return Ok(());
        }
        let delivery = Delivery::new(claimed, self.holds.join(&job.run), self.plans.of(&job.run));
        let written = match self.plan(&delivery).await {
            Ok(plan) => self.write_rows(&delivery, plan).await,
            Err(unplanned) => Err(unplanned),
        };
        let (plan, rows) = match written {
            Ok(written) => written,
            Err(Unplanned::Misfit(misfit)) => return self.fail_run(claimed, &misfit).await,
            Err(Unplanned::Held(blocker)) => {
                delivery.hold_run(blocker);
                return self.put_back(&delivery).await;
            }
            Err(Unplanned::End(End::LeaseLost)) => return Ok(()),
            Err(Unplanned::End(_)) => return self.put_back(&delivery).await,
        };
        let mut progress = Progress::start(&rows);
        let Loaded { end, done_with } =
            match self.find_records(&delivery, &rows, &mut progress).await? {
                // The job goes on without us.
                Err(End::Interrupted) if self.goes_on_with_a_job(claimed) => End::UnderWay.into(),
                Err(end) => end.into(),
                Ok(found) if self.goes_by_bulk(claimed) => {
                    let rows = found.put_into(rows);
                    self.load(&delivery, &plan, &found, rows, &mut progress).await?
                }
                Ok(found) => {
                    let rows = found.put_into(rows);
                    let calls = share_out(&rows, self.limits.call_rows_max);
                    self.send_calls(&delivery, &rows, calls, &mut progress).await.into()
                }
            };
        if done_with.is_some() {
            // The call that removes it, below.
            progress.api_calls += 1;
        }
        let let_go = match end {
            End::AllSent => progress.end_of_pass(job, self.limits.row_retries),
            End::Interrupted => progress.interrupted(job),
            End::UnderWay => LetGo::PutBackUntouched,
            End::LeaseLost => return Ok(()),
        };
        let outcome = self.hold_and_let_go(&delivery, let_go).await?;
        // Whoever has the batch now reads the results of the same job.
        if let Some(ingest_job) = done_with.filter(|_| outcome != Settled::LeaseLost) {
            self.delete_ingest_job(&ingest_job).await;
        }
        Ok(())
    }

    /// Writes the rows of a batch as they are sent. When one of them does not fit its field, the field
    /// may be another one by now.
    async fn write_rows(
        &self,
        delivery: &Delivery<'_>,
        plan: Arc<Plan>,
    ) -> Result<(Arc<Plan>, EncodedRows), Unplanned> {
        let rows = plan.encode(&delivery.job().rows);
        if !rows.misfit_values() {
            return Ok((plan, rows));
        }
        match self.look_again(delivery, Instant::now()).await {
            Looked::Same => Ok((plan, rows)),
            Looked::Changed(plan) => {
                let rows = plan.encode(&delivery.job().rows);
                Ok((plan, rows))
            }
            Looked::End(end) => Err(Unplanned::End(end)),
        }
    }

    async fn put_back(&self, delivery: &Delivery<'_>) -> Result<(), QueueError> {
        self.hold_and_let_go(delivery, LetGo::PutBackUntouched).await.map(drop)
    }

    /// Sees to it that a run that is to be held is held before its batch is let go of.
    async fn hold_and_let_go(
        &self,
        delivery: &Delivery<'_>,
        let_go: LetGo,
    ) -> Result<Settled, QueueError> {
        let delay = delivery.hold.place(&self.queue).await;
        if delivery.hold.has_begun() {
            delivery.of_run.was_held();
        }
        self.let_go(delivery.claimed, let_go, delay).await
    }

    /// Sends calls, and what follows from them, until nothing is left to send.
    pub(crate) async fn send_calls(
        &self,
        delivery: &Delivery<'_>,
        rows: &EncodedRows,
        mut calls: VecDeque<Call>,
        progress: &mut Progress,
    ) -> End {
        let mut proven = Proven::default();
        while let Some(mut call) = calls.pop_front() {
            progress.hold_back(&mut call, rows);
            if call.rows.is_empty() {
                continue;
            }
            if let Some(rest) = call.split_after(delivery.of_run.rows_at_once()) {
                calls.push_front(rest);
            }
            let follow_up = match self.send(delivery, rows, &mut call, progress).await {
                Sent::Results(leave, results) => {
                    self.take_in(delivery, leave, &call, &results, progress).await
                }
                Sent::Doubtful(doubt) => {
                    let clear = self.clear(delivery, rows, call, doubt, &mut proven, progress);
                    // Boxed, for it is rare, and each delivery has room for it.
                    match Box::pin(clear).await {
                        Ok(calls) => Ok(calls),
                        Err(end) => return end,
                    }
                }
                Sent::Refused(single, reason) => Ok(refused(&call, single, reason, progress)),
                Sent::OutcomeUnknown(cause) => {
                    reject_as_unknown(&call, &cause, progress);
                    Ok(Vec::new())
                }
                Sent::Ended(end) => return end,
            };
            match follow_up {
                Ok(follow_up) => {
                    follow_up.into_iter().rev().for_each(|call| calls.push_front(call));
                }
                Err(blocker) => {
                    delivery.hold_run(blocker);
                    return End::Interrupted;
                }
            }
        }
        End::AllSent
    }

    /// Takes in the results of a call; the answer is what has to be sent right away, the error why
    /// nobody can deliver the run.
    async fn take_in(
        &self,
        delivery: &Delivery<'_>,
        leave: Leave,
        call: &Call,
        results: &[RowResult],
        progress: &mut Progress,
    ) -> Result<Vec<Call>, Blocker> {
        if meets_locks(results) {
            self.window.locked(leave.generation);
        }
        let mut taken = Results::default();
        for (row, result) in call.rows.iter().copied().zip(results) {
            taken.take_in(row, result, self.limits.operation, progress);
        }
        self.count_delivered(delivery, &taken);
        delivery.of_run.risk_more();
        let blocker = self.blocker_in(delivery, &mut taken, progress).await;
        match taken.trouble {
            None => {
                self.gate.answered(leave.pass);
                self.window.answered();
            }
            Some(met) => {
                self.gate.failed(leave.pass, met, None, fastrand::f64(), &"so it says of a row");
            }
        }
        if let Some(blocker) = blocker {
            return Err(blocker);
        }
        let mut too_much = Vec::new();
        for (row, reason) in taken.too_much {
            if call.can_shrink() { too_much.push(row) } else { progress.rejected(row, reason) }
        }
        let mut follow_up = call.shrunk(&too_much);
        if !taken.waiting.is_empty() {
            follow_up.push(call.again(taken.waiting));
        }
        Ok(follow_up)
    }

    /// What is put back can be claimed again after `delay`.
    async fn let_go(
        &self,
        claimed: &Claimed,
        let_go: LetGo,
        delay: Duration,
    ) -> Result<Settled, QueueError> {
        let job = claimed.job();
        let outcome = match &let_go {
            LetGo::Settle(settled) => claimed.settle(settled).await?,
            LetGo::NextPass(rest) => {
                let tries = (0..rest.rows.len()).map(|row| rest.rows.tries(row)).max();
                let delay = BETWEEN_PASSES.delay(tries.unwrap_or_default(), fastrand::f64());
                claimed.requeue(rest, delay).await?
            }
            LetGo::PutBack(rest) => claimed.requeue(rest, delay).await?,
            LetGo::PutBackUntouched => claimed.release(delay).await?,
        };
        match (&let_go, outcome) {
            (LetGo::Settle(settled), Settled::Recorded) => self.totals.settled(settled),
            (_, Settled::LeaseLost) => warn!(
                run.id = %job.run,
                batch.sequence = job.sequence,
                "batch {} of run {} took longer than its lease; another consumer has it",
                job.sequence,
                job.run
            ),
            _ => (),
        }
        debug!(
            run.id = %job.run,
            batch.sequence = job.sequence,
            rows = job.rows.len(),
            "{let_go} batch {} of run {}", job.sequence, job.run
        );
        Ok(outcome)
    }

    async fn reject_poison(&self, claimed: &Claimed) -> Result<(), QueueError> {
        let job = claimed.job();
        let deliveries = claimed.deliveries() - 1;
        let message = format!("handed out {deliveries} times, and no consumer lived to settle it");
        error!(
            run.id = %job.run,
            batch.sequence = job.sequence,
            rows = job.rows.len(),
            "batch {} of run {} is rejected: {message}",
            job.sequence,
            job.run
        );
        let rejected = LetGo::Settle(all_rejected(job, POISON_BATCH, &message));
        self.let_go(claimed, rejected, Duration::ZERO).await?;
        Ok(())
    }

    /// When the header does not fit, no row of the run can be delivered: better a run that fails
    /// than millions of rejects.
    async fn fail_run(&self, claimed: &Claimed, misfit: &Unplannable) -> Result<(), QueueError> {
        let run = &claimed.job().run;
        error!(run.id = %run, error = %misfit, "run {run} is given up");
        self.queue.fail_run(run, &misfit.to_string()).await?;
        self.let_go(claimed, LetGo::PutBackUntouched, FAILED_RUN_DELAY).await?;
        Ok(())
    }
}

/// What is sent instead of a call that cannot be taken as it is.
fn refused(call: &Call, single: Single, reason: Reason, progress: &mut Progress) -> Vec<Call> {
    if let [row] = *call.rows {
        match single {
            Single::Reject => progress.rejected(row, reason),
            Single::TryAgain => progress.try_again(row, reason, AS_OFTEN_AS_SET),
        }
    }
    call.halves()
}

fn reject_as_unknown(call: &Call, cause: &str, progress: &mut Progress) {
    reject_unknown(call.rows.iter().copied(), cause, progress);
}

/// Rejects rows of which nobody can say whether they are stored, and that must not be sent again.
pub(crate) fn reject_unknown(
    rows: impl IntoIterator<Item = usize>,
    cause: &str,
    progress: &mut Progress,
) {
    for row in rows {
        let message =
            format!("nobody can say whether salesforce stored it, look it up there: {cause}");
        progress.rejected(row, Reason { code: UNKNOWN_OUTCOME.to_owned(), message });
    }
}
