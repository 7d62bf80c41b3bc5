//! Counters of the runs that this server loads, for its metrics.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use job_queue::Ledger;

use crate::report::run_status::RunStatus;

/// Sums since this process started.
#[derive(Debug, Default)]
pub(crate) struct Totals(Mutex<Sums>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) rows_read: u64,
    pub(crate) rows_delivered: u64,
    pub(crate) rows_rejected: u64,
    pub(crate) rows_retried: u64,
    pub(crate) batches_settled: u64,
    pub(crate) backpressure_ms: u64,
    /// Runs that ended, by how.
    pub(crate) runs_ended: BTreeMap<&'static str, u64>,
}

/// Observes one run, for the sums.
#[derive(Debug)]
pub(crate) struct RunObserver {
    totals: Arc<Totals>,
    before: Mutex<Option<Ledger>>,
}

impl RunObserver {
    pub(crate) fn new(totals: Arc<Totals>) -> Self {
        Self { totals, before: Mutex::default() }
    }

    /// What happened before does not count for this server.
    pub(crate) fn starts_at(&self, ledger: &Ledger) {
        *self.before() = Some(ledger.clone());
    }

    /// Adds what has happened since the last ledger.
    pub(crate) fn observe(&self, ledger: &Ledger) {
        if let Some(before) = self.before().replace(ledger.clone()) {
            self.totals.add(&before, ledger);
        }
    }

    fn before(&self) -> MutexGuard<'_, Option<Ledger>> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Totals {
    /// Adds the difference of two ledgers of one run.
    fn add(&self, before: &Ledger, now: &Ledger) {
        let mut sums = self.sums();
        let grown = |figure: fn(&Ledger) -> u64| figure(now).saturating_sub(figure(before));
        sums.rows_read += grown(|ledger| ledger.read);
        sums.rows_delivered += grown(Ledger::delivered);
        sums.rows_rejected += grown(|ledger| ledger.rejected);
        sums.rows_retried += grown(|ledger| ledger.tally.retried);
        sums.batches_settled += grown(|ledger| ledger.batches_settled);
        sums.backpressure_ms += grown(|ledger| ledger.backpressure_ms);
        if now.has_ended() && !before.has_ended() {
            *sums.runs_ended.entry(RunStatus::of(now).word()).or_default() += 1;
        }
    }

    pub(crate) fn now(&self) -> Sums {
        self.sums().clone()
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
