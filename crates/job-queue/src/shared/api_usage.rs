//! How many calls the org has left, by Salesforce's last answer.

use serde::Serialize;

use crate::{
    Queue, QueueError,
    redis::{keys, scripts},
};

/// Calls to Salesforce's API in the last 24 hours, of all its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiUsage {
    /// Calls made.
    pub used: u64,
    /// Calls that the org may make.
    pub max: u64,
    /// Unix time in milliseconds, by Redis' clock.
    pub seen_at_ms: u64,
}

impl Queue {
    /// Publishes what Salesforce answered in `Sforce-Limit-Info`.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn publish_api_usage(&self, used: u64, max: u64) -> Result<(), QueueError> {
        let mut script = self.keys.script(&scripts::PUBLISH_FIGURES);
        script.arg(keys::API_USAGE).arg("used").arg(used).arg("max").arg(max);
        self.invoke("publish the use of the API", &script).await
    }

    /// What was published last; `None` before the first answer of Salesforce.
    ///
    /// # Errors
    ///
    /// As [`publish_api_usage`](Self::publish_api_usage).
    pub async fn api_usage(&self) -> Result<Option<ApiUsage>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.hmget(self.keys.api_usage(), &["used", "max", "seen_at_ms"]);
        let (figures,): ([Option<u64>; 3],) =
            self.query("show the use of the API", &pipeline).await?;
        let [Some(used), Some(max), Some(seen_at_ms)] = figures else { return Ok(None) };
        Ok(Some(ApiUsage { used, max, seen_at_ms }))
    }
}
