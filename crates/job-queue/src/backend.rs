//! The claiming half of the queue, as an apalis backend.

use std::{
    convert::Infallible,
    fmt,
    panic::AssertUnwindSafe,
    pin::Pin,
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
use ingest_core::BatchJob;
use tokio_util::task::AbortOnDropHandle;
use tower::{Layer, Service};
use tracing::{error, warn};

use crate::{
    Claimed, Queue, QueueError,
    keeper::{self, Leases},
    keys, scripts,
};

/// How soon an empty queue is looked at again; doubles up to the maximum.
const IDLE_DELAY_MIN: Duration = Duration::from_millis(20);
const IDLE_DELAY_MAX: Duration = Duration::from_millis(250);

/// A job that this program cannot read waits for one that can.
const UNREADABLE_DELAY_MS: u64 = 30_000;

/// A job whose handler failed or panicked is tried again after this long.
const FAILED_DELAY: Duration = Duration::from_secs(2);

/// Claims batches for one apalis worker, one at a time and only when the worker
/// has a free place: nothing is prefetched, so no lease runs while a job waits.
pub struct BatchBackend {
    queue: Queue,
    name: String,
    leases: Leases,
    keeper: Option<AbortOnDropHandle<()>>,
    claiming: Option<BoxFuture<'static, Option<Claimed>>>,
    closing: Option<BoxFuture<'static, ()>>,
}

impl fmt::Debug for BatchBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchBackend").field("name", &self.name).finish_non_exhaustive()
    }
}

impl BatchBackend {
    /// `name` is the consumer's among the living; it must be unique per start.
    pub fn new(queue: Queue, name: &str) -> Self {
        Self {
            queue,
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
    pub async fn claim(&mut self) -> Result<Option<Claimed>, QueueError> {
        self.start_keeper();
        self.queue.claim(&self.leases).await
    }

    fn start_keeper(&mut self) {
        self.keeper.get_or_insert_with(|| {
            keeper::keep(self.queue.clone(), self.name.clone(), self.leases.clone())
        });
    }
}

impl Backend for BatchBackend {
    type Task = Task<Claimed>;
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
            wait_for_job(self.queue.clone(), self.leases.clone(), worker.clone()).boxed()
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
            close(self.queue.clone(), self.name.clone(), self.claiming.take(), self.keeper.take())
                .boxed()
        });
        closing.as_mut().poll(context).map(Ok)
    }
}

impl BackendConfig for BatchBackend {
    type Args = Claimed;
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

fn task(claimed: Claimed) -> Task<Claimed> {
    let id = TaskId::from_string(format!("{}:{}", claimed.job().run, claimed.job().sequence));
    TaskBuilder::new(claimed).task_id(id).build()
}

async fn close(
    queue: Queue,
    name: String,
    claiming: Option<BoxFuture<'static, Option<Claimed>>>,
    keeper: Option<AbortOnDropHandle<()>>,
) {
    // The claim may be under way in Redis: it has to be seen through.
    if let Some(Some(claimed)) = match claiming {
        Some(claiming) => Some(claiming.await),
        None => None,
    } {
        report(claimed.put_back(Duration::ZERO).await);
    }
    drop(keeper);
    report(keeper::sign_off(&queue, &name).await);
}

/// Waits until there is a job for this worker; `None` when the worker stops.
async fn wait_for_job(queue: Queue, leases: Leases, worker: WorkerContext) -> Option<Claimed> {
    let mut idle = IDLE_DELAY_MIN;
    while !worker.is_shutting_down() {
        match queue.claim(&leases).await {
            Ok(Some(claimed)) => return Some(claimed),
            Ok(None) => {
                tokio::time::sleep(idle).await;
                idle = (idle * 2).min(IDLE_DELAY_MAX);
            }
            Err(error) => {
                error!(error = %error, "could not claim a batch");
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
    }
    None
}

impl Queue {
    /// Claims the next job, if there is one.
    async fn claim(&self, leases: &Leases) -> Result<Option<Claimed>, QueueError> {
        let token = format!("{:032x}", fastrand::u128(..));
        let keys = &self.keys;
        let mut script = scripts::CLAIM.prepare_invoke();
        script.key(&keys.scheduled).key(&keys.delayed).key(&keys.leases).key(&keys.tokens);
        script.key(&keys.deliveries).key(&keys.data).key(&keys.depth);
        script.arg(self.lease_ms()).arg(&token).arg(&keys.meta_prefix).arg(keys::run_prefix());
        // When the answer is lost, the lease of a job nobody works on runs out.
        let answer: Option<(String, u32, Vec<u8>)> =
            self.invoke("hand out a batch", &script).await?;
        let Some((id, deliveries, payload)) = answer else { return Ok(None) };

        let lease = leases.hold(id, token);
        match BatchJob::decode(&payload) {
            Ok(job) => Ok(Some(Claimed::new(self.clone(), job, lease, deliveries))),
            Err(error) => {
                error!(error = %error, job.id = %lease.id, "a queued batch cannot be read");
                self.put_aside(&lease.id, &lease.token).await?;
                Ok(None)
            }
        }
    }

    async fn put_aside(&self, id: &str, token: &str) -> Result<(), QueueError> {
        let keys = &self.keys;
        let mut script = scripts::GIVE_BACK.prepare_invoke();
        script.key(&keys.scheduled).key(&keys.delayed).key(&keys.leases).key(&keys.tokens);
        script.key(&keys.deliveries).key(&keys.data).key(&keys.depth);
        script.key(format!("{}{id}", keys.meta_prefix));
        script.arg(id).arg(token).arg(UNREADABLE_DELAY_MS).arg("uncounted");
        self.invoke::<String>("put aside a batch", &script).await.map(drop)
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

impl<S> Service<Task<Claimed>> for PutBackFailed<S>
where
    S: Service<Task<Claimed>>,
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

    fn call(&mut self, task: Task<Claimed>) -> Self::Future {
        let claimed = task.args.clone();
        let delivery = AssertUnwindSafe(self.handler.call(task)).catch_unwind();
        Box::pin(async move {
            let outcome = match delivery.await {
                Ok(outcome) => outcome.map_err(Into::into),
                Err(_panic) => Err("the delivery panicked".into()),
            };
            if let Err(error) = &outcome {
                let job = claimed.job();
                warn!(run.id = %job.run, batch.sequence = job.sequence, error = %error,
                    "batch {} of run {} is put back", job.sequence, job.run);
                report(claimed.give_up(FAILED_DELAY).await);
            }
            outcome
        })
    }
}

/// What cannot be put back comes back when its lease runs out.
fn report<T>(outcome: Result<T, QueueError>) {
    if let Err(error) = outcome {
        error!(error = %error, "could not put a batch back; it is handed out again when its lease ends");
    }
}
