//! When the circuit breaker opens, and what closes it. Pure: time and randomness are arguments.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::retry::{Backoff, BackoffReason};

/// It opens when nine in ten of so many calls failed, and none of them is older. Where half of all calls
/// fail, each batch needs two, and that is better than to wait: calls that failed wait alone, and that is
/// load enough off.
const WINDOW_CALLS: usize = 50;
const WINDOW_AGE: Duration = Duration::from_secs(10);

/// Fewer calls say nothing of a share.
const WINDOW_CALLS_MIN: usize = 20;

/// Where few calls are made, the breaker opens after so many failures, if none succeeded between them and
/// the first was so long ago. The time tells an outage from a moment: all calls in flight fail together
/// when a connection breaks.
const FAILURES_IN_A_ROW: u32 = 3;
const FAILING_FOR: Duration = Duration::from_secs(1);

/// The same for calls that lose their rows: an outage must not make rejects of a whole run.
const LOSSES_IN_A_ROW: u32 = 2;

/// A probe that takes longer is no longer waited for: another call is made beside it. Salesforce may take
/// minutes for a call, and an answer may never come.
const PROBE_MAX: Duration = Duration::from_secs(30);

/// What an answer to a probe comes to is known at once; so long it is waited for, if nobody says it.
const DECIDED_WITHIN: Duration = Duration::from_secs(1);

/// An outage is published when it has lasted so long.
pub(super) const PUBLISHED_AFTER: Duration = Duration::from_secs(5);

/// A consumer that has something to deliver tries again within this time.
pub(super) const RETRIED_WITHIN: Duration = Duration::from_secs(60);

/// Between two warnings of single calls.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(10);

/// Nobody was answered for so long: then it does not show an outage that others fail as well, for all that is
/// left may be calls that are at fault.
const SILENCE: Duration = Duration::from_secs(10);

/// A row is blamed when its calls fail so often while others get through that chance does so less often than
/// once in ten thousand million times: a file has millions of rows.
const CHANCE: f64 = 1e-10;

/// What one call that failed waits alone. Short at first, for the others get through, and so does it, mostly;
/// and never long: one call in some seconds is no load.
const ALONE: Backoff = Backoff {
    floor: Duration::from_millis(100),
    base: Duration::from_millis(200),
    cap: Duration::from_secs(5),
};

/// Closed while Salesforce takes calls; open while all of them wait; half-open while one of them, the
/// probe, shows whether Salesforce takes calls again.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Counts how often it opened: calls of before say nothing of now.
    openings: u64,
    open: Option<Open>,
    window: Window,
    outage: Option<Since>,
    /// Calls that have started.
    started: u64,
    /// The last one of them that was answered with row results.
    answered: u64,
    /// When a call was answered so last.
    answered_at: Option<Instant>,
    /// When a call failed last.
    failed_at: Option<Instant>,
    /// When the log was last told of a single call.
    warned_at: Option<Instant>,
}

/// Open, and from `until` on half-open.
#[derive(Clone, Copy, Debug)]
struct Open {
    until: Instant,
    probe: Option<Probe>,
}

/// The one call that is made while the breaker is half-open.
#[derive(Clone, Copy, Debug)]
struct Probe {
    number: u64,
    /// No other call is made before.
    until: Instant,
}

/// Failures without a success between them.
#[derive(Clone, Copy, Debug)]
struct Since {
    reason: BackoffReason,
    start: Instant,
    failures: u32,
    /// Whether the log says that all are waiting.
    is_logged: bool,
}

/// What became of the last calls.
#[derive(Debug, Default)]
struct Window {
    /// When each of them ended, and whether it failed.
    calls: VecDeque<(Instant, bool)>,
    failed: usize,
}

/// One call, as far as outages are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Counts from 1.
    number: u64,
    openings: u64,
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Granted(Ticket),
    /// Not before this time, or before a probe is answered.
    Wait(Instant),
}

/// A call that has to be made again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    pub(crate) reason: BackoffReason,
    /// What the server asks for.
    pub(crate) retry_after: Option<Duration>,
    /// How often this call has failed, this time included.
    pub(crate) times: u32,
    /// Whether rows are lost to each such call, for they must not be sent twice.
    pub(crate) loses_rows: bool,
    /// Whether it may be the call: it has failed for seconds, or its rows failed before. It says nothing of
    /// others then.
    pub(crate) is_suspect: bool,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// That call waits so long, and no other one.
    Alone { delay: Duration, is_news: bool },
    /// All calls wait.
    All { delay: Duration, is_news: bool },
    /// A call from before the breaker opened: nothing follows.
    Late,
}

