//! How long to wait before something is tried again. Pure: time and randomness are arguments.

use std::{fmt, time::Duration};

/// Backoff with full jitter: a random time between `floor` and a longest wait, which grows from `base` to
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
        self.up_to(self.base.saturating_mul(1 << doublings), random)
    }

    /// The wait after nothing has succeeded for so long: an eighth of that time at most, so that the end
    /// of a short outage is seen soon, and the end of a long one little later than it came.
    pub(crate) fn delay_within(self, failing_for: Duration, random: f64) -> Duration {
        self.up_to((failing_for / 8).max(self.base), random)
    }

    fn up_to(self, longest: Duration, random: f64) -> Duration {
        let spread = longest.min(self.cap).saturating_sub(self.floor);
        self.floor + spread.mul_f64(random.clamp(0.0, 1.0))
    }
}

/// Why calls have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BackoffReason {
    /// Too many requests at once.
    Throttled,
    /// The requests of a day are used up.
    QuotaUsedUp,
    /// It says that it cannot serve now.
    Unavailable,
    /// The token endpoint cannot serve now, or is not reachable.
    NoToken,
    /// There is no connection.
    Unreachable,
    /// A request got an answer that says nothing, or none.
    NoAnswer,
}

impl BackoffReason {
    /// How long to leave Salesforce alone; `limit_check` is the time between two checks whether daily calls
    /// are available again.
    pub(crate) fn backoff(self, limit_check: Duration) -> Backoff {
        let (floor, base, cap) = match self {
            Self::Throttled => (500, 5_000, 60_000),
            // The window is a rolling day: seconds make no difference. At the default of five
            // minutes it is left alone for ten minutes at least, and for an hour at most.
            Self::QuotaUsedUp => {
                let times = |factor| limit_check.saturating_mul(factor);
                return Backoff { floor: times(2), base: times(4), cap: times(12) };
            }
            Self::Unavailable | Self::NoToken | Self::Unreachable | Self::NoAnswer => {
                (100, 1_000, 60_000)
            }
        };
        milliseconds(floor, base, cap)
    }
}

impl fmt::Display for BackoffReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Throttled => "salesforce limits the requests at once",
            Self::QuotaUsedUp => "daily api request limit reached",
            Self::Unavailable => "salesforce is not available",
            Self::NoToken => "salesforce gives no token at the moment",
            Self::Unreachable => "salesforce is not reachable",
            Self::NoAnswer => "salesforce did not say what became of a call",
        })
    }
}

/// Between two passes over rows that are worth another try.
pub(crate) const BETWEEN_PASSES: Backoff = milliseconds(100, 1_000, 60_000);

/// Between two times that a run is held. A person has to act, and that takes a while; the tries are
/// for what ends by itself, and cost a call or a few each.
pub(crate) const BETWEEN_HOLDS: Backoff = milliseconds(30_000, 60_000, 1_800_000);

/// Between two times that a run is held for what may be the fault of its rows. After three times it
/// is: that takes minutes, time enough for what ends by itself and for a person who watches, and a
/// run of bad rows only does not wait for an hour.
pub(crate) const BETWEEN_DOUBTS: Backoff = milliseconds(40_000, 80_000, 80_000);

/// Between two polls of an ingest job that is not done yet.
pub(crate) const BETWEEN_POLLS: Backoff = milliseconds(100, 500, 30_000);

const fn milliseconds(floor: u64, base: u64, cap: u64) -> Backoff {
    Backoff {
        floor: Duration::from_millis(floor),
        base: Duration::from_millis(base),
        cap: Duration::from_millis(cap),
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
    fn the_longest_wait_within_an_outage_is_an_eighth_of_it_between_base_and_cap() {
        let backoff = backoff(SECOND);

        let longest: Vec<u64> = [0, 1, 8, 80, 480, 36_000]
            .map(|seconds| backoff.delay_within(seconds * SECOND, 1.0).as_secs())
            .to_vec();

        assert_eq!(longest, [1, 1, 1, 10, 60, 60]);
        assert_eq!(backoff.delay_within(80 * SECOND, 0.0), SECOND / 10);
    }

    #[test]
    fn the_wait_is_spread_over_the_whole_range_and_never_nothing() {
        let backoff = backoff(2 * SECOND);

        assert_eq!(backoff.delay(1, 0.5), Duration::from_millis(1_050));
        assert_eq!(backoff.delay(1, 0.0), SECOND / 10);
    }
}
