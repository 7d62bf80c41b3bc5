//! Decides which call and which row meets which fault.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use fastrand::Rng;

use super::{Fault, Faults, PlannedRefusal, parents::ParentLocks};
use crate::{id::RecordId, problem::RowError};

/// Rows under a lock that are remembered; more are not locked any more.
const LOCKED_ROWS_MAX: usize = 4_000_000;

/// What a duplicate rule says; a client can ask to save all the same.
const DUPLICATES: &str = "DUPLICATES_DETECTED";

/// The faults in force, the generator behind them, and how many there were.
#[derive(Debug)]
pub(crate) struct FaultSource {
    seed: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    faults: Faults,
    rng: Rng,
    /// How often each row was refused with a lock, by the hash of its key.
    locked: HashMap<u64, u32>,
    parents: ParentLocks,
    counts: BTreeMap<Fault, u64>,
}

/// A call as far as faults are concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) path: &'a str,
    pub(crate) work: Work,
}

/// What a call does, as far as it matters to what can go wrong after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Answers with a list of results for rows.
    Rows,
    /// Changes something else, such as a job.
    Other,
    /// Changes nothing.
    Nothing,
}

/// What an ingest job meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JobFate {
    /// From the end of the upload until it is in progress.
    pub(crate) delay: Duration,
    pub(crate) fault: Option<Fault>,
}

/// What a call meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) latency: Duration,
    pub(crate) fault: Option<Fault>,
    /// The words of a planned refusal.
    pub(crate) refusal: Option<PlannedRefusal>,
}

impl FaultSource {
    pub(crate) fn new(faults: Faults, seed: u64) -> Self {
        let inner = Inner {
            faults,
            rng: Rng::with_seed(seed),
            locked: HashMap::new(),
            parents: ParentLocks::default(),
            counts: BTreeMap::new(),
        };
        Self { seed, inner: Mutex::new(inner) }
    }

    pub(crate) fn faults(&self) -> Faults {
        self.lock().faults.clone()
    }

    pub(crate) fn set(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// Starts again with these faults, the first dice, and no memory.
    pub(crate) fn reset(&self, faults: Faults) {
        let fresh = Self::new(faults, self.seed).inner;
        *self.lock() = fresh.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    pub(crate) fn counts(&self) -> BTreeMap<Fault, u64> {
        self.lock().counts.clone()
    }

    pub(crate) fn count(&self, fault: Fault) {
        *self.lock().counts.entry(fault).or_default() += 1;
    }

    /// Decides about a call of the data API: a planned fault first, then the
    /// dice.
    pub(crate) fn fate(&self, target: Target<'_>) -> Fate {
        let Inner { faults, rng, .. } = &mut *self.lock();
        let jitter = match faults.latency_jitter_ms {
            0 => 0,
            most => rng.u64(0..=most),
        };
        let latency = Duration::from_millis(faults.latency_ms + jitter);
        let fits = |fault: Fault| fault.can_follow(target.work);
        let planned = faults.next_planned(target.path, fits);
        if let Some((fault, refusal)) = planned {
            return Fate { latency, fault: Some(fault), refusal };
        }
        let fault = by_chance(rng, faults.rates()).filter(|fault| fits(*fault));
        Fate { latency, fault, refusal: None }
    }

    /// Decides about an ingest job that was closed.
    pub(crate) fn job_fate(&self, path: &str) -> JobFate {
        let Inner { faults, rng, .. } = &mut *self.lock();
        let planned = faults.next_planned(path, Fault::is_of_a_job);
        let planned = planned.map(|(fault, _)| fault);
        let fault = planned.or_else(|| by_chance(rng, faults.job_rates()));
        let slow_ms = if fault == Some(Fault::JobSlow) { faults.job_slow_ms } else { 0 };
        JobFate { delay: Duration::from_millis(faults.job_delay_ms + slow_ms), fault }
    }

    /// Whether the token endpoint is to answer 503.
    pub(crate) fn login_is_unavailable(&self) -> bool {
        let inner = &mut *self.lock();
        let rate = inner.faults.login_unavailable_permille;
        rate > 0 && inner.rng.u16(0..1000) < rate
    }

    /// Decides about a row: the rules on its key, then locks. Which rows are
    /// locked depends on their keys and the seed, not on the order of calls.
    pub(crate) fn row_error(
        &self,
        key: &str,
        id: Option<RecordId>,
        duplicates_pass: bool,
    ) -> Option<RowError> {
        let inner = &mut *self.lock();
        if let Some(error) = inner.rule_on(key, duplicates_pass) {
            *inner.counts.entry(Fault::RowRule).or_default() += 1;
            return Some(error);
        }
        inner.is_locked(hash(self.seed, key)).then(|| {
            *inner.counts.entry(Fault::RowLocked).or_default() += 1;
            RowError::locked(id)
        })
    }

    /// For each row of a call, with what it says of its parents, whether one of these is locked by
    /// another call; the others are locked by this one now.
    pub(crate) fn parents_are_locked<'p>(
        &self,
        rows: impl Iterator<Item = &'p [String]>,
    ) -> Vec<bool> {
        let Inner { faults, parents, counts, .. } = &mut *self.lock();
        let (call, now) = (parents.begin(), Instant::now());
        let held = Duration::from_millis(faults.parent_lock_ms);
        let are_locked = |of_row: &'p [String]| {
            let is_locked = !of_row.iter().all(|parent| parents.lock(parent, call, now, held));
            if is_locked {
                *counts.entry(Fault::RowLocked).or_default() += 1;
            }
            is_locked
        };
        rows.map(are_locked).collect()
    }

