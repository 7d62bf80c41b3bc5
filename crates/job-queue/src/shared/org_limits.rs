//! What the org has left today, as Salesforce's `/limits` says.

use serde::Serialize;

use crate::{
    Queue, QueueError,
    redis::{keys, scripts},
};

/// Calls and Bulk batches of the rolling 24 hours, of all clients of the org.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrgLimits {
    /// Calls that may be made (`DailyApiRequests`).
    pub calls: Allowance,
    /// Bulk batches that may be loaded (`DailyBulkApiBatches`); an ingest job of up to 10,000 rows
    /// is one.
    pub bulk_batches: Option<Allowance>,
}

/// How much of something there is, and how much is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Allowance {
    /// In all.
    pub max: u64,
    /// Not used yet.
    pub left: u64,
}

impl Queue {
    /// Publishes the answer of Salesforce's `/limits`.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn publish_org_limits(&self, limits: &OrgLimits) -> Result<(), QueueError> {
        let OrgLimits { calls, bulk_batches } = limits;
        let mut script = self.keys.script(&scripts::PUBLISH_FIGURES);
        script
            .arg(keys::ORG_LIMITS)
            .arg("calls_max")
            .arg(calls.max)
            .arg("calls_left")
            .arg(calls.left);
        if let Some(batches) = bulk_batches {
            script.arg("bulk_max").arg(batches.max).arg("bulk_left").arg(batches.left);
        }
        self.invoke("publish the org's limits", &script).await
    }

    /// What was published last, and when (Unix time in milliseconds, by Redis' clock); `None` before
    /// the first consumer has asked Salesforce.
    ///
    /// # Errors
    ///
    /// As [`publish_org_limits`](Self::publish_org_limits).
    pub async fn org_limits(&self) -> Result<Option<(OrgLimits, u64)>, QueueError> {
        let mut pipeline = redis::pipe();
        let names = ["calls_max", "calls_left", "bulk_max", "bulk_left", "seen_at_ms"];
        pipeline.hmget(self.keys.org_limits(), &names);
        let (figures,): ([Option<u64>; 5],) =
            self.query("show the org's limits", &pipeline).await?;
        let [Some(max), Some(left), bulk_max, bulk_left, Some(seen_at_ms)] = figures else {
            return Ok(None);
        };
        let bulk_batches = bulk_max.zip(bulk_left).map(|(max, left)| Allowance { max, left });
        Ok(Some((OrgLimits { calls: Allowance { max, left }, bulk_batches }, seen_at_ms)))
    }
}
