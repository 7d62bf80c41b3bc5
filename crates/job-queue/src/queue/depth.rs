//! How full the queue is.

use ingest_core::RunId;

use crate::{Queue, QueueError, redis::scripts};

/// Batches that have no outcome yet, and what they weigh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Waiting, delayed and being delivered.
    pub jobs: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
}

/// How full the queue is, for a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fullness {
    /// Its own batches; the bytes are also those of its lines that are not in their files.
    pub own: Depth,
    /// Bytes of the batches of all runs.
    pub all_bytes: u64,
}

impl Fullness {
    /// How full it is at most, once the run has pushed so much more.
    #[must_use]
    pub fn with(self, more: Depth) -> Self {
        let own = Depth { jobs: self.own.jobs + more.jobs, bytes: self.own.bytes + more.bytes };
        Self { own, all_bytes: self.all_bytes + more.bytes }
    }
}

impl Queue {
    /// How full the queues of all runs are: the batches of those that may be delivered, and the
    /// bytes of all, those that are paused, held or failed too.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        let script = self.keys.script(&scripts::DEPTH);
        let (jobs, bytes, _all): (u64, u64, u64) = self.invoke("tell the depth", &script).await?;
        Ok(Depth { jobs, bytes })
    }

    /// How full the queue is for one run.
    pub(crate) async fn fullness(&self, run: &RunId) -> Result<Fullness, QueueError> {
        let mut script = self.keys.script(&scripts::DEPTH);
        let (jobs, bytes, all_bytes) =
            self.invoke("tell the depth", script.arg(run.as_ref())).await?;
        Ok(Fullness { own: Depth { jobs, bytes }, all_bytes })
    }
}
