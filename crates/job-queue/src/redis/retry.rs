//! Waiting for a Redis that cannot be reached, or is full.

use std::time::{Duration, Instant};

use redis::RedisError;
use tracing::{info, warn};

use crate::{
    Metrics, QueueError,
    redis::{
        connection::Connection,
        waits::{Line, Trouble, Waits},
    },
    refusal::is_away,
};

const AWAY_DELAY_MIN: Duration = Duration::from_millis(100);
const AWAY_DELAY_MAX: Duration = Duration::from_secs(3);

/// Retries one action for as long as waiting may help, and logs the outage once for all who wait.
pub(crate) struct Retry<'a> {
    connection: &'a Connection,
    waits: &'a Waits,
    metrics: &'a Metrics,
    action: &'static str,
    /// For how long at most; without end if there is none.
    patience: Option<Duration>,
    since: Instant,
    /// When this try began.
    began: Instant,
    /// What it waits for since the try before.
    trouble: Option<Trouble>,
    delay: Duration,
}

impl<'a> Retry<'a> {
    pub(crate) fn new(
        connection: &'a Connection,
        waits: &'a Waits,
        metrics: &'a Metrics,
        action: &'static str,
        patience: Option<Duration>,
    ) -> Self {
        let now = Instant::now();
        let (trouble, delay) = (None, AWAY_DELAY_MIN);
        Self {
            connection,
            waits,
            metrics,
            action,
            patience,
            since: now,
            began: now,
            trouble,
            delay,
        }
    }

    /// Waits before the next try; gives the error when no waiting helps, or it was waited for long
    /// enough.
    pub(crate) async fn wait(&mut self, error: RedisError) -> Result<(), QueueError> {
        if !is_away(&error) {
            return Err(QueueError::refused(self.action, error));
        }
        let trouble = Trouble::of(&error);
        if trouble == Trouble::Full {
            self.metrics.refused_for_memory();
        }
        let patience = self.patience.map(|patience| match trouble {
            Trouble::Away => patience,
            // It does not pass as fast.
            Trouble::Full => patience / 4,
        });
        if patience.is_some_and(|patience| self.since.elapsed() + self.delay > patience) {
            return Err(match trouble {
                Trouble::Away => QueueError::Away { action: self.action, source: error },
                Trouble::Full => QueueError::Full { action: self.action, source: error },
            });
        }
        if self.trouble != Some(trouble) {
            self.leave();
        }
        let failed = self.waits.failed(trouble, self.began, self.trouble.is_some());
        self.trouble = failed.waits.then_some(trouble);
        if let Some(line) = failed.line {
            self.tell(&line, trouble, &error);
        }
        // Jittered: consumers of one Redis must not come back all at once.
        tokio::time::sleep(self.delay.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        self.delay = (self.delay * 2).min(AWAY_DELAY_MAX);
        // Boxed: it is large, and seldom needed.
        Box::pin(self.connection.reconnect(&error)).await;
        self.began = Instant::now();
        Ok(())
    }

    fn tell(&self, line: &Line, trouble: Trouble, error: &RedisError) {
        let for_long = match line {
            Line::Begins => String::new(),
            Line::Lasts(long) => format!(" for {} s now", long.as_secs()),
        };
        match trouble {
            Trouble::Away => {
                warn!(error = %error, "redis cannot {}{for_long}; retrying until it can", self.action);
            }
            Trouble::Full => warn!(
                error = %error,
                "redis is full and cannot {}{for_long}; retrying until it can: raise its maxmemory, or let \
                 consumers deliver what is queued",
                self.action
            ),
        }
    }

    pub(crate) fn succeeded<T>(&mut self, answer: T) -> T {
        for (trouble, told) in self.waits.succeeded(self.began, self.trouble.take()) {
            self.metrics.reconnected();
            match (trouble, told.map(|long| long.as_secs_f64())) {
                (Trouble::Away, Some(long)) => info!("redis answers again after {long:.1} s"),
                (Trouble::Full, Some(long)) => info!("redis has room again after {long:.1} s"),
                (_, None) => (),
            }
        }
        answer
    }

    fn leave(&mut self) {
        if let Some(trouble) = self.trouble.take() {
            self.waits.left(trouble);
        }
    }
}

impl Drop for Retry<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}
