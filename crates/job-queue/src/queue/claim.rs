//! A job under a lease, whatever is in it.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use redis::ScriptInvocation;

use crate::{Queue, QueueError, Settled, queue::lease::Lease, redis::keys, redis::scripts};

/// What travels on one of the queues, once it is claimed.
///
/// Public only because [`JobBackend`](crate::JobBackend) is: the two jobs there are
/// implement it.
pub trait Job: Clone + Send + Sync + Sized + 'static {
    /// Why a payload cannot be read.
    type ReadError: Error + Send + Sync;

    /// It is read with the header of the run on whose queue it was.
    const NEEDS_HEADER: bool;

    /// Reads what was queued. `header` is empty for one that needs none.
    ///
    /// # Errors
    ///
    /// When another version wrote it, it is damaged, or of a run with another header.
    fn read(claim: Claim, payload: &[u8], header: &Bytes) -> Result<Self, Self::ReadError>;

    /// The lease that it is under.
    fn claim(&self) -> &Claim;

    /// What it is called in logs.
    fn name(&self) -> String;

    /// Takes it off the queue undone, for its run is cancelled.
    fn leave_out(&self) -> impl Future<Output = Result<Settled, QueueError>> + Send;
}

/// A job that this process holds until its lease ends. Clones are the same claim.
#[derive(Clone, Debug)]
pub struct Claim {
    queue: Queue,
    lease: Arc<Lease>,
    /// How often it was delivered before, in vain.
    vain: u32,
    let_go: Arc<AtomicBool>,
    /// What was under way for the job when it was claimed.
    under_way: Option<Arc<str>>,
}

/// What a delivery that ends without an outcome counts.
pub(crate) enum Delivery {
    /// It went wrong.
    Counts,
    /// It did nothing, for good reason.
    Uncounted,
    /// It got somewhere: this payload is what is left.
    Progress(Vec<u8>),
}

impl Claim {
    /// With what is under way for the job; nothing when that is empty.
    pub(crate) fn new(queue: Queue, lease: Arc<Lease>, vain: u32, under_way: &str) -> Self {
        let under_way = Some(under_way).filter(|note| !note.is_empty()).map(Arc::from);
        Self { queue, lease, vain, let_go: Arc::default(), under_way }
    }

    pub(crate) fn under_way(&self) -> Option<&str> {
        self.under_way.as_deref()
    }

    /// Keeps something with the job; nothing forgets it.
    pub(crate) async fn note(&self, what: &str, note: Option<&str>) -> Result<Settled, QueueError> {
        let mut script = scripts::call(&scripts::SET_NOTE);
        script.arg(&self.lease.queue).arg(self.id()).arg(&self.lease.token);
        script.arg(what).arg(note.unwrap_or_default());
        let answer: String = self.queue.invoke("note what is under way", &script).await?;
        Ok(if answer == "recorded" { Settled::Recorded } else { Settled::LeaseLost })
    }

    /// What is kept with the job.
    pub(crate) async fn noted(&self, what: &str) -> Result<Option<String>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.hget(keys::notes(&self.lease.queue), format!("{}:{what}", self.id()));
        let (note,) = self.queue.query("show what is kept with a job", &pipeline).await?;
        Ok(note)
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

    /// How often the job was delivered in vain, and this time.
    pub(crate) fn deliveries(&self) -> u32 {
        self.vain.saturating_add(1)
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lease.is_lost()
    }

    /// Puts the job back, to be claimed after `delay`.
    pub(crate) async fn give_back(
        &self,
        delay: Duration,
        delivery: Delivery,
    ) -> Result<Settled, QueueError> {
        let mut script = scripts::call(&scripts::RELEASE);
        script.arg(&self.lease.queue).arg(self.id()).arg(self.token());
        script.arg(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
        match delivery {
            Delivery::Counts => script.arg("counts"),
            Delivery::Uncounted => script.arg("uncounted"),
            Delivery::Progress(rest) => script.arg("progress").arg(rest),
        };
        self.let_go("take back a job", &script).await
    }

    /// Puts the job back after a delivery that went wrong, unless it was let go of
    /// before.
    pub(crate) async fn give_up(&self, delay: Duration) -> Result<Settled, QueueError> {
        if self.let_go.load(Ordering::Acquire) {
            return Ok(Settled::Recorded);
        }
        self.give_back(delay, Delivery::Counts).await
    }

    /// Runs a script that ends the claim. When its answer was lost and it runs a
    /// second time, it says `lease_lost` or `already_settled`: either way the
    /// claim has ended and was counted once.
    pub(crate) async fn let_go(
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
        crate::failpoint!("letting-go");
        let answer = self.queue.invoke(action, script).await?;
        crate::failpoint!("let-go");
        Ok(answer)
    }

    /// The claim has ended with this answer.
    pub(crate) fn ended(&self, answer: &str) -> Settled {
        self.let_go.store(true, Ordering::Release);
        match answer {
            "recorded" => Settled::Recorded,
            "already_settled" => Settled::AlreadySettled,
            _lease_lost => Settled::LeaseLost,
        }
    }
}
