//! One value that all consumers change together, such as how many calls Salesforce takes at once. Its
//! bytes are opaque here.

use std::time::Duration;

use crate::{Queue, QueueError, redis::scripts};

/// A value that no consumer has changed for so long is outdated.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Seconds and microseconds.
type Time = (u64, u64);

/// Version and value; nothing before the first one.
type Known = (Option<u64>, Option<Vec<u8>>);

impl Queue {
    /// Changes the shared value: `change` gets the current one and the time (Unix, in milliseconds, by
    /// Redis' clock), and gives the new one, which is returned. It is called again when another
    /// consumer was faster.
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
            read.cmd("TIME").hmget(self.keys.shared(), &["version", "value"]);
            let (time, known): (Time, Known) =
                self.query("show what consumers share", &read).await?;
            let ((seconds, micros), (version, value)) = (time, known);
            let new = change(value, seconds * 1_000 + micros / 1_000);
            let mut swap = self.keys.script(&scripts::SWAP_SHARED);
            let kept = u64::try_from(KEPT.as_millis()).unwrap_or(u64::MAX);
            swap.arg(version.unwrap_or(0)).arg(&new).arg(kept);
            if self.invoke::<bool>("keep what consumers share", &swap).await? {
                return Ok(new);
            }
        }
    }
}
