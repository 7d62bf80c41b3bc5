//! What becomes of a batch in the queue.

use std::fmt;

use bytes::Bytes;
use ingest_core::{BatchJob, Reject, RejectCode};

use crate::retry::Again;

/// What becomes of a batch in the queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BatchOutcome {
    /// All its rows are delivered or rejected.
    Settle(BatchJob),
    /// Some rows are worth another try after a delay; and why, for each of those that were tried.
    Retry(BatchJob, Vec<Again>),
    /// Some rows were not sent: another consumer may continue at once.
    Release(BatchJob),
    /// Nothing was sent.
    ReleaseUntouched,
}

impl fmt::Display for BatchOutcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Settle(_) => "settled",
            Self::Retry(..) => "retrying rows of",
            Self::Release(_) | Self::ReleaseUntouched => "released",
        })
    }
}

/// The batch with all its rows rejected for the same reason.
pub(crate) fn all_rejected(job: &BatchJob, code: RejectCode, message: &str) -> BatchJob {
    let mut rejects = job.rejects.clone();
    rejects.extend(job.rows.iter().map(|(record, raw)| Reject {
        record,
        code: code.as_str().to_owned(),
        message: message.to_owned(),
        raw: Bytes::copy_from_slice(raw),
    }));
    rejects.sort_by_key(|reject| reject.record);
    BatchJob { rows: job.rows.subset([]), rejects, ..job.clone() }
}
