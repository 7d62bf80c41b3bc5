//! How long to wait before something is tried again. Pure: time and randomness are arguments.

use std::time::Duration;

/// Exponential backoff with full jitter: a random time between `floor` and `base · 2ⁿ`, at most
/// `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    /// Shortest wait, so that a retry is never a busy loop.
    pub(crate) floor: Duration,
    /// Longest wait after the first failure.
    pub(crate) base: Duration,
    /// Longest wait ever.
    pub(crate) cap: Duration,
}

impl Backoff {
    /// The wait after so many failures in a row, for a random number in `0.0..1.0`.
    pub(crate) fn delay(self, failures: u32, random: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let longest = self.base.saturating_mul(1 << doublings).min(self.cap);
        self.floor + longest.saturating_sub(self.floor).mul_f64(random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn backoff(base: Duration) -> Backoff {
        Backoff { floor: SECOND / 10, base, cap: 60 * SECOND }
    }

    #[test]
    fn the_longest_wait_doubles_up_to_the_cap() {
        let backoff = backoff(SECOND);

        let longest: Vec<u64> =
            (1..=9).map(|failures| backoff.delay(failures, 1.0).as_secs()).collect();

        assert_eq!(longest, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(backoff.delay(u32::MAX, 1.0).as_secs(), 60);
    }

    #[test]
    fn the_wait_is_spread_over_the_whole_range_and_never_nothing() {
        let backoff = backoff(2 * SECOND);

        assert_eq!(backoff.delay(1, 0.5), Duration::from_millis(1_050));
        assert_eq!(backoff.delay(1, 0.0), SECOND / 10);
    }
}
