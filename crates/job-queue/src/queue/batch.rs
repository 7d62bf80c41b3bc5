//! A batch that a consumer holds, and the three ways to end its claim: settle, requeue, release.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use ingest_core::{
    BatchJob, CODES_MAX, DecodeJobError, Reject, RejectCode, Rows, code_and_message, is_code,
    reject_line,
};
use redis::ScriptInvocation;

use crate::{
    QueueError,
    metrics::Command,
    queue::{
        claim::{Attempt, Claim, Job, Settled},
        described::{Described, LoadText},
    },
    reason,
    redis::scripts,
};

/// The field of a run's entry that counts lines of its ids file.
const IDS_COUNTER: &str = "ids";

/// A batch under a lease. Clones are the same claim. When all are dropped without settling,
/// requeueing or releasing it, the lease expires and another consumer gets the batch.
#[derive(Clone, Debug)]
pub struct Claimed {
    claim: Claim,
    job: Arc<BatchJob>,
    load: LoadText,
}

impl Claimed {
    /// The batch.
    #[must_use]
    pub fn job(&self) -> &BatchJob {
        &self.job
    }

    /// What is done with its rows.
    #[must_use]
    pub fn load(&self) -> &LoadText {
        &self.load
    }

    /// How many deliveries of the batch failed since it last made progress (its consumer died while
    /// sending it), and this one. Many of them mean that the batch kills its consumers.
    #[must_use]
    pub fn deliveries(&self) -> u32 {
        self.claim.deliveries()
    }

    /// The W3C trace context (`traceparent`) of the push that queued the batch, if that is traced.
    #[must_use]
    pub fn trace(&self) -> Option<&str> {
        self.claim.trace()
    }

    /// When this process claimed it.
    #[must_use]
    pub fn claimed_at(&self) -> Instant {
        self.claim.claimed_at()
    }

    /// The lease has expired, and another consumer may be delivering the batch.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.claim.is_lost()
    }

    /// Waits until its run is being cancelled, which the next renewal of the lease shows.
    pub async fn run_cancelled(&self) {
        self.claim.run_cancelled().await;
    }

    /// The Salesforce job of the batch, as [`set_external_job`](Self::set_external_job) stored it
    /// before the batch was claimed.
    #[must_use]
    pub fn external_job(&self) -> Option<&str> {
        self.claim.external_job()
    }

    /// Stores the Salesforce job that loads the batch, so that the consumer that gets the batch next
    /// resumes it; `None` deletes it. Requeueing the rest of the batch deletes it too, and so does
    /// settling it. A batch with an external job is delivered although its run is being cancelled.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn set_external_job(&self, note: Option<&str>) -> Result<Settled, QueueError> {
        self.claim.set_note("external_job", note).await
    }

    /// Stores which records the rows of the batch are about, before any of them is changed: the
    /// consumer that gets the batch next uses the same ones, though a query would no longer find
    /// them. It stays when the batch is requeued, and is deleted when the batch is settled.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn keep_records(&self, records: &str) -> Result<Settled, QueueError> {
        self.claim.set_note("records", Some(records)).await
    }

    /// What [`keep_records`](Self::keep_records) left, in this delivery or one before it.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn kept_records(&self) -> Result<Option<String>, QueueError> {
        self.claim.note("records").await
    }

    /// Stores whether the batch waits, so that nothing of it is being sent. A consumer that dies
    /// meanwhile has not died of the batch, and the delivery does not count as failed.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn set_waiting(&self, waits: bool) -> Result<Settled, QueueError> {
        self.claim.set_note("waits", waits.then_some("1")).await
    }

    /// Records what became of the batch: its tally, its lines for the run's files and its
    /// completion, and removes its payload, in one atomic step.
    ///
    /// `job` is the claimed batch with no rows left: all of them are in its tally
    /// or among its rejects. A run has [`CODES_MAX`] codes; rows with another one, or
    /// with what is no code, are counted and written as [`Other`](RejectCode::Other).
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn settle(&self, job: &BatchJob) -> Result<Settled, QueueError> {
        debug_assert_eq!(job.rows.len(), 0, "a batch is settled when no row is left");
        let mut rejects: Vec<Cow<'_, Reject>> = job.rejects.iter().map(with_valid_code).collect();
        loop {
            let script = self.settling(job, &rejects);
            let action = "record what became of a batch";
            let answer = self.claim.ask_as(Command::Settle, action, &script).await?;
            let Some(others) = answer.strip_prefix("others ") else {
                let settled = self.claim.ended(&answer);
                if settled == Settled::Recorded {
                    self.claim.queue().metrics().settled(job, self.claim.held());
                }
                return Ok(settled);
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
        let mut script = self.claim.queue().keys.script(&scripts::SETTLE);
        let (tally, codes) = (job.tally, count_by_code(rejects));
        let records = tally.delivered() + rejects.len() as u64;
        script.arg(job.run.as_ref()).arg(job.sequence).arg(self.claim.token());
        script.arg(records).arg(tally.delivered()).arg(rejects.len()).arg(CODES_MAX);
        let lines_of_ids = Some((IDS_COUNTER, job.ids.len())).filter(|(_, lines)| *lines > 0);
        script.arg(tally.iter().len() + lines_of_ids.iter().len()).arg(codes.len());
        for (counter, count) in tally.iter().chain(lines_of_ids) {
            script.arg(counter).arg(count);
        }
        for (code, count) in codes {
            let is_always_counted = RejectCode::of(code)
                .is_some_and(|own| own == RejectCode::Other || own.is_readers_own());
            script.arg(code).arg(count).arg(u8::from(is_always_counted));
        }
        for reject in rejects {
            script.arg(reject_line(job.dialect, &reason::kept_with(reject)));
        }
        for piece in job.ids.pieces() {
            script.arg(&piece[..]);
        }
        script
    }

    /// Puts the rest of the batch on the queue, to be claimed after `delay`. It has made progress:
    /// failed deliveries are counted from 0 again.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn requeue(&self, rest: &BatchJob, delay: Duration) -> Result<Settled, QueueError> {
        self.claim.release(delay, Attempt::Progress(reason::encoded(rest))).await
    }

    /// Puts the batch back on the queue as it was, to be claimed after `delay`. This delivery does
    /// not count.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn release(&self, delay: Duration) -> Result<Settled, QueueError> {
        self.claim.release(delay, Attempt::Uncounted).await
    }

    /// Settles a batch of a cancelled run: rows that have their outcome count, its other rows are
    /// discarded.
    pub(crate) async fn discard(&self) -> Result<Settled, QueueError> {
        let job = BatchJob { rows: Rows::default(), ..self.job.as_ref().clone() };
        self.settle(&job).await
    }
}

impl Job for Claimed {
    type ReadError = DecodeJobError;
    const IS_DESCRIBED: bool = true;

    fn read(claim: Claim, payload: &[u8], described: &Described) -> Result<Self, DecodeJobError> {
        let job = Arc::new(BatchJob::decode(payload, &described.header)?);
        Ok(Self { job, claim, load: described.load.clone() })
    }

    fn claim(&self) -> &Claim {
        &self.claim
    }

    fn name(&self) -> String {
        format!("{}:{}", self.job.run, self.job.sequence)
    }

    async fn discard(&self) -> Result<Settled, QueueError> {
        Self::discard(self).await
    }
}

/// An earlier version may have queued a batch whose codes are none.
fn with_valid_code(reject: &Reject) -> Cow<'_, Reject> {
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
