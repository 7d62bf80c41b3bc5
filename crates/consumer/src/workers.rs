//! The wiring of apalis, and nothing else.

use std::sync::Arc;

use apalis::{layers::WorkerBuilderExt, prelude::*};
use job_queue::{BatchBackend, Claimed, Queue, QueueError, RunLoad};
use tokio_util::sync::CancellationToken;

use crate::delivery::Deliverer;

/// Claims and delivers batches, so many at a time, until `stop`; then waits for those under way.
/// `default` is the load of runs that were started without one.
pub(crate) async fn run_workers(
    queue: Queue,
    deliverer: Arc<Deliverer>,
    default: Option<&RunLoad>,
    concurrency: usize,
    stop: CancellationToken,
) -> Result<(), WorkerError> {
    let name = service::unique_name("consumer");
    let backend = BatchBackend::new(queue, &name, default).in_org(&deliverer.planner.org);
    WorkerBuilder::new(name)
        .backend(backend)
        .data(deliverer)
        .concurrency(concurrency)
        .build(deliver)
        .run_until(async move {
            stop.cancelled().await;
            Ok::<_, WorkerError>(())
        })
        .await
}

async fn deliver(claimed: Claimed, deliverer: Data<Arc<Deliverer>>) -> Result<(), QueueError> {
    deliverer.deliver(&claimed).await
}
