//! What this process measures of the queue: its requests to Redis, and what became of the batches that
//! it held. What Redis knows of all processes together is in `queue/overview.rs`.

use std::time::Duration;

use ingest_core::{BatchJob, RejectClass, Tally};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// Of requests to Redis, in seconds.
const REQUEST_BUCKETS: [f64; 13] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0];

/// Of batches, in seconds.
const BATCH_BUCKETS: [f64; 13] =
    [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0];

/// One label with its value.
type Label = [(&'static str, &'static str); 1];

/// What a request to Redis is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Claim,
    Settle,
    Push,
    Checkpoint,
    Renew,
    Other,
}

impl Command {
    const ALL: [Self; 6] =
        [Self::Claim, Self::Settle, Self::Push, Self::Checkpoint, Self::Renew, Self::Other];

    fn label(self) -> Label {
        let word = match self {
            Self::Claim => "claim",
            Self::Settle => "settle",
            Self::Push => "push",
            Self::Checkpoint => "checkpoint",
            Self::Renew => "renew",
            Self::Other => "other",
        };
        [("command", word)]
    }
}

/// Counts of one process. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<Label, Histogram, fn() -> Histogram>,
    reconnects: Counter,
    refused_for_memory: Counter,
    rows_delivered: Family<Label, Counter>,
    rows_rejected: Family<Label, Counter>,
    batches_settled: Counter,
    batches_redelivered: Counter,
    leases_lost: Counter,
    batch_wait: Histogram,
    batch_delivery: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let requests: fn() -> Histogram = || Histogram::new(REQUEST_BUCKETS);
        let metrics = Self {
            requests: Family::new_with_constructor(requests),
            reconnects: Counter::default(),
            refused_for_memory: Counter::default(),
            rows_delivered: Family::default(),
            rows_rejected: Family::default(),
            batches_settled: Counter::default(),
            batches_redelivered: Counter::default(),
            leases_lost: Counter::default(),
            batch_wait: Histogram::new(BATCH_BUCKETS),
            batch_delivery: Histogram::new(BATCH_BUCKETS),
        };
        // All series are there from the start: a rate of one that appears with its first count misses it.
        for command in Command::ALL {
            drop(metrics.requests.get_or_create(&command.label()));
        }
        for (change, _) in delivered(Tally::default()) {
            drop(metrics.rows_delivered.get_or_create(&change));
        }
        for class in RejectClass::ALL {
            drop(metrics.rows_rejected.get_or_create(&[("class", class.word())]));
        }
        metrics
    }
}

impl Metrics {
    /// Adds what each program that uses the queue measures.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "redis_request_duration_seconds",
            "Time that a request to Redis took, failed ones too, by what it is for",
            self.requests.clone(),
        );
        registry.register(
            "redis_reconnects",
            "How often Redis answered again after it could not be reached, or could not serve",
            self.reconnects.clone(),
        );
        registry.register(
            "redis_full_refusals",
            "Requests that Redis refused since its memory is used up, each try by itself",
            self.refused_for_memory.clone(),
        );
    }

    /// Adds what a program that delivers batches measures.
    pub fn register_deliveries(&self, registry: &mut Registry) {
        registry.register(
            "rows_delivered",
            "Rows that Salesforce has stored or deleted, counted when their batch is settled",
            self.rows_delivered.clone(),
        );
        registry.register(
            "rows_rejected",
            "Rows that were rejected, by the class of their code, counted when their batch is settled",
            self.rows_rejected.clone(),
        );
        registry.register(
            "batches_settled",
            "Batches whose outcome is recorded",
            self.batches_settled.clone(),
        );
        registry.register(
            "batches_redelivered",
            "Batches that were taken over from a consumer that let its lease expire: mostly it died",
            self.batches_redelivered.clone(),
        );
        registry.register(
            "leases_lost",
            "Batches that another consumer took over from this one",
            self.leases_lost.clone(),
        );
        registry.register(
            "batch_wait_seconds",
            "Time from the queueing of a batch to its first claim",
            self.batch_wait.clone(),
        );
        registry.register(
            "batch_delivery_seconds",
            "Time from the last claim of a batch to the recording of its outcome",
            self.batch_delivery.clone(),
        );
    }

    /// Batches whose outcome this process has recorded.
    #[must_use]
    pub fn batches_settled(&self) -> u64 {
        self.batches_settled.get()
    }

    /// Rows of these batches that Salesforce has stored or deleted.
    #[must_use]
    pub fn rows_delivered(&self) -> u64 {
        let labels = delivered(Tally::default());
        labels.iter().map(|(change, _)| self.rows_delivered.get_or_create(change).get()).sum()
    }

    /// Rows of these batches that were rejected.
    #[must_use]
    pub fn rows_rejected(&self) -> u64 {
        let label = |class: RejectClass| [("class", class.word())];
        RejectClass::ALL
            .into_iter()
            .map(|class| self.rows_rejected.get_or_create(&label(class)).get())
            .sum()
    }

    pub(crate) fn requested(&self, command: Command, took: Duration) {
        self.requests.get_or_create(&command.label()).observe(took.as_secs_f64());
    }

    pub(crate) fn reconnected(&self) {
        self.reconnects.inc();
    }

    pub(crate) fn refused_for_memory(&self) {
        self.refused_for_memory.inc();
    }

    /// A batch was claimed: so long after it was queued, if this is its first claim.
    pub(crate) fn claimed(&self, waited: Option<Duration>, is_redelivered: bool) {
        if let Some(waited) = waited {
            self.batch_wait.observe(waited.as_secs_f64());
        }
        self.batches_redelivered.inc_by(is_redelivered.into());
    }

    pub(crate) fn lost_lease(&self) {
        self.leases_lost.inc();
    }

    /// Redis has recorded what became of a batch, once: so long after it was claimed.
    pub(crate) fn settled(&self, job: &BatchJob, held: Duration) {
        self.batches_settled.inc();
        self.batch_delivery.observe(held.as_secs_f64());
        for (change, rows) in delivered(job.tally).into_iter().filter(|(_, rows)| *rows > 0) {
            self.rows_delivered.get_or_create(&change).inc_by(rows);
        }
        for of_one_code in job.rejects.chunk_by(|one, next| one.code == next.code) {
            let class = [("class", RejectClass::of(&of_one_code[0].code).word())];
            self.rows_rejected.get_or_create(&class).inc_by(of_one_code.len() as u64);
        }
    }
}

fn delivered(tally: Tally) -> [(Label, u64); 3] {
    [("created", tally.created), ("updated", tally.updated), ("deleted", tally.deleted)]
        .map(|(change, rows)| ([("change", change)], rows))
}
