//! One gate that all calls of this process pass: when Salesforce is in trouble, all wait together
//! instead of each finding out for itself.

use std::{
    fmt,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{info, warn};

use crate::{retry::Trouble, retry::backoff::Backoff, throttle::outage::Standstill};

/// Shorter trouble is no news to anybody.
const NEWS_AFTER: Duration = Duration::from_secs(5);

/// Who has something to deliver tries again within this time.
const TRIED_WITHIN: Duration = Duration::from_secs(60);

/// Open when Salesforce takes calls.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Time between two looks whether calls of the day are free again.
    limit_check: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts how often it was closed.
    closings: u64,
    closed_until: Option<Instant>,
    trouble: Option<Since>,
    /// Calls that were let through.
    started: u64,
    /// The last one of them that was answered with row results.
    answered: u64,
}

#[derive(Debug)]
struct Since {
    trouble: Trouble,
    start: Instant,
    /// Failures since then, those at the same time counted once.
    failures: u32,
    /// Whether the log says that all are waiting.
    is_logged: bool,
}

/// Leave to make one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    /// Counts from 1.
    number: u64,
    closings: u64,
}

/// A moment between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    started: u64,
}

impl Gate {
    /// An open one.
    pub(crate) fn new(limit_check: Duration) -> Self {
        Self { limit_check, state: Mutex::default() }
    }

    /// How long Salesforce is left alone for this.
    pub(crate) fn backoff(&self, trouble: Trouble) -> Backoff {
        trouble.backoff(self.limit_check)
    }

    /// Waits until calls may be made.
    pub(crate) async fn pass(&self) -> Pass {
        loop {
            let open_at = {
                let mut state = self.state();
                match state.closed_until {
                    Some(until) if until > Instant::now() => until,
                    _ => {
                        state.started += 1;
                        return Pass { number: state.started, closings: state.closings };
                    }
                }
            };
            tokio::time::sleep_until(open_at).await;
        }
    }

    /// Whether calls may be made at this moment.
    pub(crate) fn is_open(&self) -> bool {
        self.state().closed_until.is_none_or(|until| until <= Instant::now())
    }

    /// A call met trouble: closes the gate for a while, longer with every failure in a row, or as
    /// long as the server asks for. Of several calls that fail at the same time, one
    /// counts. Logs when the trouble is a new one.
    ///
    /// A single call without an answer holds nobody up: the gate stays open, and the result is how
    /// long that call has to wait on its own.
    pub(crate) fn failed(
        &self,
        pass: Pass,
        trouble: Trouble,
        retry_after: Option<Duration>,
        random: f64,
        detail: &dyn fmt::Display,
    ) -> Duration {
        let now = Instant::now();
        let mut state = self.state();
        let is_single = trouble == Trouble::NoAnswer && state.trouble.is_none();
        let is_counted = pass.closings == state.closings;
        let since = state.trouble.get_or_insert(Since {
            trouble,
            start: now,
            failures: 0,
            is_logged: false,
        });
        let is_news = !since.is_logged || since.trouble != trouble;
        since.trouble = trouble;
        since.is_logged = !is_single;
        if is_counted {
            since.failures += 1;
        }
        let backoff = self.backoff(trouble);
        let own = backoff.delay(since.failures, random);
        let delay = retry_after.map_or(own, |asked_for| asked_for.max(backoff.floor));
        if is_single {
            drop(state);
            warn!(error = %detail, wait_ms = milliseconds(delay), "{trouble}; it is repeated");
            return delay;
        }
        if is_counted || retry_after.is_some() {
            state.closed_until = state.closed_until.max(Some(now + delay));
        }
        if is_counted {
            state.closings += 1;
        }
        drop(state);
        if is_news {
            warn!(error = %detail, wait_ms = milliseconds(delay), "{trouble}; waiting, nothing is lost");
        }
        Duration::ZERO
    }

    /// A call was answered: with row results, or, at the start, with what was asked.
    pub(crate) fn answered(&self, pass: Pass) {
        let mut state = self.state();
        state.answered = state.answered.max(pass.number);
        drop(state);
        self.told(pass);
    }

    /// Something was told of the org: it answers, and whether it takes rows is not said.
    pub(crate) fn told(&self, pass: Pass) {
        let mut state = self.state();
        // An answer to a call from before the trouble says nothing about now.
        if pass.closings == state.closings
            && let Some(since) = state.trouble.take()
            && since.is_logged
        {
            drop(state);
            let waited = since.start.elapsed();
            info!(wait_ms = milliseconds(waited), "salesforce answers again");
        }
    }

    /// Why all calls wait, when they do so for longer than a moment. Between two tries it is still
    /// told; but trouble that nothing was tried after for long says nothing of now.
    pub(crate) fn standstill(&self) -> Option<Standstill> {
        let now = Instant::now();
        let state = self.state();
        let since = state.trouble.as_ref().filter(|since| since.is_logged)?;
        let until = state.closed_until?;
        let is_told = since.start + NEWS_AFTER <= now && now < until + TRIED_WITHIN;
        let retry_in = until.saturating_duration_since(now);
        is_told.then(|| Standstill { reason: since.trouble.to_string(), retry_in })
    }

    /// After all calls so far were let through.
    pub(crate) fn now(&self) -> Moment {
        Moment { started: self.state().started }
    }

