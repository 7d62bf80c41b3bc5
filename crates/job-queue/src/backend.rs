//! The claiming half of a queue, as an apalis backend.

use std::{
    convert::Infallible,
    fmt,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    error::BoxDynError,
    task::{Task, builder::TaskBuilder, task_id::TaskId},
    worker::context::WorkerContext,
};
use futures::{FutureExt, future::BoxFuture};
use tokio_util::task::AbortOnDropHandle;
use tower::{Layer, Service};
use tracing::{error, warn};

use crate::{
    Claimed, ClaimedImport, Queue, QueueError,
    claim::{Claim, Delivery, Job},
    keeper::{self, Leases, new_token},
    keys::{self, QueueKeys},
    scripts,
};

/// How soon an empty queue is looked at again; doubles up to the maximum.
const IDLE_DELAY_MIN: Duration = Duration::from_millis(20);
const IDLE_DELAY_MAX: Duration = Duration::from_millis(250);

/// A job that this program cannot read waits for one that can.
const UNREADABLE_DELAY: Duration = Duration::from_secs(30);

/// A job whose handler failed or panicked is tried again after this long.
const FAILED_DELAY: Duration = Duration::from_secs(2);

/// Claims batches for one consumer.
pub type BatchBackend = JobBackend<Claimed>;

/// Claims runs to import for one server.
pub type ImportBackend = JobBackend<ClaimedImport>;

/// Claims jobs for one apalis worker, one at a time and only when the worker has a
/// free place: nothing is prefetched, so no lease runs while a job waits.
pub struct JobBackend<J> {
    queue: Queue,
    keys: Arc<QueueKeys>,
    name: String,
    leases: Leases,
    keeper: Option<AbortOnDropHandle<()>>,
    claiming: Option<BoxFuture<'static, Option<J>>>,
    closing: Option<BoxFuture<'static, ()>>,
}

impl<J> fmt::Debug for JobBackend<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobBackend").field("name", &self.name).finish_non_exhaustive()
    }
}

impl BatchBackend {
    /// `name` is the consumer's among the living; it must be unique per start.
    pub fn new(queue: Queue, name: &str) -> Self {
        let keys = queue.keys.clone();
        Self::on(queue, keys, name)
    }
}

impl ImportBackend {
    /// `name` is the server's among the living; it must be unique per start.
    pub fn new(queue: Queue, name: &str) -> Self {
        let keys = queue.imports.clone();
        Self::on(queue, keys, name)
    }
}

impl<J: Job> JobBackend<J> {
    fn on(queue: Queue, keys: Arc<QueueKeys>, name: &str) -> Self {
        Self {
            queue,
            keys,
            name: name.to_owned(),
            leases: Leases::default(),
            keeper: None,
            claiming: None,
            closing: None,
        }
    }

    /// Claims the next job now, if there is one, without a worker.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn claim(&mut self) -> Result<Option<J>, QueueError> {
        self.start_keeper();
        self.queue.claim(&self.keys, &self.leases).await
    }

    fn start_keeper(&mut self) {
        self.keeper.get_or_insert_with(|| {
            let (queue, keys) = (self.queue.clone(), self.keys.clone());
            keeper::keep(queue, keys, self.name.clone(), self.leases.clone())
        });
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
        self.start_keeper();
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        let claiming = self.claiming.get_or_insert_with(|| {
            let (queue, keys) = (self.queue.clone(), self.keys.clone());
            wait_for_job(queue, keys, self.leases.clone(), worker.clone()).boxed()
        });
        let claimed = ready!(claiming.as_mut().poll(context));
        self.claiming = None;
        Poll::Ready(claimed.map(|claimed| Ok(task(claimed))))
    }

    /// Gives back a job that was claimed while the worker was told to stop, and
    /// signs off.
    fn poll_close(
        &mut self,
        context: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        let closing = self.closing.get_or_insert_with(|| {
            let (queue, keys) = (self.queue.clone(), self.keys.clone());
            close(queue, keys, self.name.clone(), self.claiming.take(), self.keeper.take()).boxed()
        });
        closing.as_mut().poll(context).map(Ok)
    }
}

impl<J: Job> BackendConfig for JobBackend<J> {
    type Args = J;
    type Id = String;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = PutBackFailedLayer;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> PutBackFailedLayer {
        PutBackFailedLayer
    }
}