    /// Whether calls lock the parents of their rows: asked once a call.
    pub(crate) fn locks_parents(&self) -> bool {
        self.lock().faults.parent_lock_ms > 0
    }

    /// Whether any row can meet a fault: asked once a call.
    pub(crate) fn spares_rows(&self) -> bool {
        let faults = &self.lock().faults;
        faults.row_lock_permille == 0 && faults.fail_keys.is_empty() && faults.row_errors.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    /// Whether it makes sense for a call that did this.
    fn can_follow(self, work: Work) -> bool {
        match self {
            Self::WrongCount => work == Work::Rows,
            Self::AnswerLost => work != Work::Nothing,
            other => !other.is_of_a_job(),
        }
    }

    fn is_of_a_job(self) -> bool {
        matches!(self, Self::JobFailed | Self::JobHalfDone | Self::JobLost | Self::JobSlow)
    }
}

impl Faults {
    /// The first planned fault that fits and strikes.
    fn next_planned(
        &mut self,
        path: &str,
        fits: impl Fn(Fault) -> bool,
    ) -> Option<(Fault, Option<PlannedRefusal>)> {
        let mut fitting = self.planned.iter_mut().filter(|planned| fits(planned.fault));
        let first = fitting.find_map(|planned| {
            planned.strikes(path).then(|| (planned.fault, planned.refusal.clone()))
        });
        self.planned.retain(|planned| planned.times > 0);
        first
    }
}

/// Throws the dice for one after another, up to the first that strikes.
fn by_chance<const N: usize>(rng: &mut Rng, rates: [(Fault, u16); N]) -> Option<Fault> {
    let possible = rates.into_iter().filter(|(_, rate)| *rate > 0);
    possible.filter(|(_, rate)| rng.u16(0..1000) < *rate).map(|(fault, _)| fault).next()
}

impl Inner {
    fn rule_on(&mut self, key: &str, duplicates_pass: bool) -> Option<RowError> {
        if self.faults.fail_keys.iter().any(|prefix| key.starts_with(prefix.as_str())) {
            let message = "rows with this key are not wanted (--fail-keys)";
            return Some(RowError::new("FIELD_CUSTOM_VALIDATION_EXCEPTION", message, &[]));
        }
        let rule = self
            .faults
            .row_errors
            .iter_mut()
            .filter(|rule| !(duplicates_pass && rule.status_code == DUPLICATES))
            .find(|rule| key.starts_with(&rule.key_prefix) && rule.times != Some(0))?;
        rule.times = rule.times.map(|times| times - 1);
        Some(RowError {
            status_code: rule.status_code.clone().into(),
            message: rule.message.clone(),
            fields: Vec::new(),
        })
    }

