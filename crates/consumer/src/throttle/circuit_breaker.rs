//! The circuit breaker that all calls of this process pass: during an outage all of them wait together,
//! instead of each one finding out for itself.

use std::{
    fmt,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{info, warn};

use crate::retry::{Backoff, BackoffReason};

/// An outage is published when it has lasted so long.
const PUBLISHED_AFTER: Duration = Duration::from_secs(5);

/// A consumer that has something to deliver tries again within this time.
const RETRIED_WITHIN: Duration = Duration::from_secs(60);

/// Closed while Salesforce takes calls; open while all of them wait.
#[derive(Debug)]
pub(crate) struct CircuitBreaker {
    /// How often to check whether quota is available again.
    limit_check: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts how often it opened.
    openings: u64,
    open_until: Option<Instant>,
    outage: Option<Since>,
    /// Calls that have started.
    started: u64,
    /// The last one of them that was answered with row results.
    answered: u64,
}

#[derive(Debug)]
struct Since {
    reason: BackoffReason,
    start: Instant,
    /// Failures since then, those at the same time counted once.
    failures: u32,
    /// Whether the log says that all are waiting.
    is_logged: bool,
}

/// Permits one call, as far as outages are concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permit {
    /// Counts from 1.
    number: u64,
    openings: u64,
}

/// A moment between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    started: u64,
}

/// All calls wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    pub(crate) reason: String,
    /// How long until the next try.
    pub(crate) retry_in: Duration,
}

impl CircuitBreaker {
    /// A closed one.
    pub(crate) fn new(limit_check: Duration) -> Self {
        Self { limit_check, state: Mutex::default() }
    }

    /// How long Salesforce is left alone for this.
    pub(crate) fn backoff(&self, reason: BackoffReason) -> Backoff {
        reason.backoff(self.limit_check)
    }

    /// Waits until calls may be made.
    pub(crate) async fn permit(&self) -> Permit {
        loop {
            let closes_at = {
                let mut state = self.state();
                match state.open_until {
                    Some(until) if until > Instant::now() => until,
                    _ => {
                        state.started += 1;
                        return Permit { number: state.started, openings: state.openings };
                    }
                }
            };
            tokio::time::sleep_until(closes_at).await;
        }
    }

    /// Whether calls may be made now.
    pub(crate) fn is_closed(&self) -> bool {
        self.state().open_until.is_none_or(|until| until <= Instant::now())
    }

    /// A call failed: opens the breaker for a while, longer with every failure in a row, or as long as
    /// the server asks for. Of several calls that fail at the same time, one counts. Logs when the
    /// reason is a new one.
    ///
    /// A single call without an answer delays no other: the breaker stays closed, and the result is how
    /// long that call alone has to wait.
    pub(crate) fn failed(
        &self,
        permit: Permit,
        reason: BackoffReason,
        retry_after: Option<Duration>,
        random: f64,
        detail: &dyn fmt::Display,
    ) -> Duration {
        let now = Instant::now();
        let mut state = self.state();
        let is_single = reason == BackoffReason::NoAnswer && state.outage.is_none();
        let is_counted = permit.openings == state.openings;
        let since =
            state.outage.get_or_insert(Since { reason, start: now, failures: 0, is_logged: false });
        let is_news = !since.is_logged || since.reason != reason;
        since.reason = reason;
        since.is_logged = !is_single;
        if is_counted {
            since.failures += 1;
        }
        let backoff = self.backoff(reason);
        let own = backoff.delay(since.failures, random);
        let delay = retry_after.map_or(own, |asked_for| asked_for.max(backoff.floor));
        if is_single {
            drop(state);
            warn!(error = %detail, wait_ms = milliseconds(delay), "{reason}; retrying it");
            return delay;
        }
        if is_counted || retry_after.is_some() {
            state.open_until = state.open_until.max(Some(now + delay));
        }
        if is_counted {
            state.openings += 1;
        }
        drop(state);
        if is_news {
            warn!(error = %detail, wait_ms = milliseconds(delay), "{reason}; waiting, nothing is lost");
        }
        Duration::ZERO
    }

