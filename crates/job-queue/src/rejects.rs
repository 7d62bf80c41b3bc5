//! Rejected rows on their way into the rejects file.
//!
//! Redis holds the lines of the file that are not in it yet, in order; the file
//! is always its header and a prefix of all lines. A writer that died between
//! writing and telling finds out from the file's length how far it got.

use bytes::Bytes;
use ingest_core::RunId;

use crate::{Queue, QueueError, keys::RunKeys, scripts};

/// How many lines are looked at in one call.
const LINES_MAX: isize = 2_000;

/// The next lines of a rejects file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingRejects {
    /// Bytes of lines that were written before, as far as Redis was told.
    pub position: u64,
    /// What follows.
    pub lines: Vec<Bytes>,
}

impl Queue {
    /// The next lines of a run's rejects file: some thousand, and about
    /// `bytes_max` (at least one line when there is any).
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn pending_rejects(
        &self,
        run: &RunId,
        bytes_max: usize,
    ) -> Result<PendingRejects, QueueError> {
        let keys = RunKeys::of(run);
        let mut pipeline = redis::pipe();
        pipeline.atomic().hget(keys.entry(), "rejects_written_bytes").lrange(
            keys.rejects(),
            0,
            LINES_MAX - 1,
        );
        let (position, mut lines): (Option<u64>, Vec<Vec<u8>>) =
            self.query("list rejected rows", &pipeline).await?;
        lines.truncate(within(&lines, bytes_max));
        Ok(PendingRejects {
            position: position.unwrap_or_default(),
            lines: lines.into_iter().map(Bytes::from).collect(),
        })
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
        let keys = RunKeys::of(run);
        let bytes: usize = lines.iter().map(Bytes::len).sum();
        let mut script = scripts::TRIM_REJECTS.prepare_invoke();
        script.key(keys.entry()).key(keys.rejects()).key(&self.keys.depth);
        script.arg(position).arg(lines.len()).arg(bytes);
        self.invoke("forget rejected rows", &script).await
    }
}

/// How many of the first lines fit, at least one.
fn within(lines: &[Vec<u8>], bytes_max: usize) -> usize {
    let mut bytes = 0;
    let fitting = lines.iter().take_while(|line| {
        bytes += line.len();
        bytes <= bytes_max
    });
    fitting.count().max(1)
}
