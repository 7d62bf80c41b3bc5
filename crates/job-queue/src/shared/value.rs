//! What all consumers know together: how many calls Salesforce takes at once, and why deliveries
//! stand still. What it means is the consumers' business; here it is kept, and told.

use std::time::Duration;

use serde::Serialize;

use crate::{Queue, QueueError, reason, redis::keys, redis::scripts};

/// A value that nobody has changed for so long says nothing of now.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A consumer that stands still says so again before this is over.
const PAUSE_HEARD_FOR: Duration = Duration::from_secs(30);

/// Seconds and microseconds.
type Time = (u64, u64);

/// Version and value; nothing before the first one.
type Known = (Option<u64>, Option<Vec<u8>>);

/// Reason, since when, until when; nothing while deliveries go on.
type Noted = (Option<String>, Option<u64>, Option<u64>);

/// Why consumers deliver nothing at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outage {
    /// In words.
    pub reason: String,
    /// Unix time in milliseconds, by Redis' clock.
    pub since_ms: u64,
    /// When it is tried again, as far as that is known; the same clock.
    pub until_ms: Option<u64>,
}

impl Queue {
    /// Changes what consumers know together: `change` gets the value as it is and the time (Unix,
    /// in milliseconds, by Redis' clock), and gives the new one. It is called again when somebody
    /// else was faster. The answer is the new value.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn change_shared(
        &self,
        mut change: impl FnMut(Option<Vec<u8>>, u64) -> Vec<u8>,
    ) -> Result<Vec<u8>, QueueError> {
        loop {
            let mut read = redis::pipe();
            read.cmd("TIME").hmget(keys::shared(), &["version", "value"]);
            let (time, known): (Time, Known) =
                self.query("tell what consumers share", &read).await?;
            let ((seconds, micros), (version, value)) = (time, known);
            let new = change(value, seconds * 1_000 + micros / 1_000);
            let mut swap = scripts::call(&scripts::SWAP_SHARED);
            let kept = u64::try_from(KEPT.as_millis()).unwrap_or(u64::MAX);
            swap.arg(version.unwrap_or(0)).arg(&new).arg(kept);
            if self.invoke::<bool>("keep what consumers share", &swap).await? {
                return Ok(new);
            }
        }
    }

    /// Tells everybody that deliveries stand still, why, and how long it takes until that is tried
    /// again. Has to be said again every some seconds for as long as it is so.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn publish_outage(
        &self,
        reason: &str,
        retry_in: Option<Duration>,
    ) -> Result<(), QueueError> {
        let in_ms = |duration: Duration| duration.as_millis().to_string();
        let mut script = scripts::call(&scripts::PUBLISH_OUTAGE);
        script.arg(&*reason::kept(reason)).arg(in_ms(PAUSE_HEARD_FOR));
        script.arg(retry_in.map(in_ms).unwrap_or_default());
        self.invoke("note that deliveries stand still", &script).await
    }

    /// Deliveries go on.
    ///
    /// # Errors
    ///
    /// As [`publish_outage`](Self::publish_outage).
    pub async fn clear_outage(&self) -> Result<(), QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.del(keys::outage()).ignore();
        self.query("note that deliveries go on", &pipeline).await
    }

    /// Why deliveries stand still; `None` when they do not.
    ///
    /// # Errors
    ///
    /// As [`publish_outage`](Self::publish_outage).
    pub async fn outage(&self) -> Result<Option<Outage>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.hmget(keys::outage(), &["reason", "since_ms", "until_ms"]);
        let ((reason, since_ms, until_ms),): (Noted,) =
            self.query("tell whether deliveries stand still", &pipeline).await?;
        let noted = reason.zip(since_ms);
        Ok(noted.map(|(reason, since_ms)| Outage { reason, since_ms, until_ms }))
    }
}
