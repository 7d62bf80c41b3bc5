//! What whoever follows a run is told of its hold: at once, again after a while, and when it is over.

use std::time::{Duration, Instant};

use job_queue::Ledger;

/// How often a hold is told again that lasts.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(5 * 60);

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HoldNews {
    /// The run is held, or for another reason.
    Begins,
    /// It still is, for so long without a delivered row: a try in between does not end that.
    Lasts(Duration),
    /// It is not, for now at least.
    Ends,
}

/// The hold of one run.
#[derive(Debug, Default)]
pub(crate) struct HoldWatch {
    /// Of the hold that was told last, as long as it lasts.
    reason: Option<String>,
    without_progress: Option<Since>,
}

#[derive(Clone, Copy, Debug)]
struct Since {
    begin: Instant,
    told: Instant,
    done: u64,
}

impl HoldWatch {
    /// What there is to tell of the run now.
    pub(crate) fn look(&mut self, ledger: &Ledger, now: Instant) -> Option<HoldNews> {
        let done = ledger.delivered() + ledger.rejected;
        if ledger.paused
            || ledger.has_ended()
            || self.without_progress.is_some_and(|since| since.done != done)
        {
            self.without_progress = None;
        }
        let Some(held) = &ledger.held else {
            return self.reason.take().map(|_told| HoldNews::Ends);
        };
        let since = self.without_progress.get_or_insert(Since { begin: now, told: now, done });
        if self.reason.as_ref() != Some(&held.reason) {
            since.told = now;
            self.reason = Some(held.reason.clone());
            return Some(HoldNews::Begins);
        }
        if now.duration_since(since.told) < TOLD_AGAIN_AFTER {
            return None;
        }
        since.told = now;
        Some(HoldNews::Lasts(now.duration_since(since.begin)))
    }

    /// For how long the run, which is held now, has been held without a delivered row in between.
    pub(crate) fn lasts(&self, now: Instant) -> Option<Duration> {
        let since = self.without_progress.filter(|_| self.reason.is_some())?;
        Some(now.duration_since(since.begin))
    }
}

#[cfg(test)]
mod tests {
    use job_queue::{Held, RunState};

    use super::*;
    use crate::report::sample;

    fn ledger(reason: Option<&str>, rejected: u64) -> Ledger {
        let held = reason.map(|reason| Held { reason: reason.to_owned(), times: 1 });
        Ledger { held, rejected, ..sample::ledger("nightly") }
    }

    #[test]
    fn a_hold_is_told_at_once_again_after_a_while_and_when_it_is_over() {
        use HoldNews::{Begins, Ends, Lasts};
        let (mut watch, begin) = (HoldWatch::default(), Instant::now());
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let steps = [
            (0, None, 0, None, None),
            (1, Some("no rights"), 0, Some(Begins), Some(0)),
            (5, Some("no rights"), 0, None, Some(4)),
            (6, Some("no rights"), 0, Some(Lasts(minutes(5))), Some(5)),
            (10, Some("no rights"), 0, None, Some(9)),
            (11, Some("storage is full"), 0, Some(Begins), Some(10)),
            // Tried once more, in vain.
            (12, None, 0, Some(Ends), None),
            (13, Some("storage is full"), 0, Some(Begins), Some(12)),
            (18, Some("storage is full"), 0, Some(Lasts(minutes(17))), Some(17)),
            // Rows went through in between.
            (19, None, 7, Some(Ends), None),
            (20, None, 7, None, None),
            (21, Some("storage is full"), 7, Some(Begins), Some(0)),
        ];

        for (at, reason, rejected, news, lasts) in steps {
            let now = begin + minutes(at);
            assert_eq!(watch.look(&ledger(reason, rejected), now), news, "minute {at}");
            assert_eq!(watch.lasts(now), lasts.map(minutes), "minute {at}");
        }
    }

    #[test]
    fn a_pause_or_the_end_of_the_run_begins_it_anew() {
        let begin = Instant::now();
        let later = begin + Duration::from_secs(3_600);
        let paused = Ledger { paused: true, ..ledger(None, 0) };
        let failed = Ledger { state: RunState::Failed, ..ledger(None, 0) };
        for between in [paused, failed] {
            let mut watch = HoldWatch::default();
            watch.look(&ledger(Some("no rights"), 0), begin);
            watch.look(&between, begin);
            watch.look(&ledger(Some("no rights"), 0), later);

            assert_eq!(watch.lasts(later), Some(Duration::ZERO));
        }
    }
}
