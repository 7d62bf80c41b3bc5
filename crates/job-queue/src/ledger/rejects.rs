//! Rejected rows on their way into the rejects file.
//!
//! Redis holds the lines of the file that are not in it yet, in order; the file
//! is always its header and a prefix of all lines. When a writer died between
//! writing and confirming, the next one sees from the file's length how far it
//! got. When a file cannot be appended to, the lines go on in another part.

use bytes::Bytes;
use ingest_core::RunId;
use serde::{Deserialize, Serialize};

use crate::{Queue, QueueError, redis::scripts};

/// One file of rejected rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectsPart {
    /// From 1.
    pub number: u32,
    /// Bytes of lines that are in the parts before it.
    pub start: u64,
}

/// The files that hold the rejected rows of a run, together each of them once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectsParts {
    /// In order; the last one goes on. There is always one.
    pub parts: Vec<RejectsPart>,
    /// The number of the part that a writer is copying others to, and that will replace them.
    pub copying: Option<u32>,
    /// The files were seen to hold all lines of the run that had ended, and no others: what differs
    /// later, a person changed.
    #[serde(default)]
    pub done: bool,
}

impl Default for RejectsParts {
    fn default() -> Self {
        Self { parts: vec![RejectsPart { number: 1, start: 0 }], copying: None, done: false }
    }
}

impl RejectsParts {
    /// How the ledger keeps them; nothing for what every run begins with.
    fn as_kept(&self) -> String {
        match *self == Self::default() {
            true => String::new(),
            false => serde_json::to_string(self).expect("plain fields can be written"),
        }
    }

    /// What [`as_kept`](Self::as_kept) gave.
    pub(crate) fn of_kept(kept: &[u8]) -> Option<Self> {
        if kept.is_empty() {
            return Some(Self::default());
        }
        serde_json::from_slice(kept).ok().filter(|kept: &Self| !kept.parts.is_empty())
    }
}

/// The next lines of a rejects file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingRejects {
    /// Bytes of lines that were written before, as far as that was confirmed.
    pub position: u64,
    /// Where they are.
    pub parts: RejectsParts,
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
        let mut script = self.keys.script(&scripts::PENDING_REJECTS);
        script.arg(run.as_ref()).arg(bytes_max);
        let (position, parts, lines): (u64, Vec<u8>, Vec<Vec<u8>>) =
            self.invoke("list rejected rows", &script).await?;
        let malformed = || QueueError::Ledger { run: run.clone(), field: "rejects_parts" };
        let parts = RejectsParts::of_kept(&parts).ok_or_else(malformed)?;
        let lines = lines.into_iter().map(Bytes::from).collect();
        Ok(PendingRejects { position, parts, lines })
    }

    /// Whether all rejected rows of a run so far are in its files.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn rejects_are_written(&self, run: &RunId) -> Result<bool, QueueError> {
        Ok(self.pending_rejects(run, 1).await?.lines.is_empty())
    }

    /// Sets the files that hold the rejected rows of a run, up to `position`.
    ///
    /// Gives `false`, and changes nothing, when it is not `from` any more, or when another
    /// writer wrote meanwhile.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn change_rejects_parts(
        &self,
        run: &RunId,
        position: u64,
        from: &RejectsParts,
        to: &RejectsParts,
    ) -> Result<bool, QueueError> {
        let mut script = self.keys.script(&scripts::CHANGE_REJECTS_PARTS);
        script.arg(run.as_ref()).arg(position).arg(from.as_kept()).arg(to.as_kept());
        self.invoke("note the parts of a rejects file", &script).await
    }

    /// Confirms that the lines of `written`, which were pending, are in the last of its parts now.
    ///
    /// Gives `false`, and changes nothing, when another writer confirmed them before.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn rejects_drained(
        &self,
        run: &RunId,
        written: &PendingRejects,
    ) -> Result<bool, QueueError> {
        let bytes: usize = written.lines.iter().map(Bytes::len).sum();
        let mut script = self.keys.script(&scripts::TRIM_REJECTS);
        script.arg(run.as_ref()).arg(written.position).arg(written.parts.as_kept());
        script.arg(written.lines.len()).arg(bytes);
        self.invoke("forget rejected rows", &script).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_and_read_again() {
        let parts = vec![RejectsPart { number: 1, start: 0 }, RejectsPart { number: 4, start: 70 }];
        for parts in [RejectsParts::default(), RejectsParts { parts, copying: Some(5), done: true }]
        {
            assert_eq!(RejectsParts::of_kept(parts.as_kept().as_bytes()), Some(parts));
        }
        assert_eq!(RejectsParts::of_kept(br#"{"parts":[],"copying":null}"#), None);
    }
}
