//! Detects that a run has stalled: no batch was settled for a while.

use std::time::{Duration, Instant};

/// A run without a settled batch for this long has stalled.
const STALLED_AFTER: Duration = Duration::from_secs(5);

/// Reports a stall once per interval.
pub(crate) struct Stall {
    settled: u64,
    since: Instant,
}

impl Stall {
    pub(crate) fn new(now: Instant) -> Self {
        Self { settled: 0, since: now }
    }

    /// Whether the run has stalled, with `settled` batches at `now`.
    pub(crate) fn is_due(&mut self, settled: u64, now: Instant) -> bool {
        let is_due = settled == self.settled && now.duration_since(self.since) >= STALLED_AFTER;
        if is_due || settled != self.settled {
            *self = Self { settled, since: now };
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_looked_at_when_nothing_was_settled_for_a_while_and_then_once_a_while() {
        let begin = Instant::now();
        let mut stall = Stall::new(begin);
        let steps = [
            (0, 4_900, false),
            (0, 5_000, true),
            (0, 9_900, false),
            (0, 10_000, true),
            (1, 15_000, false),
            (1, 19_900, false),
            (1, 20_000, true),
            (2, 90_000, false),
            (3, 99_000, false),
        ];

        for (settled, at_ms, is_due) in steps {
            let now = begin + Duration::from_millis(at_ms);
            assert_eq!(stall.is_due(settled, now), is_due, "{settled} at {at_ms} ms");
        }
    }
}
