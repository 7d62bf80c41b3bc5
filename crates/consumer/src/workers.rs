//! The wiring of apalis, and nothing else.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use apalis::prelude::*;
use job_queue::{BatchBackend, Claimed, Queue, QueueError, RunLoad};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error_span, field::Empty};

use crate::{delivery::Deliverer, throttle::ClaimLimit};

/// Claims and delivers batches, as many at a time as its claim limit says, until `stop`; then waits for
/// those under way. `default` is the load of runs that were started without one.
pub(crate) async fn run_workers(
    queue: Queue,
    deliverer: Arc<Deliverer>,
    default: Option<&RunLoad>,
    stop: CancellationToken,
) -> Result<(), WorkerError> {
    let name = service::unique_name("consumer");
    let backend = BatchBackend::new(queue, &name, default).in_org(&deliverer.planner.org);
    let limit = Arc::clone(&deliverer.sender.throttle.claims);
    WorkerBuilder::new(name)
        .backend(backend)
        .data(deliverer)
        .layer(Limit(limit))
        .build(deliver)
        .run_until(async move {
            stop.cancelled().await;
            Ok::<_, WorkerError>(())
        })
        .await
}

async fn deliver(claimed: Claimed, deliverer: Data<Arc<Deliverer>>) -> Result<(), QueueError> {
    let job = claimed.job();
    // Of a level that no filter leaves out: JSON has its fields in each event of the delivery.
    let span = error_span!("batch", run = %job.run, batch = job.sequence, object = Empty);
    // Boxed: what a delivery keeps while it waits is large, and is moved on its way here.
    Box::pin(deliverer.deliver(&claimed)).instrument(span).await
}

/// Ready when one more batch may be claimed: apalis claims nothing before.
struct Limit(Arc<ClaimLimit>);

impl<S> Layer<S> for Limit {
    type Service = Limited<S>;

    fn layer(&self, handler: S) -> Limited<S> {
        Limited { handler, limit: Arc::clone(&self.0), room: None, has_room: false }
    }
}

/// See [`Limit`].
struct Limited<S> {
    handler: S,
    limit: Arc<ClaimLimit>,
    room: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Stays so until a batch is here: a claim that has begun must be seen through, for the batch may be
    /// ours already.
    has_room: bool,
}

impl<S> Service<Task<Claimed>> for Limited<S>
where
    S: Service<Task<Claimed>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if !self.has_room {
            let limit = &self.limit;
            let room = self.room.get_or_insert_with(|| {
                let limit = Arc::clone(limit);
                Box::pin(async move { limit.room().await })
            });
            ready!(room.as_mut().poll(context));
            (self.room, self.has_room) = (None, true);
        }
        self.handler.poll_ready(context)
    }

    fn call(&mut self, task: Task<Claimed>) -> Self::Future {
        self.has_room = false;
        let held = self.limit.hold(task.args.job().rows.bytes());
        let delivery = self.handler.call(task);
        Box::pin(async move {
            let _held = held;
            delivery.await
        })
    }
}
