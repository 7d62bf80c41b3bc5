//! The main line: a claimed batch → calls → verdicts → back to the queue.

use std::{sync::Mutex, time::Duration};

use ingest_core::BatchJob;
use job_queue::{Claimed, Queue, QueueError, Settled};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::{
    calls::{Call, share_out},
    gate::{Gate, Pass},
    mapping::EncodedRows,
    plans::{Plans, Unplannable},
    progress::{LetGo, Progress, all_rejected},
    salesforce::{Client, Destination, Refusal, RowResult},
    totals::Totals,
    verdict::{
        AS_OFTEN_AS_SET, BETWEEN_PASSES, Operation, Reason, RequestVerdict, RowVerdict, Single,
        Stop, Then, Trouble, judge_request, judge_row, no_row_may_be_written,
    },
};

/// Delivers batches; all deliveries of the process share one.
pub(crate) struct Deliverer {
    pub(crate) queue: Queue,
    pub(crate) client: Client,
    pub(crate) destination: Destination,
    pub(crate) plans: Plans,
    pub(crate) limits: Limits,
    pub(crate) gate: Gate,
    pub(crate) totals: Totals,
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

/// How deliveries are told to come to an end, and how one of them tells the others.
#[derive(Debug)]
pub(crate) struct Stopping {
    /// Nothing new is started.
    pub(crate) stop: CancellationToken,
    /// What is under way is given up.
    pub(crate) give_up: CancellationToken,
    /// Why nobody can deliver.
    pub(crate) reason: Mutex<Option<Stop>>,
}

/// How the calls of one batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    AllSent,
    Interrupted,
    /// Somebody else may be delivering the batch.
    LeaseLost,
}

/// What a call came to.
enum Sent {
    Results(Pass, Vec<RowResult>),
    /// The call cannot be taken as it is.
    Refused(Single, Reason),
    /// The rows may or may not be stored, and must not be sent again.
    OutcomeUnknown(String),
    /// Nobody can deliver until a person has acted.
    Stop(Stop),
    Ended(End),
}

/// Code of rows in a batch that no consumer lived to settle.
const POISON_BATCH: &str = "POISON_BATCH";

/// Code of rows of which nobody can say whether Salesforce stored them.
const UNKNOWN_OUTCOME: &str = "UNKNOWN_OUTCOME";

impl Deliverer {
    /// Delivers a batch and lets go of it. The error is one of the queue; the batch then comes
    /// back by itself.
    pub(crate) async fn deliver(&self, claimed: &Claimed) -> Result<(), QueueError> {
        let job = claimed.job();
        if claimed.deliveries() > self.limits.deliveries_max {
            return self.reject_poison(claimed).await;
        }
        let plan = match self.plans.of(job) {
            Ok(plan) => plan,
            Err(misfit) => return self.fail_run(claimed, &misfit).await,
        };
        let rows = plan.encode(&job.rows);
        let mut progress = Progress::start(&rows);
        let let_go = match self.send_all(claimed, &rows, &mut progress).await {
            End::AllSent => progress.end_of_pass(job, self.limits.row_retries),
            End::Interrupted => progress.interrupted(job),
            End::LeaseLost => return Ok(()),
        };
        self.let_go(claimed, let_go).await
    }

    async fn send_all(
        &self,
        claimed: &Claimed,
        rows: &EncodedRows,
        progress: &mut Progress,
    ) -> End {
        let mut calls = share_out(rows, self.limits.call_rows_max);
        while let Some(mut call) = calls.pop_front() {
            progress.hold_back(&mut call, rows);
            if call.rows.is_empty() {
                continue;
            }
            let follow_up = match self.send(claimed, rows, &mut call, progress).await {
                Sent::Results(pass, results) => self.take_in(pass, &call, &results, progress),
                Sent::Refused(single, reason) => Ok(refused(&call, single, reason, progress)),
                Sent::OutcomeUnknown(cause) => {
                    reject_as_unknown(&call, &cause, progress);
                    Ok(Vec::new())
                }
                Sent::Stop(stop) => Err(stop),
                Sent::Ended(end) => return end,
            };
            match follow_up {
                Ok(follow_up) => {
                    follow_up.into_iter().rev().for_each(|call| calls.push_front(call));
                }
                Err(stop) => {
                    self.stopping.stop_because(stop);
                    return End::Interrupted;
                }
            }
        }
        End::AllSent
    }

