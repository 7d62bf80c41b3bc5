//! Consumers and servers that are live: they have sent a heartbeat within their lease.

use crate::{Queue, QueueError, Target, redis::scripts};

/// The list that consumers register in.
pub(crate) const CONSUMERS: &str = "consumers";

/// The list that servers register in.
pub(crate) const SERVERS: &str = "servers";

impl Queue {
    /// Targets of the live consumers, each once.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn live_targets(&self) -> Result<Vec<Target>, QueueError> {
        let live = self.live(CONSUMERS).await?;
        let mut targets: Vec<Target> =
            live.iter().filter_map(|(_, target)| serde_json::from_str(target).ok()).collect();
        targets.sort();
        targets.dedup();
        Ok(targets)
    }

    /// How many consumers have sent a heartbeat within their lease.
    ///
    /// # Errors
    ///
    /// As [`live_targets`](Self::live_targets).
    pub async fn live_consumers(&self) -> Result<u64, QueueError> {
        Ok(self.live(CONSUMERS).await?.len() as u64)
    }

    /// How many servers that import runs have.
    ///
    /// # Errors
    ///
    /// As [`live_targets`](Self::live_targets).
    pub async fn live_servers(&self) -> Result<u64, QueueError> {
        Ok(self.live(SERVERS).await?.len() as u64)
    }

    /// Names and targets.
    async fn live(&self, registry: &str) -> Result<Vec<(String, String)>, QueueError> {
        let mut script = scripts::call(&scripts::LIVE);
        self.invoke("list live workers", script.arg(registry)).await
    }
}