    /// Whether a call that was let through after this moment was answered with row results.
    pub(crate) fn has_answered_since(&self, moment: Moment) -> bool {
        self.state().answered > moment.started
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the gate")
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

    async fn waited(gate: &Gate) -> Duration {
        let start = Instant::now();
        gate.pass().await;
        start.elapsed()
    }

    fn fail(gate: &Gate, pass: Pass, trouble: Trouble) -> Duration {
        gate.failed(pass, trouble, None, LONGEST, &"HTTP 503")
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_gate_lets_everybody_pass() {
        assert_eq!(waited(&Gate::new(CHECK)).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_close_it_longer_and_longer() {
        let gate = Gate::new(CHECK);
        let mut waits = Vec::new();

        for _ in 0..4 {
            let pass = gate.pass().await;
            fail(&gate, pass, Trouble::Unavailable);
            waits.push(waited(&gate).await.as_secs());
        }

        assert_eq!(waits, [1, 2, 4, 8]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_whose_calls_are_used_up_is_looked_at_every_few_minutes_at_most() {
        let gate = Gate::new(CHECK);
        let mut minutes = Vec::new();

        for random in [0.0, LONGEST, LONGEST, LONGEST] {
            let pass = gate.pass().await;
            gate.failed(pass, Trouble::QuotaUsedUp, Some(SECOND), 0.0, &"HTTP 403");
            minutes.push(waited(&gate).await.as_secs() / 60);
            let pass = gate.pass().await;
            gate.failed(pass, Trouble::QuotaUsedUp, None, random, &"HTTP 403");
            minutes.push(waited(&gate).await.as_secs() / 60);
        }

        assert_eq!(minutes, [10, 10, 10, 60, 10, 60, 10, 60]);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_fail_at_the_same_time_count_once() {
        let gate = Gate::new(CHECK);
        let passes = [gate.pass().await, gate.pass().await, gate.pass().await];

        for pass in passes {
            fail(&gate, pass, Trouble::Unavailable);
        }

        assert_eq!(waited(&gate).await, SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_starts_the_count_again() {
        let gate = Gate::new(CHECK);
        for _ in 0..3 {
            let pass = gate.pass().await;
            fail(&gate, pass, Trouble::Unavailable);
        }

        gate.answered(gate.pass().await);
        fail(&gate, gate.pass().await, Trouble::Unavailable);

        assert_eq!(waited(&gate).await, SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_answer_to_a_later_call_counts_as_one_since_a_moment() {
        let gate = Gate::new(CHECK);
        let before = gate.pass().await;
        let moment = gate.now();
        let after = gate.pass().await;

        gate.answered(before);
        assert!(!gate.has_answered_since(moment));
        gate.answered(after);
        assert!(gate.has_answered_since(moment));
        assert!(!gate.has_answered_since(gate.now()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_from_before_the_trouble_does_not_end_it() {
        let gate = Gate::new(CHECK);
        let early = gate.pass().await;
        fail(&gate, gate.pass().await, Trouble::Unavailable);

        gate.answered(early);
        fail(&gate, gate.pass().await, Trouble::Unavailable);

        assert_eq!(waited(&gate).await, 2 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_the_server_asks_for_is_kept() {
        let gate = Gate::new(CHECK);
        let pass = gate.pass().await;

        gate.failed(pass, Trouble::Throttled, Some(17 * SECOND), 0.0, &"HTTP 429");

        assert_eq!(waited(&gate).await, 17 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_cannot_shorten_the_wait() {
        let gate = Gate::new(CHECK);
        let passes = [gate.pass().await, gate.pass().await];

        gate.failed(passes[0], Trouble::Throttled, Some(17 * SECOND), 0.0, &"HTTP 429");
        gate.failed(passes[1], Trouble::Throttled, Some(SECOND), 0.0, &"HTTP 429");

        assert_eq!(waited(&gate).await, 17 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_call_without_an_answer_holds_nobody_up() {
        let gate = Gate::new(CHECK);
        let (first, second) = (gate.pass().await, gate.pass().await);

        let alone = fail(&gate, first, Trouble::NoAnswer);
        let others = waited(&gate).await;
        gate.answered(second);
        let alone_again = fail(&gate, gate.pass().await, Trouble::NoAnswer);

        assert_eq!((alone, others, alone_again), (SECOND, Duration::ZERO, SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn several_calls_without_an_answer_close_it() {
        let gate = Gate::new(CHECK);
        let (first, second) = (gate.pass().await, gate.pass().await);

        fail(&gate, first, Trouble::NoAnswer);
        let alone = fail(&gate, second, Trouble::NoAnswer);

        assert_eq!((alone, waited(&gate).await), (Duration::ZERO, 2 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_that_lasts_is_told_until_an_answer_comes_or_nothing_is_tried_any_more() {
        let gate = Gate::new(CHECK);
        fail(&gate, gate.pass().await, Trouble::Unavailable);
        assert_eq!(gate.standstill(), None, "a moment is no news");
        for _ in 0..3 {
            fail(&gate, gate.pass().await, Trouble::Unavailable);
        }

        let told = gate.standstill().unwrap();
        let reason = "salesforce is not available".to_owned();
        assert_eq!(told, Standstill { reason: reason.clone(), retry_in: 8 * SECOND });
        let pass = gate.pass().await;
        let told = gate.standstill().unwrap();
        assert_eq!(told, Standstill { reason, retry_in: Duration::ZERO }, "it is being tried");
        tokio::time::sleep(TRIED_WITHIN).await;
        assert_eq!(gate.standstill(), None);
        gate.answered(pass);
        assert_eq!(gate.standstill(), None);
    }
}
