//! What was asked, and how it was answered: counts and a short log.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::faults::Fault;

/// One request, without its query, body and token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedRequest {
    /// Counts from 1.
    pub number: u64,
    /// When it was answered, in milliseconds since the start.
    pub at_ms: u64,
    /// Such as `PATCH`.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// `None` when the connection was closed without an answer.
    pub status: Option<u16>,
    /// Records in the request.
    pub rows: u64,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// The fault it met, if any.
    pub fault: Option<Fault>,
}

/// Counts of all requests but those to the control API.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrafficCounts {
    pub(crate) requests: u64,
    pub(crate) by_status: BTreeMap<u16, u64>,
    pub(crate) unanswered: u64,
    pub(crate) logins: u64,
    pub(crate) api_calls: u64,
    pub(crate) bulk_batches: u64,
    pub(crate) calls_in_flight: usize,
    pub(crate) calls_in_flight_max: usize,
}

/// Counts requests and remembers the last ones.
#[derive(Debug)]
pub(crate) struct Traffic {
    started: Instant,
    log_max: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    counts: TrafficCounts,
    log: VecDeque<LoggedRequest>,
}

/// A call of the data API under way; dropping it ends it.
#[derive(Debug)]
pub(crate) struct InFlight<'a> {
    traffic: &'a Traffic,
    /// With this one.
    pub(crate) calls: usize,
}

/// What is to be logged about a request.
#[derive(Debug)]
pub(crate) struct Answered<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) status: Option<u16>,
    pub(crate) rows: u64,
    pub(crate) duration: Duration,
    pub(crate) fault: Option<Fault>,
}

impl Traffic {
    pub(crate) fn new(log_max: usize) -> Self {
        Self { started: Instant::now(), log_max, inner: Mutex::default() }
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn enter(&self) -> InFlight<'_> {
        let counts = &mut self.lock().counts;
        counts.calls_in_flight += 1;
        counts.calls_in_flight_max = counts.calls_in_flight_max.max(counts.calls_in_flight);
        InFlight { traffic: self, calls: counts.calls_in_flight }
    }

    /// Takes one call from the day's budget; `false` when there is none left.
    pub(crate) fn spend_api_call(&self, daily_limit: u64) -> bool {
        let counts = &mut self.lock().counts;
        let left = counts.api_calls < daily_limit;
        counts.api_calls += u64::from(left);
        left
    }

    /// Takes one batch of an ingest job from the day's budget; `false` when there
    /// is none left.
    pub(crate) fn spend_bulk_batch(&self, daily_max: u64) -> bool {
        let counts = &mut self.lock().counts;
        let left = counts.bulk_batches < daily_max;
        counts.bulk_batches += u64::from(left);
        left
    }

    /// Calls taken from the day's budget so far.
    pub(crate) fn api_calls(&self) -> u64 {
        self.lock().counts.api_calls
    }

    pub(crate) fn count_login(&self) {
        self.lock().counts.logins += 1;
    }

    pub(crate) fn note(&self, answered: &Answered<'_>) {
        let inner = &mut *self.lock();
        inner.counts.requests += 1;
        match answered.status {
            Some(status) => *inner.counts.by_status.entry(status).or_default() += 1,
            None => inner.counts.unanswered += 1,
        }
        if self.log_max == 0 {
            return;
        }
        if inner.log.len() == self.log_max {
            inner.log.pop_front();
        }
        inner.log.push_back(LoggedRequest {
            number: inner.counts.requests,
            at_ms: whole(self.uptime().as_millis()),
            method: answered.method.to_owned(),
            path: answered.path.to_owned(),
            status: answered.status,
            rows: answered.rows,
            duration_us: whole(answered.duration.as_micros()),
            fault: answered.fault,
        });
    }

    pub(crate) fn counts(&self) -> TrafficCounts {
        self.lock().counts.clone()
    }

    /// The last requests, oldest first.
    pub(crate) fn log(&self) -> Vec<LoggedRequest> {
        self.lock().log.iter().cloned().collect()
    }

    /// Forgets everything but the calls under way.
    pub(crate) fn reset(&self) {
        let inner = &mut *self.lock();
        let calls_in_flight = inner.counts.calls_in_flight;
        inner.log.clear();
        inner.counts = TrafficCounts {
            calls_in_flight,
            calls_in_flight_max: calls_in_flight,
            ..TrafficCounts::default()
        };
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.traffic.lock().counts.calls_in_flight -= 1;
    }
}

fn whole(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
