//! The claiming half of a queue, as an apalis backend.

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    task::{Task, builder::TaskBuilder, task_id::TaskId},
    worker::context::WorkerContext,
};
use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use ingest_core::RunId;
use redis::Value;
use tokio_util::task::AbortOnDropHandle;
use tracing::error;

use crate::{
    Claimed, ClaimedImport, Queue, QueueError, Target,
    ledger::{CONSUMERS, SERVERS},
    queue::claim::{Claim, Delivery, Job},
    queue::headers::Headers,
    queue::lease::Worker,
    queue::release_failed::ReleaseFailedLayer,
    redis::scripts,
};

/// How soon an empty queue is looked at again; doubles up to the maximum.
const IDLE_DELAY_MIN: Duration = Duration::from_millis(20);
const IDLE_DELAY_MAX: Duration = Duration::from_millis(250);

/// A job that this program cannot read waits for one that can.
const UNREADABLE_DELAY: Duration = Duration::from_secs(30);

/// How often runs without a target are looked at.
const BETWEEN_GIFTS: Duration = Duration::from_secs(1);

/// Claims batches for one consumer.
pub type BatchBackend = JobBackend<Claimed>;

/// Claims runs to import for one server.
pub type ImportBackend = JobBackend<ClaimedImport>;

/// Claims jobs for one apalis worker, one at a time and only when the worker has a
/// free place: nothing is prefetched, so no lease runs while a job waits.
pub struct JobBackend<J> {
    claims: Claims,
    keeper: Option<AbortOnDropHandle<()>>,
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
    /// Claims batches of the runs with this target. `name` is the consumer's among the living; it
    /// must be unique per start.
    #[must_use]
    pub fn new(queue: Queue, name: &str, target: &Target) -> Self {
        let worker = Worker::new(name, target.id(), CONSUMERS, target.to_json());
        Self::by(Claims {
            queue,
            worker,
            target: Some(Arc::new(target.clone())),
            gave: Arc::default(),
            headers: Headers::default(),
        })
    }
}

impl ImportBackend {
    /// `name` is the server's among the living; it must be unique per start.
    #[must_use]
    pub fn new(queue: Queue, name: &str) -> Self {
        let worker = Worker::new(name, "full-import".to_owned(), SERVERS, String::new());
        Self::by(Claims {
            queue,
            worker,
            target: None,
            gave: Arc::default(),
            headers: Headers::default(),
        })
    }
}

impl<J: Job> JobBackend<J> {
    fn by(claims: Claims) -> Self {
        Self { claims, keeper: None, claiming: None, closing: None }
    }

