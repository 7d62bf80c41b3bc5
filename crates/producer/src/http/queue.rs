//! `GET /api/queue`: how full the queue is, and who works on it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, extract::State};
use job_queue::{ApiUsage, Outage, Queue, QueueError, Target};
use serde::Serialize;
use tokio::sync::Mutex;

use super::{Api, problem::Problem};
use crate::{target::ShownTarget, watermark::Watermarks};

/// However many ask, Redis is asked this often at most.
const FRESH: Duration = Duration::from_millis(400);

/// The queue as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QueueState {
    /// Batches to do of all runs together, and the bytes of their payloads.
    pub(super) jobs: u64,
    pub(super) bytes: u64,
    /// Reading stops at high, and goes on at low. Those of jobs are for each run by itself, so that
    /// `jobs` may be more; those of bytes for all runs together too.
    pub(super) jobs_high: u64,
    pub(super) jobs_low: u64,
    pub(super) bytes_high: u64,
    pub(super) bytes_low: u64,
    /// Consumers that deliver, and servers that take runs.
    pub(super) consumers: u64,
    pub(super) servers: u64,
    /// What the consumers do with rows, each target once.
    targets: Vec<ShownTarget>,
    /// Calls of the org's day, as Salesforce said last.
    pub(super) api_usage: Option<ApiUsage>,
    /// Why nothing is delivered at this moment, though there are consumers.
    pub(super) delivery_pause: Option<Outage>,
}

impl QueueState {
    /// Targets of the consumers that are alive.
    pub(super) fn targets(&self) -> Vec<Target> {
        self.targets.iter().map(|shown| shown.target.clone()).collect()
    }
}

/// Looks at the queue for all who ask.
#[derive(Debug)]
pub(super) struct QueueWatch {
    queue: Queue,
    watermarks: Watermarks,
    seen: Mutex<Option<(Instant, Arc<QueueState>)>>,
}

impl QueueWatch {
    pub(super) fn new(queue: Queue, watermarks: Watermarks) -> Self {
        Self { queue, watermarks, seen: Mutex::default() }
    }

    /// How the queue stands, or stood a moment ago.
    pub(super) async fn state(&self) -> Result<Arc<QueueState>, QueueError> {
        let mut seen = self.seen.lock().await;
        if let Some((at, state)) = &*seen
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(state));
        }
        let state = Arc::new(self.look().await?);
        *seen = Some((Instant::now(), Arc::clone(&state)));
        Ok(state)
    }

    async fn look(&self) -> Result<QueueState, QueueError> {
        let depth = self.queue.depth().await?;
        let targets = self.queue.live_targets().await?;
        let (high, low) = (self.watermarks.high(), self.watermarks.low());
        Ok(QueueState {
            jobs: depth.jobs,
            bytes: depth.bytes,
            jobs_high: high.jobs,
            jobs_low: low.jobs,
            bytes_high: high.bytes,
            bytes_low: low.bytes,
            consumers: self.queue.live_consumers().await?,
            servers: self.queue.live_servers().await?,
            targets: targets.into_iter().map(ShownTarget::from).collect(),
            api_usage: self.queue.api_usage().await?,
            delivery_pause: self.queue.outage().await?,
        })
    }
}

pub(super) async fn show(State(api): State<Arc<Api>>) -> Result<Json<QueueState>, Problem> {
    Ok(Json(api.queue_watch.state().await?.as_ref().clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    /// A sum over all runs stands beside a limit of each.
    #[test]
    fn the_description_says_what_of_the_queue_may_be_compared() {
        let document: Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
        let queue = &document["components"]["schemas"]["Queue"]["properties"];
        let describes = |field: &str, words: &str| {
            let described = queue[field]["description"].as_str().unwrap_or_default();
            assert!(described.contains(words), "{field}: {described}");
        };

        describes("jobs", "all runs together");
        describes("jobs", "Not to be compared with `jobsHigh`");
        describes("jobsHigh", "For each run by itself");
        describes("jobsHigh", "`batchesQueued`");
        describes("bytesHigh", "for all runs together, which is `bytes`");
    }
}
