//! How fast a run goes, and how long it will take: from two looks at its counts, not from one.

use std::{collections::VecDeque, time::Duration};

/// Over how long a rate is taken.
const WINDOW: Duration = Duration::from_secs(10);

/// The last values of a count that grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace(VecDeque<(Duration, u64)>);

impl Pace {
    /// Adds what the count was at `at`, measured from any fixed moment.
    pub(crate) fn note(&mut self, at: Duration, count: u64) {
        // A ledger that went back, or a run that started again.
        if self.0.back().is_some_and(|(_, last)| *last > count) {
            self.0.clear();
        }
        self.0.push_back((at, count));
        while self.0.get(1).is_some_and(|(second, _)| at.saturating_sub(*second) >= WINDOW) {
            self.0.pop_front();
        }
    }

    /// Per second; `None` until there are two values.
    pub(crate) fn per_second(&self) -> Option<f64> {
        let ((from, first), (to, last)) = (self.0.front()?, self.0.back()?);
        let took = to.saturating_sub(*from).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let grown = (last - first) as f64;
        (took > 0.0).then(|| grown / took)
    }

    /// Until `left` more are there; `None` when that cannot be told.
    pub(crate) fn time_left(&self, left: u64) -> Option<Duration> {
        let per_second = self.per_second().filter(|rate| *rate > 0.0)?;
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let seconds = left as f64 / per_second;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(values: &[(u64, u64)]) -> Pace {
        let mut pace = Pace::default();
        for (second, count) in values {
            pace.note(Duration::from_secs(*second), *count);
        }
        pace
    }

    #[test]
    fn a_rate_is_that_of_the_last_ten_seconds() {
        let none: &[(u64, u64)] = &[];
        let cases = [
            (none, None),
            (&[(3, 100)], None),
            (&[(0, 0), (2, 100)], Some(50.0)),
            (&[(0, 0), (60, 6_000), (65, 6_000), (70, 6_000)], Some(0.0)),
            (&[(0, 500), (1, 600), (2, 10), (3, 20)], Some(10.0)),
        ];

        for (values, expected) in cases {
            assert_eq!(pace(values).per_second(), expected, "{values:?}");
        }
    }

    #[test]
    fn time_left_is_known_only_while_something_moves() {
        let moving = pace(&[(0, 0), (2, 100)]);

        assert_eq!(moving.time_left(500), Some(Duration::from_secs(10)));
        assert_eq!(pace(&[(0, 100), (2, 100)]).time_left(500), None);
        assert_eq!(Pace::default().time_left(500), None);
    }
}
