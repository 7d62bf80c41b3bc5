//! Consumers and servers that are live: they have sent a heartbeat within their lease.

use std::{convert::Infallible, time::Duration};

use crate::{Queue, QueueError, RunLoad, redis::scripts};

/// The list that consumers register in.
pub(crate) const CONSUMERS: &str = "consumers";

/// The list that servers register in.
pub(crate) const SERVERS: &str = "servers";

/// The list that consumers register in before they are let in to Salesforce, and so can deliver.
const STARTING: &str = "consumers:starting";

/// A consumer that starts is taken for dead when it was not shown for so long.
const STARTING_TTL: Duration = Duration::from_secs(10);

/// How often it is shown.
const BETWEEN_STARTING: Duration = Duration::from_secs(3);

/// A consumer that starts.
#[derive(Debug)]
pub struct Starting {
    queue: Queue,
    name: String,
}

impl Starting {
    /// Shows that it is there, for as long as this future lives.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn keep_showing(&self) -> Result<Infallible, QueueError> {
        loop {
            let mut script = self.queue.keys.script(&scripts::SHOW_STARTING);
            script.arg(STARTING).arg(&self.name).arg(STARTING_TTL.as_millis().to_string());
            let () = self.queue.invoke("show that this consumer starts", &script).await?;
            tokio::time::sleep(BETWEEN_STARTING).await;
        }
    }

    /// It delivers from now on, or ends.
    ///
    /// # Errors
    ///
    /// As [`keep_showing`](Self::keep_showing).
    pub async fn end(self) -> Result<(), QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.zrem(self.queue.keys.registry(STARTING), &self.name).ignore();
        self.queue.query("show that this consumer has started", &pipeline).await
    }
}

impl Queue {
    /// A consumer that starts: it has no heartbeat before it can deliver.
    #[must_use]
    pub fn starting(&self) -> Starting {
        Starting { queue: self.clone(), name: format!("{:016x}", fastrand::u64(..)) }
    }

    /// How many consumers are there that start: they wait for Salesforce to let them in.
    ///
    /// # Errors
    ///
    /// As [`live_loads`](Self::live_loads).
    pub async fn starting_consumers(&self) -> Result<u64, QueueError> {
        Ok(self.live(STARTING).await?.len() as u64)
    }

    /// The loads that live consumers give to runs without one, each once.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn live_loads(&self) -> Result<Vec<RunLoad>, QueueError> {
        let live = self.live(CONSUMERS).await?;
        let mut loads: Vec<RunLoad> =
            live.iter().filter_map(|(_, load)| serde_json::from_str(load).ok()).collect();
        loads.sort();
        loads.dedup();
        Ok(loads)
    }

    /// How many consumers have sent a heartbeat within their lease.
    ///
    /// # Errors
    ///
    /// As [`live_loads`](Self::live_loads).
    pub async fn live_consumers(&self) -> Result<u64, QueueError> {
        Ok(self.live(CONSUMERS).await?.len() as u64)
    }

    /// How many servers that import runs have.
    ///
    /// # Errors
    ///
    /// As [`live_loads`](Self::live_loads).
    pub async fn live_servers(&self) -> Result<u64, QueueError> {
        Ok(self.live(SERVERS).await?.len() as u64)
    }

    /// Names and loads.
    async fn live(&self, registry: &str) -> Result<Vec<(String, String)>, QueueError> {
        let mut script = self.keys.script(&scripts::LIVE);
        self.invoke("list live workers", script.arg(registry)).await
    }
}
