//! Rejected rows on their way into the rejects file.
//!
//! Redis holds the lines of the file that are not in it yet, in order; the file
//! is always its header and a prefix of all lines. A writer that died between
//! writing and telling finds out from the file's length how far it got.

use bytes::Bytes;
use ingest_core::RunId;

use crate::{Queue, QueueError, scripts};

/// The next lines of a rejects file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingRejects {
    /// Bytes of lines that were written before, as far as Redis was told.
    pub position: u64,
    /// What follows.
    pub lines: Vec<Bytes>,
}

impl Queue {
    /// The next lines of a run's rejects file: `bytes_max` of them at most, but one
    /// line at least when there is any.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn pending_rejects(
        &self,
        run: &RunId,
        bytes_max: usize,
    ) -> Result<PendingRejects, QueueError> {
        let mut script = scripts::call(&scripts::PENDING_REJECTS);
        script.arg(run.as_ref()).arg(bytes_max);
        let (position, lines): (u64, Vec<Vec<u8>>) =
            self.invoke("list rejected rows", &script).await?;
        Ok(PendingRejects { position, lines: lines.into_iter().map(Bytes::from).collect() })
    }

    /// Says that `lines`, the ones at `position`, stand in the file now.
    ///
    /// Gives `false`, and changes nothing, when somebody else said so before.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn rejects_drained(
        &self,
        run: &RunId,
        position: u64,
        lines: &[Bytes],
    ) -> Result<bool, QueueError> {
        let bytes: usize = lines.iter().map(Bytes::len).sum();
        let mut script = scripts::call(&scripts::TRIM_REJECTS);
        script.arg(run.as_ref()).arg(position).arg(lines.len()).arg(bytes);
        self.invoke("forget rejected rows", &script).await
    }
}
