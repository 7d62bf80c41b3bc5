//! What this process has done, for its log.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use ingest_core::BatchJob;

/// Counts since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    batches_settled: AtomicU64,
    rows_delivered: AtomicU64,
    rows_rejected: AtomicU64,
    rows_sent_again: AtomicU64,
    calls: AtomicU64,
}

/// [`Counters`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) batches_settled: u64,
    pub(crate) rows_delivered: u64,
    pub(crate) rows_rejected: u64,
    pub(crate) rows_sent_again: u64,
    pub(crate) calls: u64,
}

impl Counters {
    /// Counts a call, and its rows when they were sent before.
    pub(crate) fn called(&self, sent_again: u64) {
        self.calls.fetch_add(1, Relaxed);
        self.rows_sent_again.fetch_add(sent_again, Relaxed);
    }

    pub(crate) fn delivered(&self, rows: u64) {
        self.rows_delivered.fetch_add(rows, Relaxed);
    }

    /// Counts a batch whose outcome is recorded.
    pub(crate) fn settled(&self, job: &BatchJob) {
        self.batches_settled.fetch_add(1, Relaxed);
        self.rows_rejected.fetch_add(job.rejects.len() as u64, Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            batches_settled: self.batches_settled.load(Relaxed),
            rows_delivered: self.rows_delivered.load(Relaxed),
            rows_rejected: self.rows_rejected.load(Relaxed),
            rows_sent_again: self.rows_sent_again.load(Relaxed),
            calls: self.calls.load(Relaxed),
        }
    }
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
