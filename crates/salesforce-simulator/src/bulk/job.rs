//! One ingest job: what was ordered, and how far it is.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::Order;
use crate::{id::RecordId, problem::RowError};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum JobState {
    Open,
    UploadComplete,
    InProgress,
    JobComplete,
    Failed,
    Aborted,
}

/// A job. It is changed under its own lock, so that who looks sees whole steps.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: RecordId,
    pub(crate) order: Order,
    pub(crate) created: Timestamp,
    /// Cancelled when nothing more is to be done for it.
    pub(crate) stop: CancellationToken,
    progress: Mutex<Progress>,
}

/// How far a job is.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    pub(crate) state: JobState,
    pub(crate) modified: Timestamp,
    pub(crate) content: Option<Bytes>,
    pub(crate) outcomes: Arc<Outcomes>,
    /// Why it failed.
    pub(crate) error: Option<String>,
    closed: Option<Instant>,
    ended_after: Duration,
    /// Time that its rows took.
    pub(crate) busy: Duration,
}

/// What became of the rows that were processed, in the order of the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcomes {
    pub(crate) rows: Vec<RowOutcome>,
    pub(crate) failures: Vec<Failure>,
}

/// Eight bytes a row: a job may have a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowOutcome {
    /// With the number of the new record.
    Created(u32),
    /// With the number of the record.
    Changed(u32),
    /// With its place among the failures.
    Failed(u32),
}

/// A row that was not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The record it was meant for, if that is known.
    pub(crate) id: String,
    /// As the results file has it.
    pub(crate) error: String,
}

impl Job {
    pub(super) fn new(id: RecordId, order: Order) -> Self {
        let now = Timestamp::now();
        let progress = Progress {
            state: JobState::Open,
            modified: now,
            content: None,
            outcomes: Arc::default(),
            error: None,
            closed: None,
            ended_after: Duration::ZERO,
            busy: Duration::ZERO,
        };
        Self {
            id,
            order,
            created: now,
            stop: CancellationToken::new(),
            progress: Mutex::new(progress),
        }
    }

    /// How far it is at this moment.
    pub(crate) fn progress(&self) -> Progress {
        self.lock().clone()
    }

    pub(crate) fn state(&self) -> JobState {
        self.lock().state
    }

    /// Takes the rows, once; else the state that does not allow it.
    pub(crate) fn upload(&self, content: Bytes) -> Result<(), JobState> {
        let mut progress = self.lock();
        if progress.state != JobState::Open || progress.content.is_some() {
            return Err(progress.state);
        }
        progress.content = Some(content);
        progress.modified = Timestamp::now();
        Ok(())
    }

    /// Goes from one state to another; else the state that does not allow it.
    pub(crate) fn go(&self, to: JobState) -> Result<(), JobState> {
        self.end_with(to, None)
    }

    /// Fails, unless it has ended before.
    pub(super) fn fail(&self, error: String) {
        let _ended_before = self.end_with(JobState::Failed, Some(error));
    }

    fn end_with(&self, to: JobState, error: Option<String>) -> Result<(), JobState> {
        let mut progress = self.lock();
        if !progress.state.may_become(to) {
            return Err(progress.state);
        }
        progress.state = to;
        progress.modified = Timestamp::now();
        progress.error = error;
        if to == JobState::UploadComplete {
            progress.closed = Some(Instant::now());
        }
        if to.is_end() {
            progress.ended_after = progress.closed.map_or(Duration::ZERO, |since| since.elapsed());
            self.stop.cancel();
        }
        Ok(())
    }

    /// Does one step of the work as long as the job is in progress: who aborts it
    /// comes before the step or after, and never sees half of one.
    pub(super) fn proceed(&self, step: impl FnOnce(&mut Outcomes)) -> bool {
        let mut progress = self.lock();
        let goes_on = progress.state == JobState::InProgress;
        if goes_on {
            let started = Instant::now();
            step(Arc::make_mut(&mut progress.outcomes));
            progress.busy += started.elapsed();
        }
        goes_on
    }

    /// Bytes of its upload.
    pub(super) fn content_bytes(&self) -> usize {
        self.lock().content.as_ref().map_or(0, Bytes::len)
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    /// From the end of the upload until now, or until it ended.
    pub(crate) fn total(&self) -> Duration {
        match self.closed {
            Some(since) if !self.state.is_end() => since.elapsed(),
            _ => self.ended_after,
        }
    }
}

impl JobState {
    pub(crate) fn is_end(self) -> bool {
        matches!(self, Self::JobComplete | Self::Failed | Self::Aborted)
    }

    fn may_become(self, next: Self) -> bool {
        match next {
            Self::Open => false,
            Self::UploadComplete => self == Self::Open,
            Self::InProgress => self == Self::UploadComplete,
            Self::JobComplete => self == Self::InProgress,
            Self::Failed | Self::Aborted => !self.is_end(),
        }
    }
}

impl Failure {
    pub(super) fn new(id: String, errors: &[RowError]) -> Self {
        // `STATUS:message:FIELD,FIELD --`, and `STATUS:message:--` without fields.
        let one = |error: &RowError| {
            let space = if error.fields.is_empty() { "" } else { " " };
            let fields = error.fields.join(",");
            format!("{}:{}:{fields}{space}--", error.status_code, error.message)
        };
        Self { id, error: errors.iter().map(one).collect() }
    }
}

#[cfg(test)]
mod tests {
    use JobState::{Aborted, Failed, InProgress, JobComplete, Open, UploadComplete};

    use super::*;

    #[test]
    fn a_job_goes_forward_only() {
        let all = [Open, UploadComplete, InProgress, JobComplete, Failed, Aborted];
        for (state, next) in [
            (Open, vec![UploadComplete, Failed, Aborted]),
            (UploadComplete, vec![InProgress, Failed, Aborted]),
            (InProgress, vec![JobComplete, Failed, Aborted]),
            (JobComplete, vec![]),
            (Failed, vec![]),
            (Aborted, vec![]),
        ] {
            let allowed: Vec<JobState> =
                all.into_iter().filter(|next| state.may_become(*next)).collect();

            assert_eq!(allowed, next, "{state:?}");
        }
    }

    #[test]
    fn an_error_names_its_code_its_text_and_its_fields() {
        for (fields, expected) in [
            (vec![], "CODE:the: text:--"),
            (vec!["A"], "CODE:the: text:A --"),
            (vec!["A", "B"], "CODE:the: text:A,B --"),
        ] {
            let error = RowError::new("CODE", "the: text", &fields);

            assert_eq!(Failure::new(String::new(), &[error]).error, expected);
        }
    }
}
