//! The policy over time, without a clock; and what waits for it, with a paused one.

mod opening;
mod probes;
mod single_calls;
mod waiting;

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Failure, Ticket,
    policy::{Asked, Failed, State},
};
use crate::retry::BackoffReason;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const CHECK: Duration = Duration::from_secs(300);

/// The draw that gives the longest wait.
const LONGEST: f64 = 1.0;

fn failure(reason: BackoffReason) -> Failure {
    Failure { reason, retry_after: None, times: 1, loses_rows: false, is_suspect: false }
}

const UNAVAILABLE: BackoffReason = BackoffReason::Unavailable;

/// The policy, and a time that passes as a test says.
struct Play {
    state: State,
    now: Instant,
}

impl Play {
    fn new() -> Self {
        Self { state: State::default(), now: Instant::now() }
    }

    /// Lets time pass until a call may be made, and gives it.
    fn call(&mut self) -> Ticket {
        loop {
            match self.state.ask(self.now) {
                Asked::Granted(ticket) => return ticket,
                Asked::Wait(until) => self.now = until,
            }
        }
    }

    /// For how long no call may be made.
    fn closed_for(&mut self) -> Duration {
        match self.state.ask(self.now) {
            Asked::Granted(ticket) => {
                self.state.dropped(ticket);
                Duration::ZERO
            }
            Asked::Wait(until) => until - self.now,
        }
    }

    fn fails(&mut self, ticket: Ticket, failure: Failure) -> Failed {
        let backoff = failure.reason.backoff(CHECK);
        self.state.failed(ticket, failure, backoff, self.now, LONGEST)
    }

    fn fail(&mut self) -> Failed {
        let ticket = self.call();
        self.fails(ticket, failure(UNAVAILABLE))
    }

    fn succeed(&mut self) {
        let ticket = self.call();
        self.state.has_results(ticket, self.now);
        self.state.succeeded(ticket, self.now);
    }

    /// One call that fails, and others; so often. Gives how often all had to wait.
    fn mixed(&mut self, rounds: u32, calls: &[bool]) -> u32 {
        let mut openings = 0;
        for _ in 0..rounds {
            for fails in calls {
                self.now += 5 * MILLISECOND;
                if *fails {
                    openings += u32::from(matches!(self.fail(), Failed::All { .. }));
                } else {
                    self.succeed();
                }
            }
        }
        openings
    }

    /// Opens it, as an outage does.
    fn open(&mut self) {
        loop {
            self.now += SECOND;
            if let Failed::All { .. } = self.fail() {
                break;
            }
        }
    }
}
