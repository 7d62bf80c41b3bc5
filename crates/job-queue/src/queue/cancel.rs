//! Cancelling a run, and emptying its queue.

use ingest_core::RunId;

use crate::{
    Control, Queue, QueueError, RunState,
    queue::{batch::Claimed, claims::Claims},
    redis::scripts,
};

impl Queue {
    /// Ends a run for good: what is queued of it is removed and counts as cancelled;
    /// calls that are under way are finished, and count with their outcome.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn cancel_run(&self, run: &RunId) -> Result<Control, QueueError> {
        let script = self.keys.script(&scripts::CANCEL_RUN);
        let control = self.control("cancel a run", script, run).await?;
        if matches!(control, Control::Done | Control::Already) {
            // So that the run ends although no consumer is live.
            Claims::for_cancelling(self).discard_all::<Claimed>(run).await?;
            self.end_without_lost_batches(run).await?;
        }
        Ok(control)
    }

    async fn end_without_lost_batches(&self, run: &RunId) -> Result<(), QueueError> {
        let ledger = self.ledger(run).await?;
        if let Some(ledger) = ledger.filter(|ledger| ledger.state == RunState::Cancelling) {
            let lost = self.count_lost_batches(&ledger).await?;
            self.requeue_run(run, lost).await?;
        }
        Ok(())
    }
}
