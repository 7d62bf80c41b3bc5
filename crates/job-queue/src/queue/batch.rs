//! A batch that a consumer holds, and the three ways to let go of it.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use ingest_core::{
    BatchJob, CODES_MAX, DecodeJobError, OTHER_CODE, Reject, Rows, code_and_message, is_code,
    reject_line,
};
use redis::ScriptInvocation;

use crate::{
    QueueError,
    queue::claim::{Claim, Delivery, Job},
    reason,
    redis::scripts,
};

/// A batch under a lease. Clones are the same claim. When all are gone without
/// one of the three ways out, the lease runs out and another consumer gets it.
#[derive(Clone, Debug)]
pub struct Claimed {
    claim: Claim,
    job: Arc<BatchJob>,
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
    /// The batch.
    #[must_use]
    pub fn job(&self) -> &BatchJob {
        &self.job
    }

    /// How often the batch was being sent when its consumer went silent, since it last made
    /// progress, and this time. Many deliveries without an outcome mean that it kills its
    /// consumers.
    #[must_use]
    pub fn deliveries(&self) -> u32 {
        self.claim.deliveries()
    }

    /// The lease has run out, and somebody else may be delivering the batch.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.claim.is_lost()
    }

    /// What was under way in Salesforce for the batch when it was claimed, as
    /// [`set_external_job`](Self::set_external_job) left it.
    #[must_use]
    pub fn external_job(&self) -> Option<&str> {
        self.claim.under_way()
    }

    /// Keeps with the batch what is under way for it in Salesforce, so that whoever
    /// gets the batch next goes on there; `None` forgets it. It is forgotten as well
    /// when the rest of the batch is requeued, and when it is settled. A batch with
    /// such a note is delivered although its run is being cancelled.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn set_external_job(&self, note: Option<&str>) -> Result<Settled, QueueError> {
        self.claim.note("job", note).await
    }

    /// Keeps with the batch which records its rows are about, before any of them is changed: whoever
    /// gets the batch next means the same ones, though a look would no longer find them. It stays
    /// with what is left of the batch, and is forgotten when it is settled.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn keep_records(&self, records: &str) -> Result<Settled, QueueError> {
        self.claim.note("records", Some(records)).await
    }

    /// What [`keep_records`](Self::keep_records) left, in this delivery or one before it.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn kept_records(&self) -> Result<Option<String>, QueueError> {
        self.claim.noted("records").await
    }

    /// Says that nothing of the batch is being sent, for it has to wait; or that it is again. A
    /// consumer that dies while it waits has not died of the batch.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn set_waiting(&self, waits: bool) -> Result<Settled, QueueError> {
        self.claim.note("waits", waits.then_some("1")).await
    }

    /// Records what became of the batch: its tally, its rejects and its
    /// completion, and removes its payload, in one atomic step.
    ///
    /// `job` is the claimed batch with no rows left: all of them are in its tally
    /// or among its rejects. A run has [`CODES_MAX`] codes; rows with another one, or
    /// with what is no code, are counted and written as [`OTHER_CODE`].
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn settle(&self, job: &BatchJob) -> Result<Settled, QueueError> {
        debug_assert_eq!(job.rows.len(), 0, "a batch is settled when no row is left");
        let mut rejects: Vec<Cow<'_, Reject>> = job.rejects.iter().map(with_a_code).collect();
        loop {
            let script = self.settling(job, &rejects);
            let answer = self.claim.ask("record what became of a batch", &script).await?;
            let Some(others) = answer.strip_prefix("others ") else {
                return Ok(self.claim.ended(&answer));
            };
            let others: HashSet<&str> = others.split(' ').collect();
            for reject in &mut rejects {
                if others.contains(reject.code.as_str()) {
                    *reject = Cow::Owned(reject.among_others());
                }
            }
        }
    }

    fn settling(&self, job: &BatchJob, rejects: &[Cow<'_, Reject>]) -> ScriptInvocation<'static> {
        let mut script = scripts::call(&scripts::SETTLE);
        let (tally, codes) = (job.tally, count_by_code(rejects));
        let records = tally.delivered() + rejects.len() as u64;
        script.arg(job.run.as_ref()).arg(job.sequence).arg(self.claim.token());
        script.arg(records).arg(tally.created).arg(tally.updated).arg(tally.deleted);
        script.arg(tally.retried).arg(tally.api_calls).arg(CODES_MAX).arg(codes.len());
        for (code, count) in codes {
            let is_always_counted = code == OTHER_CODE || Reject::is_readers_own(code);
            script.arg(code).arg(count).arg(u8::from(is_always_counted));
        }
        for reject in rejects {
            script.arg(reject_line(job.dialect, &reason::kept_with(reject)));
        }
        script
    }

    /// Puts the rest of the batch back, to be claimed after `delay`. It is a job
    /// that made progress: its deliveries are counted from 0 again.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn requeue(&self, rest: &BatchJob, delay: Duration) -> Result<Settled, QueueError> {
        self.claim.give_back(delay, Delivery::Progress(reason::encoded(rest))).await
    }

    /// Puts the job back as it was, to be claimed after `delay`. This delivery is
    /// not counted.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn release(&self, delay: Duration) -> Result<Settled, QueueError> {
        self.claim.give_back(delay, Delivery::Uncounted).await
    }

    /// Settles a batch of a cancelled run: what is done of it counts, its other rows
    /// are left out.
    pub(crate) async fn leave_out(&self) -> Result<Settled, QueueError> {
        let job = BatchJob { rows: Rows::default(), ..self.job.as_ref().clone() };
        self.settle(&job).await
    }
}

impl Job for Claimed {
    type ReadError = DecodeJobError;
    const NEEDS_HEADER: bool = true;

    fn read(claim: Claim, payload: &[u8], header: &Bytes) -> Result<Self, DecodeJobError> {
        Ok(Self { job: Arc::new(BatchJob::decode(payload, header)?), claim })
    }

    fn claim(&self) -> &Claim {
        &self.claim
    }

    fn name(&self) -> String {
        format!("{}:{}", self.job.run, self.job.sequence)
    }

    async fn leave_out(&self) -> Result<Settled, QueueError> {
        Self::leave_out(self).await
    }
}

/// A batch that was queued by an earlier version may have what is no code.
fn with_a_code(reject: &Reject) -> Cow<'_, Reject> {
    if is_code(&reject.code) {
        return Cow::Borrowed(reject);
    }
    let (code, message) = code_and_message(&reject.code, reject.message.clone());
    Cow::Owned(Reject { code, message, ..reject.clone() })
}

fn count_by_code<'a>(rejects: &'a [Cow<'_, Reject>]) -> BTreeMap<&'a str, u64> {
    let mut codes = BTreeMap::new();
    for reject in rejects {
        *codes.entry(reject.code.as_str()).or_default() += 1;
    }
    codes
}
