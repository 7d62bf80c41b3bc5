//! Publishes through Redis why no call starts, for as long as it is so.

use std::{convert::Infallible, time::Duration};

use job_queue::{OutageKind, Queue, QueueError};
use tokio::time::{Instant, sleep};

use super::circuit_breaker::{CircuitBreaker, Outage};

/// An outage is published at least this often: its key in Redis expires after thirty seconds.
const INTERVAL_MAX: Duration = Duration::from_secs(10);

/// And at most this often.
const INTERVAL_MIN: Duration = Duration::from_secs(1);

/// Publishes the outages that this consumer has, each kind by itself.
#[derive(Debug, Default)]
pub(crate) struct OutagePublisher {
    /// What is published, and when it is to be published again.
    published: Vec<(OutageKind, Instant)>,
}

impl OutagePublisher {
    /// Publishes the outage of the circuit breaker, for as long as this future lives.
    pub(crate) async fn keep_publishing(
        &mut self,
        queue: &Queue,
        breaker: &CircuitBreaker,
    ) -> Result<Infallible, QueueError> {
        loop {
            self.publish(queue, breaker.outage().as_slice()).await?;
            sleep(INTERVAL_MIN).await;
        }
    }

    /// Publishes the outages there are now, and that others have ended.
    pub(crate) async fn publish(
        &mut self,
        queue: &Queue,
        now: &[Outage],
    ) -> Result<(), QueueError> {
        for Outage { kind, reason, retry_in } in now {
            if self.is_due(*kind, Instant::now()) {
                queue.publish_outage(*kind, reason, Some(*retry_in)).await?;
                self.published(*kind, Instant::now(), *retry_in);
            }
        }
        while let Some(kind) = self.ended(now) {
            queue.clear_outage(kind).await?;
            self.published.retain(|(published, _)| *published != kind);
        }
        Ok(())
    }

    fn is_due(&self, kind: OutageKind, now: Instant) -> bool {
        self.published.iter().all(|(published, again_at)| *published != kind || now >= *again_at)
    }

    fn published(&mut self, kind: OutageKind, now: Instant, retry_in: Duration) {
        self.published.retain(|(published, _)| *published != kind);
        self.published.push((kind, now + retry_in.clamp(INTERVAL_MIN, INTERVAL_MAX)));
    }

    /// What is published, and is no outage any more.
    fn ended(&self, now: &[Outage]) -> Option<OutageKind> {
        let mut published = self.published.iter().map(|(kind, _)| *kind);
        published.find(|kind| now.iter().all(|outage| outage.kind != *kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outage(kind: OutageKind) -> Outage {
        Outage { kind, reason: String::new(), retry_in: Duration::ZERO }
    }

    #[test]
    fn a_reason_that_takes_the_place_of_another_is_published_at_once_and_the_other_has_ended() {
        let (mut publisher, now) = (OutagePublisher::default(), Instant::now());
        let hour = Duration::from_secs(3_600);
        publisher.published(OutageKind::DailyCalls, now, hour);

        assert!(!publisher.is_due(OutageKind::DailyCalls, now));
        assert!(publisher.is_due(OutageKind::DailyCalls, now + INTERVAL_MAX));
        assert!(publisher.is_due(OutageKind::Trouble, now));
        assert_eq!(publisher.ended(&[outage(OutageKind::Trouble)]), Some(OutageKind::DailyCalls));

        publisher.published(OutageKind::Trouble, now, hour);
        let both = [outage(OutageKind::Trouble), outage(OutageKind::DailyCalls)];
        assert_eq!(publisher.ended(&both), None);
        assert_eq!(publisher.ended(&both[..1]), Some(OutageKind::DailyCalls));
    }
}
