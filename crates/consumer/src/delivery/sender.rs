//! Makes one call until it is decided what it comes to: permit → send → count → classify → wait. Both
//! ways of delivery, look-ups and describes go through here.

use std::{sync::Arc, time::Duration};

use salesforce::{Client, Refusal};
use tokio::time::{Instant, sleep};

use super::batch::Delivery;
use crate::{
    counters::Counters,
    retry::{Again, BackoffReason, Blocker, CallVerdict, JobProblem, OnExhausted, OnSingleRow},
    shutdown::Shutdown,
    throttle::{Failure, Permit, Started, Throttle},
};

/// Makes calls; all deliveries of the process share one.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) client: Client,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) counters: Counters,
    pub(crate) shutdown: Shutdown,
}

/// Why the delivery of a batch broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// The consumer stops, or the run is held.
    Stopped,
    /// The same, while a call was in flight: what became of it is unknown.
    Forced,
    /// An ingest job carries the rows: the next consumer of the batch continues with it.
    JobOpen,
    /// Another consumer may be delivering the batch.
    LeaseLost,
}

/// Why a call brought nothing to go on with.
#[derive(Debug)]
pub(crate) enum CallError {
    Refused(Refused),
    Interrupted(Interruption),
}

/// A call that cannot be sent again as it is.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) verdict: CallVerdict,
    pub(crate) refusal: Refusal,
    pub(crate) started: Started,
    /// Whether it was tried as often as it may be, in vain: the call itself is at fault.
    pub(crate) is_at_fault: bool,
}

/// How often a call is made that gets no answer.
#[derive(Debug)]
pub(crate) enum Retries<'a> {
    /// Until it was made as often as its verdict says, and others get through meanwhile.
    UntilAtFault(Suspect<'a>),
    /// At most so often, and as its verdict says.
    AtMost(u32),
    /// As long as it takes, unless its verdict is to hold the run then.
    Unlimited,
}

/// Calls without an answer so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attempts {
    /// Those that may have failed for what was in them.
    pub(crate) failures: u32,
    /// When the first one failed.
    pub(crate) since: Option<Instant>,
    /// The start of the last one.
    pub(crate) last: Option<Started>,
}

impl Attempts {
    /// Those of a half with so many rows. What is wrong with the whole is wrong with one of its halves; only
    /// for a single row it begins anew, for chance must not reject it.
    pub(crate) fn of_half(self, rows: usize) -> Self {
        if rows > 1 { self } else { Self { failures: 0, ..self } }
    }
}

/// A call whose rows may be to blame when it fails.
#[derive(Debug)]
pub(crate) struct Suspect<'a> {
    pub(crate) attempts: &'a mut Attempts,
    /// It has one row, or asks for one key: what follows from its failures is for good.
    pub(crate) is_alone: bool,
    /// All of its rows failed in an earlier pass.
    pub(crate) was_tried: bool,
}

/// What a failure of a call shows.
#[derive(Clone, Copy, Debug, Default)]
struct Evidence {
    /// It has failed for so long that this says nothing of others: an outage is recognised sooner.
    is_known: bool,
    /// It may be the call; failures beside others that fail as well say nothing of it, however many they are.
    may_be_its_own: bool,
    /// Others got through since it was tried before.
    others_get_through: bool,
    /// Nobody got through for long.
    is_silent: bool,
}

impl Suspect<'_> {
    /// It failed once more.
    fn failed(&mut self, throttle: &Throttle, started: Started) -> Evidence {
        let since = *self.attempts.since.get_or_insert_with(Instant::now);
        let last = self.attempts.last.replace(started);
        Evidence {
            is_known: self.was_tried || since.elapsed() >= KNOWN_AFTER,
            may_be_its_own: throttle.may_be_its_own(started),
            others_get_through: last.is_some_and(|last| throttle.has_answered_after(last)),
            is_silent: throttle.breaker.is_silent(),
        }
    }
}

/// A call is known to fail after so long.
const KNOWN_AFTER: Duration = Duration::from_secs(5);

/// So often a call is answered 503, while nearly all others get through, until it is split. A single row needs
/// more, as the circuit breaker says.
const UNAVAILABLE_MAX: u32 = 6;

/// What is at fault when a call gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Culprit {
    /// The call: it was tried often enough, and nearly all others got through meanwhile.
    Call,
    /// The call, or little can be written at the moment: Salesforce answers, but too few other calls get
    /// through to tell. Splitting it shows which; its rows are tried again later.
    CallPerhaps,
    /// It was not tried often enough, or Salesforce answers nobody: that is waited out.
    Nobody,
}

impl From<Interruption> for CallError {
    fn from(interruption: Interruption) -> Self {
        Self::Interrupted(interruption)
    }
}

