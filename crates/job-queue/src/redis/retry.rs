//! Waiting for a Redis that cannot be reached.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use redis::RedisError;
use tracing::{info, warn};

use crate::{Metrics, QueueError, redis::connection::Connection, refusal::is_away};

const AWAY_DELAY_MIN: Duration = Duration::from_millis(100);
const AWAY_DELAY_MAX: Duration = Duration::from_secs(3);

/// Retries one action for as long as waiting may help, and logs the outage once for all who wait.
pub(crate) struct Retry<'a> {
    connection: &'a Connection,
    is_away: &'a AtomicBool,
    metrics: &'a Metrics,
    action: &'static str,
    since: Instant,
    delay: Duration,
}

impl<'a> Retry<'a> {
    pub(crate) fn new(
        connection: &'a Connection,
        is_away: &'a AtomicBool,
        metrics: &'a Metrics,
        action: &'static str,
    ) -> Self {
        Self { connection, is_away, metrics, action, since: Instant::now(), delay: AWAY_DELAY_MIN }
    }

    /// Waits before the next try; gives the error when no waiting helps.
    pub(crate) async fn wait(&mut self, error: RedisError) -> Result<(), QueueError> {
        if !is_away(&error) {
            return Err(QueueError::refused(self.action, error));
        }
        if !self.is_away.swap(true, Ordering::Relaxed) {
            warn!(error = %error, "redis cannot {}; retrying until it can", self.action);
        }
        // Jittered: consumers of one Redis must not come back all at once.
        tokio::time::sleep(self.delay.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        self.delay = (self.delay * 2).min(AWAY_DELAY_MAX);
        // Boxed: it is large, and seldom needed.
        Box::pin(self.connection.reconnect(&error)).await;
        Ok(())
    }

    pub(crate) fn succeeded<T>(&self, answer: T) -> T {
        if self.is_away.load(Ordering::Relaxed) && self.is_away.swap(false, Ordering::Relaxed) {
            self.metrics.reconnected();
            info!("redis answers again after {:.1} s", self.since.elapsed().as_secs_f64());
        }
        answer
    }
}
