//! One permit for each call.

use std::{sync::Arc, time::Duration};

use salesforce::Refusal;
use tokio::time::Instant;

use super::{
    api_quota::Quota,
    circuit_breaker::{self, CircuitBreaker, Failure, Ticket},
    claim_limit::ClaimLimit,
    concurrency::{self, Concurrency},
};
use crate::retry::BackoffReason;

/// Decides when a call may be made.
#[derive(Debug)]
pub(crate) struct Throttle {
    pub(crate) quota: Quota,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) concurrency: Arc<Concurrency>,
    pub(crate) claims: Arc<ClaimLimit>,
}

/// Permits one call; it counts against the limit of calls at once until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    breaker: circuit_breaker::Permit<'a>,
    concurrency: concurrency::Permit<'a>,
    at: Instant,
}

/// What is known of the start of a call after its permit was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Started {
    breaker: Ticket,
    /// Of the org's limit of calls at once.
    generation: u64,
    pub(crate) at: Instant,
}

impl Throttle {
    /// Waits until the quota of the day leaves calls, Salesforce has no outage, and not too many calls
    /// are in flight.
    pub(crate) async fn acquire(&self) -> Permit<'_> {
        loop {
            // In this order: a quota may take hours, an outage minutes. A call that waits for these must
            // not hold a place among the calls at once, which another consumer could use.
            self.quota.available().await;
            if let Some(permit) = self.try_acquire().await {
                return permit;
            }
        }
    }

    /// The same for what a consumer asks when it starts: some calls, which show what is left of the
    /// day.
    pub(crate) async fn acquire_at_start(&self) -> Permit<'_> {
        loop {
            if let Some(permit) = self.try_acquire().await {
                return permit;
            }
        }
    }

    /// Waits for the circuit breaker and for concurrency; `None` when the breaker has opened during the
    /// second wait.
    async fn try_acquire(&self) -> Option<Permit<'_>> {
        let breaker = self.breaker.permit().await;
        let concurrency = self.concurrency.permit().await;
        let is_valid = self.breaker.is_valid(&breaker);
        is_valid.then(|| Permit { breaker, concurrency, at: Instant::now() })
    }

    /// Whether no call starts at the moment.
    pub(crate) fn is_waiting(&self) -> bool {
        self.breaker.is_waiting() || self.quota.exhausted().is_some()
    }

    /// Salesforce refused a call as one too many. To be called while its permit is held: no other
    /// call may take its place before the limit is lower, only to be refused as well.
    pub(crate) fn one_too_many(&self, permit: &Permit<'_>) {
        self.concurrency.refused(permit.concurrency.generation());
    }

    /// A call was answered, and nothing in the answer asks for a wait.
    pub(crate) fn succeeded(&self, started: Started) {
        self.breaker.succeeded(started.breaker);
        self.concurrency.answered();
    }

    /// Salesforce answers; whether it takes rows is not said.
    pub(crate) fn answered(&self, started: Started) {
        self.breaker.answered(started.breaker);
    }

    /// A call failed. Gives how long it has to wait for itself alone.
    pub(crate) fn failed(&self, started: Started, failure: Failure, refusal: &Refusal) -> Duration {
        let Failure { reason, retry_after, .. } = failure;
        let is_one_too_many = reason == BackoffReason::Throttled && retry_after.is_none();
        if is_one_too_many && self.concurrency.can_shrink() {
            // It waits, and the others continue, fewer at once. Salesforce does answer.
            self.breaker.answered(started.breaker);
            return self.breaker.backoff(reason).delay(1, fastrand::f64());
        }
        self.breaker.failed(started.breaker, failure, fastrand::f64(), refusal)
    }

    /// Whether a call that started after this one was answered with row results.
    pub(crate) fn has_answered_after(&self, started: Started) -> bool {
        self.breaker.has_answered_after(started.breaker)
    }

    /// Whether it may be the call itself that this call failed.
    pub(crate) fn may_be_its_own(&self, started: Started) -> bool {
        self.breaker.may_be_its_own(started.breaker, started.at)
    }

    /// Rows of an answer ask for a wait: all calls wait.
    pub(crate) fn row_failed(&self, started: Started, reason: BackoffReason) {
        self.row_asks_for_wait(started.breaker, reason);
    }

    /// The same of an answer to something that was sent long ago, such as an ingest job.
    pub(crate) async fn row_of_a_job_failed(&self, reason: BackoffReason) {
        let ticket = self.breaker.permit().await.ended();
        self.row_asks_for_wait(ticket, reason);
    }

    fn row_asks_for_wait(&self, ticket: Ticket, reason: BackoffReason) {
        let (retry_after, times) = (None, 1);
        let failure = Failure { reason, retry_after, times, loses_rows: false, is_suspect: false };
        self.breaker.failed(ticket, failure, fastrand::f64(), &"so it says of a row");
    }

    /// An answer had so many locked rows that there may be too many writers.
    pub(crate) fn met_locks(&self, started: Started) {
        self.concurrency.locked(started.generation);
    }
}

impl Permit<'_> {
    /// Gives the permit back after the call.
    pub(crate) fn release(self) -> Started {
        let Self { breaker, concurrency, at } = self;
        Started { breaker: breaker.ended(), generation: concurrency.generation(), at }
    }
}