    /// Sends one call until it is decided what it comes to.
    async fn send(
        &self,
        claimed: &Claimed,
        rows: &EncodedRows,
        call: &mut Call,
        progress: &mut Progress,
    ) -> Sent {
        let body = rows.body(&call.rows);
        loop {
            let pass = self.stopping.stop.run_until_cancelled(self.gate.pass()).await;
            let Some(pass) = pass.filter(|_| !self.stopping.stop.is_cancelled()) else {
                return Sent::Ended(End::Interrupted);
            };
            if claimed.is_lost() {
                return Sent::Ended(End::LeaseLost);
            }
            let write = self.client.write(&self.destination, body.clone(), call.rows.len());
            let Some(answer) = self.stopping.give_up.run_until_cancelled(write).await else {
                if !self.limits.operation.is_idempotent() {
                    reject_as_unknown(call, "the consumer was stopped before it came", progress);
                }
                progress.api_calls += 1;
                return Sent::Ended(End::Interrupted);
            };
            self.count(claimed.job(), call, &answer, progress);
            let decided = match answer {
                Ok(results) => Some(Sent::Results(pass, results)),
                Err(refusal) => self.decide(pass, claimed.job(), call, &refusal).await,
            };
            if let Some(sent) = decided {
                return sent;
            }
        }
    }

    fn count(
        &self,
        job: &BatchJob,
        call: &mut Call,
        answer: &Result<Vec<RowResult>, Refusal>,
        progress: &mut Progress,
    ) {
        if matches!(answer, Err(Refusal::NotSent { .. } | Refusal::Login(_))) {
            return;
        }
        let was_sent = call.was_sent || job.passes > 0;
        let sent_again = if was_sent { call.rows.len() as u64 } else { 0 };
        call.was_sent = true;
        progress.api_calls += 1;
        progress.sent_again += sent_again;
        self.totals.called(sent_again);
    }

    /// What a call comes to that brought no row results; nothing, when it has to be sent again.
    async fn decide(
        &self,
        pass: Pass,
        job: &BatchJob,
        call: &mut Call,
        refusal: &Refusal,
    ) -> Option<Sent> {
        let wait = |trouble| {
            let retry_after = refusal.retry_after();
            self.gate.failed(pass, trouble, retry_after, fastrand::f64(), refusal)
        };
        match judge_request(refusal, self.limits.operation) {
            RequestVerdict::Wait(trouble) => {
                wait(trouble);
                None
            }
            RequestVerdict::Repeat { tries, then } => {
                if !self.is_at_fault(call, tries).await {
                    let alone = tokio::time::sleep(wait(Trouble::NoAnswer));
                    self.stopping.stop.run_until_cancelled(alone).await;
                    return None;
                }
                Some(match then {
                    Then::Halve(single) => refuse(job, call, single, refusal),
                    Then::Stop(advice) => Sent::Stop(Stop { what: refusal.to_string(), advice }),
                })
            }
            RequestVerdict::Halve(single) => Some(refuse(job, call, single, refusal)),
            RequestVerdict::OutcomeUnknown => {
                // The next rows wait: an org in trouble should not make rejects of a whole run.
                wait(Trouble::NoAnswer);
                Some(Sent::OutcomeUnknown(refusal.to_string()))
            }
            RequestVerdict::Stop(stop) => Some(Sent::Stop(stop)),
        }
    }

    /// Whether a call that got no answer is to blame for it: it was tried often enough, and
    /// Salesforce answers others. When it answers nobody, nothing is held against the call.
    async fn is_at_fault(&self, call: &mut Call, tries: u32) -> bool {
        let answers = self.gate.answers();
        let answers_at_failure = *call.answers_at_failure.get_or_insert(answers);
        call.failures += 1;
        if call.failures < tries {
            return false;
        }
        if answers > answers_at_failure {
            return true;
        }
        let probe = self.stopping.stop.run_until_cancelled(self.client.is_answering());
        let is_answering = probe.await.unwrap_or(false);
        if !is_answering {
            call.failures = 0;
        }
        is_answering
    }

