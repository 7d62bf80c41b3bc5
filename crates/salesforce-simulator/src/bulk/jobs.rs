//! All ingest jobs of the org.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Job, JobState, Order};
use crate::id::{KeyPrefix, RecordId};

const JOB_PREFIX: KeyPrefix = *b"750";
/// Salesforce keeps results for seven days; here the oldest ended jobs go when
/// there are more than this …
const JOBS_MAX: usize = 10_000;
/// … or when their rows take more than this.
const CONTENT_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// The jobs, by number.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u32,
    jobs: BTreeMap<u32, Arc<Job>>,
}

impl Jobs {
    /// A new job; `None` when as many as `unfinished_max` have not ended.
    pub(crate) fn create(&self, order: Order, unfinished_max: usize) -> Option<Arc<Job>> {
        let inner = &mut *self.lock();
        if inner.unfinished() >= unfinished_max {
            return None;
        }
        inner.make_room();
        let job = Arc::new(Job::new(RecordId { prefix: JOB_PREFIX, number: inner.next }, order));
        inner.jobs.insert(inner.next, Arc::clone(&job));
        inner.next += 1;
        Some(job)
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Job>> {
        let id = RecordId::parse(id).filter(|id| id.prefix == JOB_PREFIX)?;
        self.lock().jobs.get(&id.number).cloned()
    }

    /// Forgets a job; what it did stays done.
    pub(crate) fn remove(&self, job: &Job) {
        self.lock().jobs.remove(&job.id.number);
    }

    /// Up to `most` jobs from a number on, oldest first.
    pub(crate) fn page(&self, from: u32, most: usize) -> Vec<Arc<Job>> {
        self.lock().jobs.range(from..).take(most).map(|(_, job)| Arc::clone(job)).collect()
    }

    /// How many jobs are in each state.
    pub(crate) fn counts(&self) -> BTreeMap<JobState, u64> {
        let mut counts = BTreeMap::new();
        for job in self.lock().jobs.values() {
            *counts.entry(job.state()).or_default() += 1;
        }
        counts
    }

    /// Ends and forgets all jobs; no row is stored for them after this.
    pub(crate) fn reset(&self) {
        for job in std::mem::take(&mut self.lock().jobs).values() {
            let _ended_before = job.go(JobState::Aborted);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn unfinished(&self) -> usize {
        self.jobs.values().filter(|job| !job.state().is_end()).count()
    }

    fn make_room(&mut self) {
        let mut bytes: usize = self.jobs.values().map(|job| job.content_bytes()).sum();
        while bytes > CONTENT_BYTES_MAX || self.jobs.len() >= JOBS_MAX {
            let ended = self.jobs.iter().find(|(_, job)| job.state().is_end());
            let Some((number, job)) = ended else { return };
            bytes -= job.content_bytes();
            let number = *number;
            self.jobs.remove(&number);
        }
    }
}
