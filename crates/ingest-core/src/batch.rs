//! Records → batches.

use crate::{Reject, ResumePoint, Rows};

/// When a batch is closed: at the first of the two limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Most records in a batch, rejects included.
    pub rows_max: usize,
    /// Most bytes in a batch, rejects included. A single record larger than this travels alone.
    pub bytes_max: usize,
}

/// Records that travel together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Number of the batch in its run, from 0.
    pub sequence: u64,
    /// The good records.
    pub rows: Rows,
    /// The others: found while reading, recorded when the batch is settled.
    pub rejects: Vec<Reject>,
    /// Where feeding goes on after this batch.
    pub end: ResumePoint,
}

impl Batch {
    /// How many records it took: rows and rejects.
    #[must_use]
    pub fn records(&self) -> u64 {
        (self.rows.len() + self.rejects.len()) as u64
    }
}
