//! What crosses the queue.

use bytes::Bytes;

use crate::{Dialect, Reject, Rows, RunId};

/// One batch of one run, on its way to Salesforce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchJob {
    /// The run it belongs to.
    pub run: RunId,
    /// Number of the batch in the run, from 0.
    pub sequence: u64,
    /// How many passes ended with rows that have to be tried again.
    pub passes: u32,
    /// Raw header record, without its line end.
    pub header: Bytes,
    /// How header and rows are written.
    pub dialect: Dialect,
    /// What is still to be delivered.
    pub rows: Rows,
    /// What was found while reading and is recorded when the batch is settled.
    pub rejects: Vec<Reject>,
}

/// Bytes that are not a [`BatchJob`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeJobError {
    /// Written by a program with another encoding.
    #[error(
        "batch job has encoding version {found}, this program reads version {known}; run the same version of all programs"
    )]
    UnknownVersion {
        /// Version of the bytes.
        found: u8,
        /// Version of this program.
        known: u8,
    },
    /// Cut, or not a job at all.
    #[error("not a batch job: {reason}")]
    Malformed {
        /// What does not fit.
        reason: &'static str,
    },
}

impl BatchJob {
    /// The job as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// When the bytes are of another version, cut, or not a job at all.
    pub fn decode(_bytes: &[u8]) -> Result<Self, DecodeJobError> {
        Err(DecodeJobError::Malformed { reason: "it is empty" })
    }
}