    fn is_locked(&mut self, hash: u64) -> bool {
        let Faults { row_lock_permille, row_lock_times, .. } = self.faults;
        if row_lock_permille == 0 || hash % 1000 >= u64::from(row_lock_permille) {
            return false;
        }
        if self.locked.len() >= LOCKED_ROWS_MAX && !self.locked.contains_key(&hash) {
            return false;
        }
        let times = self.locked.entry(hash).or_default();
        let locked = *times < row_lock_times;
        *times = times.saturating_add(1);
        locked
    }
}

/// FNV-1a with a last stir, the same on every machine.
fn hash(seed: u64, key: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ seed;
    let hash = key
        .bytes()
        .fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::PlannedFault;

    const CALL: Target<'_> = Target { path: "/composite/sobjects", work: Work::Rows };

    fn fates(source: &FaultSource, calls: usize) -> Vec<Fate> {
        (0..calls).map(|_| source.fate(CALL)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        let faults = Faults {
            latency_jitter_ms: 50,
            unavailable_permille: 100,
            reset_permille: 100,
            ..Faults::default()
        };

        let first = fates(&FaultSource::new(faults.clone(), 7), 200);

        assert_eq!(fates(&FaultSource::new(faults.clone(), 7), 200), first);
        assert_ne!(fates(&FaultSource::new(faults, 8), 200), first);
    }

    #[test]
    fn a_reset_throws_the_same_dice_again() {
        let faults = Faults { unavailable_permille: 500, ..Faults::default() };
        let source = FaultSource::new(faults.clone(), 7);
        let first = fates(&source, 100);

        source.reset(faults);

        assert_eq!(fates(&source, 100), first);
    }

    #[test]
    fn a_rate_is_met_roughly_and_zero_and_all_are_met_exactly() {
        for (rate, expected) in [(0, 0..=0), (100, 700..=1300), (1000, 10_000..=10_000)] {
            let faults = Faults { unavailable_permille: rate, ..Faults::default() };

            let struck = fates(&FaultSource::new(faults, 1), 10_000);

            let count = struck.iter().filter(|fate| fate.fault.is_some()).count();
            assert!(expected.contains(&count), "{rate} permille of 10000 were {count}");
        }
    }

    #[test]
    fn planned_faults_come_before_chance_and_in_their_order() {
        let faults = Faults {
            unavailable_permille: 1000,
            planned: vec![PlannedFault::once(Fault::Reset), PlannedFault::once(Fault::AnswerLost)],
            ..Faults::default()
        };
        let source = FaultSource::new(faults, 1);

        let faults: Vec<_> = fates(&source, 3).into_iter().filter_map(|fate| fate.fault).collect();

        assert_eq!(faults, [Fault::Reset, Fault::AnswerLost, Fault::Unavailable]);
        assert!(source.faults().planned.is_empty());
    }

    #[test]
    fn the_same_rows_are_locked_in_any_order_and_free_the_next_time() {
        let faults = Faults { row_lock_permille: 200, ..Faults::default() };
        let keys: Vec<String> = (0..1000).map(|number| format!("K-{number}")).collect();
        let forth = FaultSource::new(faults.clone(), 7);
        let back = FaultSource::new(faults, 7);
        let locked =
            |source: &FaultSource, key: &String| source.row_error(key, None, false).is_some();

        let mut first: Vec<&String> = keys.iter().filter(|key| locked(&forth, key)).collect();
        let mut second: Vec<&String> = keys.iter().rev().filter(|key| locked(&back, key)).collect();
        first.sort();
        second.sort();

        assert_eq!(first, second);
        assert!((120..=280).contains(&first.len()), "{} of 1000", first.len());
        assert!(!keys.iter().any(|key| locked(&forth, key)));
    }
}
