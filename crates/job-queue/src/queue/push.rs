//! Jobs as apalis-redis has them.

use apalis_core::task::{builder::TaskBuilder, task_id::TaskId};
use apalis_redis::{Config, RedisTask, queries::push_tasks};

use crate::{Queue, QueueError, metrics::Command};

impl Queue {
    /// Adds jobs, by their ids, to a queue; those it has already stay as they are. Nobody gets
    /// them before a script has given them their place.
    pub(crate) async fn push_jobs(
        &self,
        queue: &Config,
        jobs: Vec<(String, Vec<u8>)>,
    ) -> Result<(), QueueError> {
        let task = |(id, payload): (String, Vec<u8>)| {
            TaskBuilder::new(payload).task_id(TaskId::from_string(&id)).build()
        };
        let tasks: Vec<RedisTask> = jobs.into_iter().map(task).collect();
        let mut retry = self.retry("take jobs");
        loop {
            let mut connection = self.connection();
            let pushing = push_tasks(&mut connection, queue, &tasks);
            match self.measured(Command::Push, pushing).await {
                Ok(counts) => {
                    retry.succeeded(counts);
                    return Ok(());
                }
                Err(apalis_redis::Error::Database(error)) => retry.wait(error).await?,
                Err(other) => return Err(QueueError::Push(other)),
            }
        }
    }
}
