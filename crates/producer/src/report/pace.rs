//! How fast a run goes, and how long it will take: from two samples of its counts, not from one.

use std::{collections::VecDeque, time::Duration};

use job_queue::Ledger;

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

/// A rate without its fraction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is a rounded figure and not negative"
)]
pub(crate) fn whole(rate: f64) -> u64 {
    rate.round() as u64
}

/// How fast a run is read and delivered.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunPace {
    /// Bytes of the file.
    pub(crate) read: Pace,
    /// Rows with an outcome.
    pub(crate) delivered: Pace,
}

impl RunPace {
    /// Adds what the ledger says at `at`.
    pub(crate) fn note(&mut self, ledger: &Ledger, at: Duration) {
        self.read.note(at, ledger.bytes_fed);
        self.delivered.note(at, settled(ledger));
    }

    /// Until every row has an outcome; `None` when that cannot be told, or is over.
    pub(crate) fn time_left(&self, ledger: &Ledger) -> Option<Duration> {
        if ledger.has_ended() {
            return None;
        }
        let under_way = ledger.read.saturating_sub(settled(ledger));
        self.delivered.time_left(under_way.checked_add(rows_to_read(ledger)?)?)
    }
}

fn settled(ledger: &Ledger) -> u64 {
    ledger.delivered() + ledger.rejected
}

/// The rest of the file in rows, as long as those that were read. Of a compressed file that cannot
/// be told: its bytes are counted as they are after decompression.
fn rows_to_read(ledger: &Ledger) -> Option<u64> {
    if ledger.fed_at_ms.is_some() {
        return Some(0);
    }
    let bytes = ledger.file_bytes.checked_sub(ledger.bytes_fed)?;
    let is_compressed = [".gz", ".zst"].iter().any(|end| ledger.file.ends_with(end));
    if ledger.bytes_fed == 0 || is_compressed {
        return None;
    }
    u64::try_from(u128::from(bytes) * u128::from(ledger.read) / u128::from(ledger.bytes_fed)).ok()
}

#[cfg(test)]
mod tests {
    use ingest_core::Tally;

    use super::*;
    use crate::report::sample;

    #[test]
    fn the_rest_of_the_file_counts_for_the_time_that_is_left() {
        let half = sample::ledger("half");
        let mut pace = RunPace::default();
        let before = Tally { created: 10_000, ..half.tally };
        pace.note(&Ledger { tally: before, ..half.clone() }, Duration::ZERO);
        pace.note(&half, Duration::from_secs(2));
        let fed = Ledger { fed_at_ms: Some(1), ..half.clone() };
        let gz = Ledger { file: "big.csv.gz".to_owned(), ..half.clone() };
        let unread = Ledger { bytes_fed: 0, ..half.clone() };

        // 5,000 rows a second; 25,000 are under way and 50,000 not read yet.
        let cases = [
            (half, Some(15)),
            (fed, Some(5)),
            (gz, None),
            (unread, None),
            (sample::completed("whole"), None),
        ];
        for (ledger, seconds) in cases {
            assert_eq!(pace.time_left(&ledger), seconds.map(Duration::from_secs), "{ledger:?}");
        }
    }

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
