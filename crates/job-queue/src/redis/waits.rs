//! What the actions of one process wait for, and what is said of it: the beginning and the end of an
//! outage once for all who wait, and little in between.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use redis::RedisError;

use crate::refusal::is_full;

/// An outage that comes again and again, such as that of a Redis that is full and drained, is told this
/// often at most.
const BETWEEN_BEGINNINGS: Duration = Duration::from_secs(30);

/// How often one that lasts is told again.
pub(crate) const BETWEEN_REMINDERS: Duration = Duration::from_secs(300);

/// Why an action waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Redis cannot be reached, or cannot serve at the moment.
    Away,
    /// It answers, and takes nothing that needs memory.
    Full,
}

impl Trouble {
    /// Of an error that passes.
    pub(crate) fn of(error: &RedisError) -> Self {
        if is_full(error) { Self::Full } else { Self::Away }
    }
}

/// What is to be logged of a try that failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Begins,
    Lasts(Duration),
}

/// The outages of all clones of a queue.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    /// There is one: so that an answer without one costs no lock.
    is_any: AtomicBool,
    /// Those of each trouble.
    outages: Mutex<[Outage; 2]>,
}

impl Waits {
    /// A try that began at `began` met this trouble. `is_waiting`: so did the one before it.
    pub(crate) fn failed(&self, trouble: Trouble, began: Instant, is_waiting: bool) -> Failed {
        let mut outages = self.outages();
        self.is_any.store(true, Ordering::Relaxed);
        outages[trouble as usize].failed(began, Instant::now(), is_waiting)
    }

    /// Whoever waited for its end gave up, or waits for another one.
    pub(crate) fn left(&self, trouble: Trouble) {
        self.outages()[trouble as usize].waiting -= 1;
    }

    /// Whether an action waits for the end of this trouble now.
    pub(crate) fn is_any_for(&self, trouble: Trouble) -> bool {
        self.is_any.load(Ordering::Relaxed) && self.outages()[trouble as usize].waiting > 0
    }

    /// A try that began at `began` got its answer; `waited` for the end of an outage before. Gives, of
    /// each trouble that ended, for how long it was there, if its beginning was logged.
    pub(crate) fn succeeded(
        &self,
        began: Instant,
        waited: Option<Trouble>,
    ) -> Vec<(Trouble, Option<Duration>)> {
        if !self.is_any.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut outages = self.outages();
        let ended = [Trouble::Away, Trouble::Full].into_iter().filter_map(|trouble| {
            let of_this = &mut outages[trouble as usize];
            let told = of_this.succeeded(began, Instant::now(), waited == Some(trouble))?;
            Some((trouble, told.0))
        });
        let ended = ended.collect();
        let is_any = outages.iter().any(|outage| outage.since.is_some());
        self.is_any.store(is_any, Ordering::Relaxed);
        ended
    }

    fn outages(&self) -> MutexGuard<'_, [Outage; 2]> {
        self.outages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a try that failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The action waits for the end of this outage from now on.
    pub(crate) waits: bool,
    pub(crate) line: Option<Line>,
}

/// The end of an outage: how long it was, if its beginning was logged.
#[derive(Debug, PartialEq, Eq)]
struct Ended(Option<Duration>);

#[derive(Debug, Default)]
struct Outage {
    /// When the first try began that failed; nothing when there is none.
    since: Option<Instant>,
    last_failure: Option<Instant>,
    ended: Option<Instant>,
    /// Actions that wait for its end.
    waiting: u32,
    /// This one was logged.
    is_told: bool,
    /// When a line about this or an earlier one was logged.
    told_at: Option<Instant>,
}

impl Outage {
    fn failed(&mut self, began: Instant, now: Instant, is_waiting: bool) -> Failed {
        // What hung with others, and gave up after they got their answers, begins no outage.
        let is_late = self.since.is_none() && self.ended.is_some_and(|ended| began < ended);
        if is_late && !is_waiting {
            return Failed { waits: false, line: None };
        }
        let since = *self.since.get_or_insert(began);
        self.last_failure = Some(now);
        self.waiting += u32::from(!is_waiting);
        let pause = if self.is_told { BETWEEN_REMINDERS } else { BETWEEN_BEGINNINGS };
        if self.told_at.is_some_and(|at| now.duration_since(at) < pause) {
            return Failed { waits: true, line: None };
        }
        self.told_at = Some(now);
        let was_told = std::mem::replace(&mut self.is_told, true);
        let lasts = was_told.then(|| Line::Lasts(now.duration_since(since)));
        Failed { waits: true, line: Some(lasts.unwrap_or(Line::Begins)) }
    }

    /// It has ended when nobody waits any more. An answer to another action proves nothing: a replica
    /// answers who reads, and a full Redis most of all.
    fn succeeded(&mut self, began: Instant, now: Instant, waited: bool) -> Option<Ended> {
        self.waiting -= u32::from(waited);
        let since = self.since?;
        let is_newer = waited || self.last_failure.is_some_and(|failed| began > failed);
        if self.waiting > 0 || !is_newer {
            return None;
        }
        (self.since, self.ended) = (None, Some(now));
        let was_told = std::mem::take(&mut self.is_told);
        Some(Ended(was_told.then(|| now.duration_since(since))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_outage_is_told_at_its_beginning_at_its_end_and_seldom_in_between() {
        let (mut outage, begin) = (Outage::default(), Instant::now());
        let at = |second| begin + seconds(second);
        let lines: Vec<Line> = (1..=700)
            .filter_map(|second| outage.failed(at(second - 1), at(second), second > 1).line)
            .collect();

        let expected = [Line::Begins, Line::Lasts(seconds(301)), Line::Lasts(seconds(601))];
        assert_eq!(lines, expected);
        let ended = outage.succeeded(at(700), at(701), true);
        assert_eq!(ended, Some(Ended(Some(seconds(701)))));
    }

    #[test]
    fn answers_to_others_do_not_end_what_somebody_waits_for() {
        let (mut outage, begin) = (Outage::default(), Instant::now());
        let at = |second| begin + seconds(second);
        assert_eq!(outage.failed(at(0), at(1), false).line, Some(Line::Begins));
        assert!(outage.failed(at(0), at(1), false).waits);

        assert_eq!(outage.succeeded(at(2), at(2), false), None);
        assert_eq!(outage.succeeded(at(2), at(3), true), None);
        assert_eq!(outage.succeeded(at(2), at(3), true), Some(Ended(Some(seconds(3)))));
    }

    /// All hang on one connection, and some hear of it when others go on over the next one.
    #[test]
    fn who_hears_late_of_an_outage_that_has_ended_begins_none() {
        let (mut outage, begin) = (Outage::default(), Instant::now());
        let at = |second| begin + seconds(second);
        outage.failed(at(0), at(20), false);
        outage.succeeded(at(20), at(21), true);

        assert_eq!(outage.failed(at(5), at(25), false), Failed { waits: false, line: None });
    }

    /// A full Redis, of which consumers make room for one push after the other.
    #[test]
    fn outages_that_follow_each_other_closely_are_told_as_one() {
        let (mut outage, begin) = (Outage::default(), Instant::now());
        let at = |second| begin + seconds(second);
        let mut lines = 0;
        for second in (0..60).step_by(2) {
            lines += u32::from(outage.failed(at(second), at(second), false).line.is_some());
            let ended = outage.succeeded(at(second), at(second + 1), true).unwrap();
            lines += u32::from(ended.0.is_some());
        }

        assert_eq!(lines, 4, "two beginnings, and two ends");
    }
}
