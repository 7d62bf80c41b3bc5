//! The circuit breaker that all calls of this process pass: during an outage all of them wait together,
//! and one at a time finds out whether it is over.

mod policy;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    pin::pin,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use job_queue::OutageKind;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};
use tracing::{debug, info, warn};

use self::policy::{Asked, Failed, State};
pub(crate) use self::policy::{Failure, Ticket};
use crate::retry::{Backoff, BackoffReason};

/// Permits calls while Salesforce takes them.
#[derive(Debug)]
pub(crate) struct CircuitBreaker {
    /// How often to check whether quota is available again.
    limit_check: Duration,
    state: Mutex<State>,
    /// It closed or opened, or a probe was not made.
    changed: Notify,
}

/// Permits one call, as far as outages are concerned. A probe that is not made, or never answered since its
/// caller is gone, makes room for another one.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    breaker: &'a CircuitBreaker,
    ticket: Ticket,
    has_ended: bool,
}

/// All calls wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    pub(crate) kind: OutageKind,
    pub(crate) reason: String,
    /// How long until the next try.
    pub(crate) retry_in: Duration,
}

impl CircuitBreaker {
    /// A closed one.
    pub(crate) fn new(limit_check: Duration) -> Self {
        Self { limit_check, state: Mutex::default(), changed: Notify::new() }
    }

    /// How long Salesforce is left alone for this.
    pub(crate) fn backoff(&self, reason: BackoffReason) -> Backoff {
        reason.backoff(self.limit_check)
    }

    /// Waits until a call may be made.
    pub(crate) async fn permit(&self) -> Permit<'_> {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let asked = self.state().ask(Instant::now());
            match asked {
                Asked::Granted(ticket) => {
                    return Permit { breaker: self, ticket, has_ended: false };
                }
                Asked::Wait(until) => drop(timeout_at(until, changed).await),
            }
        }
    }

    /// Whether a call that was permitted, and not made yet, may still be made.
    pub(crate) fn is_valid(&self, permit: &Permit<'_>) -> bool {
        self.state().is_valid(permit.ticket)
    }

    /// Whether no call starts at the moment.
    pub(crate) fn is_waiting(&self) -> bool {
        self.state().is_waiting(Instant::now())
    }

    /// A call failed. Gives how long that call alone has to wait. Logs when all have to wait and the
    /// reason is a new one, and from time to time that single calls do.
    pub(crate) fn failed(
        &self,
        ticket: Ticket,
        failure: Failure,
        random: f64,
        detail: &dyn fmt::Display,
    ) -> Duration {
        let reason = failure.reason;
        let backoff = self.backoff(reason);
        let failed = self.state().failed(ticket, failure, backoff, Instant::now(), random);
        match failed {
            Failed::Alone { delay, is_news } => {
                let wait_ms = milliseconds(delay);
                if is_news {
                    warn!(error = %detail, wait_ms, "{reason}; retrying this call, others go on");
                } else {
                    debug!(error = %detail, wait_ms, "{reason}; retrying this call");
                }
                delay
            }
            Failed::All { delay, is_news } => {
                self.changed.notify_waiters();
                if is_news {
                    let wait_ms = milliseconds(delay);
                    warn!(error = %detail, wait_ms, "{reason}; waiting, nothing is lost");
                }
                Duration::ZERO
            }
            Failed::Late => Duration::ZERO,
        }
    }

    /// A call was answered: with row results, or, at the start, with what was asked.
    pub(crate) fn succeeded(&self, ticket: Ticket) {
        self.state().has_results(ticket, Instant::now());
        self.answered(ticket);
    }

    /// Salesforce answered something that shows only that it answers, not whether it takes rows.
    pub(crate) fn answered(&self, ticket: Ticket) {
        let waited = {
            let mut state = self.state();
            let was_waiting = state.is_waiting(Instant::now());
            let waited = state.succeeded(ticket, Instant::now());
            if was_waiting {
                self.changed.notify_waiters();
            }
            waited
        };
        if let Some(waited) = waited {
            info!(wait_ms = milliseconds(waited), "salesforce answers again");
        }
    }

    /// Why all calls wait, when they do so for more than some seconds.
    pub(crate) fn outage(&self) -> Option<Outage> {
        let (reason, retry_in) = self.state().outage(Instant::now())?;
        Some(Outage { kind: kind_of(reason), reason: reason.to_string(), retry_in })
    }

    /// Whether a call that started after this one was answered with row results.
    pub(crate) fn has_answered_after(&self, ticket: Ticket) -> bool {
        self.state().has_answered_after(ticket)
    }

    /// Whether it may be the call itself that a call fails, which began at `start`.
    pub(crate) fn may_be_its_own(&self, ticket: Ticket, start: Instant) -> bool {
        self.state().may_be_its_own(ticket, start, Instant::now())
    }

    /// Whether no call was answered with row results for long.
    pub(crate) fn is_silent(&self) -> bool {
        self.state().is_silent(Instant::now())
    }

    /// How often a call must fail, while others get through, until its row is to blame; nothing while too
    /// few of the last calls succeeded to tell.
    pub(crate) fn failures_to_blame(&self) -> Option<u32> {
        self.state().failures_to_blame()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the breaker")
    }
}

impl Permit<'_> {
    /// The call has ended; what that comes to is told next.
    pub(crate) fn ended(mut self) -> Ticket {
        self.breaker.state().ended(self.ticket, Instant::now());
        self.has_ended = true;
        self.ticket
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.has_ended && self.breaker.state().dropped(self.ticket) {
            self.breaker.changed.notify_waiters();
        }
    }
}

fn kind_of(reason: BackoffReason) -> OutageKind {
    match reason {
        BackoffReason::QuotaUsedUp => OutageKind::DailyCalls,
        BackoffReason::NoToken => OutageKind::SignIn,
        BackoffReason::Throttled
        | BackoffReason::Unavailable
        | BackoffReason::Unreachable
        | BackoffReason::NoAnswer => OutageKind::Trouble,
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
