//! Consumers and servers that are live: they have sent a heartbeat within their lease.

use crate::{Queue, QueueError, RunLoad, redis::scripts};

/// The list that consumers register in.
pub(crate) const CONSUMERS: &str = "consumers";

/// The list that servers register in.
pub(crate) const SERVERS: &str = "servers";

impl Queue {
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
