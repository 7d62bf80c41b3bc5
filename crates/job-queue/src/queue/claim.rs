//! A job under a lease, whatever is in it.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::ScriptInvocation;
use tracing::error;

use crate::{
    Queue, QueueError,
    metrics::Command,
    queue::{described::Described, lease::Lease},
    redis::{keys, scripts},
};

/// What travels on one of the queues, once it is claimed.
///
/// Public only because [`JobBackend`](crate::JobBackend) is: the two jobs there are
/// implement it.
pub trait Job: Clone + Send + Sync + Sized + 'static {
    /// Why a payload cannot be read.
    type ReadError: Error + Send + Sync;

    /// It is read with the header and the load of the run on whose queue it was.
    const IS_DESCRIBED: bool;

    /// Reads what was queued. `described` is empty for one that needs nothing of it.
    ///
    /// # Errors
    ///
    /// When another version wrote it, it is damaged, or of a run with another header.
    fn read(claim: Claim, payload: &[u8], described: &Described) -> Result<Self, Self::ReadError>;

    /// The lease that it is under.
    fn claim(&self) -> &Claim;

    /// What it is called in logs.
    fn name(&self) -> String;

    /// Removes it from the queue undone: its run is cancelled.
    fn discard(&self) -> impl Future<Output = Result<Settled, QueueError>> + Send;
}

/// How Redis answered the end of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is done.
    Recorded,
    /// The batch's outcome had been recorded before; nothing was changed.
    AlreadySettled,
    /// The lease had expired, and the job is another worker's; nothing was changed.
    LeaseLost,
}

/// A job that this process holds until its lease ends. Clones are the same claim.
#[derive(Clone, Debug)]
pub struct Claim {
    queue: Queue,
    lease: Arc<Lease>,
    /// How many deliveries of it failed before.
    failed: u32,
    claimed_at: Instant,
    /// What was running in Salesforce for the job when it was claimed.
    external_job: Option<Arc<str>>,
    /// Of the push that queued it.
    trace: Option<Arc<str>>,
}

/// What a delivery that ends without an outcome counts as.
pub(crate) enum Attempt {
    /// It failed: a job that fails too often is rejected as poison.
    Failed,
    /// Nothing was tried, for good reason.
    Uncounted,
    /// Some rows have their outcome: this payload is what is left, and failures count from 0 again.
    Progress(Vec<u8>),
}

impl Claim {
    /// `external_job` is empty for a job that has none, and so is `trace`.
    pub(crate) fn new(
        queue: Queue,
        lease: Arc<Lease>,
        failed: u32,
        external_job: &str,
        trace: &str,
    ) -> Self {
        let known = |text: &str| Some(text).filter(|text| !text.is_empty()).map(Arc::from);
        let (external_job, trace) = (known(external_job), known(trace));
        Self { queue, lease, failed, claimed_at: Instant::now(), external_job, trace }
    }

    pub(crate) fn external_job(&self) -> Option<&str> {
        self.external_job.as_deref()
    }

    pub(crate) fn trace(&self) -> Option<&str> {
        self.trace.as_deref()
    }

    /// Stores a note with the job, or deletes it.
    pub(crate) async fn set_note(
        &self,
        what: &str,
        note: Option<&str>,
    ) -> Result<Settled, QueueError> {
        let mut script = self.queue.keys.script(&scripts::SET_NOTE);
        script.arg(&self.lease.queue).arg(self.id()).arg(&self.lease.token);
        script.arg(what).arg(note.unwrap_or_default());
        let answer: String = self.queue.invoke("store a note with a job", &script).await?;
        Ok(if answer == "recorded" { Settled::Recorded } else { Settled::LeaseLost })
    }

    /// A note stored with the job.
    pub(crate) async fn note(&self, what: &str) -> Result<Option<String>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.hget(keys::notes(&self.lease.queue), format!("{}:{what}", self.id()));
        let (note,) = self.queue.query("show a note of a job", &pipeline).await?;
        Ok(note)
    }

    /// How long it has been held.
    pub(crate) fn held(&self) -> Duration {
        self.claimed_at.elapsed()
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The name of the queue that it is on: for a batch, the key of its run.
    pub(crate) fn queue_name(&self) -> &str {
        &self.lease.queue
    }

    pub(crate) fn id(&self) -> &str {
        &self.lease.id
    }

    pub(crate) fn token(&self) -> &str {
        &self.lease.token
    }

    /// How many deliveries of the job failed, and this one.
    pub(crate) fn deliveries(&self) -> u32 {
        self.failed.saturating_add(1)
    }

    pub(crate) fn claimed_at(&self) -> Instant {
        self.claimed_at
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lease.is_lost()
    }

    pub(crate) async fn run_cancelled(&self) {
        self.lease.run_cancelled.cancelled().await;
    }

    /// Releases the job, to be claimed after `delay`.
    pub(crate) async fn release(
        &self,
        delay: Duration,
        attempt: Attempt,
    ) -> Result<Settled, QueueError> {
        let mut script = self.queue.keys.script(&scripts::RELEASE);
        script.arg(&self.lease.queue).arg(self.id()).arg(self.token());
        script.arg(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
        match attempt {
            Attempt::Failed => script.arg("failed"),
            Attempt::Uncounted => script.arg("uncounted"),
            Attempt::Progress(rest) => script.arg("progress").arg(rest),
        };
        self.end("release a job", &script).await
    }

    /// Releases the job after a delivery that failed, unless the claim has ended already.
    pub(crate) async fn release_failed(&self, delay: Duration) -> Result<Settled, QueueError> {
        if self.lease.has_ended() {
            return Ok(Settled::Recorded);
        }
        self.release(delay, Attempt::Failed).await
    }

    /// Runs a script that ends the claim. When its answer is lost and it runs a second time, it
    /// answers `lease_lost` or `already_settled`: either way the claim has ended and was counted
    /// once.
    pub(crate) async fn end(
        &self,
        action: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> Result<Settled, QueueError> {
        Ok(self.ended(&self.ask(action, script).await?))
    }

    /// Runs a script that may end the claim, and gives its answer; one that does is for
    /// [`ended`](Self::ended).
    pub(crate) async fn ask(
        &self,
        action: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> Result<String, QueueError> {
        self.ask_as(Command::Other, action, script).await
    }

    /// The same for what is measured by itself.
    pub(crate) async fn ask_as(
        &self,
        command: Command,
        action: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> Result<String, QueueError> {
        crate::failpoint!("before-end-of-claim");
        let answer = self.queue.invoke_as(command, action, script).await?;
        crate::failpoint!("after-end-of-claim");
        Ok(answer)
    }

    /// The claim has ended with this answer.
    pub(crate) fn ended(&self, answer: &str) -> Settled {
        let settled = match answer {
            "recorded" => Settled::Recorded,
            "already_settled" => Settled::AlreadySettled,
            _lease_lost => {
                self.lease.lose(self.queue.metrics());
                Settled::LeaseLost
            }
        };
        self.lease.end();
        settled
    }
}

/// A job that cannot be released is handed out again when its lease expires.
pub(crate) fn log_failure<T>(outcome: Result<T, QueueError>) {
    if let Err(error) = outcome {
        error!(error = %error, "could not release a job; it is handed out again when its lease expires");
    }
}
