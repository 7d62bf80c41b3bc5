//! How often and how long a request is tried again. The libraries' own retries
//! are off, so that this is the only place, also for a body that breaks off.

use std::{future::Future, time::Duration};

use azure_core::{
    error::ErrorKind,
    http::headers::{HeaderName, RETRY_AFTER},
};
use tokio::time::Instant;

use crate::{cause::Cause, error::is_transient};

/// For a small request that a person waits for: a wrong address should not take
/// minutes to be named.
pub(crate) const QUESTION: Duration = Duration::from_secs(15);

/// For a transfer that has got somewhere already: long enough for a failover.
pub(crate) const TRANSFER: Duration = Duration::from_secs(120);

const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// From this try on a person is told.
const TRIES_BEFORE_WARNING: u32 = 4;

/// The budget of one request: used up by time without any progress.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    lasts: Duration,
    since: Instant,
    tries: u32,
    is_quiet: bool,
}

impl RetryBudget {
    pub(crate) fn new(lasts: Duration) -> Self {
        Self { lasts, since: Instant::now(), tries: 0, is_quiet: false }
    }

    /// For who says by himself what came of it.
    pub(crate) fn quiet(lasts: Duration) -> Self {
        Self { is_quiet: true, ..Self::new(lasts) }
    }

    /// Something arrived: start to count anew.
    pub(crate) fn progressed(&mut self) {
        *self = Self { is_quiet: self.is_quiet, ..Self::new(self.lasts) };
    }

    /// Waits before the next try; answers `false`, without waiting, when there
    /// should be none.
    pub(crate) async fn wait_after(&mut self, error: &azure_core::Error) -> bool {
        if !is_transient(error) || self.since.elapsed() >= self.lasts {
            return false;
        }
        self.tries += 1;
        if self.tries == TRIES_BEFORE_WARNING && !self.is_quiet {
            tracing::warn!(
                error = Cause::line(error),
                "the blob storage does not answer as it should; still trying, for up to {:?}",
                self.lasts.saturating_sub(self.since.elapsed())
            );
        }
        let pause = retry_after(error).unwrap_or_else(|| backoff(self.tries, fastrand::f64()));
        tokio::time::sleep(pause).await;
        true
    }
}

/// Sends `request` until it succeeds, fails for good, or `lasts` is over.
pub(crate) async fn retried<T, F>(
    lasts: Duration,
    mut request: impl FnMut() -> F,
) -> azure_core::Result<T>
where
    F: Future<Output = azure_core::Result<T>>,
{
    let mut budget = RetryBudget::new(lasts);
    loop {
        match request().await {
            Ok(answer) => return Ok(answer),
            Err(error) if budget.wait_after(&error).await => {}
            Err(error) => return Err(error),
        }
    }
}

/// Full jitter: anything between nothing and a limit that doubles each time.
fn backoff(tries: u32, random: f64) -> Duration {
    let limit = PAUSE_MIN.saturating_mul(2_u32.saturating_pow(tries)).min(PAUSE_MAX);
    limit.mul_f64(random)
}

/// What the service asks for, in the two forms that Azure uses.
fn retry_after(error: &azure_core::Error) -> Option<Duration> {
    let ErrorKind::HttpResponse { raw_response: Some(response), .. } = error.kind() else {
        return None;
    };
    let number = |name: &HeaderName| response.headers().get_optional_str(name)?.parse().ok();
    number(&HeaderName::from_static("x-ms-retry-after-ms"))
        .map(Duration::from_millis)
        .or_else(|| number(&RETRY_AFTER).map(Duration::from_secs))
        .map(|pause| pause.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_below_ten_seconds() {
        let longest: Vec<_> = [1, 2, 3, 7, 60].map(|tries| backoff(tries, 1.0).as_millis()).into();

        assert_eq!(longest, [200, 400, 800, 10_000, 10_000]);
        assert_eq!(backoff(7, 0.0), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_given_up_when_its_time_is_over() {
        let begun = Instant::now();
        let mut tries = 0;

        let answer: azure_core::Result<()> = retried(TRANSFER, || {
            tries += 1;
            async { Err(ErrorKind::Io.into_error()) }
        })
        .await;

        assert!(answer.is_err());
        assert!((TRANSFER..TRANSFER + PAUSE_MAX).contains(&begun.elapsed()));
        assert!((15..200).contains(&tries), "{tries}");
    }

    #[tokio::test(start_paused = true)]
    async fn progress_gives_all_the_time_back() {
        let mut budget = RetryBudget::new(TRANSFER);
        tokio::time::sleep(TRANSFER).await;

        assert!(!budget.wait_after(&ErrorKind::Io.into_error()).await);
        budget.progressed();
        assert!(budget.wait_after(&ErrorKind::Io.into_error()).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_never_work_is_not_tried_again() {
        let mut tries = 0;

        let answer: azure_core::Result<()> = retried(TRANSFER, || {
            tries += 1;
            async { Err(ErrorKind::Credential.into_error()) }
        })
        .await;

        assert!(answer.is_err());
        assert_eq!(tries, 1);
    }
}
