//! What was asked, and how it was answered: counts and a short log.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::http::HeaderMap;
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
    /// What it asked for in headers: assignment and duplicate rules, call options,
    /// packing. By name in lower case.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// Calls of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) used: u64,
    pub(crate) max: u64,
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
    daily_limit: u64,
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
    pub(crate) headers: &'a HeaderMap,
}

impl Traffic {
    pub(crate) fn new(log_max: usize, daily_limit: u64) -> Self {
        let inner = Inner { daily_limit, ..Inner::default() };
        Self { started: Instant::now(), log_max, inner: Mutex::new(inner) }
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
    pub(crate) fn spend_api_call(&self) -> bool {
        let inner = &mut *self.lock();
        let left = inner.counts.api_calls < inner.daily_limit;
        inner.counts.api_calls += u64::from(left);
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

    /// The day's budget, and the calls taken from it so far.
    pub(crate) fn usage(&self) -> Usage {
        let inner = self.lock();
        Usage { used: inner.counts.api_calls, max: inner.daily_limit }
    }

    /// As if that many calls had been made on a day that allows so many.
    pub(crate) fn set_usage(&self, usage: Usage) {
        let inner = &mut *self.lock();
        inner.counts.api_calls = usage.used;
        inner.daily_limit = usage.max;
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
            headers: asked_for(answered.headers),
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
    pub(crate) fn reset(&self, daily_limit: u64) {
        let inner = &mut *self.lock();
        let calls_in_flight = inner.counts.calls_in_flight;
        inner.log.clear();
        inner.daily_limit = daily_limit;
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

/// Headers that change what a call does; the token is not one.
fn asked_for(headers: &HeaderMap) -> BTreeMap<String, String> {
    let wanted = |name: &str| name.starts_with("sforce-") || name.ends_with("-encoding");
    let named = headers.iter().filter(|(name, _)| wanted(name.as_str()));
    let texts = named.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    texts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn whole(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
