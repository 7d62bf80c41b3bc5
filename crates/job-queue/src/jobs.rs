//! Jobs as apalis-redis has them.

use apalis_core::task::{builder::TaskBuilder, metadata::MetadataStore, task_id::TaskId};
use apalis_redis::{RedisTask, queries::push_tasks};
use ingest_core::{BatchJob, RunId};
use sha2::{Digest, Sha256};
use ulid::Ulid;

use crate::{Queue, QueueError, keys::QueueKeys};

/// A job, encoded, with its place on the queue.
pub(crate) struct QueuedJob {
    pub(crate) id: String,
    /// Of a batch: its place in the file.
    pub(crate) sequence: Option<u64>,
    pub(crate) run: RunId,
    pub(crate) payload: Vec<u8>,
}

impl QueuedJob {
    pub(crate) fn new(job: &BatchJob, run_started_at_ms: u64) -> Self {
        Self {
            id: job_id(&job.run, run_started_at_ms, job.sequence),
            sequence: Some(job.sequence),
            run: job.run.clone(),
            payload: job.encode(),
        }
    }

    fn task(&self) -> RedisTask {
        let mut about = MetadataStore::new();
        let sequence = self.sequence.map(|sequence| ("sequence", sequence.to_string()));
        for (name, value) in [("run", self.run.to_string())].into_iter().chain(sequence) {
            about.insert(name, value).expect("the two names differ");
        }
        TaskBuilder::new(self.payload.clone())
            .task_id(TaskId::from_string(&self.id))
            .with_metadata(about)
            .build()
    }
}

/// The same batch of the same run always has the same id, so pushing it twice
/// leaves one job. Ids grow with the sequence: jobs of one second are claimed in
/// file order.
pub(crate) fn job_id(run: &RunId, run_started_at_ms: u64, sequence: u64) -> String {
    let digest = Sha256::digest(run.as_ref());
    let run_part = digest.iter().take(4).fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    Ulid::from_parts(run_started_at_ms, run_part << 48 | u128::from(sequence)).to_string()
}

impl Queue {
    /// Adds jobs to a queue; those it has already stay as they are.
    pub(crate) async fn push_jobs(
        &self,
        keys: &QueueKeys,
        jobs: &[QueuedJob],
    ) -> Result<(), QueueError> {
        let tasks: Vec<RedisTask> = jobs.iter().map(QueuedJob::task).collect();
        let mut patience = self.patience("take jobs");
        loop {
            match push_tasks(&mut self.connection(), &keys.config, &tasks).await {
                Ok(counts) => {
                    patience.rewarded_with(counts);
                    return Ok(());
                }
                Err(apalis_redis::Error::Database(error)) => patience.wait(error).await?,
                Err(other) => return Err(QueueError::Push(other)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_same_each_time_and_grow_with_the_sequence() {
        let run: RunId = "nightly".parse().unwrap();

        let ids: Vec<String> =
            [0, 1, 255, 256, 1 << 40].map(|n| job_id(&run, 1_795_440_000_000, n)).into();

        assert!(ids.is_sorted(), "{ids:?}");
        assert_eq!(ids[1], job_id(&run, 1_795_440_000_000, 1));
        assert_ne!(ids[1], job_id(&"weekly".parse().unwrap(), 1_795_440_000_000, 1));
    }
}
