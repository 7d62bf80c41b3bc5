//! A job that a consumer holds, and the three ways to let go of it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ingest_core::{BatchJob, reject_line};

use crate::{
    Queue, QueueError,
    keeper::Lease,
    keys::{self, RunKeys},
    scripts,
};

/// A batch under a lease. Clones are the same claim. When all are gone without
/// one of the three ways out, the lease runs out and another consumer gets it.
#[derive(Clone, Debug)]
pub struct Claimed {
    queue: Queue,
    job: Arc<BatchJob>,
    lease: Arc<Lease>,
    deliveries: u32,
    let_go: Arc<AtomicBool>,
}

/// What became of an attempt to let go of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is done.
    Recorded,
    /// The batch's outcome had been recorded before; nothing was changed.
    AlreadySettled,
    /// The lease had run out, and the job is somebody else's; nothing was changed.
    LeaseLost,
}

impl Claimed {
    pub(crate) fn new(queue: Queue, job: BatchJob, lease: Arc<Lease>, deliveries: u32) -> Self {
        Self { queue, job: Arc::new(job), lease, deliveries, let_go: Arc::default() }
    }

    /// The batch.
    #[must_use]
    pub fn job(&self) -> &BatchJob {
        &self.job
    }

    /// How often the job was handed out since it last made progress, this time
    /// included. Many deliveries without an outcome mean that it kills its
    /// consumers.
    #[must_use]
    pub fn deliveries(&self) -> u32 {
        self.deliveries
    }

    /// The lease has run out, and somebody else may be delivering the batch.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.lease.is_lost()
    }

    /// Records what became of the batch: its tally, its rejects and its
    /// completion, and removes its payload, in one atomic step.
    ///
    /// `job` is the claimed batch with no rows left: all of them are in its tally
    /// or among its rejects.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn settle(&self, job: &BatchJob) -> Result<Settled, QueueError> {
        debug_assert_eq!(job.rows.len(), 0, "a batch is settled when no row is left");
        let keys = RunKeys::of(&job.run);
        let queue_keys = &self.queue.keys;
        let mut script = scripts::SETTLE.prepare_invoke();
        script.key(&queue_keys.leases).key(&queue_keys.tokens).key(&queue_keys.deliveries);
        script.key(&queue_keys.data).key(&queue_keys.depth).key(self.meta_key());
        script.key(keys.entry()).key(keys.settled()).key(keys.codes());
        script.key(keys.rejects()).key(keys.events()).key(keys::unfinished_runs());

        let (tally, codes) = (job.tally, count_by_code(job));
        let records = tally.created + tally.updated + job.rejects.len() as u64;
        script.arg(job.run.as_ref()).arg(job.sequence).arg(&self.lease.id).arg(&self.lease.token);
        script.arg(records).arg(tally.created).arg(tally.updated).arg(tally.retried);
        script.arg(tally.api_calls).arg(codes.len());
        for (code, count) in codes {
            script.arg(code).arg(count);
        }
        for reject in &job.rejects {
            script.arg(reject_line(job.dialect, reject));
        }
        self.let_go("record what became of a batch", &script).await
    }

    /// Puts the rest of the batch back, to be claimed after `delay`. It is a job
    /// that made progress: its deliveries are counted from 0 again.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn requeue(&self, rest: &BatchJob, delay: Duration) -> Result<Settled, QueueError> {
        let mut script = self.give_back_script(delay);
        script.arg("progress").arg(rest.encode());
        self.let_go("take back the rest of a batch", &script).await
    }

    /// Puts the job back as it was, to be claimed after `delay`. This delivery is
    /// not counted.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn put_back(&self, delay: Duration) -> Result<Settled, QueueError> {
        let mut script = self.give_back_script(delay);
        script.arg("uncounted");
        self.let_go("take back a batch", &script).await
    }

    /// As [`put_back`](Self::put_back), after a delivery that went wrong: it
    /// counts. Does nothing when the job was let go of before.
    pub(crate) async fn give_up(&self, delay: Duration) -> Result<Settled, QueueError> {
        if self.let_go.load(Ordering::Acquire) {
            return Ok(Settled::Recorded);
        }
        let mut script = self.give_back_script(delay);
        script.arg("counts");
        self.let_go("take back a batch", &script).await
    }

    fn give_back_script(&self, delay: Duration) -> redis::ScriptInvocation<'static> {
        let keys = &self.queue.keys;
        let mut script = scripts::GIVE_BACK.prepare_invoke();
        script.key(&keys.scheduled).key(&keys.delayed).key(&keys.leases).key(&keys.tokens);
        script.key(&keys.deliveries).key(&keys.data).key(&keys.depth).key(self.meta_key());
        script.arg(&self.lease.id).arg(&self.lease.token);
        script.arg(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
        script
    }

    /// Runs a script that ends the claim. When its answer was lost and it runs a
    /// second time, it says `lease_lost` or `already_settled`: either way the
    /// claim has ended and was counted once.
    async fn let_go(
        &self,
        action: &'static str,
        script: &redis::ScriptInvocation<'_>,
    ) -> Result<Settled, QueueError> {
        let answer: String = self.queue.invoke(action, script).await?;
        self.let_go.store(true, Ordering::Release);
        Ok(match answer.as_str() {
            "recorded" => Settled::Recorded,
            "already_settled" => Settled::AlreadySettled,
            _lease_lost => Settled::LeaseLost,
        })
    }

    fn meta_key(&self) -> String {
        format!("{}{}", self.queue.keys.meta_prefix, self.lease.id)
    }
}

fn count_by_code(job: &BatchJob) -> BTreeMap<&str, u64> {
    let mut codes = BTreeMap::new();
    for reject in &job.rejects {
        *codes.entry(reject.code.as_str()).or_default() += 1;
    }
    codes
}
