//! What all consumers know together: how many calls Salesforce takes at once, and why deliveries
//! stand still. What it means is the consumers' business; here it is kept, and told.

use std::time::Duration;

use serde::Serialize;

use crate::{Queue, QueueError, keys, scripts};

/// A value that nobody has changed for so long says nothing of now.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A consumer that stands still says so again before this is over.
const PAUSE_HEARD_FOR: Duration = Duration::from_secs(30);

/// Seconds and microseconds.
type Time = (u64, u64);

/// Version and value; nothing before the first one.
type Known = (Option<u64>, Option<Vec<u8>>);

/// Why consumers deliver nothing at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryPause {
    /// In words.
    pub reason: String,
    /// Unix time in milliseconds, by Redis' clock.
    pub since_ms: u64,
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
            let mut swap = scripts::SWAP_SHARED.key(keys::shared());
            let kept = u64::try_from(KEPT.as_millis()).unwrap_or(u64::MAX);
            swap.arg(version.unwrap_or(0)).arg(&new).arg(kept);
            if self.invoke::<bool>("keep what consumers share", &swap).await? {
                return Ok(new);
            }
        }
    }

    /// Tells everybody that deliveries stand still, and why. Has to be said again every some
    /// seconds for as long as it is so.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn note_delivery_pause(&self, reason: &str) -> Result<(), QueueError> {
        let key = keys::delivery_pause();
        let mut script = scripts::NOTE_PAUSE.key(key);
        let heard_for = u64::try_from(PAUSE_HEARD_FOR.as_millis()).unwrap_or(u64::MAX);
        script.arg(reason).arg(heard_for);
        self.invoke("note that deliveries stand still", &script).await
    }

    /// Deliveries go on.
    ///
    /// # Errors
    ///
    /// As [`note_delivery_pause`](Self::note_delivery_pause).
    pub async fn clear_delivery_pause(&self) -> Result<(), QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.del(keys::delivery_pause()).ignore();
        self.query("note that deliveries go on", &pipeline).await
    }

    /// Why deliveries stand still; `None` when they do not.
    ///
    /// # Errors
    ///
    /// As [`note_delivery_pause`](Self::note_delivery_pause).
    pub async fn delivery_pause(&self) -> Result<Option<DeliveryPause>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.hmget(keys::delivery_pause(), &["reason", "since_ms"]);
        let ((reason, since_ms),): ((Option<String>, Option<u64>),) =
            self.query("tell whether deliveries stand still", &pipeline).await?;
        Ok(reason.zip(since_ms).map(|(reason, since_ms)| DeliveryPause { reason, since_ms }))
    }
}
