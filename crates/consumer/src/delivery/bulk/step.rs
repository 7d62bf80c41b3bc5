//! What the steps of a batch that goes by Bulk share.

use std::sync::Arc;

use job_queue::{Claimed, Queue, QueueError, RunState, Settled};
use load::{EncodedRows, Plan};
use tracing::debug;

use super::{
    access::BulkAccess,
    checkpoint::Checkpoint,
    upload::{JobRows, UPLOAD_BYTES_MAX, Upload},
};
use crate::{
    delivery::{
        batch::Delivery,
        batch_state::BatchState,
        lookup::Found,
        planner::Planner,
        rest::Rest,
        sender::{Interruption, Sender},
    },
    retry::classify_job_call,
};

/// Delivers batches as ingest jobs.
#[derive(Debug)]
pub(crate) struct Bulk {
    pub(crate) sender: Arc<Sender>,
    pub(crate) planner: Arc<Planner>,
    /// Carries what ingest jobs cannot.
    pub(crate) rest: Arc<Rest>,
    pub(crate) queue: Queue,
    pub(crate) access: BulkAccess,
}

/// Why a step of an ingest job did not lead to the next one.
#[derive(Debug)]
pub(super) enum StepEnd {
    /// The job came to nothing: no row of it is loaded.
    Void,
    /// The same, and another one would not do better.
    ByCalls,
    /// All of its rows have their verdicts.
    Done,
    Interrupted(Interruption),
    Queue(QueueError),
}

impl From<Interruption> for StepEnd {
    fn from(interruption: Interruption) -> Self {
        Self::Interrupted(interruption)
    }
}

impl From<QueueError> for StepEnd {
    fn from(error: QueueError) -> Self {
        Self::Queue(error)
    }
}

/// One batch on its way. While Salesforce processes its job, nothing of it is in memory but the batch as
/// it was queued, and 16 bytes a row: rows without a key are written once more to match the results.
pub(super) struct Load<'a> {
    pub(super) delivery: &'a Delivery<'a>,
    pub(super) plan: Arc<Plan>,
    pub(super) found: &'a Found,
    /// Those that go by Bulk.
    pub(super) rows: JobRows,
}

impl Load<'_> {
    /// These rows, which are in order, as calls send them. They alone are in memory once more, unless
    /// records were looked up: which rows are of one record, only all of them say.
    pub(super) fn as_json(&self, indexes: &[usize]) -> EncodedRows {
        let rows = &self.delivery.job().rows;
        match self.found.ids() {
            None => self.plan.encode_only(rows, indexes),
            Some(_) => self.found.put_into(self.plan.encode(rows)).with_json_of(indexes),
        }
    }

    pub(super) fn upload(&self) -> Upload {
        let rows = self.plan.encode_csv(&self.delivery.job().rows, self.found.ids());
        Upload::of(rows, UPLOAD_BYTES_MAX)
    }
}

impl Bulk {
    /// The ingest job in this org that carries the rows of a batch, if there is one.
    pub(super) fn checkpoint(&self, claimed: &Claimed) -> Option<Checkpoint> {
        let checkpoint = claimed.external_job().and_then(Checkpoint::read)?;
        checkpoint.is_for(&self.planner.purpose(claimed)).then_some(checkpoint)
    }

    /// Leaves the job to the next consumer of the batch.
    pub(super) async fn leave_open(
        &self,
        load: &Load<'_>,
        checkpoint: &Checkpoint,
        state: &BatchState,
        interruption: Interruption,
    ) -> StepEnd {
        if interruption == Interruption::LeaseLost {
            return interruption.into();
        }
        let checkpoint = Checkpoint { api_calls: state.api_calls, ..checkpoint.clone() };
        match self.keep(load.delivery.claimed, Some(&checkpoint)).await {
            Ok(()) => Interruption::JobOpen.into(),
            Err(error) => error,
        }
    }

    /// Keeps the checkpoint with the batch, or forgets it.
    pub(super) async fn keep(
        &self,
        claimed: &Claimed,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<(), StepEnd> {
        let text = checkpoint.map(Checkpoint::write);
        match claimed.set_external_job(text.as_deref()).await? {
            Settled::LeaseLost => Err(Interruption::LeaseLost.into()),
            _ => Ok(()),
        }
    }

    /// Forgets, ends and removes a job of which nothing is loaded, as well as that can be done. In this
    /// order: one that is kept and gone may have loaded rows.
    pub(super) async fn abandon(&self, delivery: &Delivery<'_>, job: &str) {
        let abort = self.sender.client.abort_ingest_job(job);
        if let Err(refusal) = self.sender.call_once(delivery, classify_job_call, abort).await {
            debug!(error = %refusal, "ingest job {job} could not be aborted; it ends by itself");
        }
        self.delete(delivery, job).await;
    }

    /// Removes a job that has ended; what is left is removed by Salesforce after a week.
    pub(crate) async fn delete(&self, delivery: &Delivery<'_>, job: &str) {
        let delete = self.sender.client.delete_ingest_job(job);
        if let Err(refusal) = self.sender.call_once(delivery, classify_job_call, delete).await {
            debug!(error = %refusal, "ingest job {job} could not be deleted; salesforce does it later");
        }
    }

    /// Whether new jobs may be made for the run of a batch.
    pub(super) async fn may_start(&self, claimed: &Claimed) -> Result<bool, QueueError> {
        let ledger = self.queue.ledger(&claimed.job().run).await?;
        Ok(ledger.is_some_and(|ledger| {
            let waits = ledger.paused || ledger.held.is_some();
            !waits && matches!(ledger.state, RunState::Feeding | RunState::Draining)
        }))
    }

    pub(super) async fn is_cancelled(&self, claimed: &Claimed) -> Result<bool, QueueError> {
        let ledger = self.queue.ledger(&claimed.job().run).await?;
        let is_over = |state| matches!(state, RunState::Cancelling | RunState::Cancelled);
        Ok(ledger.is_some_and(|ledger| is_over(ledger.state)))
    }
}
