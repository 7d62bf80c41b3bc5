//! Why no call starts at the moment: everybody is told through Redis, for as long as it is so.

use std::{convert::Infallible, time::Duration};

use job_queue::{Queue, QueueError};
use tokio::time::{Instant, sleep};

use crate::gate::Gate;

/// So often it is told again at least: Redis forgets it after thirty seconds.
const BETWEEN_NOTES_MAX: Duration = Duration::from_secs(10);

/// Nobody needs to know it more often.
const BETWEEN_NOTES_MIN: Duration = Duration::from_secs(1);

/// All calls wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standstill {
    pub(crate) reason: String,
    /// How long until it is tried again.
    pub(crate) retry_in: Duration,
}

/// What this consumer has told of it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    again_at: Option<Instant>,
}

impl Told {
    /// Tells everybody why all calls wait, for as long as only the gate may make them wait.
    pub(crate) async fn keep(
        &mut self,
        queue: &Queue,
        gate: &Gate,
    ) -> Result<Infallible, QueueError> {
        loop {
            self.tell(queue, gate.standstill()).await?;
            sleep(BETWEEN_NOTES_MIN).await;
        }
    }

    /// Tells everybody how it is now.
    pub(crate) async fn tell(
        &mut self,
        queue: &Queue,
        now: Option<Standstill>,
    ) -> Result<(), QueueError> {
        match (now, self.again_at) {
            (None, None) => {}
            (None, Some(_)) => {
                queue.clear_outage().await?;
                self.again_at = None;
            }
            (Some(_), Some(again_at)) if Instant::now() < again_at => {}
            (Some(Standstill { reason, retry_in }), _) => {
                queue.publish_outage(&reason, Some(retry_in)).await?;
                let pause = retry_in.clamp(BETWEEN_NOTES_MIN, BETWEEN_NOTES_MAX);
                self.again_at = Some(Instant::now() + pause);
            }
        }
        Ok(())
    }
}
