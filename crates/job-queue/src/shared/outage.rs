//! An outage: Salesforce cannot be reached, or refuses all, and no consumer delivers.

use std::time::Duration;

use serde::Serialize;

use crate::{
    Queue, QueueError, reason,
    redis::{
        keys::{REFUSED_SIGN_IN, outage_name},
        scripts,
    },
};

/// A consumer that cannot deliver publishes that again before this is over.
const OUTAGE_TTL: Duration = Duration::from_secs(30);

/// A consumer that is not let in ends, and is started again after minutes.
const REFUSED_SIGN_IN_TTL: Duration = Duration::from_secs(10 * 60);

/// Reason, since when, until when.
type Published = (String, u64, String);

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
    /// No token is given: for now, or at all.
    SignIn,
}

impl OutageKind {
    /// The one that needs a person comes first.
    pub(crate) const ALL: [Self; 4] =
        [Self::SignIn, Self::Trouble, Self::DailyCalls, Self::BulkBatches];

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
    /// that lasts must be published again within 30 seconds. Outages of other kinds stay as they are.
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
        self.publish(&outage_name(kind.word()), reason, retry_in, OUTAGE_TTL).await
    }

    /// Publishes that a consumer was not let in and ends. It holds until one is let in, for ten minutes
    /// at most. Deliveries stand still for it only while no consumer is alive.
    ///
    /// # Errors
    ///
    /// As [`publish_outage`](Self::publish_outage).
    pub async fn publish_refused_sign_in(&self, reason: &str) -> Result<(), QueueError> {
        self.publish(REFUSED_SIGN_IN, reason, None, REFUSED_SIGN_IN_TTL).await
    }

    /// A consumer was let in.
    ///
    /// # Errors
    ///
    /// As [`publish_outage`](Self::publish_outage).
    pub async fn clear_refused_sign_in(&self) -> Result<(), QueueError> {
        self.clear(REFUSED_SIGN_IN).await
    }

    /// Ends the outage of this kind.
    ///
    /// # Errors
    ///
    /// As [`publish_outage`](Self::publish_outage).
    pub async fn clear_outage(&self, kind: OutageKind) -> Result<(), QueueError> {
        self.clear(&outage_name(kind.word())).await
    }

    /// Why deliveries stand still, of all kinds of outage that there are now together: since when the
    /// first one is there, and when the first retry is.
    ///
    /// # Errors
    ///
    /// As [`publish_outage`](Self::publish_outage).
    pub async fn outage(&self) -> Result<Option<Outage>, QueueError> {
        let mut script = self.keys.script(&scripts::OUTAGES);
        for kind in OutageKind::ALL {
            script.arg(kind.word());
        }
        let published: Vec<Published> = self.invoke("show the outage", &script).await?;
        Ok(Outage::of_all(published))
    }

    async fn publish(
        &self,
        name: &str,
        reason: &str,
        retry_in: Option<Duration>,
        ttl: Duration,
    ) -> Result<(), QueueError> {
        let in_ms = |duration: Duration| duration.as_millis().to_string();
        let mut script = self.keys.script(&scripts::PUBLISH_OUTAGE);
        script.arg(name).arg(&*reason::kept(reason)).arg(in_ms(ttl));
        script.arg(retry_in.map(in_ms).unwrap_or_default());
        self.invoke("publish an outage", &script).await
    }

    async fn clear(&self, name: &str) -> Result<(), QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.del(self.keys.outage(name)).ignore();
        self.query("clear an outage", &pipeline).await
    }
}

impl Outage {
    fn of_all(published: Vec<Published>) -> Option<Self> {
        let each = published.into_iter().map(|(reason, since_ms, until)| Self {
            reason,
            since_ms,
            until_ms: until.parse().ok(),
        });
        each.reduce(|all, one| Self {
            reason: format!("{}; {}", all.reason, one.reason),
            since_ms: all.since_ms.min(one.since_ms),
            until_ms: all.until_ms.into_iter().chain(one.until_ms).min(),
        })
    }
}
