//! Waiting for a Redis that cannot be reached.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use redis::{RedisError, ServerErrorKind};
use tracing::{info, warn};

use crate::{Metrics, QueueError, redis::connection::Connection};

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
            return Err(QueueError::Refused { action: self.action, source: error });
        }
        if !self.is_away.swap(true, Ordering::Relaxed) {
            warn!(error = %error, "redis cannot {}; retrying until it can", self.action);
        }
        // Jittered: consumers of one Redis must not come back all at once.
        tokio::time::sleep(self.delay.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        self.delay = (self.delay * 2).min(AWAY_DELAY_MAX);
        self.connection.reconnect(&error).await;
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

/// Whether waiting may help: Redis cannot be reached, is starting, is being
/// failed over, or is full.
pub(crate) fn is_away(error: &RedisError) -> bool {
    use redis::ErrorKind::{ClusterConnectionNotFound, Io, Server};
    error.is_timeout()
        || error.is_connection_dropped()
        || error.is_connection_refusal()
        || matches!(error.kind(), Io | ClusterConnectionNotFound)
        || matches!(
            error.kind(),
            Server(
                // Of a transaction, whose commands are always the same: the server could not.
                ServerErrorKind::ExecAbort
                    | ServerErrorKind::BusyLoading
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ReadOnly
                    | ServerErrorKind::TryAgain
            )
        )
        // Of a pipeline, each command has an answer of its own.
        || error.clone().into_server_errors().is_some_and(|errors| {
            errors.iter().any(|(_, error)| is_full(error.code(), error.details()))
        })
}

/// Redis has no memory left, or may not write at the moment.
fn is_full(code: &str, details: Option<&str>) -> bool {
    let codes = ["OOM", "BUSY", "MISCONF", "NOREPLICAS"];
    // Redis 6.2 wraps what a script met.
    let wrapped = ["-OOM ", "-READONLY ", "-MISCONF ", "-NOREPLICAS "];
    codes.contains(&code)
        || details.is_some_and(|details| wrapped.iter().any(|met| details.contains(met)))
}