    /// A call was answered: with row results, or, at the start, with what was asked.
    pub(crate) fn succeeded(&self, permit: Permit) {
        let mut state = self.state();
        state.answered = state.answered.max(permit.number);
        drop(state);
        self.answered(permit);
    }

    /// Salesforce answered something that shows only that it answers, not whether it takes rows.
    pub(crate) fn answered(&self, permit: Permit) {
        let mut state = self.state();
        // An answer to a call from before the outage says nothing about now.
        if permit.openings == state.openings
            && let Some(since) = state.outage.take()
            && since.is_logged
        {
            drop(state);
            let waited = since.start.elapsed();
            info!(wait_ms = milliseconds(waited), "salesforce answers again");
        }
    }

    /// Why all calls wait, when they do so for more than some seconds. It is still published between
    /// two tries; but an outage that nothing was tried after for long says nothing of now.
    pub(crate) fn outage(&self) -> Option<Outage> {
        let now = Instant::now();
        let state = self.state();
        let since = state.outage.as_ref().filter(|since| since.is_logged)?;
        let until = state.open_until?;
        let is_published = since.start + PUBLISHED_AFTER <= now && now < until + RETRIED_WITHIN;
        let retry_in = until.saturating_duration_since(now);
        is_published.then(|| Outage { reason: since.reason.to_string(), retry_in })
    }

    /// After all calls that have started so far.
    pub(crate) fn now(&self) -> Mark {
        Mark { started: self.state().started }
    }

