//! Sends one call until it is decided what it comes to.

use ingest_core::BatchJob;
use tokio::time::Instant;
use tracing::warn;

use super::doubt::Doubt;
use crate::delivery::{Deliverer, Delivery, deliverer::reject_as_unknown};
use crate::{
    delivery::batch_state::Progress,
    delivery::rest::chunk::Call,
    retry::{
        Blocker, RequestVerdict, Single, Then, Trouble, is_about_what_is_gone, judge_request,
        reason_of,
    },
    throttle::circuit_breaker::Pass,
    throttle::concurrency::Slot,
};
use load::{EncodedRows, Operation, Reason};
use salesforce::{Payload, Refusal, RowResult};

/// How the calls of one batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    AllSent,
    /// The consumer stops, or the run is held.
    Interrupted,
    /// An ingest job carries the rows, and whoever gets the batch next goes on with it.
    UnderWay,
    /// Somebody else may be delivering the batch.
    LeaseLost,
}

/// What a call came to.
pub(crate) enum Sent {
    Results(Leave, Vec<RowResult>),
    /// The call cannot be taken as it is.
    Refused(Single, Reason),
    /// It was refused as a whole, and that may be no fault of its rows.
    Doubtful(Doubt),
    /// The rows may or may not be stored, and must not be sent again.
    OutcomeUnknown(String),
    Ended(End),
}

/// Leave to make one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leave {
    pub(crate) pass: Pass,
    /// Of the org's limit of calls at once.
    pub(crate) generation: u64,
    /// When it was given.
    pub(crate) at: Instant,
}

/// Who is to blame for a call that got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    /// The call: it was tried often enough, and calls that were sent after it got through.
    Call,
    /// The call, or nothing can be written at the moment: Salesforce answers, but no other call has
    /// got through since. Halving it shows which; no row is rejected for it.
    CallPerhaps,
    /// It was not tried often enough, or Salesforce answers nobody: that is waited out.
    Nobody,
}

impl Deliverer {
    /// Sends one call until it is decided what it comes to.
    pub(in crate::delivery) async fn send(
        &self,
        delivery: &Delivery<'_>,
        rows: &EncodedRows,
        call: &mut Call,
        progress: &mut Progress,
    ) -> Sent {
        let payload = match self.limits.operation {
            Operation::Delete => Payload::Ids(rows.ids(&call.rows)),
            _ => Payload::Records(rows.body(&call.rows)),
        };
        loop {
            let (leave, slot) = match self.leave(delivery).await {
                Ok(leave) => leave,
                Err(end) => return Sent::Ended(end),
            };
            let write = self.client.write(&self.destination, payload.clone(), call.rows.len());
            let Some(answer) = self.stopping.give_up.run_until_cancelled(write).await else {
                if !self.limits.operation.is_idempotent() {
                    reject_as_unknown(call, "the consumer was stopped before it came", progress);
                }
                progress.api_calls += 1;
                return Sent::Ended(End::Interrupted);
            };
            self.note_too_many(&leave, &answer);
            drop(slot);
            job_queue::failpoint!("answered");
            self.count(delivery.job(), call, &answer, progress);
            let decided = match answer {
                Ok(results) => Some(Sent::Results(leave, results)),
                Err(refusal) => self.decide(leave, delivery, call, &refusal).await,
            };
            if let Some(sent) = decided {
                return sent;
            }
        }
    }

    /// Waits until a call of a batch may be made. The error is why none may be made any more.
    pub(crate) async fn leave(&self, delivery: &Delivery<'_>) -> Result<(Leave, Slot<'_>), End> {
        let waited = delivery.stop().run_until_cancelled(async {
            let leave = delivery.wait_for(self.leave_for_anybody()).await;
            (leave, delivery.goes_on().await)
        });
        match waited.await {
            None => Err(End::Interrupted),
            Some((_, false)) => Err(End::LeaseLost),
            Some((leave, true)) => Ok(leave),
        }
    }

    /// Waits until the day's calls are not used up, Salesforce is not in trouble, and not too many
    /// calls are under way.
    async fn leave_for_anybody(&self) -> (Leave, Slot<'_>) {
        loop {
            self.budget.free().await;
            let pass = self.gate.pass().await;
            let slot = self.window.slot().await;
            // There may have been trouble while it waited for the slot.
            if self.gate.is_open() {
                let (generation, at) = (slot.generation(), Instant::now());
                return (Leave { pass, generation, at }, slot);
            }
        }
    }

