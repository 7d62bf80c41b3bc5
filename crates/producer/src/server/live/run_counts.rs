//! How many runs are in each state, for the metrics of every server.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use job_queue::{Queue, QueueError};
use tokio::time::timeout;

use crate::{report::run_status::RunStatus, server::cached::Cached};

/// Prometheus gives up after ten seconds; without Redis the rest is still true.
const TIMEOUT: Duration = Duration::from_secs(3);

/// However many callers there are, Redis is asked this often at most.
const FRESH: Duration = Duration::from_secs(1);

type Counts = Arc<BTreeMap<RunStatus, i64>>;

/// Counts them once for all callers.
#[derive(Debug)]
pub(crate) struct RunCounts {
    queue: Queue,
    counts: Cached<Option<Counts>>,
}

impl RunCounts {
    pub(crate) fn new(queue: Queue) -> Self {
        Self { queue, counts: Cached::new(FRESH) }
    }

    /// `None` while Redis does not answer.
    pub(crate) async fn get(&self) -> Option<Counts> {
        let load = async { timeout(TIMEOUT, self.load()).await.ok()?.ok().map(Arc::new) };
        self.counts.get(Box::pin(load)).await
    }

    async fn load(&self) -> Result<BTreeMap<RunStatus, i64>, QueueError> {
        let mut counts = BTreeMap::new();
        for ledger in self.queue.unfinished_runs().await? {
            *counts.entry(RunStatus::of(&ledger)).or_default() += 1;
        }
        Ok(counts)
    }
}