    /// Whether a call that started after this mark was answered with row results.
    pub(crate) fn has_answered_since(&self, mark: Mark) -> bool {
        self.state().answered > mark.started
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the breaker")
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const CHECK: Duration = Duration::from_secs(300);
    /// The draw that gives the longest wait.
    const LONGEST: f64 = 1.0;

    async fn waited(breaker: &CircuitBreaker) -> Duration {
        let start = Instant::now();
        breaker.permit().await;
        start.elapsed()
    }

    fn fail(breaker: &CircuitBreaker, permit: Permit, reason: BackoffReason) -> Duration {
        breaker.failed(permit, reason, None, LONGEST, &"HTTP 503")
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_breaker_delays_nobody() {
        assert_eq!(waited(&CircuitBreaker::new(CHECK)).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_longer_and_longer() {
        let breaker = CircuitBreaker::new(CHECK);
        let mut waits = Vec::new();

        for _ in 0..4 {
            let permit = breaker.permit().await;
            fail(&breaker, permit, BackoffReason::Unavailable);
            waits.push(waited(&breaker).await.as_secs());
        }

        assert_eq!(waits, [1, 2, 4, 8]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_whose_calls_are_used_up_is_looked_at_every_few_minutes_at_most() {
        let breaker = CircuitBreaker::new(CHECK);
        let mut minutes = Vec::new();

        for random in [0.0, LONGEST, LONGEST, LONGEST] {
            let permit = breaker.permit().await;
            breaker.failed(permit, BackoffReason::QuotaUsedUp, Some(SECOND), 0.0, &"HTTP 403");
            minutes.push(waited(&breaker).await.as_secs() / 60);
            let permit = breaker.permit().await;
            breaker.failed(permit, BackoffReason::QuotaUsedUp, None, random, &"HTTP 403");
            minutes.push(waited(&breaker).await.as_secs() / 60);
        }

        assert_eq!(minutes, [10, 10, 10, 60, 10, 60, 10, 60]);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_fail_at_the_same_time_count_once() {
        let breaker = CircuitBreaker::new(CHECK);
        let permits = [breaker.permit().await, breaker.permit().await, breaker.permit().await];

        for permit in permits {
            fail(&breaker, permit, BackoffReason::Unavailable);
        }

        assert_eq!(waited(&breaker).await, SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_starts_the_count_again() {
        let breaker = CircuitBreaker::new(CHECK);
        for _ in 0..3 {
            let permit = breaker.permit().await;
            fail(&breaker, permit, BackoffReason::Unavailable);
        }

        breaker.succeeded(breaker.permit().await);
        fail(&breaker, breaker.permit().await, BackoffReason::Unavailable);

        assert_eq!(waited(&breaker).await, SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_answer_to_a_later_call_counts_as_one_since_a_moment() {
        let breaker = CircuitBreaker::new(CHECK);
        let before = breaker.permit().await;
        let mark = breaker.now();
        let after = breaker.permit().await;

        breaker.succeeded(before);
        assert!(!breaker.has_answered_since(mark));
        breaker.succeeded(after);
        assert!(breaker.has_answered_since(mark));
        assert!(!breaker.has_answered_since(breaker.now()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_from_before_the_outage_does_not_end_it() {
        let breaker = CircuitBreaker::new(CHECK);
        let early = breaker.permit().await;
        fail(&breaker, breaker.permit().await, BackoffReason::Unavailable);

        breaker.succeeded(early);
        fail(&breaker, breaker.permit().await, BackoffReason::Unavailable);

        assert_eq!(waited(&breaker).await, 2 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_the_server_asks_for_is_kept() {
        let breaker = CircuitBreaker::new(CHECK);
        let permit = breaker.permit().await;

        breaker.failed(permit, BackoffReason::Throttled, Some(17 * SECOND), 0.0, &"HTTP 429");

        assert_eq!(waited(&breaker).await, 17 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_cannot_shorten_the_wait() {
        let breaker = CircuitBreaker::new(CHECK);
        let permits = [breaker.permit().await, breaker.permit().await];

        breaker.failed(permits[0], BackoffReason::Throttled, Some(17 * SECOND), 0.0, &"HTTP 429");
        breaker.failed(permits[1], BackoffReason::Throttled, Some(SECOND), 0.0, &"HTTP 429");

        assert_eq!(waited(&breaker).await, 17 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_call_without_an_answer_delays_no_other() {
        let breaker = CircuitBreaker::new(CHECK);
        let (first, second) = (breaker.permit().await, breaker.permit().await);

        let alone = fail(&breaker, first, BackoffReason::NoAnswer);
        let others = waited(&breaker).await;
        breaker.succeeded(second);
        let alone_again = fail(&breaker, breaker.permit().await, BackoffReason::NoAnswer);

        assert_eq!((alone, others, alone_again), (SECOND, Duration::ZERO, SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn several_calls_without_an_answer_open_it() {
        let breaker = CircuitBreaker::new(CHECK);
        let (first, second) = (breaker.permit().await, breaker.permit().await);

        fail(&breaker, first, BackoffReason::NoAnswer);
        let alone = fail(&breaker, second, BackoffReason::NoAnswer);

        assert_eq!((alone, waited(&breaker).await), (Duration::ZERO, 2 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_published_until_an_answer_comes_or_nothing_is_tried_any_more() {
        let breaker = CircuitBreaker::new(CHECK);
        fail(&breaker, breaker.permit().await, BackoffReason::Unavailable);
        assert_eq!(breaker.outage(), None, "some seconds are no outage");
        for _ in 0..3 {
            fail(&breaker, breaker.permit().await, BackoffReason::Unavailable);
        }

        let published = breaker.outage().unwrap();
        let reason = "salesforce is not available".to_owned();
        assert_eq!(published, Outage { reason: reason.clone(), retry_in: 8 * SECOND });
        let permit = breaker.permit().await;
        let published = breaker.outage().unwrap();
        assert_eq!(published, Outage { reason, retry_in: Duration::ZERO }, "it is being tried");
        tokio::time::sleep(RETRIED_WITHIN).await;
        assert_eq!(breaker.outage(), None);
        breaker.succeeded(permit);
        assert_eq!(breaker.outage(), None);
    }
}
