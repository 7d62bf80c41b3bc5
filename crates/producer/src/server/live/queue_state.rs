//! How full the queue is, and which consumers and servers are alive.

use std::{sync::Arc, time::Duration};

use job_queue::{ApiUsage, LoadSummary, Outage, Queue, QueueError};
use serde::Serialize;

use crate::{import::backpressure::Watermarks, report::waiting::Live, server::cached::Cached};

/// However many callers there are, Redis is asked this often at most.
const FRESH: Duration = Duration::from_millis(400);

/// The queue as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueState {
    /// Batches to do of all runs together, and the bytes of their payloads.
    pub(crate) jobs: u64,
    pub(crate) bytes: u64,
    /// Reading stops at high, and goes on at low. Those of jobs are for each run by itself, so that
    /// `jobs` may be more; those of bytes for all runs together too.
    pub(crate) jobs_high: u64,
    pub(crate) jobs_low: u64,
    pub(crate) bytes_high: u64,
    pub(crate) bytes_low: u64,
    /// Consumers that deliver, and servers that take runs.
    pub(crate) consumers: u64,
    /// Where no consumer delivers: those that wait for Salesforce to let them in.
    pub(crate) consumers_starting: u64,
    pub(crate) servers: u64,
    /// What the consumers give to runs without a load, each once.
    pub(crate) loads: Vec<LoadSummary>,
    /// API calls of the org's day, as last reported by Salesforce.
    pub(crate) api_usage: Option<ApiUsage>,
    /// Why nothing is delivered now, though consumers are alive.
    pub(crate) outage: Option<Outage>,
}

impl QueueState {
    /// The consumers that are alive.
    pub(crate) fn live(&self) -> Live {
        Live {
            consumers: self.consumers,
            starting: self.consumers_starting,
            loads: self.loads.clone(),
        }
    }
}

/// Polls the queue for all callers.
#[derive(Debug)]
pub(crate) struct QueueWatch {
    queue: Queue,
    watermarks: Watermarks,
    state: Cached<Arc<QueueState>>,
}

impl QueueWatch {
    pub(crate) fn new(queue: Queue, watermarks: Watermarks) -> Self {
        Self { queue, watermarks, state: Cached::new(FRESH) }
    }

    /// How the queue stands, or stood a moment ago.
    pub(crate) async fn state(&self) -> Result<Arc<QueueState>, QueueError> {
        self.state.try_get(self.look()).await
    }

    async fn look(&self) -> Result<Arc<QueueState>, QueueError> {
        let depth = self.queue.depth().await?;
        let Live { consumers, starting, loads } = Live::of(&self.queue).await?;
        let (high, low) = (self.watermarks.high(), self.watermarks.low());
        Ok(Arc::new(QueueState {
            jobs: depth.jobs,
            bytes: depth.bytes,
            jobs_high: high.jobs,
            jobs_low: low.jobs,
            bytes_high: high.bytes,
            bytes_low: low.bytes,
            consumers,
            consumers_starting: starting,
            servers: self.queue.live_servers().await?,
            loads,
            api_usage: self.queue.api_usage().await?,
            outage: self.queue.outage().await?,
        }))
    }
}
