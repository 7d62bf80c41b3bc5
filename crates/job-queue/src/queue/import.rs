//! The queue `full-import`: runs that a server reads from start to end.

use std::time::Duration;

use ingest_core::RunId;

use crate::{
    Queue, QueueError,
    queue::{
        claim::{Attempt, Claim, Job, Settled},
        described::Described,
    },
    redis::scripts,
};

/// A run that this server was given to import. Clones are the same claim; when all
/// are dropped, the lease expires and another server gets the run.
#[derive(Clone, Debug)]
pub struct ClaimedImport {
    claim: Claim,
    run: RunId,
}

impl ClaimedImport {
    /// The run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// How many deliveries of the job failed, and this one.
    #[must_use]
    pub fn deliveries(&self) -> u32 {
        self.claim.deliveries()
    }

    /// The lease has expired, and another server may have the run.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.claim.is_lost()
    }

    /// Removes the job from the queue: the run has ended, and so has all work for it.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn ack(&self) -> Result<Settled, QueueError> {
        let script = self.finish_script(false);
        self.claim.end("end an import", &script).await
    }

    /// Removes the job from the queue while a person has paused the run; resuming it
    /// pushes the job again. Gives `false`, and changes nothing, when the run is
    /// not paused (any more).
    ///
    /// # Errors
    ///
    /// As [`ack`](Self::ack).
    pub async fn ack_if_paused(&self) -> Result<bool, QueueError> {
        let script = self.finish_script(true);
        let answer: String = self.claim.queue().invoke("end an import", &script).await?;
        Ok(answer != "not_paused")
    }

    /// Puts the job back on the queue, to be claimed after `delay`; this delivery does not count.
    ///
    /// # Errors
    ///
    /// As [`ack`](Self::ack).
    pub async fn release(&self, delay: Duration) -> Result<Settled, QueueError> {
        self.claim.release(delay, Attempt::Uncounted).await
    }

    /// Puts the job back after a delivery that failed: it counts.
    ///
    /// # Errors
    ///
    /// As [`ack`](Self::ack).
    pub async fn retry(&self, delay: Duration) -> Result<Settled, QueueError> {
        self.claim.release(delay, Attempt::Failed).await
    }

    fn finish_script(&self, only_while_paused: bool) -> redis::ScriptInvocation<'static> {
        let mut script = self.claim.queue().keys.script(&scripts::FINISH_IMPORT);
        script.arg(self.claim.id()).arg(self.claim.token()).arg(u8::from(only_while_paused));
        script
    }
}

impl Job for ClaimedImport {
    type ReadError = ingest_core::InvalidRunId;
    const IS_DESCRIBED: bool = false;

    fn read(claim: Claim, payload: &[u8], _: &Described) -> Result<Self, Self::ReadError> {
        let run = String::from_utf8_lossy(payload).parse()?;
        Ok(Self { claim, run })
    }

    fn claim(&self) -> &Claim {
        &self.claim
    }

    fn name(&self) -> String {
        self.run.to_string()
    }

    /// Never called: an import ends by itself when its run is cancelled.
    async fn discard(&self) -> Result<Settled, QueueError> {
        self.ack().await
    }
}

impl Queue {
    /// Asks the servers to import a run. Nothing changes when they are asked already.
    ///
    /// # Errors
    ///
    /// When there is no such run (the answer is then `false`), or Redis refuses;
    /// Redis being away is waited out.
    pub async fn push_import(&self, run: &RunId) -> Result<bool, QueueError> {
        if self.ledger(run).await?.is_none() {
            return Ok(false);
        }
        let id = run.to_string();
        let payload = id.clone().into_bytes();
        self.push_jobs(&self.keys.imports(), vec![(id.clone(), payload)]).await?;
        let mut script = self.keys.script(&scripts::QUEUE_IMPORT);
        self.invoke::<()>("queue an import", script.arg(id)).await?;
        Ok(true)
    }
}
