//! `rejects/<run>.csv`: the rejected rows as they came, each with its reason.
//!
//! The file is an append blob: its header, then the lines that Redis hands out in
//! order. Whatever dies when, the file's length tells which of them it has, so
//! every line is written exactly once.

use blob_store::{Appended, BlobError, BlobStore};
use bytes::{Bytes, BytesMut};
use ingest_core::{RunId, rejects_header};
use job_queue::{Ledger, PendingRejects, Queue, QueueError};

use crate::read_settings::ReadSettings;

/// Bytes in one append; the service takes 4 MiB.
const APPEND_BYTES_MAX: usize = 1 << 20;

/// Name of a run's rejects file.
pub(crate) fn name(run: &RunId) -> String {
    format!("rejects/{run}.csv")
}

/// Why rejected rows could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RejectsError {
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(
        "{name} is not the file that this run began ({length} bytes, at least {expected} expected); \
         put it back, or delete it and load the source as a new run"
    )]
    NotOurs { name: String, length: u64, expected: u64 },
}

/// Writes the rejects file of one run.
pub(crate) struct RejectsFile {
    store: BlobStore,
    run: RunId,
    name: String,
    header: Bytes,
}

impl RejectsFile {
    pub(crate) fn new(store: &BlobStore, ledger: &Ledger, settings: &ReadSettings) -> Self {
        Self {
            store: store.clone(),
            run: ledger.run.clone(),
            name: name(&ledger.run),
            header: rejects_header(&ledger.header, settings.dialect()).into(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Writes the next lines, when there are at least `bytes_min` of them. Gives
    /// whether there may be more.
    pub(crate) async fn write_some(
        &self,
        queue: &Queue,
        bytes_min: usize,
    ) -> Result<bool, RejectsError> {
        let pending = queue.pending_rejects(&self.run, APPEND_BYTES_MAX).await?;
        let bytes: usize = pending.lines.iter().map(Bytes::len).sum();
        if pending.lines.is_empty() || bytes < bytes_min {
            return Ok(false);
        }
        let written = self.write(&pending).await?;
        queue.rejects_drained(&self.run, pending.position, &pending.lines[..written]).await?;
        Ok(true)
    }

    /// Gives how many of the pending lines are in the file now.
    async fn write(&self, pending: &PendingRejects) -> Result<usize, RejectsError> {
        let start = self.header.len() as u64 + pending.position;
        let length = self.store.append_create(&self.name, self.header.clone()).await?;
        if length != start {
            return self.lines_up_to(length, start, pending);
        }
        let mut block = BytesMut::new();
        pending.lines.iter().for_each(|line| block.extend_from_slice(line));
        match self.store.append(&self.name, start, block.freeze()).await? {
            Appended::Done => Ok(pending.lines.len()),
            Appended::PositionTaken { length } => self.lines_up_to(length, start, pending),
        }
    }

    /// A writer that died after it had written, and before it could tell, left
    /// the file longer than Redis knows: by whole lines of these.
    fn lines_up_to(
        &self,
        length: u64,
        start: u64,
        pending: &PendingRejects,
    ) -> Result<usize, RejectsError> {
        let mut end = start;
        for (count, line) in pending.lines.iter().enumerate() {
            if end >= length {
                return if end == length && count > 0 {
                    Ok(count)
                } else {
                    Err(self.not_ours(length, start))
                };
            }
            end += line.len() as u64;
        }
        // More than is pending here: these lines at least are in the file.
        if end <= length { Ok(pending.lines.len()) } else { Err(self.not_ours(length, start)) }
    }

    fn not_ours(&self, length: u64, expected: u64) -> RejectsError {
        RejectsError::NotOurs { name: self.name.clone(), length, expected }
    }
}
