//! Claiming the next job of a round, for one worker.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ingest_core::RunId;
use redis::Value;
use tracing::error;

use crate::{
    Queue, QueueError, RunLoad,
    metrics::Command,
    queue::{
        claim::{Attempt, Claim, Job},
        described::{Described, DescribedRuns},
        heartbeats::CONSUMERS,
        lease::Worker,
    },
    redis::scripts,
};

/// A job that this program cannot read waits for one that can.
const UNREADABLE_DELAY: Duration = Duration::from_secs(30);

/// How often this worker's load is offered to runs that have none.
const BETWEEN_OFFERS: Duration = Duration::from_secs(1);

/// Where one worker claims its jobs.
#[derive(Clone)]
pub(crate) struct Claims {
    pub(crate) queue: Queue,
    pub(crate) worker: Worker,
    /// What is offered to runs that have no load; imports need none.
    load: Option<Arc<RunLoad>>,
    /// Where this worker does its jobs; one that does them nowhere in particular has none.
    org: Option<Arc<str>>,
    /// When that was offered last.
    offered: Arc<Mutex<Option<Instant>>>,
    described: DescribedRuns,
}

/// What `claim.lua` hands out.
struct Handed {
    queue: String,
    id: String,
    payload: Vec<u8>,
    /// How often a delivery of it failed.
    failed: u32,
    is_cancelled: bool,
    external_job: String,
    token: String,
    /// For how long it was queued, when this is its first claim.
    waited: Option<Duration>,
    /// Another worker's lease on it had expired.
    was_taken_over: bool,
    load_id: String,
}

/// The same, as Redis answers.
type Answer = (String, String, Vec<u8>, u32, String, String, String, String, bool, String);

impl Claims {
    pub(crate) fn new(queue: Queue, worker: Worker, load: Option<RunLoad>) -> Self {
        let (load, described) = (load.map(Arc::new), DescribedRuns::default());
        Self { queue, worker, load, org: None, offered: Arc::default(), described }
    }

    /// Nothing more is claimed once the queue is given to another org.
    pub(crate) fn in_org(self, org: &str) -> Self {
        Self { org: Some(org.into()), ..self }
    }

    /// Those that empty the queue of a cancelled run.
    pub(crate) fn for_cancelling(queue: &Queue) -> Self {
        let name = format!("cancel-{:08x}", fastrand::u32(..));
        let worker = Worker::new(&name, "", CONSUMERS, String::new());
        Self::new(queue.clone(), worker, None)
    }

    /// Claims the next job, if there is one.
    pub(crate) async fn next<J: Job>(&self) -> Result<Option<J>, QueueError> {
        self.worker.renew_if_late(&self.queue).await?;
        loop {
            let (without_load, handed) = self.ask(None).await?;
            let Some(handed) = handed else {
                if without_load > 0 && self.offer_load().await? {
                    continue;
                }
                return Ok(None);
            };
            if without_load > 0 {
                self.offer_load().await?;
            }
            let is_cancelled = handed.is_cancelled;
            let load_id = handed.load_id.clone();
            let Some((claim, payload)) = self.hold(handed) else { continue };
            match self.read::<J>(&claim, &payload, &load_id).await? {
                Ok(job) if is_cancelled => job.discard().await?,
                Ok(job) => return Ok(Some(job)),
                Err(error) => {
                    error!(error = %error, job.id = %claim.id(), "a queued job cannot be read");
                    claim.release(UNREADABLE_DELAY, Attempt::Uncounted).await?
                }
            };
        }
    }

    /// Claims what is queued of a cancelled run, and discards it. What cannot be read here stays
    /// under its lease, and goes to a consumer that can read it.
    pub(crate) async fn discard_all<J: Job>(&self, run: &RunId) -> Result<(), QueueError> {
        while let (_, Some(handed)) = self.ask(Some(run)).await? {
            let load_id = handed.load_id.clone();
            if let Some((claim, payload)) = self.hold(handed)
                && let Ok(job) = self.read::<J>(&claim, &payload, &load_id).await?
            {
                job.discard().await?;
            }
        }
        Ok(())
    }

    /// Reads what was queued with what describes its run. A job that does not match the cached header
    /// is read with the current one: the run may have been forgotten and started again.
    async fn read<J: Job>(
        &self,
        claim: &Claim,
        payload: &[u8],
        load_id: &str,
    ) -> Result<Result<J, J::ReadError>, QueueError> {
        let run = claim.queue_name();
        if let Some(described) = self.described.known(run, load_id)
            && let Ok(job) = J::read(claim.clone(), payload, &described)
        {
            return Ok(Ok(job));
        }
        let described = match J::IS_DESCRIBED {
            true => self.described.look_up(&self.queue, run).await?,
            false => Described::nothing(),
        };
        Ok(J::read(claim.clone(), payload, &described))
    }

    /// How many runs have no load, and the next job: of `only` this run, when there is one.
    async fn ask(&self, only: Option<&RunId>) -> Result<(u64, Option<Handed>), QueueError> {
        let mut script = self.queue.keys.script(&scripts::CLAIM);
        script.arg(self.worker.round).arg(self.queue.lease_ms()).arg(self.worker.new_token());
        script.arg(only.map_or("", AsRef::as_ref)).arg(self.org.as_deref().unwrap_or_default());
        // When the answer is lost, nobody works on the job until its lease expires.
        let mut answer: Vec<Value> =
            self.queue.invoke_as(Command::Claim, "hand out a job", &script).await?;
        let unreadable = |source: redis::ParsingError| QueueError::Refused {
            action: "hand out a job in a known form",
            source: source.into(),
        };
        let job = answer.split_off(answer.len().min(2));
        let (org, without_load): (String, u64) =
            redis::from_redis_value(Value::Array(answer)).map_err(unreadable)?;
        if !org.is_empty() {
            return Err(QueueError::OfOtherOrg { org });
        }
        if job.is_empty() {
            return Ok((without_load, None));
        }
        let (
            queue,
            id,
            payload,
            failed,
            what,
            external_job,
            token,
            waited_ms,
            was_taken_over,
            load_id,
        ): Answer = redis::from_redis_value(Value::Array(job)).map_err(unreadable)?;
        let handed = Handed {
            queue,
            id,
            payload,
            failed,
            is_cancelled: what == "cancel",
            external_job,
            token,
            waited: waited_ms.parse().ok().map(Duration::from_millis),
            was_taken_over,
            load_id,
        };
        Ok((without_load, Some(handed)))
    }

    /// The claim on what was handed out; `None` when this process holds it already.
    fn hold(&self, handed: Handed) -> Option<(Claim, Vec<u8>)> {
        let Handed { queue, id, payload, failed, external_job, token, .. } = handed;
        let lease = self.worker.hold(queue, id, token)?;
        self.queue.metrics().claimed(handed.waited, handed.was_taken_over);
        Some((Claim::new(self.queue.clone(), lease, failed, &external_job), payload))
    }

    /// Offers our load to runs that have none, unless it was offered a moment ago.
    async fn offer_load(&self) -> Result<bool, QueueError> {
        let Some(load) = self.load.as_ref().filter(|load| load.summary.may_be_given_unasked())
        else {
            return Ok(false);
        };
        {
            let mut offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
            if offered.is_some_and(|at| at.elapsed() < BETWEEN_OFFERS) {
                return Ok(false);
            }
            *offered = Some(Instant::now());
        }
        self.queue.offer_load_to_runs(load).await?;
        Ok(true)
    }
}
