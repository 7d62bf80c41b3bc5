//! What this process has done, for its metrics and its log.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use salesforce::IngestState;

use crate::retry::Again;

/// Of ingest jobs, in seconds.
const JOB_BUCKETS: [f64; 12] =
    [1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 14_400.0];

/// One label with its value.
type Label = [(&'static str, &'static str); 1];

/// How an ingest job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobEnd {
    Complete,
    Failed,
    Aborted,
    /// It is gone from Salesforce.
    Lost,
}

impl JobEnd {
    const ALL: [Self; 4] = [Self::Complete, Self::Failed, Self::Aborted, Self::Lost];

    /// That of a job that has ended.
    pub(crate) fn of(state: IngestState) -> Self {
        match state {
            IngestState::JobComplete => Self::Complete,
            IngestState::Aborted => Self::Aborted,
            _ => Self::Failed,
        }
    }

    fn label(self) -> Label {
        let word = match self {
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Lost => "lost",
        };
        [("outcome", word)]
    }
}

/// Counts since the start of the process. What became of batches is counted where they are settled, by
/// the queue.
#[derive(Debug)]
pub(crate) struct Counters {
    rows_sent_again: Family<Label, Counter>,
    batches_poisoned: Counter,
    calls: Counter,
    jobs_in_flight: Gauge,
    jobs: Family<Label, Counter>,
    job_duration: Histogram,
    /// Salesforce has stored a row.
    has_stored: AtomicBool,
}

/// [`Counters`] at one moment, and those of the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) batches_settled: u64,
    pub(crate) rows_delivered: u64,
    rows_rejected: u64,
    rows_sent_again: u64,
    calls: u64,
}

/// An ingest job that Salesforce works on; until it is dropped.
#[derive(Debug)]
pub(crate) struct JobInFlight<'a>(&'a Gauge);

impl Drop for JobInFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Default for Counters {
    fn default() -> Self {
        let counters = Self {
            rows_sent_again: Family::default(),
            batches_poisoned: Counter::default(),
            calls: Counter::default(),
            jobs_in_flight: Gauge::default(),
            jobs: Family::default(),
            job_duration: Histogram::new(JOB_BUCKETS),
            has_stored: AtomicBool::new(false),
        };
        // All series are there from the start: a rate of one that appears with its first count misses it.
        for again in Again::ALL {
            drop(counters.rows_sent_again.get_or_create(&label(again)));
        }
        for end in JobEnd::ALL {
            drop(counters.jobs.get_or_create(&end.label()));
        }
        counters
    }
}

impl Counters {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "rows_sent_again",
            "Rows that were sent a second time or later, or wait for it, by why",
            self.rows_sent_again.clone(),
        );
        registry.register(
            "batches_poisoned",
            "Batches whose rows were rejected since consumers died of them",
            self.batches_poisoned.clone(),
        );
        registry.register(
            "bulk_jobs_in_flight",
            "Ingest jobs that Salesforce works on for this consumer",
            self.jobs_in_flight.clone(),
        );
        registry.register("bulk_jobs", "Ingest jobs that have ended, by how", self.jobs.clone());
        registry.register(
            "bulk_job_duration_seconds",
            "Time from the making of an ingest job to its end, of jobs that one consumer saw through",
            self.job_duration.clone(),
        );
    }

    /// Counts a call that reached Salesforce.
    pub(crate) fn called(&self) {
        self.calls.inc();
    }

    /// Counts rows that are sent again.
    pub(crate) fn sent_again(&self, again: Again, rows: u64) {
        self.rows_sent_again.get_or_create(&label(again)).inc_by(rows);
    }

    pub(crate) fn poisoned(&self) {
        self.batches_poisoned.inc();
    }

    /// Salesforce has stored so many rows.
    pub(crate) fn stored(&self, rows: u64) {
        if rows > 0 {
            self.has_stored.store(true, Relaxed);
        }
    }

    /// Whether Salesforce has stored any row.
    pub(crate) fn has_stored(&self) -> bool {
        self.has_stored.load(Relaxed)
    }

    /// An ingest job is in Salesforce's hands.
    pub(crate) fn job_begins(&self) -> JobInFlight<'_> {
        self.jobs_in_flight.inc();
        JobInFlight(&self.jobs_in_flight)
    }

    /// An ingest job has ended, so long after it was made, where that is known.
    pub(crate) fn job_ended(&self, end: JobEnd, took: Option<Duration>) {
        self.jobs.get_or_create(&end.label()).inc();
        if let Some(took) = took {
            self.job_duration.observe(took.as_secs_f64());
        }
    }

    pub(crate) fn snapshot(&self, queue: &job_queue::Metrics) -> Snapshot {
        let sent_again = |again| self.rows_sent_again.get_or_create(&label(again)).get();
        Snapshot {
            batches_settled: queue.batches_settled(),
            rows_delivered: queue.rows_delivered(),
            rows_rejected: queue.rows_rejected(),
            rows_sent_again: Again::ALL.into_iter().map(sent_again).sum(),
            calls: self.calls.get(),
        }
    }
}

fn label(again: Again) -> Label {
    [("reason", again.word())]
}

impl fmt::Display for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { batches_settled, rows_delivered, rows_rejected, rows_sent_again, calls } = self;
        write!(
            formatter,
            "{batches_settled} batches processed: {rows_delivered} rows delivered, \
             {rows_rejected} rejected, {rows_sent_again} sent again, {calls} calls"
        )
    }
}