    /// Tells the window, when this was one call too many.
    pub(crate) fn note_too_many<T>(&self, leave: &Leave, answer: &Result<T, Refusal>) {
        let throttled = RequestVerdict::Wait(Trouble::Throttled);
        if let Err(refusal) = answer
            && judge_request(refusal, self.limits.operation) == throttled
        {
            self.window.refused(leave.generation);
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
        let was_sent = |row: &&usize| call.was_sent || job.rows.tries(**row) > 0;
        let sent_again = call.rows.iter().filter(was_sent).count() as u64;
        call.was_sent = true;
        progress.api_calls += 1;
        progress.sent_again += sent_again;
        self.totals.called(sent_again);
    }

    /// What a call comes to that brought no row results; nothing, when it has to be sent again.
    pub(crate) async fn decide(
        &self,
        leave: Leave,
        delivery: &Delivery<'_>,
        call: &mut Call,
        refusal: &Refusal,
    ) -> Option<Sent> {
        let job = delivery.job();
        match judge_request(refusal, self.limits.operation) {
            RequestVerdict::Wait(trouble) => {
                self.wait(delivery, leave, trouble, refusal).await;
                None
            }
            RequestVerdict::Repeat { tries, then } => {
                let blame = self.blame(delivery, call, tries).await;
                if blame != Blame::Call {
                    self.wait(delivery, leave, Trouble::NoAnswer, refusal).await;
                }
                match (blame, then) {
                    (Blame::Nobody, _) => None,
                    (_, Then::Hold(advice)) => {
                        delivery.hold_run(Blocker { what: refusal.to_string(), advice });
                        Some(Sent::Ended(End::Interrupted))
                    }
                    (Blame::Call, Then::Halve(single)) => Some(refuse(job, call, single, refusal)),
                    (Blame::CallPerhaps, Then::Halve(_)) => {
                        Some(refuse(job, call, Single::TryAgain, refusal))
                    }
                }
            }
            RequestVerdict::Halve(Single::Reject) => Some(doubt(job, call, leave, None, refusal)),
            RequestVerdict::Doubt(advice) => Some(doubt(job, call, leave, Some(advice), refusal)),
            RequestVerdict::Halve(single) => Some(refuse(job, call, single, refusal)),
            RequestVerdict::OutcomeUnknown => {
                // The next rows wait: an org in trouble should not make rejects of a whole run.
                self.wait(delivery, leave, Trouble::NoAnswer, refusal).await;
                Some(Sent::OutcomeUnknown(refusal.to_string()))
            }
            RequestVerdict::Unsaid(advice) => {
                if !self.is_way_open(delivery, call).await {
                    delivery.hold_run(Blocker { what: refusal.to_string(), advice });
                }
                Some(Sent::OutcomeUnknown(refusal.to_string()))
            }
            RequestVerdict::Hold(blocker) => {
                self.hold_for_what_is_gone(delivery, leave.at, refusal).await;
                delivery.hold_run(blocker);
                Some(Sent::Ended(End::Interrupted))
            }
            RequestVerdict::Stop(blocker) => {
                self.stopping.stop_because(blocker);
                Some(Sent::Ended(End::Interrupted))
            }
        }
    }

    /// Whether other rows may get through, after somebody on the way answered a call whose rows must not
    /// be sent again: Salesforce answers what stores nothing, and it was not the one row that was to
    /// show it.
    async fn is_way_open(&self, delivery: &Delivery<'_>, call: &Call) -> bool {
        if delivery.of_run.risk_one_row() && call.rows.len() == 1 {
            return false;
        }
        let asked = delivery.stop().run_until_cancelled(self.client.is_answering());
        asked.await != Some(false)
    }

    /// Holds the run with what the org says of the object and its fields, when a call is refused
    /// because one of them is gone: Salesforce does not always say which.
    pub(crate) async fn hold_for_what_is_gone(
        &self,
        delivery: &Delivery<'_>,
        since: Instant,
        refusal: &Refusal,
    ) {
        if is_about_what_is_gone(refusal) {
            // Boxed, for it is rare, and each delivery has room for it.
            Box::pin(self.look_again(delivery, since)).await;
        }
    }

    pub(crate) async fn wait(
        &self,
        delivery: &Delivery<'_>,
        leave: Leave,
        trouble: Trouble,
        refusal: &Refusal,
    ) {
        let retry_after = refusal.retry_after();
        let alone =
            if trouble == Trouble::Throttled && retry_after.is_none() && self.window.can_shrink() {
                // It was one too many: it waits, and the others go on, fewer at once.
                self.gate.backoff(trouble).delay(1, fastrand::f64())
            } else {
                self.gate.failed(leave.pass, trouble, retry_after, fastrand::f64(), refusal)
            };
        let alone = delivery.wait_for(tokio::time::sleep(alone));
        delivery.stop().run_until_cancelled(alone).await;
    }

    /// Who is to blame for a call that got no answer.
    async fn blame(&self, delivery: &Delivery<'_>, call: &mut Call, tries: u32) -> Blame {
        let failed_before = call.failed_at.replace(self.gate.now());
        call.failures += 1;
        if call.failures < tries {
            return Blame::Nobody;
        }
        if failed_before.is_some_and(|moment| self.gate.has_answered_since(moment)) {
            return Blame::Call;
        }
        let probe = delivery.stop().run_until_cancelled(self.client.is_answering());
        if probe.await == Some(true) {
            return Blame::CallPerhaps;
        }
        call.failures = 0;
        Blame::Nobody
    }
}

/// Notes that a call is refused, and that nobody knows whose fault it is. With an advice it is mostly
/// no fault of a row.
fn doubt(
    job: &BatchJob,
    call: &Call,
    leave: Leave,
    advice: Option<&'static str>,
    refusal: &Refusal,
) -> Sent {
    warn_once(job, call, refusal);
    let blocker = Blocker {
        what: format!("{refusal} for every row that was tried"),
        advice: advice.unwrap_or(ALIKE),
    };
    let is_mostly_ours = advice.is_some();
    Sent::Doubtful(Doubt { reason: reason_of(refusal), since: leave.at, blocker, is_mostly_ours })
}

const ALIKE: &str = "it says the same of all, so it is mostly not the rows; check the mapping, and what the \
                     integration user may do";

/// Notes that a call cannot be taken as it is.
fn refuse(job: &BatchJob, call: &Call, single: Single, refusal: &Refusal) -> Sent {
    warn_once(job, call, refusal);
    Sent::Refused(single, reason_of(refusal))
}

fn warn_once(job: &BatchJob, call: &Call, refusal: &Refusal) {
    if call.halvings == 0 && call.rows.len() > 1 {
        warn!(
            run.id = %job.run,
            batch.sequence = job.sequence,
            rows = call.rows.len(),
            error = %refusal,
            "salesforce does not take these rows together; sending fewer at once"
        );
    }
}
