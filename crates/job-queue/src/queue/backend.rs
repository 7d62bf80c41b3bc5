//! The claiming half of a queue, as an apalis backend.

use std::{
    convert::Infallible,
    fmt,
    task::{Context, Poll, ready},
    time::Duration,
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    task::{Task, builder::TaskBuilder, task_id::TaskId},
    worker::context::WorkerContext,
};
use futures::{FutureExt, future::BoxFuture};
use tokio_util::task::AbortOnDropHandle;
use tracing::error;

use crate::{
    Queue, QueueError, RunLoad,
    queue::{
        batch::Claimed,
        claim::{Attempt, Job, log_failure},
        claims::Claims,
        heartbeats::{CONSUMERS, SERVERS},
        import::ClaimedImport,
        lease::Worker,
        release_failed::ReleaseFailedLayer,
    },
};

/// How soon an empty queue is polled again; doubles up to the maximum.
const IDLE_DELAY_MIN: Duration = Duration::from_millis(20);
const IDLE_DELAY_MAX: Duration = Duration::from_millis(250);

/// Claims batches for one consumer.
pub type BatchBackend = JobBackend<Claimed>;

/// Claims runs to import for one server.
pub type ImportBackend = JobBackend<ClaimedImport>;

/// Claims jobs for one apalis worker, one at a time and only when the worker has a
/// free place: nothing is prefetched, so no lease runs while a job waits.
pub struct JobBackend<J> {
    claims: Claims,
    heartbeat: Option<AbortOnDropHandle<()>>,
    claiming: Option<BoxFuture<'static, Option<J>>>,
    closing: Option<BoxFuture<'static, ()>>,
}

impl<J> fmt::Debug for JobBackend<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobBackend")
            .field("worker", &self.claims.worker.name)
            .finish_non_exhaustive()
    }
}

impl BatchBackend {
    /// Claims batches of all runs; `default` is what becomes the load of a run that has none. `name` is
    /// what the consumer registers as; it must be unique per start.
    #[must_use]
    pub fn new(queue: Queue, name: &str, default: Option<&RunLoad>) -> Self {
        let load = default.map(RunLoad::to_json).unwrap_or_default();
        let worker = Worker::new(name, "deliveries", CONSUMERS, load);
        Self::by(Claims::new(queue, worker, default.cloned()))
    }

    /// The same for a consumer that is signed in to this org: it claims nothing more once somebody
    /// gives the queue to another one.
    #[must_use]
    pub fn in_org(self, org: &str) -> Self {
        Self { claims: self.claims.in_org(org), ..self }
    }
}

impl ImportBackend {
    /// `name` is what the server registers as; it must be unique per start.
    #[must_use]
    pub fn new(queue: Queue, name: &str) -> Self {
        let worker = Worker::new(name, "full-import", SERVERS, String::new());
        Self::by(Claims::new(queue, worker, None))
    }
}

impl<J: Job> JobBackend<J> {
    fn by(claims: Claims) -> Self {
        Self { claims, heartbeat: None, claiming: None, closing: None }
    }

    /// Claims the next job now, if there is one, without a worker.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn claim(&mut self) -> Result<Option<J>, QueueError> {
        self.start_heartbeat();
        self.claims.next().await
    }

    fn start_heartbeat(&mut self) {
        let Claims { queue, worker, .. } = &self.claims;
        self.heartbeat.get_or_insert_with(|| worker.start_heartbeat(queue.clone()));
    }
}

impl<J: Job> Backend for JobBackend<J> {
    type Task = Task<J>;
    /// Redis being away is waited out, never the end of a worker.
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        self.start_heartbeat();
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        let claiming = self
            .claiming
            .get_or_insert_with(|| wait_for_job(self.claims.clone(), worker.clone()).boxed());
        let claimed = ready!(claiming.as_mut().poll(context));
        self.claiming = None;
        Poll::Ready(claimed.map(|claimed| Ok(task(claimed))))
    }

    /// Releases a job that was claimed while the worker was told to stop, and deregisters the
    /// worker.
    fn poll_close(
        &mut self,
        context: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        let closing = self.closing.get_or_insert_with(|| {
            close(self.claims.clone(), self.claiming.take(), self.heartbeat.take()).boxed()
        });
        closing.as_mut().poll(context).map(Ok)
    }
}

impl<J: Job> BackendConfig for JobBackend<J> {
    type Args = J;
    type Id = String;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = ReleaseFailedLayer;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> ReleaseFailedLayer {
        ReleaseFailedLayer
    }
}

fn task<J: Job>(claimed: J) -> Task<J> {
    let id = TaskId::from_string(claimed.name());
    TaskBuilder::new(claimed).task_id(id).build()
}

async fn close<J: Job>(
    claims: Claims,
    claiming: Option<BoxFuture<'static, Option<J>>>,
    heartbeat: Option<AbortOnDropHandle<()>>,
) {
    // Redis may be executing the claim: dropping it here would leave the job leased to nobody.
    if let Some(Some(claimed)) = match claiming {
        Some(claiming) => Some(claiming.await),
        None => None,
    } {
        log_failure(claimed.claim().release(Duration::ZERO, Attempt::Uncounted).await);
    }
    drop(heartbeat);
    if let Err(error) = claims.worker.deregister(&claims.queue).await {
        error!(error = %error, "could not deregister the worker");
    }
}

/// Waits until there is a job for this worker; `None` when the worker stops.
async fn wait_for_job<J: Job>(claims: Claims, worker: WorkerContext) -> Option<J> {
    let mut idle = IDLE_DELAY_MIN;
    while !worker.is_shutting_down() {
        match claims.next().await {
            Ok(Some(claimed)) => return Some(claimed),
            Ok(None) => {
                tokio::time::sleep(idle).await;
                idle = (idle * 2).min(IDLE_DELAY_MAX);
            }
            Err(error) => {
                error!(error = %error, "could not claim a job");
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
    }
    None
}
