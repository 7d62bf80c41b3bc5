//! Publishes through Redis why no call starts, for as long as it is so.

use std::{convert::Infallible, time::Duration};

use job_queue::{Queue, QueueError};
use tokio::time::{Instant, sleep};

use super::circuit_breaker::{CircuitBreaker, Outage};

/// An outage is published at least this often: its key in Redis expires after thirty seconds.
const INTERVAL_MAX: Duration = Duration::from_secs(10);

/// And at most this often.
const INTERVAL_MIN: Duration = Duration::from_secs(1);

/// Publishes the outage that this consumer has.
#[derive(Debug, Default)]
pub(crate) struct OutagePublisher {
    again_at: Option<Instant>,
}

impl OutagePublisher {
    /// Publishes the outage of the circuit breaker, for as long as this future lives.
    pub(crate) async fn keep_publishing(
        &mut self,
        queue: &Queue,
        breaker: &CircuitBreaker,
    ) -> Result<Infallible, QueueError> {
        loop {
            self.publish(queue, breaker.outage()).await?;
            sleep(INTERVAL_MIN).await;
        }
    }

    /// Publishes the outage there is now, or that there is none.
    pub(crate) async fn publish(
        &mut self,
        queue: &Queue,
        now: Option<Outage>,
    ) -> Result<(), QueueError> {
        match (now, self.again_at) {
            (None, None) => {}
            (None, Some(_)) => {
                queue.clear_outage().await?;
                self.again_at = None;
            }
            (Some(_), Some(again_at)) if Instant::now() < again_at => {}
            (Some(Outage { kind, reason, retry_in }), _) => {
                queue.publish_outage(kind, &reason, Some(retry_in)).await?;
                let delay = retry_in.clamp(INTERVAL_MIN, INTERVAL_MAX);
                self.again_at = Some(Instant::now() + delay);
            }
        }
        Ok(())
    }
}