fn task<J: Job>(claimed: J) -> Task<J> {
    let id = TaskId::from_string(claimed.name());
    TaskBuilder::new(claimed).task_id(id).build()
}

async fn close<J: Job>(
    queue: Queue,
    keys: Arc<QueueKeys>,
    name: String,
    claiming: Option<BoxFuture<'static, Option<J>>>,
    keeper: Option<AbortOnDropHandle<()>>,
) {
    // The claim may be under way in Redis: it has to be seen through.
    if let Some(Some(claimed)) = match claiming {
        Some(claiming) => Some(claiming.await),
        None => None,
    } {
        report(claimed.claim().give_back(Duration::ZERO, Delivery::Uncounted).await);
    }
    drop(keeper);
    report(keeper::sign_off(&queue, &keys, &name).await);
}

/// Waits until there is a job for this worker; `None` when the worker stops.
async fn wait_for_job<J: Job>(
    queue: Queue,
    keys: Arc<QueueKeys>,
    leases: Leases,
    worker: WorkerContext,
) -> Option<J> {
    let mut idle = IDLE_DELAY_MIN;
    while !worker.is_shutting_down() {
        match queue.claim(&keys, &leases).await {
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

impl Queue {
    /// Claims the next job, if there is one.
    async fn claim<J: Job>(
        &self,
        keys: &Arc<QueueKeys>,
        leases: &Leases,
    ) -> Result<Option<J>, QueueError> {
        loop {
            let token = new_token();
            let mut script = scripts::CLAIM.prepare_invoke();
            script.key(&keys.scheduled).key(&keys.delayed).key(&keys.leases).key(&keys.tokens);
            script.key(&keys.deliveries).key(&keys.data).key(&keys.depth).key(&keys.resumed);
            script.arg(self.lease_ms()).arg(&token).arg(&keys.meta_prefix).arg(keys::run_prefix());
            // When the answer is lost, the lease of a job nobody works on runs out.
            let answer: Option<(String, u32, Vec<u8>, String, String)> =
                self.invoke("hand out a job", &script).await?;
            let Some((id, deliveries, payload, what, under_way)) = answer else { return Ok(None) };

            let claim = Claim::new(self.clone(), keys.clone(), leases.hold(id, token), deliveries)
                .with_under_way(&under_way);
            match J::read(claim.clone(), &payload) {
                Ok(job) if what == "cancel" => job.leave_out().await?,
                Ok(job) => return Ok(Some(job)),
                Err(error) => {
                    error!(error = %error, job.id = %claim.id(), "a queued job cannot be read");
                    claim.give_back(UNREADABLE_DELAY, Delivery::Uncounted).await?
                }
            };
        }
    }

    pub(crate) fn lease_ms(&self) -> u64 {
        u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Puts a job back when its handler fails or panics; the delivery counts.
#[derive(Clone, Copy, Debug)]
pub struct PutBackFailedLayer;

impl<S> Layer<S> for PutBackFailedLayer {
    type Service = PutBackFailed<S>;

    fn layer(&self, handler: S) -> PutBackFailed<S> {
        PutBackFailed { handler }
    }
}

/// A handler of claimed jobs that may fail. See [`PutBackFailedLayer`].
#[derive(Clone, Debug)]
pub struct PutBackFailed<S> {
    handler: S,
}

impl<S, J: Job> Service<Task<J>> for PutBackFailed<S>
where
    S: Service<Task<J>>,
    S::Error: Into<BoxDynError>,
    S::Future: Send + 'static,
    S::Response: Send,
{
    type Response = S::Response;
    type Error = BoxDynError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxDynError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.handler.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, task: Task<J>) -> Self::Future {
        let claimed = task.args.clone();
        let delivery = AssertUnwindSafe(self.handler.call(task)).catch_unwind();
        Box::pin(async move {
            let outcome = match delivery.await {
                Ok(outcome) => outcome.map_err(Into::into),
                Err(_panic) => Err("the delivery panicked".into()),
            };
            if let Err(error) = &outcome {
                warn!(job.id = claimed.name(), error = %error, "job {} is put back", claimed.name());
                report(claimed.claim().give_up(FAILED_DELAY).await);
            }
            outcome
        })
    }
}

/// What cannot be put back comes back when its lease runs out.
fn report<T>(outcome: Result<T, QueueError>) {
    if let Err(error) = outcome {
        error!(error = %error, "could not put a job back; it is handed out again when its lease ends");
    }
}