impl State {
    /// A call wants to be made.
    pub(super) fn ask(&mut self, now: Instant) -> Asked {
        let number = self.started + 1;
        if let Some(open) = &mut self.open {
            if now < open.until {
                return Asked::Wait(open.until);
            }
            match open.probe {
                Some(probe) if now < probe.until => return Asked::Wait(probe.until),
                _ => open.probe = Some(Probe { number, until: now + PROBE_MAX }),
            }
        }
        self.started = number;
        Asked::Granted(Ticket { number, openings: self.openings })
    }

    /// Whether a call that was permitted, and not made yet, may still be made.
    pub(super) fn is_valid(&self, ticket: Ticket) -> bool {
        let is_permitted = |open: Open| open.is_probe(ticket);
        ticket.openings == self.openings && self.open.is_none_or(is_permitted)
    }

    /// A call is not made after all, or nobody knows what became of it. Gives whether it was the probe: then
    /// another one may be made at once.
    pub(super) fn dropped(&mut self, ticket: Ticket) -> bool {
        match &mut self.open {
            Some(open) if open.is_probe(ticket) => {
                open.probe = None;
                true
            }
            _ => false,
        }
    }

    /// A call was answered; what that comes to is told next.
    pub(super) fn ended(&mut self, ticket: Ticket, now: Instant) {
        if let Some(open) = &mut self.open
            && open.is_probe(ticket)
            && let Some(probe) = &mut open.probe
        {
            probe.until = probe.until.min(now + DECIDED_WITHIN);
        }
    }

    /// Row results came.
    pub(super) fn has_results(&mut self, ticket: Ticket, now: Instant) {
        self.answered = self.answered.max(ticket.number);
        self.answered_at = Some(now);
    }

    /// A call succeeded: closes the breaker. Gives for how long all were waiting, when the log says that
    /// they do.
    pub(super) fn succeeded(&mut self, ticket: Ticket, now: Instant) -> Option<Duration> {
        // An answer to a call from before the outage says nothing of now.
        if ticket.openings != self.openings {
            return None;
        }
        if self.open.take().is_some() {
            self.window = Window::default();
        }
        self.window.add(now, false);
        let since = self.outage.take().filter(|since| since.is_logged)?;
        Some(now.saturating_duration_since(since.start))
    }

    /// A call failed. It waits alone until too large a share of the last calls has failed, or none
    /// succeeds any more: then the breaker opens, for longer the longer that lasts, or as long as the
    /// server asks for.
    pub(super) fn failed(
        &mut self,
        ticket: Ticket,
        failure: Failure,
        backoff: Backoff,
        now: Instant,
        random: f64,
    ) -> Failed {
        let Failure { reason, retry_after, times, loses_rows, is_suspect } = failure;
        self.failed_at = Some(now);
        let is_for_all = retry_after.is_some() || !may_be_of_one_call(reason);
        let is_current = ticket.openings == self.openings;
        if !is_current && retry_after.is_none() {
            return match self.open {
                Some(_) => Failed::Late,
                None => self.alone(times, now, random),
            };
        }
        if is_suspect && self.open.is_none() && !is_for_all {
            self.window.add(now, true);
            return self.alone(times, now, random);
        }
        let fresh = Since { reason, start: now, failures: 0, is_logged: false };
        let since = self.outage.get_or_insert(fresh);
        if is_current {
            since.failures += 1;
        }
        if is_current && self.open.is_none() && !is_for_all {
            self.window.add(now, true);
            let is_failing = match loses_rows {
                true => since.failures >= LOSSES_IN_A_ROW,
                false => since.failures >= FAILURES_IN_A_ROW && now >= since.start + FAILING_FOR,
            };
            if !is_failing && !self.window.is_mostly_failed() {
                return self.alone(times, now, random);
            }
        }
        let is_news = !since.is_logged || since.reason != reason;
        (since.reason, since.is_logged) = (reason, true);
        if is_current || self.open.is_none() {
            self.openings += 1;
        }
        let own = backoff.delay_within(now.saturating_duration_since(since.start), random);
        let delay = retry_after.map_or(own, |asked_for| asked_for.max(backoff.floor));
        let before = self.open.map(|open| open.until);
        let until = before.map_or(now + delay, |before| before.max(now + delay));
        // A probe that has not ended yet stays the only one.
        let probe = self.open.and_then(|open| open.probe).filter(|_| !is_current);
        self.open = Some(Open { until, probe });
        Failed::All { delay, is_news }
    }

