//! An outage: Salesforce cannot be reached, or refuses all, and no consumer delivers.

use std::time::Duration;

use serde::Serialize;

use crate::{Queue, QueueError, reason, redis::scripts};

/// A consumer that cannot deliver publishes that again before this is over.
const OUTAGE_TTL: Duration = Duration::from_secs(30);

/// A consumer that is not let in ends, and is started again after minutes.
const REFUSED_SIGN_IN_TTL: Duration = Duration::from_secs(10 * 60);

/// Reason, since when, until when; `None` when there is no outage.
type Published = (Option<String>, Option<u64>, Option<u64>);

/// Why consumers deliver nothing now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outage {
    /// What Salesforce answered, or did not, in words.
    pub reason: String,
    /// Unix time in milliseconds, by Redis' clock.
    pub since_ms: u64,
    /// When consumers retry, as far as that is known; by the same clock.
    pub until_ms: Option<u64>,
}

/// What an outage is about, for figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutageKind {
    /// Salesforce cannot be reached, or refuses what is sent.
    Trouble,
    /// The calls of the day are used up but for the reserve.
    DailyCalls,
    /// The same of its Bulk batches.
    BulkBatches,
    /// Nobody is let in.
    SignIn,
}

impl OutageKind {
    pub(crate) const ALL: [Self; 4] =
        [Self::Trouble, Self::DailyCalls, Self::BulkBatches, Self::SignIn];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::DailyCalls => "daily_calls",
            Self::BulkBatches => "bulk_batches",
            Self::SignIn => "sign_in",
        }
    }

    pub(crate) fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl Queue {
    /// Publishes that nothing can be delivered, why, and how long until consumers retry. An outage
    /// that lasts must be published again within 30 seconds.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn publish_outage(
        &self,
        kind: OutageKind,
        reason: &str,
        retry_in: Option<Duration>,
    ) -> Result<(), QueueError> {
        self.publish(kind, reason, retry_in, OUTAGE_TTL).await
    }

    /// Publishes that a consumer was not let in and ends. It holds until one is let in, for ten minutes
    /// at most.
    ///
    /// # Errors
    ///
    /// As [`publish_outage`](Self::publish_outage).
    pub async fn publish_refused_sign_in(&self, reason: &str) -> Result<(), QueueError> {
        self.publish(OutageKind::SignIn, reason, None, REFUSED_SIGN_IN_TTL).await
    }

    /// Ends an outage of this kind: a consumer was let in.
    ///
    /// # Errors
    ///
    /// As [`publish_outage`](Self::publish_outage).
    pub async fn clear_outage_of(&self, kind: OutageKind) -> Result<(), QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.hget(self.keys.outage(), "kind");
        let (published,): (Option<String>,) = self.query("show the outage", &pipeline).await?;
        match published.as_deref().and_then(OutageKind::read) == Some(kind) {
            true => self.clear_outage().await,
            false => Ok(()),
        }
    }

    async fn publish(
        &self,
        kind: OutageKind,
        reason: &str,
        retry_in: Option<Duration>,
        ttl: Duration,
    ) -> Result<(), QueueError> {
        let in_ms = |duration: Duration| duration.as_millis().to_string();
        let mut script = self.keys.script(&scripts::PUBLISH_OUTAGE);
        script.arg(&*reason::kept(reason)).arg(in_ms(ttl));
        script.arg(retry_in.map(in_ms).unwrap_or_default()).arg(kind.word());
        self.invoke("publish an outage", &script).await
    }

    /// Ends the outage: deliveries go on.
    ///
    /// # Errors
    ///
    /// As [`publish_outage`](Self::publish_outage).
    pub async fn clear_outage(&self) -> Result<(), QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.del(self.keys.outage()).ignore();
        self.query("clear an outage", &pipeline).await
    }

    /// The outage, if there is one now.
    ///
    /// # Errors
    ///
    /// As [`publish_outage`](Self::publish_outage).
    pub async fn outage(&self) -> Result<Option<Outage>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.hmget(self.keys.outage(), &["reason", "since_ms", "until_ms"]);
        let ((reason, since_ms, until_ms),): (Published,) =
            self.query("show the outage", &pipeline).await?;
        let published = reason.zip(since_ms);
        Ok(published.map(|(reason, since_ms)| Outage { reason, since_ms, until_ms }))
    }
}
