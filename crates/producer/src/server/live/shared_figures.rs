//! Figures that Redis knows, for the metrics of every server.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use job_queue::{Queue, QueueError};
use tokio::time::timeout;

use crate::{
    report::run_status::RunStatus,
    server::{
        cached::Cached,
        live::queue_state::{QueueState, QueueWatch},
    },
};

/// Prometheus gives up after ten seconds; without Redis the rest is still true.
const TIMEOUT: Duration = Duration::from_secs(5);

/// However many callers there are, Redis is asked this often at most.
const FRESH: Duration = Duration::from_secs(1);

/// The queue, and how many runs are in each state.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Arc<QueueState>,
    pub(crate) runs: BTreeMap<RunStatus, i64>,
}

/// Loads them once for all callers.
#[derive(Debug)]
pub(crate) struct SharedFigures {
    queue: Queue,
    queue_watch: Arc<QueueWatch>,
    shared: Cached<Option<Arc<Shared>>>,
}

impl SharedFigures {
    pub(crate) fn new(queue: Queue, queue_watch: Arc<QueueWatch>) -> Self {
        Self { queue, queue_watch, shared: Cached::new(FRESH) }
    }

    /// `None` while Redis does not answer.
    pub(crate) async fn get(&self) -> Option<Arc<Shared>> {
        let load = async { timeout(TIMEOUT, self.load()).await.ok()?.ok().map(Arc::new) };
        self.shared.get(Box::pin(load)).await
    }

    async fn load(&self) -> Result<Shared, QueueError> {
        let queue = self.queue_watch.state().await?;
        let mut runs = BTreeMap::new();
        for ledger in self.queue.unfinished_runs().await? {
            *runs.entry(RunStatus::of(&ledger)).or_default() += 1;
        }
        Ok(Shared { queue, runs })
    }
}
