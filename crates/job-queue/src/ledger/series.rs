//! What happened in a run over time, for charts.

use std::collections::HashMap;

use ingest_core::RunId;
use serde::Serialize;

use crate::{Queue, QueueError};

/// A run's counts over time, from its start. Bounded: there are at most 96 buckets,
/// which grow wider as the run grows longer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// How long a bucket is, in milliseconds.
    pub bucket_ms: u64,
    /// From the run's start to the last bucket in which something happened.
    pub buckets: Vec<Bucket>,
}

/// What happened in one stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// Rows read, and on their way to the queue.
    pub read: u64,
    /// Rows delivered; a batch counts when it is settled.
    pub delivered: u64,
    /// Rows rejected; the same.
    pub rejected: u64,
    /// Milliseconds for which reading waited for room on the queue, as far as they were noted.
    pub backpressure_ms: u64,
}

impl Queue {
    /// A run's counts over time; empty for a run that is unknown.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn series(&self, run: &RunId) -> Result<Series, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.hgetall(self.keys.run(run).series());
        let (fields,): (HashMap<String, u64>,) =
            self.query("tell what happened over time", &pipeline).await?;
        Ok(read(&fields))
    }
}

/// As `series.lua` writes it.
pub(crate) fn read(fields: &HashMap<String, u64>) -> Series {
    const BUCKETS_MAX: usize = 96;
    let bucket_ms = fields.get("width_ms").copied().unwrap_or_default();
    let mut buckets = Vec::new();
    for (field, count) in fields {
        let Some((number, what)) = field.split_at_checked(field.len().saturating_sub(1)) else {
            continue;
        };
        let Some(number) = number.parse().ok().filter(|number| *number < BUCKETS_MAX) else {
            continue;
        };
        if buckets.len() <= number {
            buckets.resize(number + 1, Bucket::default());
        }
        match what {
            "r" => buckets[number].read = *count,
            "d" => buckets[number].delivered = *count,
            "x" => buckets[number].rejected = *count,
            "w" => buckets[number].backpressure_ms = *count,
            _ => {}
        }
    }
    Series { bucket_ms, buckets }
}