    /// Takes in the results of a call; the answer is what has to be sent right away.
    fn take_in(
        &self,
        pass: Pass,
        call: &Call,
        results: &[RowResult],
        progress: &mut Progress,
    ) -> Result<Vec<Call>, Stop> {
        if let Some(stop) = no_row_may_be_written(results) {
            return Err(stop);
        }
        let (mut stop, mut trouble) = (None, None);
        let (mut waiting, mut too_much) = (Vec::new(), Vec::new());
        let mut delivered = 0;
        for (row, result) in call.rows.iter().copied().zip(results) {
            match judge_row(result, self.limits.operation) {
                RowVerdict::Delivered { created } => {
                    delivered += 1;
                    progress.delivered(row, created);
                }
                RowVerdict::Rejected(reason) => progress.rejected(row, reason),
                RowVerdict::TryAgain { retries_max, reason } => {
                    progress.try_again(row, reason, retries_max);
                }
                RowVerdict::Shrink(_) if call.can_shrink() => too_much.push(row),
                RowVerdict::Shrink(reason) => progress.rejected(row, reason),
                RowVerdict::Wait(met) => {
                    trouble = Some(met);
                    waiting.push(row);
                }
                RowVerdict::Stop(met) => stop = Some(met),
            }
        }
        self.totals.delivered(delivered);
        match trouble {
            None => self.gate.answered(pass),
            Some(met) => {
                self.gate.failed(pass, met, None, fastrand::f64(), &"so it says of a row");
            }
        }
        if let Some(stop) = stop {
            return Err(stop);
        }
        let mut follow_up = call.shrunk(&too_much);
        if !waiting.is_empty() {
            follow_up.push(call.again(waiting));
        }
        Ok(follow_up)
    }

    async fn let_go(&self, claimed: &Claimed, let_go: LetGo) -> Result<(), QueueError> {
        let job = claimed.job();
        let outcome = match &let_go {
            LetGo::Settle(settled) => claimed.settle(settled).await?,
            LetGo::NextPass(rest) => {
                let delay = BETWEEN_PASSES.delay(rest.passes, fastrand::f64());
                claimed.requeue(rest, delay).await?
            }
            LetGo::PutBack(rest) => claimed.requeue(rest, Duration::ZERO).await?,
            LetGo::PutBackUntouched => claimed.put_back(Duration::ZERO).await?,
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
        Ok(())
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
        self.let_go(claimed, LetGo::Settle(all_rejected(job, POISON_BATCH, &message))).await
    }

    /// When the header does not fit, no row of the run can be delivered: better a run that fails
    /// than millions of rejects.
    async fn fail_run(&self, claimed: &Claimed, misfit: &Unplannable) -> Result<(), QueueError> {
        let run = &claimed.job().run;
        error!(run.id = %run, error = %misfit, "run {run} is given up");
        self.queue.fail_run(run, &misfit.to_string()).await?;
        self.let_go(claimed, LetGo::PutBackUntouched).await
    }
}

/// Notes that a call cannot be taken as it is.
fn refuse(job: &BatchJob, call: &Call, single: Single, refusal: &Refusal) -> Sent {
    if call.halvings == 0 {
        warn!(
            run.id = %job.run,
            batch.sequence = job.sequence,
            rows = call.rows.len(),
            error = %refusal,
            "salesforce does not take these rows together; sending fewer at once"
        );
    }
    Sent::Refused(single, refusal.reason())
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
    for row in call.rows.iter().copied() {
        let message =
            format!("nobody can say whether salesforce stored it, look it up there: {cause}");
        progress.rejected(row, Reason { code: UNKNOWN_OUTCOME.to_owned(), message });
    }
}

impl Stopping {
    /// Follows this shutdown.
    pub(crate) fn after(shutdown: &CancellationToken) -> Self {
        Self {
            stop: shutdown.child_token(),
            give_up: CancellationToken::new(),
            reason: Mutex::default(),
        }
    }

    /// Ends all deliveries; the first reason counts.
    fn stop_because(&self, stop: Stop) {
        self.reason.lock().expect("setting a reason does not panic").get_or_insert(stop);
        self.stop.cancel();
    }

    /// Why the deliveries had to end, when it was not a shutdown.
    pub(crate) fn take_reason(&self) -> Option<Stop> {
        self.reason.lock().expect("taking a reason does not panic").take()
    }
}