    /// Claims the next job now, if there is one, without a worker.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn claim(&mut self) -> Result<Option<J>, QueueError> {
        self.start_keeper();
        self.claims.next().await
    }

    fn start_keeper(&mut self) {
        let Claims { queue, worker, .. } = &self.claims;
        self.keeper.get_or_insert_with(|| worker.keep(queue.clone()));
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
        let claiming = self
            .claiming
            .get_or_insert_with(|| wait_for_job(self.claims.clone(), worker.clone()).boxed());
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
            close(self.claims.clone(), self.claiming.take(), self.keeper.take()).boxed()
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
    report(claims.worker.sign_off(&claims.queue).await);
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

/// How one worker comes by its jobs.
#[derive(Clone)]
pub(crate) struct Claims {
    pub(crate) queue: Queue,
    pub(crate) worker: Worker,
    /// What runs that have no target yet are given; imports need none.
    target: Option<Arc<Target>>,
    /// When that was tried last.
    gave: Arc<Mutex<Option<Instant>>>,
    headers: Headers,
}

/// What `claim.lua` hands out.
struct Handed {
    queue: String,
    id: String,
    payload: Vec<u8>,
    /// How often it was delivered in vain.
    vain: u32,
    is_cancelled: bool,
    under_way: String,
    token: String,
}

/// The same as Redis says it.
type Answer = (String, String, Vec<u8>, u32, String, String, String);

impl Claims {
    /// Those that empty the queue of a cancelled run.
    pub(crate) fn of_nobody(queue: &Queue) -> Self {
        let name = format!("cancel-{:08x}", fastrand::u32(..));
        let worker = Worker::new(&name, String::new(), CONSUMERS, String::new());
        Self {
            queue: queue.clone(),
            worker,
            target: None,
            gave: Arc::default(),
            headers: Headers::default(),
        }
    }

    /// Claims the next job, if there is one.
    pub(crate) async fn next<J: Job>(&self) -> Result<Option<J>, QueueError> {
        self.worker.renew_if_late(&self.queue).await?;
        loop {
            let (without_target, handed) = self.ask(None).await?;
            let Some(handed) = handed else {
                if without_target > 0 && self.give_target().await? {
                    continue;
                }
                return Ok(None);
            };
            if without_target > 0 {
                self.give_target().await?;
            }
            let is_cancelled = handed.is_cancelled;
            let Some((claim, payload)) = self.hold(handed) else { continue };
            match self.read::<J>(&claim, &payload).await? {
                Ok(job) if is_cancelled => job.leave_out().await?,
                Ok(job) => return Ok(Some(job)),
                Err(error) => {
                    error!(error = %error, job.id = %claim.id(), "a queued job cannot be read");
                    claim.give_back(UNREADABLE_DELAY, Delivery::Uncounted).await?
                }
            };
        }
    }

    /// Claims what is queued of a cancelled run, and takes it off the queue. What cannot be read
    /// here stays under its lease, and goes to a consumer that can.
    pub(crate) async fn leave_out_all<J: Job>(&self, run: &RunId) -> Result<(), QueueError> {
        while let (_, Some(handed)) = self.ask(Some(run)).await? {
            if let Some((claim, payload)) = self.hold(handed)
                && let Ok(job) = self.read::<J>(&claim, &payload).await?
            {
                job.leave_out().await?;
            }
        }
        Ok(())
    }

    /// What was queued, with the header of its run: looked up again when the job is not of the one
    /// that is known, for a run may have been forgotten and begun anew.
    async fn read<J: Job>(
        &self,
        claim: &Claim,
        payload: &[u8],
    ) -> Result<Result<J, J::ReadError>, QueueError> {
        let run = claim.queue_name();
        if let Some(header) = self.headers.known(run)
            && let Ok(job) = J::read(claim.clone(), payload, &header)
        {
            return Ok(Ok(job));
        }
        let header = match J::NEEDS_HEADER {
            true => self.headers.look_up(&self.queue, run).await?,
            false => Bytes::new(),
        };
        Ok(J::read(claim.clone(), payload, &header))
    }

    /// How many runs have no target, and the next job, of one run only if that is said.
    async fn ask(&self, only: Option<&RunId>) -> Result<(u64, Option<Handed>), QueueError> {
        let mut script = scripts::call(&scripts::CLAIM);
        script.arg(&self.worker.round).arg(self.queue.lease_ms()).arg(self.worker.new_token());
        if let Some(run) = only {
            script.arg(run.as_ref());
        }
        // When the answer is lost, the lease of a job nobody works on runs out.
        let mut answer: Vec<Value> = self.queue.invoke("hand out a job", &script).await?;
        let unreadable = |source: redis::ParsingError| QueueError::Refused {
            action: "hand out a job in a known form",
            source: source.into(),
        };
        let job = answer.split_off(answer.len().min(1));
        let without_target = redis::from_redis_value(Value::Array(answer)).map_err(unreadable)?;
        let [without_target]: [u64; 1] = without_target;
        if job.is_empty() {
            return Ok((without_target, None));
        }
        let (queue, id, payload, vain, what, under_way, token): Answer =
            redis::from_redis_value(Value::Array(job)).map_err(unreadable)?;
        let is_cancelled = what == "cancel";
        let handed = Handed { queue, id, payload, vain, is_cancelled, under_way, token };
        Ok((without_target, Some(handed)))
    }

    /// The claim on what was handed out; nothing when it is ours already.
    fn hold(&self, handed: Handed) -> Option<(Claim, Vec<u8>)> {
        let Handed { queue, id, payload, vain, under_way, token, .. } = handed;
        let lease = self.worker.hold(queue, id, token)?;
        Some((Claim::new(self.queue.clone(), lease, vain, &under_way), payload))
    }

    /// Gives our target to runs that have none, when that was not tried just now.
    async fn give_target(&self) -> Result<bool, QueueError> {
        let Some(target) = &self.target else { return Ok(false) };
        {
            let mut gave = self.gave.lock().unwrap_or_else(PoisonError::into_inner);
            if gave.is_some_and(|at| at.elapsed() < BETWEEN_GIFTS) {
                return Ok(false);
            }
            *gave = Some(Instant::now());
        }
        self.queue.give_target_to_runs(target).await?;
        Ok(true)
    }
}

/// What cannot be put back comes back when its lease runs out.
pub(crate) fn report<T>(outcome: Result<T, QueueError>) {
    if let Err(error) = outcome {
        error!(error = %error, "could not put a job back; it is handed out again when its lease ends");
    }
}