    fn alone(&mut self, times: u32, now: Instant, random: f64) -> Failed {
        let is_news = self.warned_at.is_none_or(|at| now >= at + BETWEEN_WARNINGS);
        if is_news {
            self.warned_at = Some(now);
        }
        Failed::Alone { delay: ALONE.delay(times, random), is_news }
    }

    /// Whether no call starts at the moment.
    pub(super) fn is_waiting(&self, now: Instant) -> bool {
        self.open.is_some_and(|open| now < open.until || open.probe.is_some())
    }

    /// Why all calls wait and how long until the next try, when they do so for more than some seconds. It is
    /// still published between two tries; but an outage that nothing was tried after for long says
    /// nothing of now.
    pub(super) fn outage(&self, now: Instant) -> Option<(BackoffReason, Duration)> {
        let (since, open) = (self.outage?, self.open?);
        let is_published =
            since.start + PUBLISHED_AFTER <= now && now < open.until + RETRIED_WITHIN;
        is_published.then(|| (since.reason, open.until.saturating_duration_since(now)))
    }

    /// Whether a call that started after this one was answered with row results.
    pub(super) fn has_answered_after(&self, ticket: Ticket) -> bool {
        self.answered > ticket.number
    }

    /// Whether it may be the call itself that a call fails, which began at `start`: others got through
    /// meanwhile, or none of them failed; or nobody gets through for so long that it is all the same.
    pub(super) fn may_be_its_own(&self, ticket: Ticket, start: Instant, now: Instant) -> bool {
        self.has_answered_after(ticket)
            || self.failed_at.is_none_or(|at| at < start)
            || self.is_silent(now)
    }

    /// Whether no call was answered with row results for long.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        self.answered_at.is_none_or(|at| at + SILENCE <= now)
    }

    /// How often a call must fail, while others get through, until its row is to blame; nothing while too
    /// few of the last calls succeeded to tell.
    pub(super) fn failures_to_blame(&self) -> Option<u32> {
        self.window.is_mostly_answered().then(|| {
            let share = self.window.share_of_failed();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 6 and 18"
            )]
            let times = (CHANCE.ln() / share.ln()).ceil() as u32;
            times
        })
    }
}

impl Open {
    fn is_probe(&self, ticket: Ticket) -> bool {
        self.probe.is_some_and(|probe| probe.number == ticket.number)
    }
}

impl Window {
    fn add(&mut self, now: Instant, is_failure: bool) {
        self.calls.push_back((now, is_failure));
        self.failed += usize::from(is_failure);
        while self.calls.len() > WINDOW_CALLS
            || self.calls.front().is_some_and(|(ended, _)| *ended + WINDOW_AGE < now)
        {
            let was_failure = self.calls.pop_front().is_some_and(|(_, was_failure)| was_failure);
            self.failed -= usize::from(was_failure);
        }
    }

    fn is_mostly_failed(&self) -> bool {
        self.calls.len() >= WINDOW_CALLS_MIN && self.failed * 10 >= self.calls.len() * 9
    }

    fn is_mostly_answered(&self) -> bool {
        self.calls.len() >= WINDOW_CALLS_MIN && self.failed * 4 <= self.calls.len()
    }

    /// Of so many calls that none failed, the next one may.
    #[expect(clippy::cast_precision_loss, reason = "some dozens")]
    fn share_of_failed(&self) -> f64 {
        (self.failed + 1) as f64 / (self.calls.len() + 2) as f64
    }
}

/// Whether one call may fail so while others get through. The rest is said of all.
fn may_be_of_one_call(reason: BackoffReason) -> bool {
    match reason {
        BackoffReason::Unavailable
        | BackoffReason::NoToken
        | BackoffReason::Unreachable
        | BackoffReason::NoAnswer => true,
        BackoffReason::Throttled | BackoffReason::QuotaUsedUp => false,
    }
}