impl Sender {
    /// Makes a call until it is answered, or refused for good. `count` is called for each call that
    /// reached Salesforce, with why it was made again, when it was made before.
    pub(crate) async fn call<T, F>(
        &self,
        delivery: &Delivery<'_>,
        classify: impl Fn(&Refusal) -> CallVerdict,
        mut retries: Retries<'_>,
        mut count: impl FnMut(Option<Again>),
        request: impl Fn() -> F,
    ) -> Result<(Started, T), CallError>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        let (mut failures, mut failed, mut waits_for_slot) = (0, 0, 0);
        let (mut unavailable, mut again_for) = (0, None);
        loop {
            let permit = self.permit(delivery).await?;
            let Some(answer) = self.shutdown.force.run_until_cancelled(request()).await else {
                return Err(Interruption::Forced.into());
            };
            let answer = answer.map_err(|refusal| (classify(&refusal), refusal));
            let started = self.release(permit, answer.as_ref().map_err(|(verdict, _)| verdict));
            let (verdict, refusal) = match answer {
                Ok(answer) => {
                    count(again_for);
                    return Ok((started, answer));
                }
                Err(refused) => refused,
            };
            if !matches!(refusal, Refusal::NotSent { .. } | Refusal::Login(_)) {
                count(again_for);
            }
            let evidence = match &mut retries {
                Retries::UntilAtFault(suspect) => suspect.failed(&self.throttle, started),
                Retries::AtMost(_) | Retries::Unlimited => Evidence::default(),
            };
            let (verdict, is_at_fault) = match verdict {
                CallVerdict::Backoff(BackoffReason::Unavailable)
                    if self.is_for_this_call(&retries, evidence, &mut unavailable, &refusal) =>
                {
                    (CallVerdict::Split(OnSingleRow::Reject), true)
                }
                CallVerdict::Backoff(reason) => {
                    failed += 1;
                    again_for = Some(Again::after_backoff(reason));
                    let failure = again(failed, reason, &refusal);
                    let failure = Failure { is_suspect: evidence.is_known, ..failure };
                    self.wait(delivery, started, failure, &refusal).await;
                    continue;
                }
                CallVerdict::Job(JobProblem::NoSlot) => {
                    waits_for_slot += 1;
                    again_for = Some(Again::Limit);
                    self.throttle.answered(started);
                    let backoff = self.throttle.breaker.backoff(BackoffReason::Throttled);
                    let delay = sleep(backoff.delay(waits_for_slot, fastrand::f64()));
                    let delay = self.throttle.claims.while_waiting(delivery.wait_for(delay));
                    delivery.stop().run_until_cancelled(delay).await;
                    continue;
                }
                CallVerdict::Retry { tries, on_exhausted } => {
                    failures += 1;
                    failed += 1;
                    again_for = Some(Again::after_refusal(&refusal));
                    let culprit = match &mut retries {
                        Retries::UntilAtFault(suspect) => {
                            self.culprit(delivery, suspect, evidence, tries).await
                        }
                        Retries::AtMost(max) if failures >= tries.min(*max) => Culprit::Call,
                        Retries::Unlimited if failures >= tries && on_exhausted.holds() => {
                            Culprit::Call
                        }
                        Retries::AtMost(_) | Retries::Unlimited => Culprit::Nobody,
                    };
                    // An upload that broke off is followed by another job, which has to wait too.
                    if culprit != Culprit::Call || matches!(retries, Retries::AtMost(_)) {
                        let failure = again(failed, BackoffReason::NoAnswer, &refusal);
                        let failure = Failure { is_suspect: evidence.is_known, ..failure };
                        self.wait(delivery, started, failure, &refusal).await;
                    }
                    match exhausted(culprit, on_exhausted, &refusal) {
                        None => continue,
                        Some(verdict) => (verdict, true),
                    }
                }
                CallVerdict::OutcomeUnknown => {
                    // The next rows wait: an outage should not make rejects of a whole run.
                    let failure = again(failed + 1, BackoffReason::NoAnswer, &refusal);
                    let failure = Failure { loses_rows: true, ..failure };
                    self.wait(delivery, started, failure, &refusal).await;
                    (verdict, false)
                }
                CallVerdict::Stop(blocker) => {
                    self.shutdown.stop_because(blocker);
                    return Err(Interruption::Stopped.into());
                }
                verdict => {
                    self.throttle.answered(started);
                    (verdict, false)
                }
            };
            return Err(CallError::Refused(Refused { verdict, refusal, started, is_at_fault }));
        }
    }

    /// Makes a call on which nothing depends, such as one that cleans up. Even a consumer that stops
    /// makes it, without a permit then.
    pub(crate) async fn call_once<T>(
        &self,
        delivery: &Delivery<'_>,
        classify: impl Fn(&Refusal) -> CallVerdict,
        request: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let permit = delivery.stop().run_until_cancelled(self.throttle.acquire()).await;
        let answer = request.await;
        if let Some(permit) = permit {
            let started = self.release(permit, answer.as_ref().map_err(classify).as_ref());
            if answer.is_ok() {
                self.throttle.answered(started);
            }
        }
        answer
    }

    /// Waits until a call of a batch may be made.
    async fn permit(&self, delivery: &Delivery<'_>) -> Result<Permit<'_>, Interruption> {
        let waited = delivery.stop().run_until_cancelled(async {
            let permit = delivery.wait_for(self.throttle.acquire()).await;
            (permit, delivery.goes_on().await)
        });
        match waited.await {
            None => Err(Interruption::Stopped),
            Some((_, false)) => Err(Interruption::LeaseLost),
            Some((permit, true)) => Ok(permit),
        }
    }

    /// Gives a permit back; a call that was one too many lowers the limit before.
    fn release<T>(&self, permit: Permit<'_>, answer: Result<T, &CallVerdict>) -> Started {
        if matches!(answer, Err(CallVerdict::Backoff(BackoffReason::Throttled))) {
            self.throttle.one_too_many(&permit);
        }
        permit.release()
    }

    /// Waits as long as a call that failed has to wait for itself alone. All other calls go
    /// on, and one more batch may be claimed. When all have to wait, the next permit does.
    async fn wait(
        &self,
        delivery: &Delivery<'_>,
        started: Started,
        failure: Failure,
        refusal: &Refusal,
    ) {
        let alone = self.throttle.failed(started, failure, refusal);
        let wait = self.throttle.claims.while_waiting(delivery.wait_for(sleep(alone)));
        delivery.stop().run_until_cancelled(wait).await;
    }

    /// Salesforce says once more that it is not available. Gives whether it says it of this call only, so
    /// often that it is no chance any more: then it may be what is in the call, for an intermediary on the
    /// way. `times` counts how often, though nearly all other calls got through meanwhile.
    fn is_for_this_call(
        &self,
        retries: &Retries<'_>,
        evidence: Evidence,
        times: &mut u32,
        refusal: &Refusal,
    ) -> bool {
        let (Retries::UntilAtFault(suspect), Refusal::Answered(_)) = (retries, refusal) else {
            return false;
        };
        let Some(to_blame) = self.throttle.breaker.failures_to_blame() else { return false };
        *times += u32::from(evidence.may_be_its_own && evidence.others_get_through);
        let most = if suspect.is_alone { to_blame.max(UNAVAILABLE_MAX) } else { UNAVAILABLE_MAX };
        *times >= most
    }

    /// What is at fault when a call got no answer once more.
    async fn culprit(
        &self,
        delivery: &Delivery<'_>,
        suspect: &mut Suspect<'_>,
        evidence: Evidence,
        tries: u32,
    ) -> Culprit {
        let attempts = &mut suspect.attempts;
        if !evidence.may_be_its_own {
            return Culprit::Nobody;
        }
        attempts.failures += 1;
        // Where all calls fail, each may have a row that makes it fail: only smaller ones can show that.
        let is_to_be_split = evidence.is_silent && !suspect.is_alone;
        if attempts.failures < tries && !is_to_be_split {
            return Culprit::Nobody;
        }
        if let Some(to_blame) = self.throttle.breaker.failures_to_blame()
            && evidence.others_get_through
        {
            let is_enough = !suspect.is_alone || attempts.failures >= to_blame;
            return if is_enough { Culprit::Call } else { Culprit::Nobody };
        }
        let probe = delivery.stop().run_until_cancelled(self.client.is_answering());
        if probe.await == Some(true) {
            return Culprit::CallPerhaps;
        }
        attempts.failures = 0;
        Culprit::Nobody
    }
}

/// A call has to be made again, for the `times`th time.
fn again(times: u32, reason: BackoffReason, refusal: &Refusal) -> Failure {
    let (retry_after, is_suspect) = (refusal.retry_after(), false);
    Failure { reason, retry_after, times, loses_rows: false, is_suspect }
}

/// What follows from a call that got no answer; nothing, when it is made again.
fn exhausted(
    culprit: Culprit,
    on_exhausted: OnExhausted,
    refusal: &Refusal,
) -> Option<CallVerdict> {
    match (culprit, on_exhausted) {
        (Culprit::Nobody, _) => None,
        (_, OnExhausted::Hold(advice)) => {
            Some(CallVerdict::Hold(Blocker { what: refusal.to_string(), advice }))
        }
        (Culprit::Call, OnExhausted::Split(single)) => Some(CallVerdict::Split(single)),
        (Culprit::CallPerhaps, OnExhausted::Split(_)) => {
            Some(CallVerdict::Split(OnSingleRow::Retry))
        }
    }
}
