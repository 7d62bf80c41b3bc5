//! How long to wait before something is tried again. Pure: time and randomness are arguments.

use std::time::Duration;

use time::{OffsetDateTime, format_description::well_known::Rfc2822};

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

/// A server may ask for a longer wait, but a typing error on its side should not stop us for days.
const LONGEST_ASKED_FOR: Duration = Duration::from_secs(60 * 60);

impl Backoff {
    /// The wait after so many failures in a row, for a random number in `0.0..1.0`.
    pub(crate) fn delay(self, failures: u32, random: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let longest = self.base.saturating_mul(1 << doublings).min(self.cap);
        self.floor + longest.saturating_sub(self.floor).mul_f64(random.clamp(0.0, 1.0))
    }
}

/// Reads a `Retry-After` header: seconds, or an HTTP date. No wait at all is no wish: how long a
/// server that is in trouble is left alone is then for us to say.
pub(crate) fn retry_after(value: &str, now: OffsetDateTime) -> Option<Duration> {
    let value = value.trim();
    let asked_for = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = OffsetDateTime::parse(value, &Rfc2822).ok()?;
            Duration::try_from(date - now).ok()?
        }
    };
    Some(asked_for.min(LONGEST_ASKED_FOR)).filter(|wish| !wish.is_zero())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

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

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = datetime!(2026-11-23 10:00:00 UTC);
        let read = |value| retry_after(value, now);

        assert_eq!(read("7"), Some(7 * SECOND));
        assert_eq!(read(" 0 "), None);
        assert_eq!(read("Mon, 23 Nov 2026 10:00:30 GMT"), Some(30 * SECOND));
        assert_eq!(read("Mon, 23 Nov 2026 09:00:00 GMT"), None);
        assert_eq!(read("99999999"), Some(LONGEST_ASKED_FOR));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }
}
