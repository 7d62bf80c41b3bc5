//! What this process measures of the runs that it reads and follows.

use std::{
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

use job_queue::{Ledger, RunState};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Of runs, in seconds.
const RUN_BUCKETS: [f64; 8] = [10.0, 60.0, 300.0, 1_800.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0];

/// One label with its value.
type Label = [(&'static str, &'static str); 1];

/// By whom a run was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartedBy {
    Cli,
    Api,
    /// Either of them, as a replay of another run.
    Replay,
}

impl StartedBy {
    const ALL: [Self; 3] = [Self::Cli, Self::Api, Self::Replay];

    fn label(self) -> Label {
        let word = match self {
            Self::Cli => "cli",
            Self::Api => "api",
            Self::Replay => "replay",
        };
        [("source", word)]
    }
}

/// Counts of one process. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct ImportMetrics {
    rows_read: Counter,
    backpressure_seconds: Counter<f64, AtomicU64>,
    backpressure_active: Gauge,
    runs_started: Family<Label, Counter>,
    run_duration: Family<Label, Histogram, fn() -> Histogram>,
}

const ENDS: [RunState; 3] = [RunState::Completed, RunState::Failed, RunState::Cancelled];

impl Default for ImportMetrics {
    fn default() -> Self {
        let run_duration: fn() -> Histogram = || Histogram::new(RUN_BUCKETS);
        let metrics = Self {
            rows_read: Counter::default(),
            backpressure_seconds: Counter::default(),
            backpressure_active: Gauge::default(),
            runs_started: Family::default(),
            run_duration: Family::new_with_constructor(run_duration),
        };
        // All series are there from the start: a rate of one that appears with its first count misses it.
        for source in StartedBy::ALL {
            drop(metrics.runs_started.get_or_create(&source.label()));
        }
        for label in ENDS.into_iter().filter_map(end) {
            drop(metrics.run_duration.get_or_create(&label));
        }
        metrics
    }
}

impl ImportMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "rows_read",
            "Rows that were read and queued by this process; one that is read again after a fault counts \
             again",
            self.rows_read.clone(),
        );
        registry.register(
            "backpressure_seconds",
            "Time that the reading of runs waited for room on the queue",
            self.backpressure_seconds.clone(),
        );
        registry.register(
            "backpressure_active",
            "Runs whose reading waits for room on the queue now",
            self.backpressure_active.clone(),
        );
        registry.register(
            "runs_started",
            "New runs, by what they were started with",
            self.runs_started.clone(),
        );
        registry.register(
            "run_duration_seconds",
            "Time from the start of a run to its end, by how it ended, of runs that this process followed",
            self.run_duration.clone(),
        );
    }

    pub(crate) fn read(&self, rows: u64) {
        self.rows_read.inc_by(rows);
    }

    /// Reading waits for room, until the guard is dropped.
    pub(crate) fn backpressure(&self) -> Backpressure<'_> {
        self.backpressure_active.inc();
        Backpressure { metrics: self, counted_to: Instant::now() }
    }

    pub(crate) fn started(&self, source: StartedBy) {
        self.runs_started.get_or_create(&source.label()).inc();
    }

    /// A run that was under way has ended. How many there are counts Redis, whoever follows them.
    pub(crate) fn ended(&self, ledger: &Ledger) {
        let Some(label) = end(ledger.state) else { return };
        if let Some(ended) = ledger.finished_at_ms {
            let took = Duration::from_millis(ended.saturating_sub(ledger.started_at_ms));
            self.run_duration.get_or_create(&label).observe(took.as_secs_f64());
        }
    }
}

/// Counts the time for which reading waits.
#[derive(Debug)]
pub(crate) struct Backpressure<'a> {
    metrics: &'a ImportMetrics,
    counted_to: Instant,
}

impl Backpressure<'_> {
    /// Counts what has passed: a wait may last hours.
    pub(crate) fn count(&mut self) {
        let now = Instant::now();
        self.metrics.backpressure_seconds.inc_by((now - self.counted_to).as_secs_f64());
        self.counted_to = now;
    }
}

impl Drop for Backpressure<'_> {
    fn drop(&mut self) {
        self.count();
        self.metrics.backpressure_active.dec();
    }
}

/// The label of a state in which a run has ended.
fn end(state: RunState) -> Option<Label> {
    let word = match state {
        RunState::Completed => "completed",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
        RunState::Feeding | RunState::Draining | RunState::Cancelling => return None,
    };
    Some([("state", word)])
}
