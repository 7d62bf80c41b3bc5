//! The last settled batches of a run, for those who watch it.

use std::{collections::HashMap, fmt};

use ingest_core::RunId;
use redis::streams::StreamRangeReply;

use crate::{Queue, QueueError};

/// The position of a watcher in the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventId(String);

impl Default for EventId {
    /// Before the first event.
    fn default() -> Self {
        Self("0-0".to_owned())
    }
}

impl EventId {
    /// The smallest id after it: Redis 6.0 has no range that excludes its start.
    fn next(&self) -> String {
        let (ms, number) = self.0.split_once('-').unwrap_or((&self.0, "0"));
        let number: u64 = number.parse().unwrap_or_default();
        format!("{ms}-{}", number.saturating_add(1))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One batch was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchEvent {
    /// Where the next [`Queue::batch_events`] continues.
    pub id: EventId,
    /// Ordinal of the settled batch, from 1.
    pub ordinal: u64,
    /// Number of the batch in the file, from 0.
    pub sequence: u64,
    /// Its records.
    pub records: u64,
    /// Records that Salesforce has.
    pub delivered: u64,
    /// Records in the rejects.
    pub rejected: u64,
}

impl Queue {
    /// The batches that were settled after `after`, oldest first. About the last
    /// thousand are kept: a watcher that is slower sees a gap in `ordinal`.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn batch_events(
        &self,
        run: &RunId,
        after: &EventId,
    ) -> Result<Vec<BatchEvent>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.xrange_count(self.keys.run(run).events(), after.next(), "+", 2_000);
        let (reply,): (StreamRangeReply,) = self.query("list batches", &pipeline).await?;
        Ok(reply
            .ids
            .into_iter()
            .map(|entry| {
                let fields: HashMap<String, u64> = entry
                    .map
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, redis::from_redis_value(value).ok()?)))
                    .collect();
                let field = |name: &str| fields.get(name).copied().unwrap_or_default();
                BatchEvent {
                    ordinal: field("ordinal"),
                    sequence: field("sequence"),
                    records: field("records"),
                    delivered: field("delivered"),
                    rejected: field("rejected"),
                    id: EventId(entry.id),
                }
            })
            .collect())
    }
}
